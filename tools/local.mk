# SPDX-License-Identifier: Apache-2.0

# Not in a PATH folder: initramfs-tools has a command of the same name.
pkglibexec_SCRIPTS += %D%/mkinitramfs
EXTRA_DIST += %D%/mkinitramfs %D%/lab/build-image
