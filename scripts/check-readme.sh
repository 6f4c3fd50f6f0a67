#!/usr/bin/env bash
# Every `make TARGET`, `rackpoll COMMAND` and `--option` in the README's code exists, and every file that it links to.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "$0")/.."

cargo build --quiet --bin rackpoll
rackpoll=target/debug/rackpoll
failed=0
complain() {
    echo "check-readme: $*" >&2
    failed=1
}

# Code: fenced blocks, and spans between backticks.
code=$(awk '/^ *```/ { inside = !inside; next } inside { print; next } { while (match($0, /`[^`]+`/)) { print substr($0, RSTART + 1, RLENGTH - 2); $0 = substr($0, RSTART + RLENGTH) } }' README.md)

targets=$(grep -oE '\bmake [a-z][a-z-]*' <<<"$code" | awk '{ print $2 }' | sort -u)
[ -n "$targets" ] || complain "names no make target"
for target in $targets; do
    grep -qE "^$target:" Makefile || complain "make $target does not exist"
done

commands=0
while read -r line; do
    # The words up to the first that is no plain word are the command; all --options of the line belong to it.
    read -r -a words <<<"${line#*rackpoll }"
    path=()
    for word in "${words[@]}"; do
        [[ "$word" =~ ^[a-z]+$ ]] && [ "${#path[@]}" -lt 2 ] || break
        path+=("$word")
    done
    help=$("$rackpoll" "${path[@]}" --help 2>&1) || help=$("$rackpoll" "${path[@]:0:1}" --help 2>&1) || { complain "rackpoll ${path[*]} does not exist"; continue; }
    commands=$((commands + 1))
    for option in $(grep -oE '(^| |\[)--[a-z][a-z0-9-]*' <<<"$line" | tr -d ' ['); do
        grep -qE -- "$option\b" <<<"$help" || complain "rackpoll ${path[*]} has no option $option"
    done
done < <(grep -oE '(^|[ /])rackpoll (run|demo|check|poll|simulate|[a-z]+ --)[^|;&#]*' <<<"$code" || true)
[ "$commands" -gt 0 ] || complain "names no rackpoll command"

links=$(grep -oE '\]\([^)#]+' README.md docs/*.md docs/decisions/*.md | sed 's/\](/ /' || true)
while IFS=': ' read -r file link; do
    case $link in '' | http*) continue ;; esac
    [ -e "$(dirname "$file")/$link" ] || complain "$file links to $link, which is not there"
done <<<"$links"

[ "$failed" = 0 ] && echo "check-readme: $commands commands, $(wc -w <<<"$targets") make targets"
exit "$failed"
