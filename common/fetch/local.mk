# SPDX-License-Identifier: Apache-2.0
common_libyard_a_SOURCES += \
	%D%/address.c \
	%D%/fetch.h \
	%D%/fetcher.c \
	%D%/image.c %D%/image.h \
	%D%/simple.c %D%/simple.h \
	%D%/transfer.c %D%/transfer.h \
	%D%/url.c %D%/url.h
EXTRA_DIST += %D%/README.md
