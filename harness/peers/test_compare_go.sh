#!/usr/bin/env bash
# compare-go, once through: a table whose rows all have two numbers and their ratio. usage: test_compare_go.sh BUILD-FOLDER
set -u
hyperfine --version >/dev/null 2>&1 || exit 77
log=$(mktemp)
trap 'rm -f "$log"' EXIT
table=$("$(dirname "$0")/compare-go" "$1" 1 1 2>"$log") || { echo "FAILED: exit status $?: $(tail -n 5 "$log")"; exit 1; }
echo "$table"
rows=$(grep -cE '^\| [^|]+ \| [^|]+ \| [0-9.]+ \| [0-9.]+ \| ([0-9.]+ )?\|' <<<"$table")
[ "$rows" = 16 ] && [ "$(grep -c '–' <<<"$table")" = 0 ] || { echo "FAILED: $rows rows are whole"; exit 1; }
