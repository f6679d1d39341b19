# SPDX-License-Identifier: Apache-2.0
#
# The five daemons, from a build tree, inside the yard's namespace, with configuration files of their own and on the
# ports they have in production. Sourced after registry.sh; wants $YARD_BUILD (the build tree).

YARD_DAEMONS="statusd imaged bootd apid redfishd"
YARD_APID_URL=https://$YARD_ADDRESS:8090
YARD_REDFISH_URL=https://$YARD_ADDRESS:8443

yardctl() {
    yard_exec "$YARD_BUILD/tools/yardctl/yardctl" --url "$YARD_APID_URL" --ca "$YARD/state/tls/ca.crt" \
        --token-file "$YARD/admin-token" "$@"
}

# daemons_configure: certificates, an admin's token and the conf files. $YARD/boot holds what bootd serves.
daemons_configure() {
    local state=$YARD/state
    mkdir -p "$YARD/etc"
    mkdir -p -m 700 "$state" "$YARD/daemons-run"
    "$YARD_BUILD/tools/yardctl/yardctl" ca init --dir "$state" --san "$YARD_ADDRESS" --san localhost >/dev/null
    (
        umask 077
        "$YARD_BUILD/tools/yardctl/yardctl" --state-dir "$state" token create lab --role admin >"$YARD/admin-token"
        # For curl, which would show a token on its command line to everybody.
        printf 'Authorization: Bearer %s\n' "$(cat "$YARD/admin-token")" >"$YARD/admin-header"
    )
    daemon_conf statusd 8080 8444 "https://$YARD_ADDRESS:8444"
    daemon_conf bootd "$YARD_BOOTD_PORT" 0 "http://$YARD_ADDRESS:$YARD_BOOTD_PORT"
    daemon_conf imaged 8083 0 "http://$YARD_ADDRESS:8083"
    daemon_conf apid 0 8090 "$YARD_APID_URL"
    daemon_conf redfishd 0 8443 "$YARD_REDFISH_URL"
    cat >>"$YARD/etc/imaged.conf" <<EOF
[imaged]
images_dir = $state/images
allowed_registries = $YARD_REGISTRY
[registry $YARD_REGISTRY]
http = yes
private = yes
EOF
    printf '[imaged]\nurl = http://%s:8083\n' "$YARD_ADDRESS" >>"$YARD/etc/apid.conf"
    bootd_conf >>"$YARD/etc/bootd.conf"
}

# daemon_conf NAME HTTP_PORT HTTPS_PORT PUBLIC_URL
daemon_conf() {
    cat >"$YARD/etc/$1.conf" <<EOF
[daemon]
state_dir = $YARD/state
run_dir = $YARD/daemons-run
public_url = $4
[listen]
address = $YARD_ADDRESS
http_port = $2
https_port = $3
certificate = $YARD/state/tls/server.crt
key = $YARD/state/tls/server.key
ca = $YARD/state/tls/ca.crt
EOF
}

bootd_conf() {
    cat <<EOF
[boot]
kernel_amd64 = $YARD/boot/vmlinuz
initramfs_amd64 = $YARD/boot/initramfs
loader_amd64 = $YARD/boot/boot-disk.efi
lease_file = $YARD/dnsmasq/leases
[statusd]
url = https://$YARD_ADDRESS:8444
[imaged]
url = http://$YARD_ADDRESS:8083
EOF
}

# daemons_machine NAME: lets redfishd switch this machine.
daemons_machine() {
    printf '[command %s]\nstart = %s/machine-on %s/machines/%s\n' "$1" "$YARD_LAB" "$YARD" "$1" >>"$YARD/etc/redfishd.conf"
}

daemon_up() { # daemon_up NAME: starts it and waits until it answers
    yard_spawn "$1" "$YARD_BUILD/daemons/$1/$1" --config "$YARD/etc/$1.conf"
    wait_until 20 "$1 to answer" daemon_answers_or_ended "$1"
    yard_is_running "$1"
}

daemon_answers_or_ended() {
    ! yard_is_running "$1" || yard_exec curl -s -o /dev/null --noproxy '*' --max-time 2 --cacert "$YARD/state/tls/ca.crt" \
        "$(daemon_url "$1")/healthz"
}

daemon_url() {
    case $1 in
    statusd) printf 'https://%s:8444' "$YARD_ADDRESS" ;;
    bootd) printf 'http://%s:%s' "$YARD_ADDRESS" "$YARD_BOOTD_PORT" ;;
    imaged) printf 'http://%s:8083' "$YARD_ADDRESS" ;;
    apid) printf '%s' "$YARD_APID_URL" ;;
    redfishd) printf '%s' "$YARD_REDFISH_URL" ;;
    esac
}

daemons_up() {
    local name
    for name in $YARD_DAEMONS; do
        daemon_up "$name" || return 1
    done
}

# daemon_kill NAME: what a crash looks like to the others.
daemon_kill() {
    yard_stop "$1" KILL
}

# redfish_reset MACHINE TYPE: On, ForceOff, ForceRestart, PowerCycle...
redfish_reset() {
    yard_exec curl -sS --fail-with-body --noproxy '*' --max-time 60 --cacert "$YARD/state/tls/ca.crt" \
        -H "@$YARD/admin-header" -H 'Content-Type: application/json' -d "{\"ResetType\":\"$2\"}" \
        "$YARD_REDFISH_URL/redfish/v1/Systems/$1/Actions/ComputerSystem.Reset"
}

redfish_power_state() {
    yard_exec curl -sS --fail --noproxy '*' --max-time 20 --cacert "$YARD/state/tls/ca.crt" -H "@$YARD/admin-header" \
        "$YARD_REDFISH_URL/redfish/v1/Systems/$1" | grep -oE '"PowerState": ?"[A-Za-z]*"' | sed 's/.*"\([A-Za-z]*\)"$/\1/'
}

# apid_get PATH: a document of apid's API on standard output.
apid_get() {
    yard_exec curl -sS --fail --noproxy '*' --max-time 20 --cacert "$YARD/state/tls/ca.crt" -H "@$YARD/admin-header" \
        "$YARD_APID_URL$1"
}

# daemon_metric NAME METRIC: the sum of a metric's values, 0 if there is none yet.
daemon_metric() {
    yard_exec curl -s --noproxy '*' --max-time 10 --cacert "$YARD/state/tls/ca.crt" -H "@$YARD/admin-header" \
        "$(daemon_url "$1")/metrics" | awk -v name="$2" '{ split($1, part, "{") } part[1] == name { sum += $2 } END { print sum + 0 }'
}
