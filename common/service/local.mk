# SPDX-License-Identifier: Apache-2.0
common_libyard_a_SOURCES += \
	%D%/bell.c \
	%D%/internal.h \
	%D%/metrics.c %D%/metrics.h \
	%D%/options.c %D%/options.h \
	%D%/service.c %D%/service.h \
	%D%/timer.c \
	%D%/work.c
EXTRA_DIST += %D%/README.md
