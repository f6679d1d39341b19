# SPDX-License-Identifier: Apache-2.0
include tests/unit/agent/local.mk
