# SPDX-License-Identifier: Apache-2.0
#
# Both archives of a boot arrive, whatever length the initramfs has. Loaders differ in how they join two archives, and the
# kernel skips an uncompressed one that does not start on four bytes.

test_two_archives_uefi() {
    two_archives a1 uefi
}

test_two_archives_bios() {
    two_archives a1 bios
}

two_archives() { # two_archives MACHINE FIRMWARE
    local remainder
    scenario_yard "$1" "$2"
    push_variant 5 debian:archives
    yardctl deployment create "$1" --image "$IMAGE_URL" --digest "$IMAGE_DIGEST" >/dev/null
    for remainder in 0 1 2 3; do
        initramfs_of_length_modulo_4 "$remainder"
        : >"$YARD/machines/$1/console.log"
        redfish_reset "$1" On
        check "$2, length of the initramfs modulo 4 is $remainder: both archives arrive" \
            wait_until 120 "the witness" console_has "$1" 'WITNESS vars=yes ca=yes' || true
        redfish_reset "$1" ForceOff
    done
}

# bootd takes the file as it is at each request.
initramfs_of_length_modulo_4() {
    local file=$YARD/boot/initramfs.new size
    cp "$E2E_WITNESS" "$file"
    size=$(stat -c %s "$file")
    truncate -s $((size + ($1 - size % 4 + 4) % 4)) "$file"
    mv "$file" "$YARD/boot/initramfs"
}
