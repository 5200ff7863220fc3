#!/usr/bin/env bash
# Remove lines from a witness, in ever smaller pieces, while the faulted collector reports the same invariant. Bytes
# are turned into text first. Prints what is left. (tricolor minimize does more, on collectors that it can load.)
# usage: reduce.sh FAULTED PROGRAM [TRICOLOR]        (TRICOLOR: only for bytes)
set -euo pipefail
faulted=$1 program=$2
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

case $program in
*.thp) grep -v '^ *\(#.*\)\?$' "$program" >"$out/best.thp" ;;
*) "$3" dis "$program" >"$out/best.thp" ;;
esac

fired() { # program: the invariant
  (timeout 20 "$faulted" "$1" || true) 2>&1 | sed -n 's/^fuzz-[^ ]*: \[\([^]]*\)\].*/\1/p'
}

invariant=$(fired "$out/best.thp")
[ -n "$invariant" ] || { echo "nothing fires on $program" >&2; exit 1; }
lines=$(wc -l <"$out/best.thp")
for ((piece = lines / 2; piece >= 1; )); do
  removed=no
  for ((at = 1; at <= lines; )); do
    sed "${at},$((at + piece - 1))d" "$out/best.thp" >"$out/try.thp"
    if [ "$(fired "$out/try.thp")" = "$invariant" ]; then
      mv "$out/try.thp" "$out/best.thp"
      lines=$(wc -l <"$out/best.thp")
      removed=yes
    else
      at=$((at + piece))
    fi
  done
  if [ $removed = no ] || [ $piece -gt 1 ]; then piece=$((piece / 2)); fi
done
cat "$out/best.thp"
echo "# $invariant" >&2
