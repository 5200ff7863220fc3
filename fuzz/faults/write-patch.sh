#!/usr/bin/env bash
# Write what the sources differ from the index in, under collectors/, as the diff of a fault, and take it out of the
# sources again. A header that stands in the patch already is kept; a new one is to be filled in.
# usage: write-patch.sh COLLECTOR ID
set -euo pipefail
if [ $# != 2 ]; then
  sed -n '2,4s/^# //p' "$0" >&2
  exit 2
fi
cd "$(dirname "$0")/../.."
patch=fuzz/faults/$1/$2.patch
diff=$(git -c diff.noprefix=false -c diff.mnemonicPrefix=false diff --no-color -U2 -- collectors |
  grep -Ev '^(diff --git|index) ' || true)
if [ -z "$diff" ]; then
  echo "the sources under collectors/ are as they are in the index: edit them first" >&2
  exit 2
fi
mkdir -p "$(dirname "$patch")"
if [ -f "$patch" ]; then
  header=$(sed '/^--- /,$d' "$patch")
else
  header=$'Mechanism: \nClass: \nFollows: \nFires: '
fi
printf '%s\n\n%s\n' "$header" "$diff" >"$patch.new"
mv "$patch.new" "$patch"
git checkout --quiet -- collectors
echo "$patch"
