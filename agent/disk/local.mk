# SPDX-License-Identifier: Apache-2.0
agent_sources += \
	%D%/choose.c %D%/choose.h \
	%D%/commit.c %D%/commit.h \
	%D%/device.c %D%/device.h \
	%D%/gpt.c %D%/gpt.h \
	%D%/partitions.c %D%/partitions.h
EXTRA_DIST += %D%/README.md
