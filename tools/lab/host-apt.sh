# SPDX-License-Identifier: Apache-2.0
# Sourced by what builds Debian trees: how this host gets its packages is how the trees get theirs.

# The host's own package sources for release $1: what it reaches, it was told how to reach.
host_sources() {
    apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT) $(IDENTIFIER)' |
        awk -v suite="$1" '$1 == "Debian" && $5 == "Packages" && $4 == "main" &&
            ($3 == suite || index($3, suite "-") == 1) { print "deb", $2, $3, "main" }' | sort -u
}

# How the host fetches (proxies, certificates): mmdebstrap starts from an empty configuration.
host_fetch_options() {
    apt-config dump | awk '/^Acquire::(http|https|ftp)::/ && !/ "";$/'
}
