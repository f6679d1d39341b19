# SPDX-License-Identifier: Apache-2.0
imaged_unit_tests = %D%/test_allow %D%/test_challenge %D%/test_manifest %D%/test_range %D%/test_reference
check_PROGRAMS += $(imaged_unit_tests)
TESTS += $(imaged_unit_tests)
tests_unit_imaged_test_allow_SOURCES = %D%/test_allow.c
tests_unit_imaged_test_allow_LDADD = daemons/imaged/libimaged.a $(YARD_LIBS)
tests_unit_imaged_test_challenge_SOURCES = %D%/test_challenge.c
tests_unit_imaged_test_challenge_LDADD = daemons/imaged/libimaged.a $(YARD_LIBS)
tests_unit_imaged_test_manifest_SOURCES = %D%/test_manifest.c
tests_unit_imaged_test_manifest_LDADD = daemons/imaged/libimaged.a $(YARD_LIBS)
tests_unit_imaged_test_range_SOURCES = %D%/test_range.c
tests_unit_imaged_test_range_LDADD = daemons/imaged/libimaged.a $(YARD_LIBS)
tests_unit_imaged_test_reference_SOURCES = %D%/test_reference.c
tests_unit_imaged_test_reference_LDADD = daemons/imaged/libimaged.a $(YARD_LIBS)
