#!/usr/bin/env bash
# Runs all tests, the whole-agent tests on real peers among them, and fails where one of them left a process behind.
#   scripts/test.sh [ARGUMENTS OF cargo test ...]
set -euo pipefail
cd "$(dirname "$0")/.."

# Every process that a test starts inherits this; so what is left behind can be told from anybody else's.
RACKPOLL_TEST_RUN="rackpoll-test-$$-$(date +%s%N)"
export RACKPOLL_TEST_RUN

left_behind() {
    local environ pid
    for environ in /proc/[0-9]*/environ; do
        pid=${environ#/proc/}
        pid=${pid%/environ}
        [ "$pid" = "$$" ] || [ "$pid" = "$BASHPID" ] && continue
        # A process may end while we look at it.
        if { tr '\0' '\n' <"$environ" | grep -qxF "RACKPOLL_TEST_RUN=$RACKPOLL_TEST_RUN"; } 2>/dev/null; then
            [ "$(cut -d' ' -f4 "/proc/$pid/stat" 2>/dev/null)" = "$BASHPID" ] && continue
            echo "$pid $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null || true)"
        fi
    done
}

status=0
cargo test "$@" </dev/null || status=$?

# Peers end when the test that started them does; give the last of them a moment.
for _ in $(seq 1 50); do
    left=$(left_behind)
    [ -z "$left" ] && break
    sleep 0.1
done
if [ -n "$left" ]; then
    echo "test: left running:" >&2
    echo "$left" >&2
    while read -r pid _; do kill -KILL "$pid" 2>/dev/null || true; done <<<"$left"
    [ "$status" != 0 ] || status=1
fi
exit "$status"
