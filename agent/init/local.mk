# SPDX-License-Identifier: Apache-2.0
agent_sources += \
	%D%/init.c %D%/init.h \
	%D%/modules.c %D%/modules.h \
	%D%/mounts.c %D%/mounts.h \
	%D%/uevent.c %D%/uevent.h \
	%D%/watchdog.c %D%/watchdog.h
