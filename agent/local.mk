# SPDX-License-Identifier: Apache-2.0
# bootyard-agent: one static binary, init of the initramfs and phone-home of the installed system. Built
# without sanitizers; libagent.a is the same sources for the unit tests, with whatever configure asked for.

agent_sources = \
	%D%/context.h \
	%D%/http.c %D%/http.h \
	%D%/http_channel.c %D%/http_channel.h \
	%D%/image_check.c %D%/image_check.h \
	%D%/install_image.c \
	%D%/install_system.c \
	%D%/phone_home.c %D%/phone_home.h \
	%D%/plan.c %D%/plan.h \
	%D%/provision.c %D%/provision.h \
	%D%/provision_steps.h \
	%D%/settings.c %D%/settings.h \
	%D%/standby.c %D%/standby.h \
	%D%/tls.c %D%/tls.h \
	%D%/unsupported.c %D%/unsupported.h \
	%D%/url.c %D%/url.h \
	%D%/worker.c %D%/worker.h

include agent/init/local.mk
include agent/net/local.mk
include agent/report/local.mk
include agent/hw/local.mk
include agent/disk/local.mk
include agent/image/local.mk
include agent/os/local.mk
include agent/boot/local.mk

pkglibexec_PROGRAMS += agent/bootyard-agent
agent_bootyard_agent_SOURCES = %D%/main.c $(agent_sources) $(base_sources)
agent_bootyard_agent_CFLAGS = $(YARD_CFLAGS) $(AGENT_CFLAGS) -ffunction-sections -fdata-sections
agent_bootyard_agent_LDFLAGS = -static -Wl,--gc-sections
agent_bootyard_agent_LDADD = $(AGENT_LIBS) -lpthread

check_LIBRARIES += agent/libagent.a
agent_libagent_a_SOURCES = $(agent_sources)
agent_libagent_a_CFLAGS = $(YARD_CFLAGS) $(YARD_SANITIZE) $(AGENT_CFLAGS)
EXTRA_DIST += %D%/README.md %D%/hw/README.md %D%/init/README.md %D%/net/README.md %D%/report/README.md
