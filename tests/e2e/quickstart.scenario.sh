# SPDX-License-Identifier: Apache-2.0
#
# quickstart.sh as a newcomer runs it, judged from outside: what it says, what the API and the disk hold, what it leaves.
# Its own cache, so that it builds the tree and the image by itself.

test_quickstart() {
    local work=$YARD_WORK/quickstart out=$E2E_OUT/quickstart.out kept namespace
    trap quickstart_end EXIT
    check "it ends with exit status 0" run_quickstart --keep >"$out" 2>&1 || { tail -n 60 "$out"; return 1; }
    check "the timeline was shown while it happened, with progress" \
        grep -qE 'agent\.progress +image [0-9.]+ MiB of [0-9.]+ MiB +[0-9]+ % +[0-9.]+ MiB/s' "$out" || true
    check "the second start was told to boot its disk" grep -qE 'boot\.script +boot your disk' "$out" || true
    kept=$(find "$work" -maxdepth 1 -name 'yard.*')
    namespace=$(cat "$kept/namespace")
    check "all that runs for the yard is in its namespace, and so are its ports" all_inside "$kept" "$namespace" || true
    check "the API that it names answers in the namespace" names_a_succeeded_deployment "$kept" || true
    check "the disk holds the host name of the deployment" [ "$(file_on_disk "$kept/machines/m1/disk" /etc/hostname)" = w1 ] || true
    check "the phone-home's token has gone from the disk" [ -z "$(file_on_disk "$kept/machines/m1/disk" /var/lib/bootyard/phone-home.conf)" ] || true

    check "--stop ends it" run_quickstart --stop || true
    check "no namespace is left" not namespace_exists "$namespace" || true
    check "no process is left" not pgrep -f "$work/yard" || true
    check "only the cache is left" [ -z "$(find "$work" -maxdepth 1 -name 'yard.*')" ] || true
}

quickstart_end() {
    local status=$?
    run_quickstart --stop >/dev/null 2>&1
    exit "$status"
}

run_quickstart() {
    timeout -k 30 800 "$YARD_LAB/../../quickstart.sh" --work "$YARD_WORK/quickstart" "$@"
}

# What else listens on this host is nobody's business here: the yard's processes are known by the folder that they name.
all_inside() { # all_inside YARD_FOLDER NAMESPACE
    local running
    running=$(pgrep -f "$1" | sort)
    [ -n "$running" ] && [ -z "$(comm -23 <(printf '%s\n' "$running") <(ip netns pids "$2" | sort))" ]
}

namespace_exists() {
    ip netns list | grep -qE "^$1( |\$)"
}

names_a_succeeded_deployment() { # names_a_succeeded_deployment YARD_FOLDER
    ip netns exec "$(cat "$1/namespace")" curl -sS --fail --noproxy '*' --cacert "$1/state/tls/ca.crt" -H "@$1/admin-header" \
        https://172.30.0.1:8090/v1/machines/m1/timeline | grep -q 'installed -> succeeded'
}

# file_on_disk DISK PATH: read by debugfs out of a copy of the root partition; no mount, and nothing if there is no such file.
file_on_disk() {
    local start
    start=$(sfdisk -d "$1" 2>/dev/null | sed -nE 's/.*start= *([0-9]+),.*4F68BCE3.*/\1/p')
    dd if="$1" of="$E2E_OUT/root.img" bs=1M skip=$((start / 2048)) conv=sparse status=none
    debugfs -R "cat $2" "$E2E_OUT/root.img" 2>/dev/null
    rm -f "$E2E_OUT/root.img"
}
