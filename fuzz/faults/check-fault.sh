#!/usr/bin/env bash
# A fault is what it says: on the faulted collector its witness fires one of the named invariants, before anything
# else, and on the unmodified one it is clean. A crash or a hang that the oracle did not name does not count.
# usage: check-fault.sh FAULTED CLEAN WITNESS INVARIANT…       (two fuzz targets of the replay engine)
set -u
faulted=$1 clean=$2 witness=$3
shift 3
limit=60

[ -f "$witness" ] || { echo "$witness: there is no witness" >&2; exit 1; }

run() { # target: its output and exit status
  output=$(FUZZ_ASSERTIONS=0 timeout "$limit" "$1" "$witness" 2>&1)
  status=$?
}

run "$clean"
if [ $status != 0 ]; then
  echo "$witness: is not clean on the unmodified collector ($clean, exit status $status):" >&2
  echo "$output" >&2
  exit 1
fi

run "$faulted"
found=$(sed -n 's/^fuzz-[^ ]*: \[\([^]]*\)\].*/\1/p' <<<"$output" | head -1)
for invariant in "$@"; do
  [ "$found" = "$invariant" ] && { echo "$output"; exit 0; }
done
if [ $status = 0 ]; then
  said="nothing fires"
elif [ $status = 124 ]; then
  said="the run does not end"
elif [ -z "$found" ]; then
  said="the program ends with status $status, and the oracle has named nothing"
else
  said="$found fires"
fi
echo "$witness: on the faulted collector ($faulted) $said; the patch says Fires: $*" >&2
echo "$output" >&2
exit 1
