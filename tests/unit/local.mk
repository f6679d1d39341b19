# SPDX-License-Identifier: Apache-2.0
# One line a room. A test is a program tests/unit/<room>/test_<unit>.c over tap.h that ends with done().
EXTRA_DIST += tests/unit/tap.h

include tests/unit/agent/local.mk
include tests/unit/apid/local.mk
include tests/unit/base/local.mk
include tests/unit/bootd/local.mk
include tests/unit/conf/local.mk
include tests/unit/fetch/local.mk
include tests/unit/imaged/local.mk
include tests/unit/redfishd/local.mk
include tests/unit/service/local.mk
include tests/unit/store/local.mk
include tests/unit/web/local.mk
include tests/unit/statusd/local.mk
