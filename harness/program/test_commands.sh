#!/usr/bin/env bash
# asm, dis, show and replay as their user meets them. usage: test_commands.sh PATH-OF-TRICOLOR FOLDER-OF-SEEDS
set -u
tricolor=$1
seeds=$2
. "$(dirname "$0")/../expect.sh"
expect() { expect_of "$1" "$2" "$tricolor" "${@:3}"; } # STATUS TEXT ARGUMENT…

# Text to bytes to text: only comments are lost.
for seed in "$seeds"/*.thp; do
  "$tricolor" asm --out="$dir/bytes.bin" "$seed" && "$tricolor" dis "$dir/bytes.bin" >"$dir/text" || fail "asm, dis of $seed"
  sed 's/ *#.*//; /^$/d' "$seed" | cmp -s - "$dir/text" || fail "$seed is not what dis prints"
done
input=$dir/text expect 0 "" asm --out="$dir/again" -
cmp -s "$dir/again" "$dir/bytes.bin" || fail "asm from the standard input"

# Any bytes are a program, whatever the name says about them.
printf '\001\002\200\377\000\177\220' >"$dir/any"
expect 0 "alloc" dis "$dir/any"
expect 0 "1 programs" replay "$dir/any"

printf 'gc full\nr1 = alloc laef bytes=8\n' >"$dir/wrong.thp"
expect 2 "wrong.thp:2:12: no operation has 'laef' here; the nearest is 'leaf'" asm "$dir/wrong.thp"
expect 2 "wrong.thp:2:12" replay "$dir"
rm "$dir/wrong.thp"
expect 2 "cannot open $dir/none.thp" replay "$dir/none.thp"
expect 2 "no file is named" dis
expect 2 "one at a time, please: '$dir/any' is too much" asm "$dir/any" "$dir/any"
expect 2 "unknown option '--collector=nocollect'" asm --collector=nocollect "$dir/any"
expect 2 "unknown collector 'nocolect'; did you mean 'nocollect'?" replay --collector=nocolect "$dir/any"
expect 2 "unknown option 'heep'" replay --collector=nocollect -o heep=3 "$dir/any"
expect 2 "--steps=0: right would be a number from 1" replay --steps=0 "$dir/any"
mkdir "$dir/empty"
expect 2 "$dir/empty: there is no program in this folder" replay "$dir/any" "$dir/empty"
expect 2 "right would be --check=gc or --check=end" replay --check=off --fault=lose-edge "$dir/any"
expect 2 "--check=on: right would be gc, end or off" replay --check=on "$dir/any"
expect 0 "1 programs" replay --check=off --steps=10 "$dir/any"
expect 1 "FINDING" replay --collector=marksweep --fault=drop-root "$seeds/list.thp"
expect 1 "phases: operation 5: " replay --collector=marksweep --fault=lose-edge "$seeds/list.thp"
expect 1 "again: tricolor replay --collector=marksweep --fault=lose-edge $seeds/list.thp" \
  replay --collector=marksweep --fault=lose-edge "$seeds/list.thp"
# What a collector itself finds, and cannot go on, is told all the same.
printf '%s\n' 'r0 = alloc refs n=6' 'r1 = alloc refs n=6' 'gc full' 'r1 = null' 'gc full' 'r2 = alloc refs n=6' \
  'loop back=1 times=100' >"$dir/freed.thp"
expect 1 "FINDING: operation 6 (r2 = alloc refs n=6): S8 block space: free cell: freed memory was written to" \
  replay --collector=marksweep --fault=write-later "$dir/freed.thp"
grep -qF "again: tricolor replay --collector=marksweep --fault=write-later $dir/freed.thp" "$dir/out" &&
  grep -q '^1 programs, 1 runs, 1 findings$' "$dir/out" || fail "the last words of replay:" "$dir/out"
# What only a walk shows is seen at each end of a collection, or at the end of the program.
printf '%s\n' 'r0 = alloc refs n=6' 'gc full' 'r1 = r0' >"$dir/hidden.thp"
expect 1 "FINDING: operation 2 (gc full): S1 " replay --collector=marksweep --fault=hide "$dir/hidden.thp"
expect 1 "FINDING: operation 4 (end): S1 " replay --collector=marksweep --check=end --fault=hide "$dir/hidden.thp"

# All collectors have the same outcome, and it is printed; the command that repeats a difference names them all.
printf '%s\n' 'r0 = alloc leaf bytes=8' 'gc full' >"$dir/one.thp"
expect 0 "" replay "$dir/one.thp"
[ "$(grep -c '^outcome: 1 of 1 objects, graph [0-9a-f]*$' "$dir/out")" = "$(grep -c ' on ' "$dir/out")" ] &&
  [ "$(grep '^outcome' "$dir/out" | sort -u | wc -l)" = 1 ] || fail "one outcome:" "$dir/out"
expect 1 " on marksweep: FINDING: D2 the outcome is 1 of 1 objects, " replay --check=end --fault=corrupt "$dir/one.thp"
grep -qF "again: tricolor replay --collector=all --check=end --fault=corrupt $dir/one.thp" "$dir/out" ||
  fail "what repeats a different outcome:" "$dir/out"
expect 2 "unknown fault 'lose'" replay --collector=marksweep --fault=lose "$seeds/list.thp"
expect 2 "which opportunity" replay --collector=marksweep --fault=lose-edge:0 "$seeds/list.thp"
expect 3 "/no/such/folder" asm --out=/no/such/folder/x "$dir/any"
expect 0 "usage: tricolor show" show --help

# Two integers, and where they are.
expect 0 "value 2" replay --collector=nocollect "$seeds/two-variables.thp"
[ "$(grep -c '0x[0-9a-f]*, [0-9]* B, value [12]$' "$dir/out")" = 2 ] || fail "two variables:" "$dir/out"
expect 0 "#2 at 0x" show --collector=nocollect "$seeds/two-variables.thp"
grep -q '#1 .*value 1  <- m0 r0' "$dir/out" || fail "show names objects, values and roots:" "$dir/out"
expect 0 "#1 moved 0x" show --collector=semispace "$seeds/payload.thp"
expect 0 "reclaimed: #1 #2 #3" show --collector=marksweep "$seeds/cycle.thp"

expect 0 " 0 findings" replay "$seeds"

# A recording is text or bytes, as its name says, and one program all the same.
expect 0 "replays to the same graph" record --workload=quads --param=depth=3 --out="$dir/quads.thp"
expect 0 "replays to the same graph" record --workload=quads --param=depth=3 --out="$dir/quads.bin"
"$tricolor" asm "$dir/quads.thp" | cmp -s - "$dir/quads.bin" || fail "a recording as text and as bytes"
expect 2 "unknown workload 'quad'; did you mean 'quads'?" record --workload=quad --out="$dir/x"
expect 2 "--out is missing" record --workload=quads
expect 2 "--size=huge: right would be" record --workload=quads --size=huge --out="$dir/x"
expect 3 "/no/such/folder" record --workload=quads --out=/no/such/folder/x

# A seed is a program, as text or bytes, and nothing is wrong with it.
expect 0 "" generate --seed=7 --ops=100 --out="$dir/generated.thp"
expect 0 "" generate --seed=7 --ops=100 --out="$dir/generated.bin"
"$tricolor" asm "$dir/generated.thp" | cmp -s - "$dir/generated.bin" || fail "a generated program as text and as bytes"
expect 0 " 0 findings" replay --collector=marksweep "$dir/generated.thp"
expect 2 "--seed is missing" generate
expect 2 "--ops=many: right would be a number" generate --seed=1 --ops=many
expect 2 "unknown option '--sed=1'" generate --sed=1
expect 3 "/no/such/folder" generate --seed=1 --out=/no/such/folder/x

finish
