# SPDX-License-Identifier: Apache-2.0
base_tests = %D%/test_bytes %D%/test_error %D%/test_identity %D%/test_strbuf
check_PROGRAMS += $(base_tests)
TESTS += $(base_tests)
tests_unit_base_test_bytes_SOURCES = %D%/test_bytes.c
tests_unit_base_test_bytes_LDADD = $(YARD_LIBS)
tests_unit_base_test_error_SOURCES = %D%/test_error.c
tests_unit_base_test_error_LDADD = $(YARD_LIBS)
tests_unit_base_test_identity_SOURCES = %D%/test_identity.c
tests_unit_base_test_identity_LDADD = $(YARD_LIBS)
tests_unit_base_test_strbuf_SOURCES = %D%/test_strbuf.c
tests_unit_base_test_strbuf_LDADD = $(YARD_LIBS)
