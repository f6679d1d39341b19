# SPDX-License-Identifier: Apache-2.0
#
# What every lab script needs: messages, bounded waiting, and processes that are ended by their id.
# Sourced by quickstart.sh and the end-to-end tests. A yard lives in one folder, $YARD, and in one network
# namespace, $YARD_NS; whatever is started for it is started through `yard_exec` or `yard_spawn`, so that the
# namespace's list of processes is the whole list of what has to end.

say() {
    printf '%s\n' "$*"
}

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# wait_until SECONDS WHAT COMMAND...: polls until the command succeeds; says what it waited for if it does not.
wait_until() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            printf 'waited in vain for %s\n' "$what" >&2
            return 1
        fi
        sleep 0.2
    done
}

# Runs a command in the yard's namespace.
yard_exec() {
    ip netns exec "$YARD_NS" "$@"
}

# yard_spawn NAME COMMAND...: in the background, its output to log/NAME.log, its id to run/NAME.pid.
yard_spawn() {
    local name=$1
    shift
    # A session of its own: Ctrl-C on the terminal is for the script, which then ends things in order.
    setsid ip netns exec "$YARD_NS" "$@" >>"$YARD/log/$name.log" 2>&1 </dev/null &
    printf '%s\n' $! >"$YARD/run/$name.pid"
    # Ended by kill, without the shell's word about it.
    disown $!
}

yard_pid() {
    cat "$YARD/run/$1.pid" 2>/dev/null
}

yard_is_running() {
    local pid
    pid=$(yard_pid "$1") && [ -n "$pid" ] && process_is_alive "$pid"
}

# A process that ended but was not waited for is not alive.
process_is_alive() {
    local state
    state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) && [ -n "$state" ] && [ "$state" != Z ]
}

process_is_gone() {
    ! process_is_alive "$1"
}

# yard_stop NAME [SIGNAL]: ends one process and waits for its end; a deaf one is killed after 10 s.
yard_stop() {
    local pid
    pid=$(yard_pid "$1") || return 0
    kill "-${2:-TERM}" "$pid" 2>/dev/null || true
    if ! wait_until 10 "the end of $1" process_is_gone "$pid" 2>/dev/null; then
        kill -KILL "$pid" 2>/dev/null || true
    fi
    rm -f "$YARD/run/$1.pid"
}

# Ends whatever lives in the yard's namespace, whoever started it, and nothing else.
yard_end_processes() {
    local pid
    for pid in $(ip netns pids "$YARD_NS" 2>/dev/null); do
        kill -TERM "$pid" 2>/dev/null || true
    done
    wait_until 10 "the yard's processes to end" yard_is_empty 2>/dev/null && return 0
    for pid in $(ip netns pids "$YARD_NS" 2>/dev/null); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    wait_until 5 "the yard's processes to end" yard_is_empty
}

yard_is_empty() {
    [ -z "$(ip netns pids "$YARD_NS" 2>/dev/null)" ]
}

# tail_of FILE LINES HEADING: the last lines that matter, indented, printable characters only.
tail_of() {
    [ -s "$1" ] || return 0
    printf -- '--- %s\n' "$3"
    tail -c 65536 "$1" | tr -d '\r' | sed 's/\x1b\[[0-9;?=]*[A-Za-z]//g' | tr -cd '\11\12\40-\176' | grep -v '^$' | tail -n "$2" | cut -c1-240 |
        sed 's/^/    /'
}
