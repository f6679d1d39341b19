# SPDX-License-Identifier: Apache-2.0
agent_tests = \
	%D%/test_dhcp_packet \
	%D%/test_http \
	%D%/test_commit_order \
	%D%/test_configure \
	%D%/test_disk \
	%D%/test_efi_load_option \
	%D%/test_gpt \
	%D%/test_image \
	%D%/test_image_check \
	%D%/test_inventory \
	%D%/test_modules \
	%D%/test_network \
	%D%/test_phone_home \
	%D%/test_plan \
	%D%/test_report \
	%D%/test_settings \
	%D%/test_spool \
	%D%/test_unsupported
check_PROGRAMS += $(agent_tests)
TESTS += $(agent_tests)
EXTRA_DIST += %D%/http_peer.py %D%/peer.h

agent_test_flags = $(YARD_CFLAGS) $(YARD_SANITIZE) $(AGENT_CFLAGS)
agent_test_libs = agent/libagent.a common/libyard.a $(AGENT_LIBS) -lpthread

tests_unit_agent_test_dhcp_packet_SOURCES = %D%/test_dhcp_packet.c
tests_unit_agent_test_dhcp_packet_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_dhcp_packet_LDADD = $(agent_test_libs)
tests_unit_agent_test_http_SOURCES = %D%/test_http.c
tests_unit_agent_test_http_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_http_LDADD = $(agent_test_libs)
tests_unit_agent_test_unsupported_SOURCES = %D%/test_unsupported.c
tests_unit_agent_test_unsupported_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_unsupported_LDADD = $(agent_test_libs)
tests_unit_agent_test_spool_SOURCES = %D%/test_spool.c
tests_unit_agent_test_spool_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_spool_LDADD = $(agent_test_libs)
tests_unit_agent_test_commit_order_SOURCES = %D%/test_commit_order.c
tests_unit_agent_test_commit_order_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_commit_order_LDADD = $(agent_test_libs)
tests_unit_agent_test_configure_SOURCES = %D%/test_configure.c
tests_unit_agent_test_configure_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_configure_LDADD = $(agent_test_libs)
tests_unit_agent_test_disk_SOURCES = %D%/test_disk.c
tests_unit_agent_test_disk_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_disk_LDADD = $(agent_test_libs)
tests_unit_agent_test_efi_load_option_SOURCES = %D%/test_efi_load_option.c
tests_unit_agent_test_efi_load_option_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_efi_load_option_LDADD = $(agent_test_libs)
tests_unit_agent_test_gpt_SOURCES = %D%/test_gpt.c
tests_unit_agent_test_gpt_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_gpt_LDADD = $(agent_test_libs)
tests_unit_agent_test_image_SOURCES = %D%/test_image.c
tests_unit_agent_test_image_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_image_LDADD = $(agent_test_libs)
tests_unit_agent_test_image_check_SOURCES = %D%/test_image_check.c
tests_unit_agent_test_image_check_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_image_check_LDADD = $(agent_test_libs)
tests_unit_agent_test_plan_SOURCES = %D%/test_plan.c
tests_unit_agent_test_plan_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_plan_LDADD = $(agent_test_libs)
tests_unit_agent_test_modules_SOURCES = %D%/test_modules.c
tests_unit_agent_test_modules_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_modules_LDADD = $(agent_test_libs)
tests_unit_agent_test_report_SOURCES = %D%/test_report.c
tests_unit_agent_test_report_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_report_LDADD = $(agent_test_libs)
tests_unit_agent_test_settings_SOURCES = %D%/test_settings.c
tests_unit_agent_test_settings_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_settings_LDADD = $(agent_test_libs)
tests_unit_agent_test_inventory_SOURCES = %D%/test_inventory.c
tests_unit_agent_test_inventory_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_inventory_LDADD = $(agent_test_libs)
tests_unit_agent_test_phone_home_SOURCES = %D%/test_phone_home.c
tests_unit_agent_test_phone_home_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_phone_home_LDADD = $(agent_test_libs)
tests_unit_agent_test_network_SOURCES = %D%/test_network.c
tests_unit_agent_test_network_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_network_LDADD = $(agent_test_libs)

# The vars grammar is base's, its vectors came with the agent.
check_PROGRAMS += tests/unit/base/test_vars
TESTS += tests/unit/base/test_vars
tests_unit_base_test_vars_SOURCES = tests/unit/base/test_vars.c
tests_unit_base_test_vars_CFLAGS = $(agent_test_flags)
tests_unit_base_test_vars_LDADD = $(agent_test_libs)
