# The commands of this project; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

CARGO_DENY_VERSION := 0.20.2
CARGO_FUZZ_VERSION := 0.13.1

.PHONY: help
help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{ printf "make %-14s %s\n", $$1, $$2 }'

# The development profile: it builds in half the time of the release profile, and a rack of 11 devices needs no more.
.PHONY: demo
demo: ## the agent with its own broker and a simulated rack; nothing to set up (DEMO="--for 15s" ends by itself)
	cargo build --bin rackpoll
	target/debug/rackpoll demo $(DEMO)

.PHONY: test
test: ## installs the peers that the tests talk to, and runs all tests
	scripts/install-peers.sh
	scripts/test.sh $(TEST)

.PHONY: parity
parity: ## rackpoll against ipmitool, freeipmi and net-snmp on the same devices, field by field (PARITY="--only sdr")
	scripts/install-peers.sh
	cargo build --bin rackpoll
	python3 scripts/parity $(PARITY)

.PHONY: fuzz
fuzz: ## seeded fuzzing of the protocol crates, stable compiler (FUZZ="--target session --executions 1000000"; --list)
	cargo run --quiet --profile fuzz -p rackpoll-fuzz -- $(FUZZ)

# A workspace of its own: its peers are not in the product's lock file. BENCH="--rounds 6 --bmcs 32" is quick.
.PHONY: bench
bench: ## CPU per poll beside other tools, as ratios of one run (docs/benchmarks.md)
	cargo build --release --bin rackpoll
	cargo build --release --manifest-path bench/Cargo.toml --target-dir target/bench
	target/bench/release/rackpoll-bench engine $(BENCH)
	target/bench/release/rackpoll-bench tools
	target/bench/release/rackpoll-bench sensors
	target/bench/release/rackpoll-bench snmp
	target/bench/release/rackpoll-bench agent

.PHONY: fuzz-agent
fuzz-agent: ## the same for what the bus and the configuration bring, and for what goes out; slower
	cargo run --quiet -p rackpoll-fuzz-agent -- $(FUZZ)

.PHONY: fuzz-coverage
fuzz-coverage: ## one target under libFuzzer, with a nightly compiler (TARGET=session SECONDS=60)
	CARGO_FUZZ_VERSION=$(CARGO_FUZZ_VERSION) scripts/fuzz-coverage.sh $(TARGET) $(SECONDS)

.PHONY: check
check: ## formatting and lints, warnings as errors
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings

.PHONY: deny
deny: tools ## licences, bans and sources of all crates
	PATH="$(CURDIR)/target/tools/bin:$$PATH" cargo deny check licenses bans sources

.PHONY: tools
tools: ## cargo-deny, under target/tools where the machine has none
	@command -v cargo-deny >/dev/null || [ -x target/tools/bin/cargo-deny ] || \
	  cargo install cargo-deny --locked --version $(CARGO_DENY_VERSION) --root target/tools --target-dir target/tools/build

.PHONY: clean-peers
clean-peers: ## removes snmpsim; says which packages were installed for the tests
	rm -rf target/venv
	@if [ -s target/peers-installed.txt ]; then echo "installed for the tests; remove with: apt-get purge $$(sort -u target/peers-installed.txt | tr '\n' ' ')"; fi
