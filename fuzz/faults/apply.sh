#!/usr/bin/env bash
# Copy the files that a fault patches into a folder and apply it there, without fuzz and without leaving rejects.
# usage: apply.sh PATCH FOLDER       (the sources are those of the tree that this script stands in)
set -euo pipefail
patch=$1 folder=$2
root=$(cd "$(dirname "$0")/../.." && pwd)

rm -rf "$folder"
mkdir -p "$folder"
mapfile -t files < <(sed -n 's/^+++ b\/\([^[:space:]]*\).*/\1/p' "$patch")
if [ ${#files[@]} = 0 ]; then
  echo "$patch: there is no '+++ b/<path>' line, so nothing to patch" >&2
  exit 1
fi
for file in "${files[@]}"; do
  if [ ! -f "$root/$file" ]; then
    echo "$patch: patches $file, which does not exist: if it has moved, write its new name into the patch" >&2
    exit 1
  fi
  mkdir -p "$folder/$(dirname "$file")"
  cp "$root/$file" "$folder/$file"
done
if ! said=$(patch --directory="$folder" --strip=1 --fuzz=0 --force --no-backup-if-mismatch --reject-file=- \
    --input="$(realpath "$patch")" 2>&1); then
  rm -rf "$folder"
  {
    echo "$patch: no longer applies to the sources:"
    sed 's/^/  /' <<<"$said"
    echo "  To mend it: plant the same mistake in the sources again, then run"
    echo "    fuzz/faults/write-patch.sh $(basename "$(dirname "$patch")") $(basename "$patch" .patch)"
    echo "  which keeps the header, writes the new diff, and takes the mistake out of the sources."
  } >&2
  exit 1
fi
