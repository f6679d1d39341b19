# SPDX-License-Identifier: Apache-2.0
agent_sources += \
	%D%/memory.h \
	%D%/post.c %D%/post.h \
	%D%/report.c %D%/report.h \
	%D%/spool.c %D%/spool.h
