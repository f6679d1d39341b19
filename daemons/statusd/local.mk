# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += %D%/libstatusd.a
daemons_statusd_libstatusd_a_SOURCES = \
	%D%/auth.c %D%/auth.h \
	%D%/config.c %D%/config.h \
	%D%/counters.c %D%/counters.h \
	%D%/exchange.c %D%/exchange.h \
	%D%/handle_commands.c %D%/handle_commands.h \
	%D%/handle_log.c %D%/handle_log.h \
	%D%/handle_phone_home.c %D%/handle_phone_home.h \
	%D%/handle_report.c %D%/handle_report.h \
	%D%/handle_status.c %D%/handle_status.h \
	%D%/line.c %D%/line.h \
	%D%/lines.c %D%/lines.h \
	%D%/routes.c %D%/routes.h \
	%D%/seen.c %D%/seen.h \
	%D%/statusd.c %D%/statusd.h \
	%D%/tidy.c %D%/tidy.h
pkglibexec_PROGRAMS += %D%/statusd
daemons_statusd_statusd_SOURCES = %D%/main.c
daemons_statusd_statusd_LDADD = %D%/libstatusd.a $(YARD_LIBS)
EXTRA_DIST += %D%/README.md
dist_man_MANS += %D%/statusd.8
