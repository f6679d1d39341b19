# SPDX-License-Identifier: Apache-2.0
#
# A whole yard: sources the parts and puts them together. quickstart.sh and the end-to-end tests use these
# functions; nothing here prints progress.
#
# The caller sets YARD_LAB (this folder's parent), YARD_BUILD (the build tree) and YARD_WORK (the cache), then:
#   yard_files        kernel, initramfs and disk image in the cache; slow the first time
#   yard_up NAME      folder, namespace, network, registry with the image, daemons
#   yard_down         ends everything that yard_up began, however far it came

# shellcheck source=tools/lab/lib/base.sh
. "$YARD_LAB/lib/base.sh"
# shellcheck source=tools/lab/lib/network.sh
. "$YARD_LAB/lib/network.sh"
# shellcheck source=tools/lab/lib/registry.sh
. "$YARD_LAB/lib/registry.sh"
# shellcheck source=tools/lab/lib/machine.sh
. "$YARD_LAB/lib/machine.sh"
# shellcheck source=tools/lab/lib/daemons.sh
. "$YARD_LAB/lib/daemons.sh"

YARD="" YARD_NS=""

# The kernel's package, not installed: downloaded once a version into the cache.
yard_kernel_package() {
    local package file
    package=$(apt-cache depends --important linux-image-cloud-amd64 | awk '/Depends: linux-image-/ { print $2; exit }')
    [ -n "$package" ] || fail "the host's package sources have no linux-image-cloud-amd64"
    mkdir -p "$YARD_WORK/packages"
    file=$(find "$YARD_WORK/packages" -name "${package}_*.deb" | head -n 1)
    if [ -z "$file" ]; then
        rm -f "$YARD_WORK/packages"/linux-image-*.deb
        # As root in a folder of root's: apt says that it cannot drop its rights there, which is meant.
        (cd "$YARD_WORK/packages" && apt-get -q download -o APT::Sandbox::User=root "$package") >&2
        file=$(find "$YARD_WORK/packages" -name "${package}_*.deb" | head -n 1)
    fi
    printf '%s\n' "$file"
}

yard_image() {
    "$YARD_LAB/build-image" --work "$YARD_WORK" >"$YARD_WORK/image.facts.new"
    mv "$YARD_WORK/image.facts.new" "$YARD_WORK/image.facts"
}

yard_initramfs() {
    local package
    package=$(yard_kernel_package) || return 1
    mkdir -p "$YARD_WORK/boot"
    "$YARD_LAB/../mkinitramfs" --agent "$YARD_BUILD/agent/bootyard-agent" --kernel-deb "$package" \
        --output "$YARD_WORK/boot/initramfs" --vmlinuz "$YARD_WORK/boot/vmlinuz"
}

# yard_up NAME: NAME is a short word for the namespace's name, which is this yard's alone: somebody else may run another.
yard_up() {
    YARD=$(mktemp -d "$YARD_WORK/yard.XXXXXX")
    YARD_NS=bootyard-$1-${YARD##*.}
    mkdir "$YARD/log" "$YARD/run" "$YARD/boot"
    printf '%s\n' "$YARD_NS" >"$YARD/namespace"
    # shellcheck source=/dev/null
    . "$YARD_WORK/image.facts"
    cp "$YARD_WORK/boot/vmlinuz" "$YARD_WORK/boot/initramfs" "$YARD/boot/"
    cp "$DISK_LOADER" "$YARD/boot/boot-disk.efi"
    network_up
    dnsmasq_up
    registry_up
}

# yard_push NAME:TAG: the disk image into the registry; sets IMAGE_URL and IMAGE_DIGEST.
yard_push() {
    yard_exec "$YARD_LAB/push-image" --registry "$YARD_REGISTRY" --name "$1" --file "$IMAGE_FILE" \
        --raw-digest "$RAW_DIGEST" >"$YARD/pushed"
    # shellcheck source=/dev/null
    . "$YARD/pushed"
}

yard_down() {
    [ -n "$YARD_NS" ] || return 0
    yard_end_processes || true
    network_down
    [ -z "$YARD" ] || rm -rf "$YARD"
    YARD="" YARD_NS=""
}
