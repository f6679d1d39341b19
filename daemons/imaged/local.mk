# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += %D%/libimaged.a
daemons_imaged_libimaged_a_SOURCES = \
	%D%/access.c %D%/access.h \
	%D%/allow.c %D%/allow.h \
	%D%/cache.c %D%/cache.h \
	%D%/challenge.c %D%/challenge.h \
	%D%/config.c %D%/config.h \
	%D%/counters.c %D%/counters.h \
	%D%/fill.c %D%/fill.h \
	%D%/fill_internal.h \
	%D%/fill_job.c %D%/fill_job.h \
	%D%/fill_upstream.c \
	%D%/handle_blob.c %D%/handle_blob.h \
	%D%/handle_manifest.c %D%/handle_manifest.h \
	%D%/handle_resolve.c %D%/handle_resolve.h \
	%D%/handle_v2.c %D%/handle_v2.h \
	%D%/imaged.c %D%/imaged.h \
	%D%/manifest.c %D%/manifest.h \
	%D%/manifest_fetch.c %D%/manifest_fetch.h \
	%D%/range.c %D%/range.h \
	%D%/reference.c %D%/reference.h \
	%D%/registry.c %D%/registry.h \
	%D%/resolve.c %D%/resolve.h \
	%D%/routes.c %D%/routes.h \
	%D%/stream.c %D%/stream.h
pkglibexec_PROGRAMS += %D%/imaged
daemons_imaged_imaged_SOURCES = %D%/main.c
daemons_imaged_imaged_LDADD = %D%/libimaged.a $(YARD_LIBS)
dist_man_MANS += %D%/imaged.8
EXTRA_DIST += %D%/README.md docs/images.md
