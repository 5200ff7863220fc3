#!/usr/bin/env bash
# The micro-benchmarks of one collector, with as few iterations as can be: each piece is measured or says why not, and
# has its counters; wrong arguments are refused.
# usage: test_micro.sh PATH-OF-MICRO [OPTIONS-OF-THE-COLLECTOR]
set -u
micro=$1 options=${2:-}
. "$(dirname "$0")/../expect.sh"

# Without large heaps and many allocations, but for the heap in which marking goes on long enough.
measure() { # HEAP FILTER FILE
  "$micro" -o "heap=$1${options:+,$options}" --benchmark_min_time=0.000001 --benchmark_filter="$2" \
    --benchmark_format=json >"$dir/$3" 2>"$dir/log" || fail "exit status $?: $(cat "$dir/log")"
}
measure 16m '-:(64k|1m|4m)|/on' small.json
measure 128m store/on on.json
jq -s '[.[].benchmarks[]]' "$dir/small.json" "$dir/on.json" >"$dir/all.json" || fail "no JSON"

for name in alloc/8 alloc/128 alloc/leaf:32 load store/off swap/off root_set frame safepoint full/tree:8k store/on \
  pauses/tree:8k minor/survive:8k; do
  jq -e --arg name "$name" 'any(.[]; .name | startswith($name + "/"))' "$dir/all.json" >/dev/null || fail "$name is missing"
done
# A skipped piece says so; the others have times and counters.
jq -r '.[] | select(if .error_occurred then .error_message | startswith("skipped: ") | not
    else (.real_time > 0 and .cpu > 0 and .p50 <= .p99 and .p99 <= .max) | not end)' "$dir/all.json" >"$dir/bad"
[ ! -s "$dir/bad" ] || fail "$(cat "$dir/bad")"
jq -e '[.[] | select(.error_occurred | not)] | length >= 18' "$dir/all.json" >/dev/null || fail "nearly all was skipped"

"$micro" --no-such-flag >"$dir/log" 2>&1
[ $? = 2 ] || fail "an unknown flag is not refused"
grep -q 'right would be -o KEY=VALUE' "$dir/log" || fail "no sentence: $(cat "$dir/log")"
"$micro" -o heap=banana --benchmark_filter=alloc/8 --benchmark_format=json 2>"$dir/log" | grep -q 'heap' || fail "-o is not read"

finish
