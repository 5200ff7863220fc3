#!/usr/bin/env bash
# Every workload in size tiny on one collector: inline, dynamic, and dynamic with a shadow heap that is compared
# after every collection. All three must succeed with the same answer.
# usage: test_workloads.sh PATH-OF-TRICOLOR COLLECTOR
set -u
tricolor=$1 collector=$2
failures=0

run() { "$tricolor" run --collector="$collector" --workload="$1" --size=tiny --heap=64m --json "${@:2}"; }
answer() { sed -n 's/.*"answer": \(-\{0,1\}[0-9]*\).*/\1/p'; }

for workload in $("$tricolor" list workloads --json | sed -n 's/^ *"name": "\([^"]*\)".*/\1/p'); do
  inline=$(run "$workload" --binding=inline) || { failures=$((failures + 1)); echo "FAILED inline: $inline"; continue; }
  for mode in --check=off --check=gc; do
    dynamic=$(run "$workload" --binding=dynamic $mode) ||
      { failures=$((failures + 1)); echo "FAILED dynamic $mode: $dynamic"; continue; }
    if [ "$(echo "$inline" | answer)" != "$(echo "$dynamic" | answer)" ]; then
      failures=$((failures + 1))
      printf 'FAILED: %s answers differently in the two bindings\n%s\n%s\n' "$workload" "$inline" "$dynamic"
    fi
  done
  echo "$workload: $(echo "$inline" | answer)"
done
echo "$failures failures"
[ $failures = 0 ]
