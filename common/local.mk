# SPDX-License-Identifier: Apache-2.0
# libyard.a: what more than one program needs. Each room adds its sources in its own local.mk.

noinst_LIBRARIES += common/libyard.a
common_libyard_a_SOURCES =

include common/base/local.mk
include common/conf/local.mk
include common/service/local.mk
include common/web/local.mk
include common/fetch/local.mk
include common/store/local.mk
