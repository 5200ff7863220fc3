#!/usr/bin/env bash
# Some inputs run twice: on a collector whose runs differ the target reports D1, on the clean one nothing.
# usage: test_twice.sh FICKLE-TARGET CLEAN-TARGET
set -u
fickle=$1 clean=$2
generate=(--blind=generate --runs=500 --seed=1)

"$clean" "${generate[@]}" || { echo "failed: $clean does not repeat"; exit 1; }
found=$("$fickle" "${generate[@]}" 2>&1)
status=$?
printf '%s\n' "$found"
[ $status = 134 ] || { echo "failed: $fickle ends with status $status, not by an abort"; exit 1; }
[[ $found == *"tricolor-finding collector=marksweep invariant=D1 "* ]] || { echo "failed: no D1"; exit 1; }
