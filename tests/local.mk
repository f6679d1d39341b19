# SPDX-License-Identifier: Apache-2.0
# Unit tests are check_PROGRAMS and TESTS of their rooms' local.mk; service tests need programs of their own too.
# Service and end-to-end tests are started by check.sh, not by make check.

include tests/unit/local.mk
include tests/service/local.mk
include tests/fuzz/local.mk
