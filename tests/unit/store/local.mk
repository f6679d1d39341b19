# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += %D%/test_families %D%/test_writer %D%/test_files
TESTS += %D%/test_families %D%/test_writer %D%/test_files
%C%_test_families_SOURCES = %D%/test_families.c %D%/yard.c %D%/yard.h
%C%_test_families_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
%C%_test_families_LDADD = $(YARD_LIBS)
%C%_test_writer_SOURCES = %D%/test_writer.c %D%/yard.c %D%/yard.h
%C%_test_writer_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
%C%_test_writer_LDADD = $(YARD_LIBS)
%C%_test_files_SOURCES = %D%/test_files.c %D%/yard.c %D%/yard.h
%C%_test_files_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
%C%_test_files_LDADD = $(YARD_LIBS)

# Time is the test's own.
check_PROGRAMS += %D%/test_deployment %D%/test_attempt
TESTS += %D%/test_deployment %D%/test_attempt
store_scene = %D%/scene.c %D%/scene.h %D%/yard.c %D%/yard.h
%C%_test_deployment_SOURCES = %D%/test_deployment.c $(store_scene)
%C%_test_deployment_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
%C%_test_deployment_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_now_ms
%C%_test_deployment_LDADD = $(YARD_LIBS)
%C%_test_attempt_SOURCES = %D%/test_attempt.c $(store_scene)
%C%_test_attempt_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
%C%_test_attempt_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_now_ms
%C%_test_attempt_LDADD = $(YARD_LIBS)
