# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/service/web/echo_daemon
tests_service_web_echo_daemon_SOURCES = %D%/web/echo_daemon.c
tests_service_web_echo_daemon_LDADD = $(YARD_LIBS)
EXTRA_DIST += %D%/statusd/conftest.py %D%/statusd/statusd_yard.py %D%/statusd/test_statusd_commands.py %D%/statusd/test_statusd_reports.py
EXTRA_DIST += pytest.ini %D%/conftest.py %D%/yardlib.py %D%/web/test_web.py

# Machines, deployments and attempts in a machine DB, for tests of one daemon alone.
check_PROGRAMS += tests/service/yardseed
tests_service_yardseed_SOURCES = %D%/yardseed.c
tests_service_yardseed_LDADD = $(YARD_LIBS)
