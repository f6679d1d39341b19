# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/unit/web/test_route
TESTS += tests/unit/web/test_route
tests_unit_web_test_route_SOURCES = %D%/test_route.c
tests_unit_web_test_route_LDADD = $(YARD_LIBS)
