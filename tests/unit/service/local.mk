# SPDX-License-Identifier: Apache-2.0
service_tests = %D%/test_metrics %D%/test_service
check_PROGRAMS += $(service_tests)
TESTS += $(service_tests)
tests_unit_service_test_metrics_SOURCES = %D%/test_metrics.c
tests_unit_service_test_metrics_LDADD = $(YARD_LIBS)
tests_unit_service_test_service_SOURCES = %D%/test_service.c
tests_unit_service_test_service_LDADD = $(YARD_LIBS)
