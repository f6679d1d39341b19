# SPDX-License-Identifier: Apache-2.0
common_libyard_a_SOURCES += \
	%D%/auth.c \
	%D%/body.c \
	%D%/connection.c \
	%D%/daemon.c \
	%D%/internal.h \
	%D%/linger.c \
	%D%/listener.c \
	%D%/problem.c \
	%D%/reply.c \
	%D%/request.c \
	%D%/route.c %D%/route.h \
	%D%/server.c \
	%D%/stream.c \
	%D%/target.c %D%/target.h \
	%D%/tls.c \
	%D%/web.h
EXTRA_DIST += %D%/README.md
