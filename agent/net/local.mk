# SPDX-License-Identifier: Apache-2.0
agent_sources += \
	%D%/dhcp_packet.c %D%/dhcp_packet.h
