# SPDX-License-Identifier: Apache-2.0
#
# What the end-to-end scenarios share: results, deployments and the timeline as evidence. Sourced by run after
# tools/lab/lib/yard.sh; a scenario is a function test_<name> in one of the *.scenario.sh files, run as a
# process of its own with a yard of its own. Its results are lines of TAP without numbers in $RESULTS.

# check WHAT COMMAND...: one result. A scenario goes on after a failed check where that makes sense; it ends with `|| return 1`.
check() {
    local what=$1
    shift
    if "$@"; then
        printf 'ok - %s: %s\n' "$SCENARIO" "$what" >>"$RESULTS"
    else
        printf 'not ok - %s: %s\n' "$SCENARIO" "$what" >>"$RESULTS"
        return 1
    fi
}

# scenario_yard MACHINE [uefi|bios]: a yard for this scenario alone, with one machine that apid and redfishd know. Ends with
# the scenario's process, however that ends.
scenario_yard() {
    local mac=52:54:00:aa:00:01 uuid=5d1cafe0-2222-4222-8333-444455556666
    trap scenario_end EXIT
    yard_up "$SCENARIO"
    machine_make "$1" "$mac" "$uuid" "${2:-uefi}"
    daemons_configure
    daemons_machine "$1"
    daemons_up
    yardctl machine put "$1" --uuid "$uuid" --arch amd64 --mac "$mac" \
        --power "{\"driver\": \"command\", \"name\": \"$1\"}" >/dev/null
}

scenario_end() {
    local status=$? guest=$YARD_NS-x
    set +e
    trap '' INT TERM HUP
    if grep -q '^not ok' "$RESULTS" 2>/dev/null || [ -z "${SCENARIO_DONE:-}" ]; then
        show_evidence
    fi
    ip netns pids "$guest" 2>/dev/null | while IFS= read -r pid; do kill "$pid" 2>/dev/null; done
    ! ip netns list | grep -qE "^$guest( |\$)" || ip netns del "$guest"
    yard_down
    exit "$status"
}

# timeline_of MACHINE [AFTER]: a line an event: date time source kind text
timeline_of() {
    yardctl timeline "$1" --after "${2:-0}"
}

# has_event MACHINE KIND [REGEX]
has_event() {
    timeline_of "$1" | awk -v kind="$2" -v pattern="${3:-.}" '$4 == kind && $0 ~ pattern { found = 1 } END { exit !found }'
}

# event_count MACHINE KIND [REGEX]
event_count() {
    timeline_of "$1" | awk -v kind="$2" -v pattern="${3:-.}" '$4 == kind && $0 ~ pattern { n++ } END { print n + 0 }'
}

# wait_event SECONDS MACHINE KIND [REGEX]
wait_event() {
    local limit=$1
    shift
    wait_until "$limit" "event $2 ${3:-} of $1" has_event_or_no_answer "$@"
}

# While apid or the network is busy there is simply no event yet.
has_event_or_no_answer() {
    has_event "$@" 2>/dev/null
}

deployment_field() { # deployment_field ID NAME: a text member of the deployment's document
    apid_get "/v1/deployments/$1" | tr -d '\n' | grep -oE "\"$2\": ?\"[^\"]*\"" | head -n 1 | sed -E 's/^"[a-z_]*": ?"(.*)"$/\1/'
}

state_is() { # state_is ID STATE
    [ "$(deployment_field "$1" state)" = "$2" ]
}

console_has() { # console_has MACHINE TEXT
    grep -aq -- "$2" "$YARD/machines/$1/console.log"
}

# The end of everything that may explain a failure, into the scenario's own output.
show_evidence() {
    local name
    for name in $(cd "$YARD/machines" 2>/dev/null && ls); do
        printf -- '--- timeline of %s\n' "$name"
        timeline_of "$name" | sed 's/^/    /'
        tail_of "$YARD/machines/$name/console.log" 30 "console of $name"
    done
    for name in $YARD_DAEMONS; do
        tail_of "$YARD/log/$name.log" 15 "log of $name"
    done
}

# variant_image N FILE: the disk image as another blob: the same disk, but a digest of its own, by a zstd frame that
# decompressors skip.
variant_image() {
    { cat "$IMAGE_FILE"; printf '\x50\x2a\x4d\x18\x04\x00\x00\x00bt%02d' "$1"; } >"$2"
}

# push_variant N NAME:TAG: sets IMAGE_URL, IMAGE_DIGEST and BLOB (the layer's digest).
push_variant() {
    local file=$YARD/variant-$1.zst
    variant_image "$1" "$file"
    BLOB=sha256:$(sha256sum <"$file" | cut -d' ' -f1)
    yard_exec "$YARD_LAB/push-image" --registry "$YARD_REGISTRY" --name "$2" --file "$file" --raw-digest "$RAW_DIGEST" >"$YARD/pushed-$1"
    # shellcheck source=/dev/null
    . "$YARD/pushed-$1"
    rm -f "$file"
}
