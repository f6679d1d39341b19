# SPDX-License-Identifier: Apache-2.0
# base_sources is also what the static agent is built from.
base_sources = \
	%D%/bytes.c %D%/bytes.h \
	%D%/cleanup.h \
	%D%/clock.c %D%/clock.h \
	%D%/error.c %D%/error.h \
	%D%/json.h \
	%D%/log.c %D%/log.h \
	%D%/mac.c %D%/mac.h \
	%D%/strbuf.c %D%/strbuf.h \
	%D%/uuid.c %D%/uuid.h \
	%D%/vars.c %D%/vars.h
common_libyard_a_SOURCES += $(base_sources) \
	%D%/leases.c %D%/leases.h
EXTRA_DIST += %D%/README.md
