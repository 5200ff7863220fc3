#!/usr/bin/env bash
# minimize as its user meets it: short results, verdicts of dying and hanging runs, and the same result however often
# it was stopped. usage: test_minimize.sh PATH-OF-TRICOLOR FOLDER-OF-SEEDS
set -u
tricolor=$1
seeds=$2
. "$(dirname "$0")/../expect.sh"
expect() { expect_of "$1" "$2" "$tricolor" "${@:3}"; } # STATUS TEXT ARGUMENT…

# operations FILE: how many it has.
operations() { "$tricolor" asm "$1" | "$tricolor" dis - | wc -l; }

big=$dir/big.thp
cat "$seeds"/{recorded-quads,tree,list,copy,hide,weak,finalizer}.thp >"$big"

# Hundreds of operations become a few that still violate the same row.
for fault in lose-edge:3 merge:2 corrupt:2 drop-root:2 reuse:3 lie-live clear-weak write-later; do
  expect 0 "preemption" minimize --collector=marksweep --fault=$fault --out="$dir/small.thp" "$big"
  row=$(sed -n 's/^\([A-Z][0-9a-z]*\) on marksweep.*/\1/p' "$dir/out")
  [ -n "$row" ] && [ "$(operations "$dir/small.thp")" -le 12 ] || fail "$fault is not short:" "$dir/out"
  expect 1 "): $row " replay --collector=marksweep --fault=$fault "$dir/small.thp"
  # The command in the report repeats the finding.
  (eval "\"\${tricolor%tricolor}\"$(grep '^# tricolor replay' "$dir/small.thp" | cut -c3-)") >"$dir/repeated"
  grep -q "): $row " "$dir/repeated" || fail "the command of $fault does not repeat it:" "$dir/repeated"
done

# A fault that only a preemption uncovers: a policy with many of them comes down to the decisions that are needed.
for seed in random pct robin; do
  expect 0 "" minimize --collector=marksweep --fault=race --out="$dir/small.thp" "$seeds/schedule-$seed.thp"
  grep -qE ', [1-9] preemptions?$' "$dir/out" && [ "$(operations "$dir/small.thp")" -le 14 ] ||
    fail "race under $seed is not short:" "$dir/out"
  grep -q policy "$dir/small.thp" && fail "race under $seed: a policy is left:" "$dir/out"
  row=$(sed -n 's/^\([A-Z][0-9a-z]*\) on marksweep.*/\1/p' "$dir/out")
  expect 1 "): $row " replay --collector=marksweep --fault=race "$dir/small.thp"
  expect 2 "needs the executor" minimize --collector=marksweep --fault=race --emit=c --out="$dir/no.thp" "$dir/small.thp"
done
expect 0 "0 findings" replay --collector=marksweep --fault=race "$seeds/schedule-block.thp"

expect 0 "signal 6 on marksweep with fault crash" minimize --collector=marksweep --fault=crash --out="$dir/small.thp" "$big"
printf 'r0 = alloc leaf bytes=0\ngc full\n' >"$dir/short.thp"
expect 0 "stopped" minimize --collector=marksweep --fault=hang:2 --experiments=1 "$dir/short.thp"
grep -q '^# hang on marksweep' "$dir/short.min.thp.part" || fail "a run without end:" "$dir/short.min.thp.part"

# What only the executor can do is no C test.
printf 'r0 = alloc leaf bytes=0\nfinalizer r0\nr0 = finalized\n' >"$dir/early.thp"
expect 2 "(r0 = finalized) needs the executor" \
  minimize --collector=marksweep --fault=finalize-early --emit=c "$dir/early.thp"
expect 2 "--emit=d: right would be c" minimize --collector=marksweep --emit=d "$big"

# Stopped after every few experiments, by an interrupt and by a kill, it comes to the same result.
expect 0 "" minimize --collector=semispace --fault=merge:4 --out="$dir/straight.thp" "$big"
rounds=0
until [ -e "$dir/stopped.thp" ] || [ $rounds = 500 ]; do
  expect 0 "" minimize --collector=semispace --fault=merge:4 --experiments=7 --out="$dir/stopped.thp" "$big"
  rounds=$((rounds + 1))
done
[ $rounds -gt 5 ] || fail "it was not stopped often: $rounds"
[ ! -e "$dir/stopped.thp.part" ] || fail "the state is still there"
for signal in INT KILL; do
  "$tricolor" minimize --collector=semispace --fault=merge:4 --out="$dir/$signal.thp" "$big" >/dev/null 2>&1 &
  until [ -e "$dir/$signal.thp.part" ] || [ -e "$dir/$signal.thp" ]; do :; done
  kill -$signal $! 2>/dev/null
  wait $! 2>/dev/null
  expect 0 "" minimize --collector=semispace --fault=merge:4 --out="$dir/$signal.thp" "$big"
done
for name in stopped INT KILL; do
  sed "s/$name\.thp/straight.thp/" "$dir/$name.thp" | cmp -s - "$dir/straight.thp" || fail "$name differs:" "$dir/$name.thp"
done

# A state of something else is not touched; a state is a program itself.
expect 0 "stopped; the best so far" minimize --collector=semispace --fault=merge:4 --experiments=7 --out="$dir/x.thp" "$big"
expect 1 "FINDING" replay --collector=semispace --fault=merge:4 "$dir/x.thp.part"
expect 2 "is there, but not the state of this minimisation" minimize --collector=semispace --fault=merge:2 --out="$dir/x.thp" "$big"

expect 2 "does not fail on marksweep: there is nothing to minimise" minimize --collector=marksweep "$big"
expect 2 "--collector is missing" minimize "$big"
expect 2 "unknown collector 'markswep'; did you mean 'marksweep'?" minimize --collector=markswep "$big"
expect 2 "unknown fault 'lose'" minimize --collector=marksweep --fault=lose "$big"
expect 2 "unknown option 'heep'" minimize --collector=marksweep -o heep=3 "$big"
expect 2 "no file is named" minimize --collector=marksweep
expect 2 "right would be a name that ends in .thp" minimize --collector=marksweep --out=x.bin "$big"
expect 2 "cannot open $dir/none.thp" minimize --collector=marksweep "$dir/none.thp"
expect 3 "/no/such/folder" minimize --collector=marksweep --fault=lose-edge --out=/no/such/folder/x.thp "$big"

finish
