# SPDX-License-Identifier: Apache-2.0
bootd_tests = %D%/test_archive %D%/test_leases %D%/test_script
check_PROGRAMS += $(bootd_tests)
TESTS += $(bootd_tests)
tests_unit_bootd_test_archive_SOURCES = %D%/test_archive.c
tests_unit_bootd_test_archive_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit -I$(top_srcdir)
tests_unit_bootd_test_archive_LDADD = daemons/bootd/libbootd.a $(YARD_LIBS)
tests_unit_bootd_test_leases_SOURCES = %D%/test_leases.c
tests_unit_bootd_test_leases_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit -I$(top_srcdir)
tests_unit_bootd_test_leases_LDADD = daemons/bootd/libbootd.a $(YARD_LIBS)
tests_unit_bootd_test_script_SOURCES = %D%/test_script.c
tests_unit_bootd_test_script_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit -I$(top_srcdir)
tests_unit_bootd_test_script_LDADD = daemons/bootd/libbootd.a $(YARD_LIBS)
