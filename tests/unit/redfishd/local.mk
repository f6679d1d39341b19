# SPDX-License-Identifier: Apache-2.0
redfishd_tests = %D%/test_process
check_PROGRAMS += $(redfishd_tests)
TESTS += $(redfishd_tests)
tests_unit_redfishd_test_process_SOURCES = %D%/test_process.c
tests_unit_redfishd_test_process_LDADD = daemons/redfishd/libredfishd.a $(YARD_LIBS)
