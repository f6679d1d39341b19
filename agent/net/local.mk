# SPDX-License-Identifier: Apache-2.0
agent_sources += \
	%D%/dhcp.c %D%/dhcp.h \
	%D%/dhcp_keep.c \
	%D%/dhcp_packet.c %D%/dhcp_packet.h \
	%D%/netlink.c %D%/netlink.h \
	%D%/network.c %D%/network.h \
	%D%/resolver.c %D%/resolver.h
