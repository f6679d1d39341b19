#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# check.sh: every test of bootyard, on a Debian 12.
#
#   sudo ./check.sh [--work DIR] [--no-e2e] [--fuzz-seconds N]
#
# Installs the packages that the tests need (no service of theirs is started or enabled), builds twice out of tree
# (plain with warnings as errors; with sanitizers), runs unit, service, fuzz, lint and end-to-end tests. The last line is
# "N passed, N failed"; the exit status is 0 if nothing failed. Logs and build trees stay under --work
# (/var/cache/bootyard-check unless given), so that the next run is quicker.
set -uo pipefail
export LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PYTHONDONTWRITEBYTECODE=1
umask 022

SOURCE=$(dirname "$(readlink -f "$0")")
readonly SOURCE
readonly PACKAGES="gcc libc6-dev make autoconf automake pkg-config libevent-dev libmicrohttpd-dev libgnutls28-dev
    libsqlite3-dev libcurl4-openssl-dev libjansson-dev libssl-dev libsystemd-dev libinih-dev libzstd-dev zlib1g-dev
    libubsan1 libasan8 libtsan2 clang libclang-rt-14-dev python3 python3-pytest python3-yaml python3-jsonschema openssl git curl shellcheck
    xz-utils gdisk skopeo procps
    qemu-system-x86 qemu-utils ovmf ipxe dnsmasq-base docker-registry mmdebstrap iproute2 mtools dosfstools fdisk e2fsprogs
    zstd cpio kmod"
readonly PYTHON=/usr/bin/python3

usage() {
    printf 'usage: sudo ./check.sh [--work DIR] [--no-e2e] [--fuzz-seconds N]\n' >&2
    exit 2
}

work=/var/cache/bootyard-check e2e=yes fuzz_seconds=5
while [ $# -gt 0 ]; do
    case $1 in
    --work) work=${2:?--work wants a directory}; shift 2 ;;
    --no-e2e) e2e=no; shift ;;
    --fuzz-seconds) fuzz_seconds=${2:?--fuzz-seconds wants a number}; shift 2 ;;
    *) usage ;;
    esac
done
[ "$(id -u)" = 0 ] || { printf 'check.sh must run as root: it installs packages and starts virtual machines\n' >&2; exit 2; }
mkdir -p "$work/log"
work=$(readlink -f "$work")
plain=$work/build san=$work/build-san logs=$work/log
rm -f "$logs"/*.log
jobs=$(nproc)

passed=0 failed=0 broken=()

# What autoreconf left in the source tree belongs to whoever called sudo.
give_back() {
    if [ -n "${SUDO_UID:-}" ] && [ "$SUDO_UID" != 0 ]; then
        (cd "$SOURCE" && chown -Rh "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" configure aclocal.m4 config.h.in Makefile.in autom4te.cache \
            build-aux m4 2>/dev/null)
    fi
}
trap give_back EXIT
trap 'exit 130' INT TERM HUP

# --- counting --------------------------------------------------------------------------------------------------

# Sets ok_count and bad_count from a stage's log: totals of automake and pytest, else lines of TAP or PASS/FAIL.
count_results() { # count_results LOG
    local log=$1
    ok_count=0 bad_count=0
    if grep -q '^# TOTAL:' "$log"; then
        ok_count=$(awk '/^# (PASS|XFAIL):/ { n += $3 } END { print n + 0 }' "$log")
        bad_count=$(awk '/^# (FAIL|XPASS|ERROR):/ { n += $3 } END { print n + 0 }' "$log")
    elif grep -qE '^(=+ )?.*[0-9]+ (passed|failed|error).* in [0-9.]+s' "$log"; then
        local line
        line=$(grep -E '[0-9]+ (passed|failed|error).* in [0-9.]+s' "$log" | tail -n 1)
        ok_count=$(grep -oE '[0-9]+ passed' <<<"$line" | grep -oE '[0-9]+' || echo 0)
        bad_count=$(grep -oE '[0-9]+ (failed|errors?)' <<<"$line" | awk '{ n += $1 } END { print n + 0 }')
    else
        ok_count=$(grep -cE '^(ok |PASS:)' "$log")
        bad_count=$(grep -cE '^(not ok |FAIL:)' "$log")
        ok_count=$((ok_count - $(grep -cE '^ok .*# SKIP' "$log")))
    fi
}

# A stage that counts nothing itself is one test. Returns the stage's status.
stage() { # stage NAME MINUTES COMMAND...
    local name=$1 minutes=$2 log status started=$SECONDS
    shift 2
    log=$logs/${name// /-}.log
    printf '%-28s' "$name"
    # An exported function may be the command.
    timeout -k 30 "${minutes}m" bash -c '"$@"' stage "$@" >"$log" 2>&1 </dev/null
    status=$?
    count_results "$log"
    if [ $((ok_count + bad_count)) = 0 ]; then
        [ $status = 0 ] && ok_count=1 || bad_count=1
    elif [ $status != 0 ] && [ $bad_count = 0 ]; then
        bad_count=1
    fi
    passed=$((passed + ok_count))
    failed=$((failed + bad_count))
    printf '%4d passed %3d failed  %4d s\n' "$ok_count" "$bad_count" $((SECONDS - started))
    grep -hE '^(SKIP:|SKIPPED|ok .*# SKIP)' "$log" | sed 's/^/    /'
    if [ "$bad_count" != 0 ]; then
        broken+=("$name")
        grep -hE '^(FAIL|ERROR|FAILED|not ok)[: ]' "$log" | head -n 40 | cut -c1-400 | sed 's/^/    /'
        [ $status != 124 ] || printf '    no end within %s minutes\n' "$minutes"
        printf '    --- end of %s\n' "$log"
        tail -n 40 "$log" | cut -c1-400 | sed 's/^/    /'
    fi
    return $status
}

give_up() {
    printf '\n%s: nothing can be tested without it\n%d passed, %d failed\n' "$1" "$passed" "$failed"
    exit 1
}

# --- stages ----------------------------------------------------------------------------------------------------

configure_and_make() { # configure_and_make BUILD OPTION...
    local build=$1
    shift
    # A build tree belongs to one source tree: another checkout begins anew.
    [ "$(cat "$build/.source" 2>/dev/null)" = "$SOURCE" ] || rm -rf "$build"
    mkdir -p "$build" && cd "$build" && printf '%s\n' "$SOURCE" >.source || return 1
    if [ ! -e config.status ] || [ "$SOURCE/configure" -nt config.status ]; then
        "$SOURCE/configure" --prefix=/usr --sysconfdir=/etc --localstatedir=/var --enable-werror "$@" || return 1
    fi
    make -j"$jobs"
}

unit_tests() { # unit_tests BUILD
    cd "$1" && make -j"$jobs" -k check
    local status=$?
    # What a failed test said is in its own log.
    sed -n '/^FAIL\|^ERROR/,$p' test-suite.log 2>/dev/null | head -n 200
    return $status
}

# Service tests need no root, and show it; unless this tree or its Python is out of nobody's reach.
as_nobody() {
    local ids=(--reuid=65534 --regid=65534 --clear-groups)
    if setpriv "${ids[@]}" sh -c 'test -x "$1" && test -x "$2"' sh "$SOURCE/tools/devyard" "$san/daemons/apid/apid"; then
        setpriv "${ids[@]}" env HOME=/nonexistent TMPDIR=/tmp "$@"
    else
        echo "SKIP: running as nobody: $SOURCE is not readable for others"
        "$@"
    fi
}

service_tests() {
    cd "$SOURCE" && make -C "$san" tests/service/web/echo_daemon &&
        YARD_BUILD=$san as_nobody "$PYTHON" -m pytest -q -rs --tb=short tests/service
}

thread_tests() {
    cd "$plain" && make check-tsan
}

fuzz_tests() {
    cd "$plain" && make -j"$jobs" fuzz FUZZ_SECONDS="$fuzz_seconds"
}

lint() {
    local status=0
    "$SOURCE/tests/lint/run" || status=1
    cd "$SOURCE" && grep -rIlE '^#!/bin/(ba)?sh' --include='*' . --exclude-dir=.git --exclude-dir='build*' --exclude-dir=autom4te.cache |
        grep -vE '^\./(configure|ltmain)' | xargs shellcheck -x -S warning && echo "PASS: shellcheck" || { echo "FAIL: shellcheck"; status=1; }
    return $status
}

# What `make install` brings, and that uninstall leaves nothing.
install_test() {
    local root=$work/root status=0 file
    rm -rf "$root"
    cd "$plain" && make install DESTDIR="$root" || return 1
    for file in apid statusd bootd imaged redfishd bootyard-agent; do
        [ -n "$(find "$root" -type f -perm -u+x -name "$file")" ] && echo "PASS: $file installed" || { echo "FAIL: $file"; status=1; }
    done
    for file in apid statusd bootd imaged redfishd; do
        "$(find "$root" -type f -perm -u+x -name "$file")" --config "$root/etc/bootyard/$file.conf" --check-config &&
            echo "PASS: $file takes its sample configuration" || { echo "FAIL: $file's sample configuration"; status=1; }
        [ -s "$root/usr/lib/systemd/system/$file.service" ] && echo "PASS: $file.service" || { echo "FAIL: $file.service"; status=1; }
    done
    make uninstall DESTDIR="$root" >/dev/null
    if [ -z "$(find "$root" -type f -o -type l)" ]; then
        echo "PASS: uninstall leaves nothing"
    else
        echo "FAIL: uninstall leaves $(find "$root" -type f -o -type l | head -n 5 | tr '\n' ' ')"
        status=1
    fi
    return $status
}

# A release archive holds what the project holds.
dist_test() {
    cd "$plain" && rm -f bootyard-*.tar.xz && make dist || return 1
    tar tf bootyard-*.tar.xz | sed 's|^[^/]*/||' | sort >"$work/dist.list"
    (cd "$SOURCE" && git -c safe.directory="$SOURCE" ls-files 2>/dev/null | grep -vE '^\.|(^|/)\.gitignore$' | sort) >"$work/git.list"
    [ -s "$work/git.list" ] || { echo "SKIP: dist: no git repository to compare with"; return 0; }
    local missing
    missing=$(comm -13 "$work/dist.list" "$work/git.list")
    [ -z "$missing" ] && echo "PASS: the archive is whole" || { printf 'FAIL: missing in the archive: %s\n' $missing; return 1; }
}

e2e_tests() {
    "$SOURCE/tests/e2e/run" --build "$plain" --work "$work/lab"
}

systemd_tests() {
    "$SOURCE/tests/e2e/systemd-vm" --build "$plain" --work "$work/lab"
}

export SOURCE PYTHON plain san work jobs fuzz_seconds
export -f configure_and_make unit_tests as_nobody service_tests thread_tests fuzz_tests lint install_test dist_test e2e_tests systemd_tests

# --- all of it -------------------------------------------------------------------------------------------------

# shellcheck disable=SC2086 # a list of words
stage "packages" 15 "$SOURCE/tools/lab/install-packages" $PACKAGES || give_up "packages"
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
stage "autoreconf" 3 autoreconf -i "$SOURCE" || give_up "autoreconf"
stage "build" 10 configure_and_make "$plain" || give_up "the build"
stage "build with sanitizers" 10 configure_and_make "$san" --enable-sanitizers || give_up "the build with sanitizers"
stage "lint" 3 lint
stage "unit" 10 unit_tests "$san"
stage "threads" 3 thread_tests
stage "fuzz" 10 fuzz_tests
stage "install" 3 install_test
stage "dist" 3 dist_test
stage "service" 15 service_tests
if [ "$e2e" = yes ]; then
    stage "systemd" 12 systemd_tests
    stage "end to end" 25 e2e_tests
else
    echo "SKIP: end to end and systemd: --no-e2e was given"
fi

printf '\n'
[ ${#broken[@]} = 0 ] || printf 'failed: %s (logs in %s)\n' "${broken[*]}" "$logs"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
