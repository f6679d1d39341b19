# SPDX-License-Identifier: Apache-2.0
agent_sources += \
	%D%/boot_entry.c %D%/boot_entry.h \
	%D%/efi_load_option.c %D%/efi_load_option.h \
	%D%/efi_vars.c %D%/efi_vars.h
EXTRA_DIST += %D%/README.md
