#!/usr/bin/env bash
# An emitted C test shows the failure on the faulty collector, and none on the clean one.
# usage: test_emitted.sh TEST COLLECTOR FAULT
set -u
"$1" "$2" || { echo "fails on the clean $2"; exit 1; }
"$1" "$2+$3"
status=$?
[ $status != 0 ] && [ $status != 2 ] || { echo "does not fail on $2 with $3: status $status"; exit 1; }
