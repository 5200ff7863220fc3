#!/usr/bin/env bash
# tricolor fuzz as its user meets it. usage: test_fuzz_command.sh TRICOLOR ENGINE BUILD CORPUS [FAULTED-MARKSWEEP]
# (BUILD has the targets for ENGINE; FAULTED-MARKSWEEP is one of them, with a fault that dies early.)
set -u
tricolor=$1 engine=$2 build=$3 corpus=$4 faulted=${5:-}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0

# expect STATUS TEXT ARGUMENT…
expect() {
  local status=$1 text=$2 got=0
  shift 2
  "$tricolor" fuzz --engine="$engine" --out="$dir/out" "$@" >"$dir/log" 2>&1 </dev/null || got=$?
  if [ $got != "$status" ] || ! grep -qE -- "$text" "$dir/log"; then
    printf 'FAILED: tricolor fuzz %s\n  expected status %s and: %s\n  got status %s and:\n' "$*" "$status" "$text" "$got"
    sed 's/^/    /' "$dir/log"
    failures=$((failures + 1))
  fi
}

expect 0 "^tricolor-stats executions=[0-9]+ .*reached-swept=[1-9]" --build="$build" --collector=marksweep --runs=2000
expect 0 "executions that reached: started [1-9]" --build="$build" --collector=marksweep --runs=1000 --corpus="$corpus"
[ "$engine" = replay ] || expect 0 "corpus: .*marksweep-" --build="$build" --collector=marksweep --runs=3000 # goes on
expect 0 "^marksweep +[0-9]+ +[0-9]+%" --build="$build" --collector=marksweep --stats --corpus="$corpus" --runs=100
expect 1 "ALARM: marksweep: only [0-9]+% of the operations did anything" \
  --build="$build" --collector=marksweep --runs=1000 --floor=100 --raw
expect 2 "--stats needs --corpus=FOLDER" --collector=marksweep --stats
expect 2 "--stats goes by --runs=N, not by --time" --collector=marksweep --stats --corpus="$corpus" --time=1s
expect 2 "--collector=all needs --runs or --time" --collector=all
expect 2 "cannot open $dir/none" --build="$build" --collector=marksweep --runs=10 --corpus="$dir/none"
expect 2 "is missing; build it: cmake --preset" --build="$dir" --collector=marksweep --runs=10
expect 2 "unknown collector 'marksweeep'; did you mean 'marksweep'" --collector=marksweeep
expect 2 "right would be 60s, 10m or 8h" --collector=marksweep --time=long
expect 2 "collector is missing" --runs=1

if [ "$engine" = replay ]; then # a target given nothing to run says so
  mkdir "$dir/empty"
  "$build/fuzz/fuzz-marksweep" "$dir/empty" >"$dir/log" 2>&1
  [ $? = 2 ] && grep -q "there is no program" "$dir/log" || { echo "FAILED: an empty folder is replayed"; failures=$((failures + 1)); }
fi

# A collector that claims to reclaim and never begins a collection: nocollect in the place of marksweep.
mkdir -p "$dir/idle/fuzz"
cp "$build/fuzz/fuzz-nocollect" "$dir/idle/fuzz/fuzz-marksweep"
cp "$build"/fuzz/libtricolor-mutator.so "$dir/idle/fuzz"
expect 1 "ALARM: marksweep: no execution began a collection" --build="$dir/idle" --collector=marksweep --runs=1000
expect 0 "executions that reached: started 0%" --build="$build" --collector=nocollect --runs=1000

if [ -n "$faulted" ]; then # in the place of the unmodified one
  mkdir -p "$dir/build/fuzz"
  cp "$faulted" "$dir/build/fuzz/fuzz-marksweep"
  cp "$build"/fuzz/libtricolor-mutator.so "$dir/build/fuzz"
  expect 1 "FINDING \[[A-Z][0-9]+[a-z]?\] after [0-9]+ executions" --build="$dir/build" --collector=marksweep --runs=100000
  again=$(sed -n 's/^  again: *tricolor replay .* //p' "$dir/log")
  smaller=$(sed -n 's/^  smaller: *tricolor minimize .* //p' "$dir/log")
  if [ ! -s "$again" ] || [ "$again" != "$smaller" ] || "$faulted" "$again" >"$dir/log" 2>&1; then
    echo "FAILED: the program of the finding ($again) does not repeat it"
    failures=$((failures + 1))
  fi
fi
[ $failures = 0 ]
