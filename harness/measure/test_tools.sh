#!/bin/sh
# Other people's programs on series that bench has just written.
#   test_tools.sh compare BENCH          Google Benchmark's compare.py loads and compares two of them
#   test_tools.sh schema  BENCH SCHEMA   they satisfy the JSON Schema, and damaged ones do not
#   test_tools.sh real    TRICOLOR SCHEMA   the real program with real collectors: both of the above
# BENCH is the test program of bench, FAKE_RUN its stand-in for `tricolor run`. Exit status 77: a tool is missing.
set -eu
what=$1 bench=$2 schema=${3:-}
python=${TRICOLOR_PYTHON:-/usr/bin/python3} compare=/usr/share/benchmark/compare.py

skip() { echo "skipped: $1 is not installed (apt-get install $2)"; exit 77; }
fail() { echo "failed: $1"; exit 1; }
command -v hyperfine >/dev/null || skip hyperfine hyperfine
[ -x "$python" ] || skip "$python" python3

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# run_bench NAME OPTIONS…; a finding (exit status 1) is wanted where the collectors include a bad one
run_bench() {
  name=$1; shift
  "$bench" bench --quiet --out="$folder/$name.json" "$@" >"$folder/$name.txt" 2>&1 || [ $? = 1 ] || {
    cat "$folder/$name.txt"; fail "bench for $name.json"
  }
}

compare_series() {
  [ -r "$compare" ] || skip compare.py libbenchmark-tools
  "$python" -c 'import scipy' 2>/dev/null || skip scipy python3-scipy
  run_bench base --collector=steady,other,oom,wrong --runs=9
  run_bench new --collector=other,steady,oom --runs=10
  "$python" "$compare" --no-color benchmarks "$folder/base.json" "$folder/new.json" >"$folder/report" 2>&1 || {
    cat "$folder/report"; fail "compare.py on two series"
  }
  cat "$folder/report"
  for workload in trees lists; do
    for collector in steady other; do
      cell=$workload/$collector/heap:64m
      [ "$(grep -c "^$cell  *[+-]" "$folder/report")" = 9 ] || fail "9 pairs of $cell"
      grep -q "^${cell}_median  *[+-]" "$folder/report" || fail "the medians of $cell"
      grep -q "^${cell}_pvalue .*U Test, Repetitions: 9 vs 10" "$folder/report" || fail "the U test of $cell"
    done
  done
  grep -q '^OVERALL_GEOMEAN' "$folder/report" || fail "the geometric mean"
  ! grep -Eq 'oom|wrong' "$folder/report" || fail "a cell without good times is compared"
}

valid() { "$python" -W ignore -m jsonschema -i "$1" "$schema" >"$folder/complaint" 2>&1; }

# damage SED-EXPRESSION: the series with that change must be refused
damage() {
  sed "$1" "$folder/all.json" >"$folder/damaged.json"
  ! cmp -s "$folder/all.json" "$folder/damaged.json" || fail "nothing to damage with $1"
  ! valid "$folder/damaged.json" || fail "the schema accepts a series after $1"
}

validate_series() {
  "$python" -W ignore -c 'import jsonschema' 2>/dev/null || skip jsonschema python3-jsonschema
  run_bench all --collector=steady,other,oom,wrong,crash,unsupported --runs=2 -o workers=2
  valid "$folder/all.json" || { cat "$folder/complaint"; fail "the schema refuses a series"; }
  damage 's/"schema": 1/"schema": 2/'
  damage 's/"wall_ns":[0-9]*/"wall_ns":0.5/'
  damage 's/"status":"oom"/"status":"fine"/'
  damage 's/"seed": [0-9]*,//'
  damage 's/"heap_bytes":67108864/"heap_bytes":0/'
  damage 's/"real_time":/"realtime":/'
  damage 's/"collections":3/"collections":"3"/'
}

# All of it together. Small heaps run out of memory on some collector and workload, and that is fine.
time_real_collectors() {
  "$python" -W ignore -c 'import jsonschema' 2>/dev/null || skip jsonschema python3-jsonschema
  run_bench real --workload=gcbench,list-mutation --size=tiny --heap=1m,16m --runs=2
  cat "$folder/real.txt"
  grep -Eq '^gcbench +nocollect +16m +2 ' "$folder/real.txt" || fail "the row of gcbench on nocollect"
  ! grep -Eq 'FAILED|WRONG' "$folder/real.txt" || fail "a cell failed"
  valid "$folder/real.json" || { cat "$folder/complaint"; fail "the schema refuses the series"; }
}

case $what in
  compare) compare_series ;;
  schema) validate_series ;;
  real) time_real_collectors ;;
  *) fail "unknown test $what" ;;
esac
