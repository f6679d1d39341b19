# SPDX-License-Identifier: Apache-2.0
#
# Installations that something happens to.

readonly INTRUDER_ADDRESS=172.30.0.200 REPLAYS=1000

# statusd, bootd and imaged are killed while a machine is being installed, and an intruder on the same network asks for
# everything that can be guessed, a thousand times: the deployment succeeds all the same.
test_killed_daemons() {
    local id machine_before
    scenario_yard k1
    push_variant 1 debian:killed
    id=$(yardctl deployment create k1 --image "$IMAGE_URL" --digest "$IMAGE_DIGEST" --raw-digest "$RAW_DIGEST" --hostname killed1)
    machine_before=$(apid_get /v1/machines/k1 | grep -oE '"(uuid|mac|name)": ?"[^"]*"' | sort)
    redfish_reset k1 On
    check "a second deployment of a busy machine is refused" second_is_refused k1 || true

    check "bootd gave the agent's script" wait_event 120 k1 boot.script agent || return 1
    daemon_kill bootd
    sleep 1
    check "bootd starts again after SIGKILL" daemon_up bootd || return 1

    check "the image arrives" wait_event 150 k1 agent.progress || return 1
    daemon_kill imaged
    sleep 2
    check "imaged starts again after SIGKILL" daemon_up imaged || return 1
    daemon_kill statusd
    sleep 3
    check "statusd starts again after SIGKILL" daemon_up statusd || return 1

    network_guest "$YARD_NS-x" "$INTRUDER_ADDRESS"
    check "an intruder replays every URL it can guess $REPLAYS times" replay k1 "$id" || true
    check "the machine was being installed all the while" state_is "$id" running || true

    check "the deployment succeeded" yardctl deployment wait "$id" --timeout 300 || return 1
    check "the system has the deployment's host name" wait_until 60 "the login prompt" console_has k1 'killed1 login:' || true
    check "the intruder stands in the timeline as an alarm" has_event k1 alarm "$INTRUDER_ADDRESS" || true
    check "the intruder got no archive" not has_event k1 boot.archive "$INTRUDER_ADDRESS" || true
    check "the machine's record is as before" [ "$machine_before" = \
        "$(apid_get /v1/machines/k1 | grep -oE '"(uuid|mac|name)": ?"[^"]*"' | sort)" ] || true
    redfish_reset k1 ForceOff
}

not() {
    ! "$@"
}

second_is_refused() {
    yard_exec curl -s -o /dev/null -w '%{http_code}' --noproxy '*' --cacert "$YARD/state/tls/ca.crt" -H "@$YARD/admin-header" \
        -H 'Content-Type: application/json' -d "{\"mode\":\"provision\",\"image\":{\"url\":\"$IMAGE_URL\"}}" \
        "$YARD_APID_URL/v1/machines/$1/deployments" | grep -qx 409
}

# replay MACHINE DEPLOYMENT: from another host of the yard's network. Each URL goes through curl's own counter over a kept
# connection; what a script names is followed. Fails if a request was not answered or an archive was got.
replay() {
    local guest=${YARD_NS}-x mac uuid id=$2 url base=http://$YARD_ADDRESS:$YARD_BOOTD_PORT statusd=https://$YARD_ADDRESS:8444
    # shellcheck source=/dev/null
    . "$YARD/machines/$1/machine"
    mac=$MAC uuid=$UUID
    for url in "$base/ipxe/mac/$mac" "$base/ipxe/$uuid" "$base/ipxe/serial/$1" "$base/deploy/$id/deploy.cpio" \
        "$base/deploy/$uuid/deploy.cpio" "http://$YARD_ADDRESS:8083/v2/"; do
        thousand "$guest" "$url" || return 1
    done
    for url in init success error heartbeat; do
        thousand "$guest" "$statusd/status/$url" -X POST -d intruder -H 'Authorization: Bearer guessed' || return 1
    done
    thousand "$guest" "$statusd/phone-home" -X POST -d '{"hostname":"x","boot_id":"y","machine_id":"z"}' \
        -H 'Content-Type: application/json' -H 'Authorization: Bearer guessed' || return 1
    follow_script "$guest" "$base/ipxe/mac/$mac"
}

thousand() { # thousand NAMESPACE URL [CURL ARGUMENT...]
    local guest=$1 url=$2 answered
    shift 2
    answered=$(ip netns exec "$guest" curl -s --noproxy '*' --max-time 240 --cacert "$YARD/state/tls/ca.crt" "$@" \
        -w '\nanswered %{http_code}\n' "$url?guess=[1-$REPLAYS]" | grep -ac '^answered [234]')
    printf 'replayed %s: %s answers\n' "$url" "$answered"
    [ "$answered" = "$REPLAYS" ]
}

follow_script() { # follow_script NAMESPACE URL: an archive that the script names would be the machine's token
    local archive
    archive=$(ip netns exec "$1" curl -s --noproxy '*' --max-time 10 "$2" | grep -oE 'http[^ ]*deploy\.cpio' | head -n 1) || true
    [ -z "$archive" ] || ip netns exec "$1" curl -s --noproxy '*' --max-time 10 -o "$YARD/stolen.cpio" "$archive"
    ! grep -aq 'TOKEN=' "$YARD/stolen.cpio" 2>/dev/null
}

# The registry serves bytes that are not what the digest says; then the image is as promised but the disk in it is not: neither
# becomes a success, and no disk boots.
test_wrong_image() {
    local id
    scenario_yard b1
    push_variant 2 debian:tampered
    tamper_blob "$BLOB"
    id=$(yardctl deployment create b1 --image "$IMAGE_URL" --digest "$IMAGE_DIGEST" --raw-digest "$RAW_DIGEST" --hostname bad1)
    redfish_reset b1 On
    check "tampered bytes: the agent reports an error" wait_event 300 b1 agent.error || return 1
    check "tampered bytes: the deployment is not a success" not state_is "$id" succeeded || true
    check "tampered bytes: the deployment says why" deployment_says "$id" 'digest|image' || true
    redfish_reset b1 ForceOff
    check "tampered bytes: nothing on the disk can start" disk_is_not_committed b1 || true
    # The agent is off and cannot say that it stopped: the cancel waits for the loss of contact.
    yardctl deployment cancel "$id" >/dev/null || true
    check "tampered bytes: the cancel is complete when contact is lost" wait_until 120 "the cancel" state_is "$id" cancelled || return 1

    push_variant 3 debian:other
    id=$(yardctl deployment create b1 --image "$IMAGE_URL" --digest "$IMAGE_DIGEST" --raw-digest "sha256:$(printf '0%.0s' {1..64})" --hostname bad1)
    redfish_reset b1 On
    check "another disk: the agent reports an error" wait_event 300 b1 agent.error 'digest|checksum|sha256' || return 1
    check "another disk: the deployment is not a success" not state_is "$id" succeeded || true
    redfish_reset b1 ForceOff
    check "another disk: nothing on the disk can start" disk_is_not_committed b1 || true
    check "another disk: the firmware finds nothing to start" firmware_finds_nothing b1 || true
}

deployment_says() { # deployment_says ID REGEX
    apid_get "/v1/deployments/$1" | grep -qiE "$2"
}

tamper_blob() { # in the registry's storage, behind its back
    local hex=${1#sha256:} file
    file=$YARD/registry/data/docker/registry/v2/blobs/sha256/${hex:0:2}/$hex/data
    # The last byte, which belongs to a frame that decompressors skip: nothing but the digest can tell.
    printf 'X' | dd of="$file" bs=1 seek=$(($(stat -c %s "$file") - 1)) conv=notrunc status=none
}

disk_is_not_committed() { # no first block, no backup table
    cmp -s -n 1048576 "$YARD/machines/$1/disk" /dev/zero &&
        [ -z "$(tail -c 1048576 "$YARD/machines/$1/disk" | tr -d '\0' | head -c 1)" ]
}

# The same disk in a machine without a network: the firmware has only it.
firmware_finds_nothing() {
    local dir=$YARD/alone-$1
    mkdir -p "$dir"
    cp "$OVMF_VARS" "$dir/uefi-vars"
    yard_spawn "alone-$1" qemu-system-x86_64 -machine q35 -accel tcg -m 512 -nodefaults -display none -nic none -no-reboot \
        -drive "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd" \
        -drive "if=pflash,format=raw,file=$dir/uefi-vars" -serial "file:$dir/console.log" \
        -drive "if=none,id=disk0,format=raw,snapshot=on,file=$YARD/machines/$1/disk" -device virtio-blk-pci,drive=disk0,bootindex=1
    wait_until 60 "the firmware's own menu or shell" grep -aqE 'UiApp|UEFI Interactive Shell|No bootable option' "$dir/console.log"
    local result=$?
    yard_stop "alone-$1"
    ! grep -aq 'GRUB' "$dir/console.log" && return "$result"
}

# statusd is dead when the agent wants to report success, and then the power goes: at the next start the agent finds its stamp.
test_lost_success() {
    local id
    scenario_yard s1
    push_variant 4 debian:lost
    id=$(yardctl deployment create s1 --image "$IMAGE_URL" --digest "$IMAGE_DIGEST" --raw-digest "$RAW_DIGEST" --hostname lost1)
    redfish_reset s1 On
    check "the image arrives" wait_event 180 s1 agent.progress || return 1
    daemon_kill statusd
    check "the disk is committed without statusd" wait_until 180 "the commit" console_has s1 'is committed' || return 1
    # The boot entry and whatever else follows the commit may or may not be there: nobody chooses the moment of a power cut.
    machine_cut_power s1
    check "the deployment is still running" state_is "$id" running || true
    check "statusd starts again" daemon_up statusd || return 1
    : >"$YARD/machines/s1/console.log"
    redfish_reset s1 On
    check "the deployment succeeded" yardctl deployment wait "$id" --timeout 300 || return 1
    check "the image was fetched once in all" [ "$(registry_fetches_of "$BLOB")" = 1 ] || true
    check "the second start wrote no image" not console_has s1 'bytes written' || true
    check "the system has the deployment's host name" wait_until 60 "the login prompt" console_has s1 'lost1 login:' || true
    redfish_reset s1 ForceOff
}

registry_fetches_of() { # registry_fetches_of DIGEST: by the registry's own log
    grep -c "\"GET /v2/[^ ]*/blobs/$1" "$YARD/log/registry.log" || true
}
