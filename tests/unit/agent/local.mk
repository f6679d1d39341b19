# SPDX-License-Identifier: Apache-2.0
agent_tests = \
	%D%/test_dhcp_packet \
	%D%/test_http \
	%D%/test_spool
check_PROGRAMS += $(agent_tests)
TESTS += $(agent_tests)
EXTRA_DIST += %D%/http_peer.py

agent_test_flags = $(YARD_CFLAGS) $(YARD_SANITIZE) $(AGENT_CFLAGS)
agent_test_libs = agent/libagent.a common/libyard.a $(AGENT_LIBS) -lpthread

tests_unit_agent_test_dhcp_packet_SOURCES = %D%/test_dhcp_packet.c
tests_unit_agent_test_dhcp_packet_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_dhcp_packet_LDADD = $(agent_test_libs)
tests_unit_agent_test_http_SOURCES = %D%/test_http.c
tests_unit_agent_test_http_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_http_LDADD = $(agent_test_libs)
tests_unit_agent_test_spool_SOURCES = %D%/test_spool.c
tests_unit_agent_test_spool_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_spool_LDADD = $(agent_test_libs)
