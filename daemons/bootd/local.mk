# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += %D%/libbootd.a
daemons_bootd_libbootd_a_SOURCES = \
	%D%/archive.c %D%/archive.h \
	%D%/bootd.c %D%/bootd.h \
	%D%/config.c %D%/config.h \
	%D%/cpio.c %D%/cpio.h \
	%D%/handle_archive.c %D%/handle_archive.h \
	%D%/handle_boot.c %D%/handle_boot.h \
	%D%/handle_file.c %D%/handle_file.h \
	%D%/leases.c %D%/leases.h \
	%D%/resolver.c %D%/resolver.h \
	%D%/routes.c %D%/routes.h \
	%D%/script.c %D%/script.h
pkglibexec_PROGRAMS += %D%/bootd
daemons_bootd_bootd_SOURCES = %D%/main.c
daemons_bootd_bootd_LDADD = %D%/libbootd.a $(YARD_LIBS)
dist_man_MANS += %D%/bootd.8
EXTRA_DIST += %D%/README.md
