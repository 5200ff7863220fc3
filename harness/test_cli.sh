#!/usr/bin/env bash
# The command line as its user meets it: exit statuses and sentences. usage: test_cli.sh PATH-OF-TRICOLOR
set -u
tricolor=$1
. "$(dirname "$0")/expect.sh"
expect() { expect_of "$1" "$2" "$tricolor" "${@:3}"; } # STATUS TEXT ARGUMENT…

expect 2 "usage: tricolor COMMAND"
expect 0 "usage: tricolor COMMAND" --help
expect 0 "usage: tricolor COMMAND" -h
expect 0 "usage: tricolor run" run -h
expect 0 "tricolor 0." --version
expect 2 "unknown command 'lst'; did you mean 'list'?" lst
expect 2 "unknown command 'xyzzy'; \`tricolor --help\` shows all" xyzzy

for command in list run replay minimize show record asm dis generate fuzz score bench; do
  expect 0 "usage: tricolor $command" "$command" --help
  expect 2 "tricolor $command: unknown option '--xyzzy'; see \`tricolor $command --help\`" "$command" --xyzzy
done

expect 0 "nocollect" list collectors
expect 0 '"name": "gcbench"' list workloads --json
expect 0 "fires: S3" list faults
expect 0 "go.32 with references at most 23.10 % waste" list sizeclasses --collector=go
expect 0 "cells: 248; of: 8192" list sizeclasses --collector=go -o layout=1.26
expect 0 '"name": "marksweep.48"' list sizeclasses --json
expect 2 "layout" list sizeclasses --collector=go -o layout=1.23
expect 2 "-o needs --collector" list sizeclasses -o layout=1.26
expect 2 "there is no list 'collektors'; did you mean 'collectors'" list collektors
expect 2 "unknown option '--jsn'; did you mean --json?" list --jsn
expect 2 "one at a time, please: 'options' is too much" list collectors options

expect 1 "L4a violated" run --collector=marksweep --workload=cyclic-garbage --size=tiny --check=gc --fault=lie-mapped
expect 1 "again: tricolor run --collector=marksweep" \
  run --collector=marksweep --workload=cyclic-garbage --size=tiny --check=gc --fault=lie-mapped
expect 1 "phases: operation" \
  run --collector=marksweep --workload=cyclic-garbage --size=tiny --check=gc --fault=lie-mapped
# What the collector itself finds, and cannot go on.
freed="run --collector=marksweep --workload=string-table --size=tiny --param=replacements=60000 --heap=1m --check=gc"
expect 1 "block space: free cell: freed memory was written to" $freed --fault=write-later
expect 1 "again: tricolor $freed --fault=write-later" $freed --fault=write-later
expect 2 "add --check=gc" run --collector=marksweep --workload=quads --fault=lose-edge
expect 2 "unknown fault 'lose'" run --collector=marksweep --workload=quads --check=gc --fault=lose
expect 0 "gcbench on nocollect: ok" run --collector=nocollect --workload=gcbench --size=tiny
expect 0 '"status": "ok"' run --collector=nocollect --workload=gcbench --size=tiny --json
expect 0 'B       total allocated, with headers and rounding' run --collector=nocollect --workload=gcbench --size=tiny --stats
expect 0 ' objects allocated objects, counted span by span' run --collector=go --workload=gcbench --size=tiny --stats
expect 0 '"NextGC": 4194304' run --collector=go --workload=gcbench --size=tiny --stats --json
expect 2 "--collector is missing" run --workload=gcbench
expect 2 "--workload is missing" run --collector=nocollect
expect 2 "unknown collector 'nocolect'; did you mean 'nocollect'?" run --collector=nocolect --workload=gcbench
expect 2 "unknown workload 'gcbnch'; did you mean 'gcbench'?" run --collector=nocollect --workload=gcbnch
expect 2 "--size=huge: right would be tiny, ci or full" run --collector=nocollect --workload=gcbench --size=huge
expect 2 "--heap=64x: right would be a size such as 64m" run --collector=nocollect --workload=gcbench --heap=64x
expect 2 "a heap of 1.00 MiB is too small for workload 'gcbench'" run --collector=nocollect --workload=gcbench --heap=1m
expect 2 "out of memory" run --collector=nocollect --workload=gcbench --heap=8m
expect 2 "unknown option 'heep' at position 1; there are heap" run --collector=nocollect --workload=gcbench -o heep=3
expect 2 "bad value 'maybe' for option 'huge' at position 1; right would be on or off" \
  run --collector=nocollect --workload=gcbench -o huge=maybe
expect 2 "value 1 of option 'region' at position 1 is out of range" \
  run --collector=semispace --workload=gcbench -o region=1
expect 2 "-o huge=on,heap=8m: the limit of the heap is --heap=SIZE here" \
  run --collector=nocollect --workload=gcbench -o huge=on,heap=8m
expect 2 "depth of workload 'gcbench' goes from 4 to 22" run --collector=nocollect --workload=gcbench --param=depth=99
expect 2 "workload 'gcbench' has the parameters depth, array, threads" \
  run --collector=nocollect --workload=gcbench --param=deep=9
expect 2 "unknown option '--chek=gc'" run --collector=nocollect --workload=gcbench --chek=gc
expect 2 "--heap needs a value" run --collector=nocollect --workload=gcbench --heap
expect 2 "'extra' is not an option" run --collector=nocollect --workload=gcbench extra
expect 2 "cannot load collector: ./no-such.so" run --collector=./no-such.so --workload=gcbench
expect 2 "needs the dynamic binding" run --collector=nocollect --workload=gcbench --binding=inline --check=gc
expect 3 "/no/such/folder" run --collector=nocollect --workload=gcbench --size=tiny --result=/no/such/folder/x.json

# Out of memory is a result when one is asked for.
expect 0 "" run --collector=nocollect --workload=gcbench --heap=8m --result="$dir/oom.json"
grep -q '"status": "oom"' "$dir/oom.json" || fail "no status oom in the result file"

finish
