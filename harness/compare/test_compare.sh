#!/bin/bash
# tricolor compare as a user sees it: exit statuses, messages, the cell named. test_compare.sh TRICOLOR
# The builds are stand-ins for `tricolor run`. Memory is compared, which they report as they please, so no verdict
# here depends on time. Exit status 77: a tool is missing.
set -u
tricolor=$1
for tool in hyperfine jq; do
  command -v $tool >/dev/null || { echo "skipped: $tool is not installed (apt-get install $tool)"; exit 77; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 3
fail() { echo "failed: $1"; cat out err 2>/dev/null; exit 1; }

# build NAME BYTES: reports so much memory on semispace, 1000000 on any other collector; BYTES `wrong`: a wrong answer
build() {
  mkdir -p "$1"
  cat >"$1/tricolor" <<EOF
#!/bin/bash
for word; do case \$word in --result=*) result=\${word#*=};; --collector=*) collector=\${word#*=};; esac; done
bytes=1000000
[ \$collector != semispace ] || bytes=$2
[ \$bytes != wrong ] || { echo '{"status": "wrong", "message": "2 trees, not 3"}' >\$result; exit 1; }
echo "{\"status\": \"ok\", \"metrics\": {\"peak_rss_bytes\": \$bytes}}" >\$result
EOF
  chmod +x "$1/tricolor"
}
build base 1000000; build same 1000000; build fat 1200000; build thin 800000; build bad wrong
mkdir empty

# expect STATUS TEXT ARGUMENTS…
expect() {
  local status=$1 text=$2
  shift 2
  "$tricolor" compare "$@" >out 2>err
  local found=$?
  [ $found = "$status" ] || fail "compare $*: exit status $found, not $status"
  cat out err | grep -qF -- "$text" || fail "compare $*: does not say '$text'"
}
cells=(--workload=gcbench --collector=semispace,marksweep --heap=12m --metric=memory --pairs=8 --confirm=8 --seed=1 --force)

expect 0 '0 regression, 0 improvement, 2 no change' --base=base --head=same "${cells[@]}"
jq -e '.comparison | .complete and (.pairs | length) == 18 and .cells[0].verdict == "no change"' comparison.json >/dev/null ||
  fail "the file of two equal builds"
expect 1 '1 regression, 0 improvement, 1 no change' --base=base --head=fat "${cells[@]}" --markdown=summary.md
grep -Eq '^gcbench/semispace/heap:12m .* 1\.200 .* regression$' out || fail "the cell that got worse is not named"
grep -q '^| gcbench/semispace/heap:12m .*| \*\*regression\*\* |$' summary.md || fail "the markdown summary"
jq -e '.comparison.cells | map(.verdict) == ["regression", "no change"]' comparison.json >/dev/null || fail "the file"
expect 0 '1 improvement' --base=base --head=thin "${cells[@]}"
expect 1 'head wrong: 2 trees, not 3' --base=base --head=bad "${cells[@]}"
"$tricolor" compare marksweep semispace --workload=gcbench --heap=16m --size=tiny --metric=memory --pairs=8 --confirm=8 \
  --force >out 2>err # which of the two needs less is not the question
[ $? -le 1 ] || fail "two collectors"
grep -q '^gcbench/marksweep vs semispace/heap:16m ' out || fail "the cell of two collectors"

expect 2 'there is no program tricolor in this folder' --base=empty --head=same "${cells[@]}"
expect 2 'there is no such folder' --base=base --head=nowhere "${cells[@]}"
expect 2 '--head=DIR is missing' --base=base "${cells[@]}"
expect 2 'what is compared?' --workload=gcbench
expect 2 "did you mean 'semispace'" semspace marksweep
expect 2 'the file exists' --base=base --head=same --workload=gcbench
expect 3 'comparison.json' --base=base --head=same "${cells[@]}" --out=nowhere/comparison.json
echo passed
