#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# quickstart.sh: shows bootyard's main job once, on a laptop, without hardware.
#
#   sudo ./quickstart.sh [--work DIR] [--keep]
#   sudo ./quickstart.sh --stop [--work DIR]
#
# It installs the packages it needs, builds, makes a small yard in a network namespace, and lets one virtual machine
# netboot, be imaged with Debian and phone home. It is a guest: no service is started or enabled, nothing is
# installed outside the package manager, and every process, address and port is inside the namespace and ends
# with it. What stays is a cache under --work (/var/cache/bootyard-lab unless given): build tree and disk image.
set -euo pipefail
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022

SOURCE=$(dirname "$(readlink -f "$0")")
YARD_LAB=$SOURCE/tools/lab
YARD_WORK=/var/cache/bootyard-lab
readonly NAMESPACE=demo
readonly MACHINE=m1 MACHINE_MAC=52:54:00:12:34:56 MACHINE_UUID=5d1cafe0-1111-4222-8333-444455556666 HOSTNAME_WANTED=w1

readonly BUILD_PACKAGES="gcc libc6-dev make autoconf automake pkg-config libevent-dev libmicrohttpd-dev libgnutls28-dev
    libsqlite3-dev libcurl4-openssl-dev libjansson-dev libssl-dev libsystemd-dev libinih-dev libzstd-dev zlib1g-dev"
readonly LAB_PACKAGES="qemu-system-x86 ovmf ipxe dnsmasq-base docker-registry mmdebstrap curl iproute2 mtools dosfstools fdisk
    e2fsprogs zstd cpio kmod"

keep=no stop=no
while [ $# -gt 0 ]; do
    case $1 in
    --work) YARD_WORK=${2:?--work wants a directory}; shift 2 ;;
    --keep) keep=yes; shift ;;
    --stop) stop=yes; shift ;;
    *) printf 'usage: sudo ./quickstart.sh [--work DIR] [--keep | --stop]\n' >&2; exit 2 ;;
    esac
done
[ "$(id -u)" = 0 ] || { printf 'quickstart.sh must run as root: it makes a network namespace and a root file system\n' >&2; exit 2; }
mkdir -p "$YARD_WORK"
YARD_WORK=$(readlink -f "$YARD_WORK")
YARD_BUILD=$YARD_WORK/build
# shellcheck source=tools/lab/lib/yard.sh
. "$YARD_LAB/lib/yard.sh"

# --- steps and their failures --------------------------------------------------------------------------------

step_name="" image_job="" foreground=""

step() {
    step_name=$1
    printf '\n== %s  (%s s)\n' "$1" "$SECONDS"
}

# A shell hears a signal only between commands, or while it waits: so it waits for what takes long.
interruptible() {
    setsid "$@" &
    foreground=$!
    wait "$foreground" || { foreground=""; return 1; }
    foreground=""
}

# The log of a step that runs a long command quietly; shown only when it fails.
quietly() { # quietly LOG COMMAND...
    local log=$1
    shift
    interruptible "$@" >"$log" 2>&1 || { tail_of "$log" 25 "end of $(basename "$log")"; return 1; }
}

show_last_lines() {
    local name
    [ -n "$YARD" ] && [ -d "$YARD" ] || return 0
    for name in $YARD_DAEMONS dnsmasq registry; do
        tail_of "$YARD/log/$name.log" 6 "end of $name's log"
    done
    for name in "$YARD"/machines/*; do
        tail_of "$name/console.log" 25 "console of machine $(basename "$name")"
        tail_of "$YARD/daemons-run/power/$(basename "$name").log" 5 "QEMU of machine $(basename "$name")"
    done
}

at_exit() {
    local status=$?
    trap '' INT TERM HUP
    trap - EXIT
    set +e
    [ -z "$image_job" ] || kill -TERM -- "-$image_job" 2>/dev/null
    [ -z "$foreground" ] || kill -TERM -- "-$foreground" 2>/dev/null
    if [ "$status" != 0 ]; then
        show_last_lines
        printf '\nFAILED in step "%s" after %s s\n' "$step_name" "$SECONDS"
    fi
    if [ "$keep" = yes ] && [ -n "$YARD" ]; then
        print_how_to_use
    else
        yard_down
        printf 'Nothing is left running. The cache for the next time is %s.\n' "$YARD_WORK"
    fi
    exit "$status"
}

print_how_to_use() {
    local inside="sudo ip netns exec $YARD_NS"
    cat <<EOF

The yard is still up, in the network namespace $YARD_NS; its folder is $YARD.
    apid      $YARD_APID_URL/v1/machines/$MACHINE/timeline
    redfishd  $YARD_REDFISH_URL/redfish/v1/Systems/$MACHINE
    bootd     http://$YARD_ADDRESS:$YARD_BOOTD_PORT/ipxe/mac/$MACHINE_MAC
    imaged    http://$YARD_ADDRESS:8083/v2/      statusd   https://$YARD_ADDRESS:8444
    console   $YARD/machines/$MACHINE/console.log
For example:
    $inside curl --cacert $YARD/state/tls/ca.crt -H @$YARD/admin-header $YARD_APID_URL/v1/machines
    $inside $YARD_BUILD/tools/yardctl/yardctl --url $YARD_APID_URL --ca $YARD/state/tls/ca.crt --token-file $YARD/admin-token timeline $MACHINE
To stop it:
    sudo $SOURCE/quickstart.sh --stop --work $YARD_WORK
EOF
}

# Ends a yard that --keep left, or that a killed run could not clean up: its folder says which namespace is its.
stop_old_yards() {
    local old
    for old in "$YARD_WORK"/yard.*; do
        [ -f "$old/namespace" ] || continue
        YARD=$old YARD_NS=$(cat "$old/namespace")
        yard_down
        printf 'stopped the yard in %s\n' "$old"
    done
}

# --- what the steps do ---------------------------------------------------------------------------------------

# Built from a copy: a checkout does not get files of root's, and a build of one's own there is left alone.
build() {
    mkdir -p "$YARD_WORK/source" "$YARD_BUILD"
    # What autoreconf makes is made there, by the tools that were just installed.
    tar -C "$SOURCE" --exclude=./.git --exclude='./build*' --exclude=./autom4te.cache --exclude=./configure \
        --exclude=./aclocal.m4 --exclude=./Makefile.in --exclude='./config.h.in*' -cf - . |
        tar -C "$YARD_WORK/source" --no-same-owner -xf -
    cd "$YARD_WORK/source"
    [ -x configure ] || autoreconf -i
    cd "$YARD_BUILD"
    [ -f Makefile ] || ../source/configure --prefix=/usr --sysconfdir=/etc
    make -s -j"$(nproc)"
}

machine_says() { # machine_says TEXT: how often the machine's console said it
    grep -ac -- "$1" "$YARD/machines/$MACHINE/console.log" 2>/dev/null || true
}

logins_are() {
    [ "$(machine_says "^$HOSTNAME_WANTED login:")" -ge "$1" ]
}

deployment_state() {
    apid_get "/v1/deployments/$1" | grep -oE '"state": ?"[a-z]+"' | head -n 1 | sed 's/.*"\([a-z]*\)"$/\1/'
}

last_event() {
    apid_get "/v1/machines/$MACHINE/timeline?limit=1000" | grep -oE '"next": ?[0-9]+' | grep -oE '[0-9]+'
}

# --- the main job --------------------------------------------------------------------------------------------

if [ "$stop" = yes ]; then
    stop_old_yards
    exit 0
fi
exec 9>"$YARD_WORK/lock"
flock -n 9 || { printf 'another quickstart runs with %s (or a kept yard: quickstart.sh --stop)\n' "$YARD_WORK" >&2; exit 1; }
trap at_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
stop_old_yards

step "packages"
# shellcheck disable=SC2086
"$YARD_LAB/install-packages" $BUILD_PACKAGES $LAB_PACKAGES

step "build, and a Debian 12 disk image from packages beside it"
setsid "$YARD_LAB/build-image" --work "$YARD_WORK" >"$YARD_WORK/image.facts.new" 2>"$YARD_WORK/image.log" &
image_job=$!
export SOURCE YARD_WORK YARD_BUILD
export -f build
quietly "$YARD_WORK/build.log" bash -euo pipefail -c build
if ! wait "$image_job"; then
    tail_of "$YARD_WORK/image.log" 25 "end of image.log"
    image_job=""
    exit 1
fi
image_job=""
mv "$YARD_WORK/image.facts.new" "$YARD_WORK/image.facts"
yard_initramfs

step "a yard in a network namespace"
yard_up "$NAMESPACE"
say "namespace $YARD_NS"
yard_push debian:12
say "image $IMAGE_URL@$IMAGE_DIGEST ($((BLOB_SIZE / 1000000)) MB, $((RAW_SIZE / 1000000)) MB on the disk)"
machine_make "$MACHINE" "$MACHINE_MAC" "$MACHINE_UUID"
daemons_configure
daemons_machine "$MACHINE"
daemons_up
say "daemons: $YARD_DAEMONS"

step "one machine, one deployment"
yardctl machine put "$MACHINE" --uuid "$MACHINE_UUID" --arch amd64 --mac "$MACHINE_MAC" \
    --power "{\"driver\": \"command\", \"name\": \"$MACHINE\"}"
deployment=$(yardctl deployment create "$MACHINE" --image "$IMAGE_URL" --digest "$IMAGE_DIGEST" \
    --raw-digest "$RAW_DIGEST" --hostname "$HOSTNAME_WANTED")
say "deployment $deployment: an empty disk shall become $HOSTNAME_WANTED"

step "power on through Redfish, then whatever the machine does"
redfish_reset "$MACHINE" On
interruptible ip netns exec "$YARD_NS" "$YARD_BUILD/tools/yardctl/yardctl" --url "$YARD_APID_URL" --ca "$YARD/state/tls/ca.crt" \
    --token-file "$YARD/admin-token" timeline "$MACHINE" --until-over "$deployment" --timeout 300
[ "$(deployment_state "$deployment")" = succeeded ] || fail "the deployment is $(deployment_state "$deployment")"

step "once more, with network boot first"
wait_until 60 "the installed system's first login prompt" logins_are 1
seen=$(last_event)
logins=$(machine_says "^$HOSTNAME_WANTED login:")
redfish_reset "$MACHINE" ForceRestart
wait_until 180 "the installed system's login prompt" logins_are $((logins + 1))
yardctl timeline "$MACHINE" --after "$seen"
check_second_boot() {
    local events
    events=$(yardctl --json timeline "$MACHINE" --after "$seen")
    grep -q '"bootd"' <<<"$events" || fail "the machine did not ask bootd"
    ! grep -q '"statusd"' <<<"$events" || fail "an agent reported: the machine was installed again"
    [ "$(deployment_state "$deployment")" = succeeded ] || fail "the deployment is no longer succeeded"
}
check_second_boot

printf '\nDone in %s s: %s runs its own Debian, installed once, and proved it.\n' "$SECONDS" "$HOSTNAME_WANTED"
