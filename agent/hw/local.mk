# SPDX-License-Identifier: Apache-2.0
agent_sources += \
	%D%/inventory.c %D%/inventory.h
