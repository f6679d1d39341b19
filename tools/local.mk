# SPDX-License-Identifier: Apache-2.0

# Not in a PATH folder: initramfs-tools has a command of the same name.
pkglibexec_SCRIPTS += %D%/mkinitramfs
EXTRA_DIST += %D%/README.md %D%/devyard %D%/mkinitramfs %D%/lab

bin_PROGRAMS += %D%/yardctl/yardctl
%C%_yardctl_yardctl_SOURCES = \
	%D%/yardctl/api.c %D%/yardctl/api.h \
	%D%/yardctl/ca.c %D%/yardctl/ca.h \
	%D%/yardctl/cmd_ca.c \
	%D%/yardctl/cmd_deployment.c \
	%D%/yardctl/cmd_machine.c \
	%D%/yardctl/cmd_timeline.c \
	%D%/yardctl/cmd_token.c \
	%D%/yardctl/follow.c %D%/yardctl/follow.h \
	%D%/yardctl/main.c %D%/yardctl/yardctl.h
%C%_yardctl_yardctl_LDADD = $(YARD_LIBS)
dist_man_MANS += %D%/yardctl/yardctl.1
EXTRA_DIST += %D%/yardctl/README.md
