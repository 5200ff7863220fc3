#!/usr/bin/env bash
# Every workload in size tiny on one collector: inline, dynamic, and dynamic with a shadow heap that is compared
# after every collection. All must succeed with the same answer; in the tight heaps, where collectors work hardest,
# running out of memory is legal too.
# usage: test_workloads.sh PATH-OF-TRICOLOR COLLECTOR [OPTIONS-OF-THE-COLLECTOR]
set -u
tricolor=$1 collector=$2 options=${3:-}
failures=0
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT

run() { "$tricolor" run --collector="$collector" --workload="$1" --size=tiny --json ${options:+-o "$options"} "${@:2}"; }
answer() { sed -n 's/.*"answer": \(-\{0,1\}[0-9]*\).*/\1/p'; }

for workload in $("$tricolor" list workloads --json | sed -n 's/^ *"name": "\([^"]*\)".*/\1/p'); do
  inline=$(run "$workload" --heap=64m --binding=inline) || { failures=$((failures + 1)); echo "FAILED inline: $inline"; continue; }
  for mode in "64m --check=off" "64m --check=gc" "1m --check=gc" "384k --check=gc"; do
    dynamic=$(run "$workload" --binding=dynamic --heap=$mode 2>"$errors")
    if [ $? != 0 ]; then
      [[ $mode != 64m* ]] && grep -qE 'too small|at least' "$errors" && continue
      failures=$((failures + 1))
      echo "FAILED dynamic $mode: $dynamic $(cat "$errors")"
      continue
    fi
    if [ "$(echo "$inline" | answer)" != "$(echo "$dynamic" | answer)" ]; then
      failures=$((failures + 1))
      printf 'FAILED: %s answers differently in the two bindings\n%s\n%s\n' "$workload" "$inline" "$dynamic"
    fi
  done
  echo "$workload: $(echo "$inline" | answer)"
done
echo "$failures failures"
[ $failures = 0 ]
