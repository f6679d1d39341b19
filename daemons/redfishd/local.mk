# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += %D%/libredfishd.a
daemons_redfishd_libredfishd_a_SOURCES = \
	%D%/auth.c %D%/auth.h \
	%D%/config.c %D%/config.h \
	%D%/handle_reset.c %D%/handle_reset.h \
	%D%/handle_root.c %D%/handle_root.h \
	%D%/handle_systems.c %D%/handle_systems.h \
	%D%/message.c %D%/message.h \
	%D%/power.c %D%/power.h \
	%D%/power_command.c \
	%D%/process.c %D%/process.h \
	%D%/redfishd.c %D%/redfishd.h \
	%D%/routes.c %D%/routes.h
pkglibexec_PROGRAMS += %D%/redfishd
daemons_redfishd_redfishd_SOURCES = %D%/main.c
daemons_redfishd_redfishd_LDADD = %D%/libredfishd.a $(YARD_LIBS)
EXTRA_DIST += %D%/README.md
