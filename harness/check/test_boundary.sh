#!/bin/sh
# The oracle knows the contract only: no file of it includes a collector's own header or names a collector.
# usage: test_boundary.sh CHECK_DIR COLLECTORS_DIR
set -u
bad=0
for dir in "$2"/*/; do
  name=$(basename "$dir")
  [ -f "$dir/fast.h" ] || continue
  if grep -nE "#include +\"$name/|TRI_COLLECTOR=$name|\"$name\"" "$1"/*.[ch]; then
    echo "the oracle names the collector '$name'"
    bad=1
  fi
done
exit $bad
