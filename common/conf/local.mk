# SPDX-License-Identifier: Apache-2.0
common_libyard_a_SOURCES += \
	%D%/conf.c %D%/conf.h \
	%D%/daemon.c %D%/daemon.h \
	%D%/parse.c
EXTRA_DIST += %D%/README.md
