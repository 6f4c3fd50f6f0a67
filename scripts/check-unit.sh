#!/usr/bin/env bash
# `systemd-analyze verify` has nothing to say about the unit. It warns with exit status 0 as well, so its words count.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v systemd-analyze >/dev/null || scripts/install-peers.sh systemd
cargo build --quiet --bin rackpoll
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

for unit in systemd/*.service; do
    copy="$folder/$(basename "$unit")"
    # The program need not be installed to be checked.
    sed "s#^ExecStart=/usr/bin/rackpoll#ExecStart=$PWD/target/debug/rackpoll#" "$unit" >"$copy"
    grep -q "^ExecStart=$PWD/target/debug/rackpoll run" "$copy" || { echo "check-unit: $unit does not start /usr/bin/rackpoll run" >&2; exit 1; }
    status=0
    said=$(systemd-analyze verify --recursive-errors=no "$copy" 2>&1) || status=$?
    if [ "$status" != 0 ] || [ -n "$said" ]; then
        echo "check-unit: $unit (exit status $status): $said" >&2
        exit 1
    fi
    # Words that this systemd does not know are only told in verify's output; prove that it speaks up.
    printf '[Service]\nNoSuchWord=1\n' >>"$copy"
    said=$(systemd-analyze verify --recursive-errors=no "$copy" 2>&1) || true
    [[ "$said" == *NoSuchWord* ]] || { echo "check-unit: systemd-analyze does not see an unknown word" >&2; exit 1; }
done
echo "check-unit: valid"
