#!/usr/bin/env bash
# One fuzz target under libFuzzer, which looks for new paths by itself. Needs a nightly compiler (rustup toolchain install
# nightly) and installs cargo-fuzz under target/tools where the machine has none.
#   scripts/fuzz-coverage.sh TARGET [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:?which target? make fuzz FUZZ=--list names them}
seconds=${2:-60}
export PATH="$PWD/target/tools/bin:$PATH"
if ! rustup toolchain list | grep -q '^nightly'; then
    echo "no nightly compiler here: rustup toolchain install nightly, or make fuzz on the stable one" >&2
    exit 69
fi
command -v cargo-fuzz >/dev/null ||
    cargo install cargo-fuzz --locked --version "$CARGO_FUZZ_VERSION" --root target/tools --target-dir target/tools/build

# The versions of the product's crates.
cp Cargo.lock fuzz/coverage/Cargo.lock
corpus=target/fuzz/corpus/$target
cargo run --quiet --profile fuzz -p rackpoll-fuzz -- --target "$target" --write-seeds target/fuzz/corpus
export FUZZ_TARGET=$target
CARGO_TARGET_DIR=target/fuzz/coverage cargo +nightly fuzz run --fuzz-dir fuzz/coverage --sanitizer "${SANITIZER:-address}" targets "$corpus" -- \
    -max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 -print_final_stats=1
