# SPDX-License-Identifier: Apache-2.0
agent_sources += \
	%D%/decoder.c %D%/decoder.h \
	%D%/fetch.c %D%/fetch.h \
	%D%/ring.c %D%/ring.h \
	%D%/sink.c %D%/sink.h \
	%D%/stream.c %D%/stream.h
EXTRA_DIST += %D%/README.md
