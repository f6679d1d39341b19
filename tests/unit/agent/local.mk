# SPDX-License-Identifier: Apache-2.0
agent_tests = \
	%D%/test_http
check_PROGRAMS += $(agent_tests)
TESTS += $(agent_tests)
EXTRA_DIST += %D%/http_peer.py

agent_test_flags = $(YARD_CFLAGS) $(YARD_SANITIZE) $(AGENT_CFLAGS)
agent_test_libs = agent/libagent.a common/libyard.a $(AGENT_LIBS) -lpthread

tests_unit_agent_test_http_SOURCES = %D%/test_http.c
tests_unit_agent_test_http_CFLAGS = $(agent_test_flags)
tests_unit_agent_test_http_LDADD = $(agent_test_libs)
