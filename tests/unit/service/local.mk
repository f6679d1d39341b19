# SPDX-License-Identifier: Apache-2.0
service_tests = %D%/test_metrics %D%/test_service
check_PROGRAMS += $(service_tests)
TESTS += $(service_tests)
tests_unit_service_test_metrics_SOURCES = %D%/test_metrics.c
tests_unit_service_test_metrics_LDADD = $(YARD_LIBS)
tests_unit_service_test_service_SOURCES = %D%/test_service.c
tests_unit_service_test_service_LDADD = $(YARD_LIBS)

# Everything with threads, under the thread sanitizer (which cannot be combined with the others).
tsan_sources = tests/unit/service/test_service.c $(filter %.c,$(tsan_service_files) $(base_sources))
tsan_service_files = common/service/bell.c common/service/service.c common/service/timer.c common/service/work.c
check-tsan:
	$(AM_V_GEN)$(MKDIR_P) tests/unit/service && $(CC) -std=gnu17 -g -O1 -fsanitize=thread $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) \
		$(EVENT_CFLAGS) -o tests/unit/service/tsan_service $(addprefix $(top_srcdir)/,$(tsan_sources)) \
		$(EVENT_LIBS) $(SYSTEMD_LIBS) $(CRYPTO_LIBS) -lpthread
	TSAN_OPTIONS=halt_on_error=1 tests/unit/service/tsan_service
CLEANFILES += tests/unit/service/tsan_service
.PHONY: check-tsan
