#!/usr/bin/env bash
# Engines see situations as edges: with FUZZ_FEEDBACK=1 one run of a program lights up more of the coverage map than
# without, many more if actors are switched. usage: test_situations.sh libfuzzer|afl TARGET SEEDS
set -eu
engine=$1 target=$2 seeds=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

edges() { # seed, FUZZ_FEEDBACK: how many entries of the map one run of the seed leaves
  case $engine in
  afl)
    FUZZ_FEEDBACK=$2 AFL_NO_AFFINITY=1 afl-showmap -q -o "$dir/map" -- "$target" "$seeds/$1" >/dev/null 2>&1
    wc -l <"$dir/map"
    ;;
  libfuzzer)
    rm -rf "$dir/corpus"
    mkdir "$dir/corpus"
    cp "$seeds/$1" "$dir/corpus"
    FUZZ_FEEDBACK=$2 "$target" -runs=1 -max_len=4096 "$dir/corpus" 2>&1 | sed -n 's/.*INITED cov: \([0-9]*\) .*/\1/p'
    ;;
  esac
}

more() { # seed, how many more edges there have to be: runs differ by a few, memory lies elsewhere
  local without with
  without=$(edges "$1" 0)
  with=$(edges "$1" 1)
  echo "$1: $without edges without situations, $with with them"
  [ "$without" -gt 0 ] && [ "$with" -ge $((without + $2)) ] || { echo "failed: at least $2 more were to be seen"; exit 1; }
}

more cycle 8
more schedule-random 50
