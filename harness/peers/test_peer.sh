#!/usr/bin/env bash
# A peer does what collectors do: the same answers to the same parameters, a result of the same form, the same exit
# statuses; and bench samples it beside them. usage: test_peer.sh PATH-OF-TRICOLOR PATH-OF-PEER
set -u
tricolor=$1 peer=$2 name=peer:$(basename "$2")
. "$(dirname "$0")/../expect.sh"
expect() { expect_of "$1" "$2" "$peer" "${@:3}"; } # STATUS TEXT ARGUMENT…

for workload in gcbench binary-trees; do
  for arguments in --size=tiny "--size=tiny --param=depth=9"; do
    ours=$("$tricolor" run --collector=marksweep --workload=$workload $arguments --json)
    theirs=$("$peer" run --collector="$name" --workload=$workload $arguments --result="$dir/result" && cat "$dir/result")
    [ "$(jq .answer <<<"$ours")" = "$(jq .answer <<<"$theirs")" ] || fail "$workload $arguments: $ours $theirs"
    # The metrics are some of ours, with the same names.
    jq -e --argjson ours "$ours" '.status == "ok" and .wall_ns > 0 and .metrics.peak_rss_bytes > 0 and
      ((.metrics | keys) - ($ours.metrics | keys) == [])' <<<"$theirs" >/dev/null || fail "$workload: $theirs"
  done
done
expect 2 "too small" run --workload=gcbench --heap=64k
expect 0 "" run --workload=gcbench --heap=64k --result="$dir/result"
[ "$(jq -r .status "$dir/result")" = oom ] || fail "no result of oom"
expect 2 "gcbench" run --workload=xyzzy --result="$dir/result"
[ "$(jq -r .status "$dir/result")" = unsupported ] || fail "no result of unsupported"
expect 2 "right would be" run --workload=gcbench --param=dept=3
expect 2 "right would be" run --workload=gcbench --size=big
expect 2 "xyzzy" run --workload=gcbench -o xyzzy=1
expect 3 "/no/such/folder" run --workload=gcbench --size=tiny --result=/no/such/folder/x

if hyperfine --version >/dev/null 2>&1; then
  "$tricolor" bench --collector="marksweep,$name" --workload=gcbench,list-mutation --size=tiny --heap=64m --runs=2 --quiet \
    --out="$dir/series.json" >"$dir/out" 2>&1 || fail "bench: $(cat "$dir/out")"
  [ "$(jq -c '[.tricolor.cells[].status]' "$dir/series.json")" = '["ok","ok","ok","skipped"]' ] ||
    fail "bench: $(cat "$dir/out")"
fi
finish
