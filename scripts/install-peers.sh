#!/usr/bin/env bash
# Installs what the tests talk to: real IPMI and SNMP simulators, their reference clients, RabbitMQ and Mosquitto.
#   scripts/install-peers.sh [MORE DEBIAN PACKAGES ...]
# Does nothing where all is there. Where something cannot be installed it says so and fails. Starts no service.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=target/venv
record=target/peers-installed.txt
requirements=scripts/peers-requirements.txt

# Program and the Debian package that has it.
programs=(
    "ipmi_sim openipmi" "ipmitool ipmitool" "ipmipower freeipmi-tools" "ipmi-sensors freeipmi-tools"
    "snmpget snmp" "snmpwalk snmp" "snmptrap snmp" "snmpinform snmp" "snmpd snmpd"
    "rabbitmq-server rabbitmq-server" "erl rabbitmq-server" "epmd rabbitmq-server"
    "mosquitto mosquitto" "mosquitto_sub mosquitto-clients" "mosquitto_pub mosquitto-clients"
    "openssl openssl" "setpriv util-linux" "python3 python3"
)
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

say() { echo "install-peers: $*" >&2; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

policy=/usr/sbin/policy-rc.d
policy_ours=
# Debian starts a service as soon as its package is there; while this file says 101 it does not.
forbid_services() {
    if as_root test -e "$policy" || as_root test -L "$policy"; then
        as_root mv "$policy" "$policy.rackpoll-saved"
    fi
    policy_ours=1
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
}
allow_services() {
    [ -n "$policy_ours" ] || return 0
    policy_ours=
    as_root rm -f "$policy"
    if as_root test -e "$policy.rackpoll-saved" || as_root test -L "$policy.rackpoll-saved"; then
        as_root mv "$policy.rackpoll-saved" "$policy"
    fi
}
trap allow_services EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

install_packages() {
    if ! command -v apt-get >/dev/null; then
        say "this machine has no apt-get; install these yourself: $*"
        exit 1
    fi
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        say "neither root nor sudo: cannot install $*"
        exit 1
    fi
    say "installing $*"
    forbid_services
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q </dev/null >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" </dev/null >&2
    allow_services
    mkdir -p target
    printf '%s\n' "$@" >>"$record"
}

missing=()
for entry in "${programs[@]}"; do
    read -r program package <<<"$entry"
    command -v "$program" >/dev/null || missing+=("$package")
done
for package in "$@"; do
    dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
    readarray -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
    install_packages "${missing[@]}"
fi

# snmpsim in a virtual environment of its own; made anew where the pinned versions have changed.
if ! cmp -s "$requirements" "$venv/installed.txt"; then
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv
    say "making $venv"
    rm -rf "$venv"
    mkdir -p target
    python3 -m venv "$venv" || { install_packages python3-venv && rm -rf "$venv" && /usr/bin/python3 -m venv "$venv"; }
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" </dev/null >&2
    cp "$requirements" "$venv/installed.txt"
fi

# What was installed is also there.
failed=0
for entry in "${programs[@]}"; do
    read -r program package <<<"$entry"
    command -v "$program" >/dev/null || { say "$program (package $package) is missing"; failed=1; }
done
compgen -G '/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server' >/dev/null ||
    { say "RabbitMQ is not at /usr/lib/rabbitmq/lib/rabbitmq_server-*, where Debian's package puts it"; failed=1; }
"$venv/bin/snmpsim-command-responder" --version >/dev/null 2>&1 || { say "snmpsim in $venv does not start"; failed=1; }
"$venv/bin/python" -c 'import cryptography, pysmi' || { say "snmpsim lacks cryptography or pysmi"; failed=1; }
exit "$failed"
