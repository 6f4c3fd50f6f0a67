#!/usr/bin/env bash
# Every example configuration is taken by `rackpoll check`, and a broken one is not.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --quiet --bin rackpoll
rackpoll=target/debug/rackpoll
# The examples take secrets from the environment; any text of 20 bytes serves, and a key has to be 32
# bytes in base64.
while read -r variable; do
    case $variable in
    *KEY) export "$variable=$(head -c 32 /dev/urandom | base64)" ;;
    *) export "$variable=$(head -c 12 /dev/urandom | base64)" ;;
    esac
done < <(grep -rhoE 'env = "[A-Z_]+"' config | cut -d '"' -f 2 | sort -u)

checked=0
while read -r example; do
    "$rackpoll" check --config "$example" || { echo "check-examples: $example is not valid" >&2; exit 1; }
    checked=$((checked + 1))
done < <(find config -name '*.toml' -not -path '*/conf.d/*' | sort)
[ "$checked" -gt 0 ] || { echo "check-examples: there is no example in config/" >&2; exit 1; }

# A check that takes everything proves nothing.
broken=$(mktemp --suffix .toml)
trap 'rm -f "$broken"' EXIT
printf '[agent]\nnmae = "misspelt"\n' >"$broken"
status=0
"$rackpoll" check --config "$broken" >/dev/null 2>&1 || status=$?
[ "$status" = 78 ] || { echo "check-examples: a misspelt key gives exit status $status, not 78" >&2; exit 1; }
echo "check-examples: $checked valid, and a broken one is refused"
