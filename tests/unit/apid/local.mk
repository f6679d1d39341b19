# SPDX-License-Identifier: Apache-2.0
apid_tests = %D%/test_deployment_json %D%/test_image_name %D%/test_limiter %D%/test_machine_json %D%/test_mask %D%/test_wire
check_PROGRAMS += $(apid_tests)
TESTS += $(apid_tests)

apid_test_libs = daemons/apid/libapid.a $(YARD_LIBS)
tests_unit_apid_test_deployment_json_SOURCES = %D%/test_deployment_json.c
tests_unit_apid_test_deployment_json_LDADD = $(apid_test_libs)
tests_unit_apid_test_image_name_SOURCES = %D%/test_image_name.c
tests_unit_apid_test_image_name_LDADD = $(apid_test_libs)
tests_unit_apid_test_limiter_SOURCES = %D%/test_limiter.c
tests_unit_apid_test_limiter_LDADD = $(apid_test_libs)
tests_unit_apid_test_machine_json_SOURCES = %D%/test_machine_json.c
tests_unit_apid_test_machine_json_LDADD = $(apid_test_libs)
tests_unit_apid_test_mask_SOURCES = %D%/test_mask.c
tests_unit_apid_test_mask_LDADD = $(apid_test_libs)
tests_unit_apid_test_wire_SOURCES = %D%/test_wire.c
tests_unit_apid_test_wire_LDADD = $(apid_test_libs)
