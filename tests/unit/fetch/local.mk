# SPDX-License-Identifier: Apache-2.0
fetch_unit_tests = %D%/test_address %D%/test_url
check_PROGRAMS += $(fetch_unit_tests)
TESTS += $(fetch_unit_tests)
tests_unit_fetch_test_address_SOURCES = %D%/test_address.c
tests_unit_fetch_test_address_LDADD = $(YARD_LIBS)
tests_unit_fetch_test_url_SOURCES = %D%/test_url.c
tests_unit_fetch_test_url_LDADD = $(YARD_LIBS)
