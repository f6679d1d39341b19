# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/unit/statusd/test_line
TESTS += tests/unit/statusd/test_line
tests_unit_statusd_test_line_SOURCES = %D%/test_line.c
tests_unit_statusd_test_line_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_unit_statusd_test_line_LDADD = daemons/statusd/libstatusd.a $(YARD_LIBS)
