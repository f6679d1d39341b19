# SPDX-License-Identifier: Apache-2.0
#
# Virtual machines of the yard: an empty disk, a firmware's variable store and a folder per machine. They are
# switched on and off by redfishd, whose `command` driver runs tools/lab/machine-on. Sourced after network.sh.

OVMF_VARS=/usr/share/OVMF/OVMF_VARS_4M.fd

# machine_make NAME MAC UUID [uefi|bios] [DISK_SIZE]: what one machine is, in $YARD/machines/NAME.
machine_make() {
    local name=$1 mac=$2 uuid=$3 firmware=${4:-uefi} size=${5:-2G} dir=$YARD/machines/$1
    mkdir -p "$dir"
    truncate -s "$size" "$dir/disk"
    cp "$OVMF_VARS" "$dir/uefi-vars"
    network_tap "tap-$name"
    printf 'MAC=%s\nUUID=%s\nFIRMWARE=%s\nTAP=tap-%s\n' "$mac" "$uuid" "$firmware" "$name" >"$dir/machine"
}

# machine_qemu_pid NAME: the running machine's process, nothing if it is off.
machine_qemu_pid() {
    local pid
    pid=$(cat "$YARD/machines/$1/qemu.pid" 2>/dev/null) && process_is_alive "$pid" && printf '%s\n' "$pid"
}

machine_is_off() {
    [ -z "$(machine_qemu_pid "$1")" ]
}

# machine_cut_power NAME: what pulling the plug does; what the guest had not flushed by then is lost to it.
machine_cut_power() {
    local pid
    pid=$(machine_qemu_pid "$1") || return 0
    kill -KILL "$pid"
    wait_until 10 "machine $1 to be off" machine_is_off "$1"
}
