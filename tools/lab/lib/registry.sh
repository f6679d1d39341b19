# SPDX-License-Identifier: Apache-2.0
#
# A real OCI registry (Debian's docker-registry) inside the yard's namespace, holding the demo's disk image.
# Sourced after network.sh.

YARD_REGISTRY=$YARD_ADDRESS:5000

registry_up() {
    mkdir -p "$YARD/registry"
    cat >"$YARD/registry/config.yml" <<EOF
version: 0.1
log:
  level: warn
storage:
  filesystem:
    rootdirectory: $YARD/registry/data
http:
  addr: $YARD_REGISTRY
EOF
    yard_spawn registry docker-registry serve "$YARD/registry/config.yml"
    wait_until 15 "the registry" registry_answers
}

registry_answers() {
    yard_exec curl -s --noproxy '*' --max-time 2 -o /dev/null "http://$YARD_REGISTRY/v2/"
}

# registry_blob_fetches: how many times a blob was asked for, by the registry's own log.
registry_blob_fetches() {
    grep -cE '"GET /v2/[^ ]*/blobs/[^ ]* HTTP' "$YARD/log/registry.log" || true
}
