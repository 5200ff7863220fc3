#!/usr/bin/env bash
# An arm kills these faults, all with seed 0 and within so many executions.
# usage: test_kills.sh TRICOLOR ENGINE BUILD ARM EXECUTIONS FAULT…
set -eu
tricolor=$1 engine=$2 build=$3 arm=$4 executions=$5
shift 5
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
faults=$(IFS=,; echo "$*")
"$tricolor" score --out="$dir" --name=kills --arms="$arm" --fault="$faults" --"$engine"-build="$build" --trials=1 \
  --controls=0 --executions="$executions" --operations=1000000000000 --cpu=600
grep -q "^$arm  *$#/$#  *$#/$#  *$# " <("$tricolor" score --report="$dir/kills.json") || { echo "failed: not all were killed"; exit 1; }
