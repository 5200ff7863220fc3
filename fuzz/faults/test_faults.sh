#!/usr/bin/env bash
# The scripts of this folder refuse what they have to: a patch that does not apply, a witness that does not fire, one
# that fires another invariant, one that is not clean on the unmodified collector, a crash, bad headers.
# usage: test_faults.sh TRICOLOR FAULTED CLEAN WITNESS INVARIANT
set -u
tricolor=$1 faulted=$2 clean=$3 witness=$4 invariant=$5
here=$(cd "$(dirname "$0")" && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
failures=0

expect() { # name, exit status, what has to be said, command …
  local name=$1 wanted=$2 says=$3 status=0
  shift 3
  "$@" >"$out/log" 2>&1 || status=$?
  if [ $status = "$wanted" ] && { [ -z "$says" ] || grep -qF -- "$says" "$out/log"; }; then
    echo "ok: $name"
  else
    echo "FAILED: $name: status $status (wanted $wanted), said (wanted: $says)"
    cat "$out/log"
    failures=$((failures + 1))
  fi
}

# The witness.
expect "a good fault passes" 0 "[$invariant]" "$here/check-fault.sh" "$faulted" "$clean" "$witness" X0 "$invariant"
expect "a witness that does not fire" 1 "nothing fires" "$here/check-fault.sh" "$clean" "$clean" "$witness" "$invariant"
expect "another invariant" 1 "$invariant fires; the patch says Fires: X0" \
  "$here/check-fault.sh" "$faulted" "$clean" "$witness" X0
expect "not clean without the fault" 1 "not clean on the unmodified collector" \
  "$here/check-fault.sh" "$faulted" "$faulted" "$witness" "$invariant"
expect "no witness" 1 "there is no witness" "$here/check-fault.sh" "$faulted" "$clean" "$out/none.thp" "$invariant"
printf '#!/bin/sh\nkill -SEGV $$\n' >"$out/crash"
chmod +x "$out/crash"
expect "a crash that the oracle does not name" 1 "the oracle has named nothing" \
  "$here/check-fault.sh" "$out/crash" "$clean" "$witness" "$invariant"

# The patch.
mkdir "$out/marksweep"
write() { # header, diff
  printf '%s\n\n%s\n' "$1" "$2" >"$out/marksweep/planted.patch"
}
header=$'Mechanism: a word\nClass: sweep\nFollows: nothing\nFires: S8'
diff=$'--- a/collectors/common/mark_stack.c\n+++ b/collectors/common/mark_stack.c\n@@ -4,3 +4,3 @@
 \n-enum { FIRST_ENTRIES = 512 };\n+enum { FIRST_ENTRIES = 1 };\n '
cp "$witness" "$out/marksweep/planted.thp"
write "$header" "$diff"
expect "a patch that applies" 0 "" "$here/apply.sh" "$out/marksweep/planted.patch" "$out/copy"
expect "and changes the copy" 0 "FIRST_ENTRIES = 1 }" cat "$out/copy/collectors/common/mark_stack.c"
expect "a good header" 0 "1 faults" "$here/check-patches.sh" "$tricolor" "$out"
write "$header" "${diff/= 512/= 511}"
expect "a patch that no longer applies" 1 "write-patch.sh marksweep planted" \
  "$here/apply.sh" "$out/marksweep/planted.patch" "$out/copy"
expect "and leaves nothing behind" 1 "" test -e "$out/copy"
write "$header" "${diff//mark_stack.c/stack.c}"
expect "a source that has moved" 1 "collectors/common/stack.c, which does not exist" \
  "$here/apply.sh" "$out/marksweep/planted.patch" "$out/copy"

# The build: of a patch to a source of the collector and to one of common/, both copies are compiled.
write "$header" "$diff"$'\n--- a/collectors/marksweep/marksweep.c\n+++ b/collectors/marksweep/marksweep.c
@@ -1 +1 @@\n-'"$(head -1 "$here/../../collectors/marksweep/marksweep.c")"$'\n+// planted'
expect "a build with this fault" 0 "Generating done" cmake -S "$here/../.." -B "$out/build" -G Ninja \
  -DTRICOLOR_FAULTS=ON -DTRICOLOR_EXTRA_FAULTS="$out"
expect "compiles the patched sources" 0 "" \
  cmake --build "$out/build" --target fault-marksweep-planted-own fault-marksweep-planted-common
compiled=$(find "$out/build/fuzz/faults" -path '*planted*' -name '*.o' -exec basename {} \; | sort | xargs)
expect "of both parts" 0 "mark_stack.c.o marksweep.c.o" echo "$compiled"

# The header.
refused() { # name, header, what has to be said
  write "$2" "${4:-$diff}"
  expect "$1" 1 "$3" "$here/check-patches.sh" "$tricolor" "$out"
}
refused "a key is missing" "${header/Class: sweep$'\n'/}" "planted.patch:1: the header has no line 'Class: …'"
refused "a key is unknown" "Title: x"$'\n'"$header" "planted.patch:1: 'Title: x' is no header line"
refused "a key without a value" "${header/nothing/}" "planted.patch:3: Follows has no value"
refused "a class is unknown" "${header/: sweep/: sweeping}" "planted.patch:2: 'sweeping' is no class"
refused "an invariant is unknown" "${header/S8/S8 S99}" "planted.patch:4: 'S99' is no invariant"
refused "a source elsewhere" "$header" "planted.patch:7: patches harness/run.c" "${diff//collectors\/common\/mark_stack.c/harness/run.c}"
refused "a header of the harness" "$header" "which the harness includes" "${diff//mark_stack.c/check.h}"
write "$header" "$diff"
rm "$out/marksweep/planted.thp"
expect "no witness beside the patch" 1 "there is no witness" "$here/check-patches.sh" "$tricolor" "$out"

[ $failures = 0 ]
