# SPDX-License-Identifier: Apache-2.0
agent_sources += \
	%D%/configure.c %D%/configure.h \
	%D%/find.c %D%/find.h \
	%D%/root.c %D%/root.h \
	%D%/stamp.c %D%/stamp.h \
	%D%/tree.c %D%/tree.h
EXTRA_DIST += %D%/README.md
