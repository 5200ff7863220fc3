#!/usr/bin/env bash
# A fixed number of executions of one target by its engine: no finding, and most operations effective.
# usage: smoke.sh libfuzzer|afl TARGET SEEDS LIBRARY     (AFL++ loads the mutator from LIBRARY, libFuzzer has it in TARGET)
set -eu
engine=$1 target=$2 seeds=$3 library=$4
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

case $engine in
libfuzzer)
  mkdir "$out/corpus"
  FUZZ_STATS=1 "$target" -runs=10000 -seed=1 -max_len=512 -verbosity=0 -artifact_prefix="$out/" "$out/corpus" "$seeds" \
    2>&1 | tee "$out/log"
  executions=$(sed -n 's/^fuzz-.*: \([0-9]*\) executions.*/\1/p' "$out/log")
  [ "$executions" -ge 10000 ]
  # Of raw bytes a quarter to a half does something; a fuzzer whose operations do nothing no longer fuzzes.
  [ "$(sed -n 's/.* \([0-9]*\)% of them effective.*/\1/p' "$out/log")" -ge 50 ]
  [ -n "$(ls "$out/corpus")" ] || { echo "the engine kept no input: is the target instrumented?"; exit 1; }
  ;;
afl)
  export AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_AFFINITY=1 AFL_NO_UI=1 AFL_FAST_CAL=1 \
    AFL_BENCH_UNTIL_CRASH=1
  export AFL_CUSTOM_MUTATOR_LIBRARY=$library AFL_CUSTOM_MUTATOR_ONLY=1
  afl-fuzz -i "$seeds" -o "$out" -s 1 -E 3000 -- "$target" >"$out/log" 2>&1 || { tail -30 "$out/log"; exit 1; }
  grep -E 'execs_done|saved_crashes|saved_hangs|edges_found|stability' "$out/default/fuzzer_stats"
  grep -q 'Persistent mode binary detected' "$out/log"
  # New test cases are named after the operators that made them.
  ls "$out/default/queue" | grep -q 'execs:.*,.*\(hide\|insert\|old-to-young\|family\|duplicate\|splice\)'
  grep -q '^saved_crashes *: 0$' "$out/default/fuzzer_stats"
  [ "$(sed -n 's/^edges_found *: //p' "$out/default/fuzzer_stats")" -gt 100 ]
  ;;
esac
