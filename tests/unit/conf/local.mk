# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/unit/conf/test_conf
TESTS += tests/unit/conf/test_conf
tests_unit_conf_test_conf_SOURCES = %D%/test_conf.c
tests_unit_conf_test_conf_LDADD = $(YARD_LIBS)
