# SPDX-License-Identifier: Apache-2.0
#
# The yard's network: one namespace, one bridge with the host's address, one tap per machine, and dnsmasq for
# DHCP and TFTP. Sourced after base.sh. Nothing is made outside the namespace.

YARD_BRIDGE=br0
YARD_ADDRESS=172.30.0.1
YARD_PREFIX=172.30.0
YARD_BOOTD_PORT=8082

network_up() {
    ip netns add "$YARD_NS"
    ip -n "$YARD_NS" link set lo up
    ip -n "$YARD_NS" link add "$YARD_BRIDGE" type bridge
    ip -n "$YARD_NS" addr add "$YARD_ADDRESS/24" dev "$YARD_BRIDGE"
    ip -n "$YARD_NS" link set "$YARD_BRIDGE" up
}

network_down() {
    ! ip netns list | grep -qE "^$YARD_NS( |\$)" || ip netns del "$YARD_NS"
}

# network_tap NAME: a port of the yard's switch for one machine.
network_tap() {
    ip -n "$YARD_NS" tuntap add "$1" mode tap
    ip -n "$YARD_NS" link set "$1" master "$YARD_BRIDGE" up
}

# network_guest NAMESPACE ADDRESS: a second host on the yard's switch (for whoever plays the intruder).
network_guest() {
    ip netns add "$1"
    ip -n "$1" link set lo up
    ip -n "$YARD_NS" link add guest type veth peer name eth0 netns "$1"
    ip -n "$YARD_NS" link set guest master "$YARD_BRIDGE" up
    ip -n "$1" addr add "$2/24" dev eth0
    ip -n "$1" link set eth0 up
}

# Firmware asks by TFTP for iPXE; iPXE, known by option 175, gets the URL of bootd's first script, which asks again
# when something breaks in between. The fallback lines name the tags that they must not have: without, the last line would win.
dnsmasq_config() {
    cat <<EOF
port=0
interface=$YARD_BRIDGE
bind-interfaces
no-hosts
no-resolv
user=root
dhcp-authoritative
dhcp-range=$YARD_PREFIX.50,$YARD_PREFIX.99,255.255.255.0,10m
dhcp-leasefile=$YARD/dnsmasq/leases
enable-tftp
tftp-root=$YARD/tftp
log-dhcp
dhcp-match=set:ipxe,175
dhcp-match=set:efi64,option:client-arch,7
dhcp-match=set:efi64,option:client-arch,9
dhcp-boot=tag:ipxe,http://$YARD_ADDRESS:$YARD_BOOTD_PORT/ipxe/
dhcp-boot=tag:!ipxe,tag:efi64,ipxe.efi
dhcp-boot=tag:!ipxe,tag:!efi64,undionly.kpxe
EOF
}

dnsmasq_up() {
    mkdir -p "$YARD/dnsmasq" "$YARD/tftp"
    install -m 644 /usr/lib/ipxe/ipxe.efi /usr/lib/ipxe/undionly.kpxe "$YARD/tftp/"
    dnsmasq_config >"$YARD/dnsmasq/dnsmasq.conf"
    dnsmasq --test -C "$YARD/dnsmasq/dnsmasq.conf" 2>"$YARD/log/dnsmasq.log" ||
        fail "dnsmasq refuses the yard's configuration: $(cat "$YARD/log/dnsmasq.log")"
    yard_spawn dnsmasq dnsmasq --keep-in-foreground --log-facility=- --pid-file= -C "$YARD/dnsmasq/dnsmasq.conf"
    wait_until 10 "dnsmasq" grep -q 'TFTP root is' "$YARD/log/dnsmasq.log"
}
