#!/usr/bin/env bash
# tricolor score as its user meets it: results, going on after an interrupt, conditions that differ, controls.
# usage: test_score.sh TRICOLOR BUILD SCHEMA FAULT COLLECTOR    (BUILD has the programs of both, without an engine)
set -eu
tricolor=$1 build=$2 schema=$3 fault=$4 collector=$5
python=${TRICOLOR_PYTHON:-/usr/bin/python3}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fail() { echo "failed: $1"; cat "$dir/out"; exit 1; }

# score STATUS OPTIONS…
score() {
  local wanted=$1 got=0
  shift
  "$tricolor" score --out="$dir" --replay-build="$build" --fault="$fault" --arms=generate,mutate --cpu=300 "$@" \
    >"$dir/out" 2>&1 || got=$?
  [ $got = "$wanted" ] || fail "exit status $got instead of $wanted: $*"
}
# Executions are the same in each run of a trial; times are not. Trials that had not ended may be missing.
trials() { sed -n 's/.*"subject":"\([^"]*\)","arm":"\([^"]*\)","seed":\([0-9]*\),"outcome":"\([^"]*\)".*"executions":\([0-9]*\).*/\1 \2 \3 \4 \5/p' "$1" | sort; }

score 0 --name=whole --trials=2 --controls=1 --executions=300
[ "$(trials "$dir/whole.trials" | wc -l)" = 6 ] || fail "two arms on a fault twice, and on its collector once"
grep -q "Control: 1 unmodified collectors, 2 trials, .* 0 alarms" "$dir/out" || fail "the control"
grep -q "^$fault .*2/2" "$dir/out" || fail "the kills"
grep -v '^score:' "$dir/out" >"$dir/table"
"$tricolor" score --report="$dir/whole.json" >"$dir/out" 2>&1 || fail "--report"
diff "$dir/table" "$dir/out" || fail "--report shows something else"
"$tricolor" score --report="$dir/whole.json" --markdown >"$dir/out" 2>&1 || fail "--markdown"
grep -q "^| $fault |" "$dir/out" || fail "a row in Markdown"

# A log that ends in the middle of a line: what is missing is done again, the rest is not.
head -n -2 "$dir/whole.trials" >"$dir/cut.trials"
tail -n 2 "$dir/whole.trials" | head -n 1 | head -c 40 >>"$dir/cut.trials"
kept=$(head -n 3 "$dir/cut.trials")
score 0 --name=cut --trials=2 --controls=1 --executions=300
[ "$(head -n 3 "$dir/cut.trials")" = "$kept" ] || fail "trials were done twice"
diff <(trials "$dir/whole.trials") <(trials "$dir/cut.trials") || fail "the trials after going on"

# Interrupted after its first trial, whichever that is.
"$tricolor" score --out="$dir" --replay-build="$build" --fault="$fault" --arms=generate,mutate --cpu=300 --name=stopped \
  --trials=2 --controls=1 --executions=300 --jobs=1 >"$dir/out" 2>&1 &
pid=$!
while [ "$(cat "$dir/stopped.trials" 2>/dev/null | wc -l)" -lt 2 ]; do sleep 0.02; done
kill -INT $pid
status=0
wait $pid || status=$?
if [ $status = 3 ]; then grep -q "the same command goes on from here" "$dir/out" || fail "the word about going on"; fi
"$python" -c 'import json, sys; json.load(open(sys.argv[1]))' "$dir/stopped.json" || fail "the result of an interrupted run"
score 0 --name=stopped --trials=2 --controls=1 --executions=300
diff <(trials "$dir/whole.trials") <(trials "$dir/stopped.trials") || fail "the trials after an interrupt"

score 2 --name=whole --trials=2 --executions=400
grep -q "was begun with budget" "$dir/out" || fail "the sentence about another budget"
score 2 --name=x --arms=genrate
grep -q "there is no arm 'genrate'; did you mean generate" "$dir/out" || fail "the sentence about the arm"
"$tricolor" score --out="$dir" --replay-build="$build" --arms=generate --fault=nothing >"$dir/out" 2>&1 && fail "no fault"
grep -q "there is no such fault" "$dir/out" || fail "the sentence about the fault"
"$tricolor" score --report="$dir/none.json" >"$dir/out" 2>&1 && fail "a report of nothing"

# A control that is not clean: the faulted program in the place of the unmodified one. It insists on what makes trials
# of all builds alike.
mkdir -p "$dir/build/fuzz"
cp "$build/faults.json" "$dir/build"
cat >"$dir/build/fuzz/fuzz-$collector" <<END
#!/bin/sh
[ "\$FUZZ_ASSERTIONS" = 0 ] || exit 99
exec "$build/fuzz/fuzz-${fault/\//-}" "\$@"
END
chmod +x "$dir/build/fuzz/fuzz-$collector"
score 1 --name=alarm --replay-build="$dir/build" --trials=1 --executions=300
grep -q "ALARM on the unmodified $collector" "$dir/out" || fail "the alarm"

"$python" -W ignore -c 'import jsonschema' 2>/dev/null || { echo "skipped: python3-jsonschema is not installed"; exit 77; }
valid() { "$python" -W ignore -m jsonschema -i "$1" "$schema" >"$dir/out" 2>&1; }
valid "$dir/whole.json" || fail "the schema refuses a score"
valid "$dir/alarm.json" || fail "the schema refuses a score with an alarm"
for change in 's/"schema": 1/"schema": 2/' 's/"outcome": "killed"/"outcome": "ill"/' 's/"kills": [0-9]*,//' 's/"seed": 0/"seed": -1/'; do
  sed "$change" "$dir/whole.json" >"$dir/damaged.json"
  ! cmp -s "$dir/whole.json" "$dir/damaged.json" || fail "nothing to damage with $change"
  ! valid "$dir/damaged.json" || fail "the schema accepts a score after $change"
done
