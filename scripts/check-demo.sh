#!/usr/bin/env bash
# `make demo` shows results of the simulated rack within 10 s, ends by itself when told to, and leaves nothing running.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --quiet --bin rackpoll
output=$(mktemp)
trap 'rm -f "$output"' EXIT

timeout --kill-after=10 60 make --no-print-directory demo DEMO="--for 15s" >"$output" 2>&1 &
demo=$!
first=
for _ in $(seq 1 100); do
    # A line with the time, a device and what was found.
    if grep -E '^[0-9]{2}:[0-9]{2}:[0-9]{2} +[a-z0-9]+ +(power|chassis|uid|sdr|sel|snmp) ' "$output" | grep -qv FAILED; then
        first=yes
        break
    fi
    kill -0 "$demo" 2>/dev/null || break
    sleep 0.1
done
status=0
wait "$demo" || status=$?
if [ "$status" != 0 ] || [ -z "$first" ]; then
    echo "check-demo: exit status $status; results within 10 s: ${first:-no}; it said:" >&2
    cat "$output" >&2
    exit 1
fi
if grep -qE 'panicked' "$output"; then
    cat "$output" >&2
    exit 1
fi
lines=$(wc -l <"$output")
echo "check-demo: $lines lines, for example:"
tail -5 "$output"
