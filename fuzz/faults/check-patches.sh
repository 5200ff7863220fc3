#!/usr/bin/env bash
# Whether every fault's header and witness are as README.md says; each mistake is a line `file:line: what is wrong`.
# usage: check-patches.sh TRICOLOR [FOLDER]       (the program, for its list of invariants; default: this folder)
set -u
[ $# -ge 1 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=${2:-$root/fuzz/faults}
classes="barrier roots termination remembered-set copying sweep free-list allocation mark-stack bitmap accounting"
classes+=" counts weak ephemeron finalizer limits"
keys="Mechanism Class Follows Fires"
invariants=$("$1" list invariants --json | jq -r '.invariants[].name') || exit 3
[ -n "$invariants" ] || { echo "$1 lists no invariants" >&2; exit 3; }
# Headers of common/ that the harness includes, directly or not: it is not compiled anew with a fault.
included() { # of files, what they include from common/
  cat "$@" | sed -n 's/^#include "\(common\/[^"]*\)"/\1/p'
}
harness=$(included "$root"/harness/*/*.[ch] "$root"/harness/*.[ch] "$root"/fuzz/*/*.[ch] \
  "$root"/collectors/include/tricolor/*.h | sort -u)
before=""
while [ "$before" != "$harness" ]; do
  before=$harness
  harness=$({ echo "$before"; (cd "$root/collectors" && included $before); } | sort -u)
done
bad=0

invariants=${invariants//$'\n'/ } harness=${harness//$'\n'/ }

wrong() { # file:line, what is wrong
  echo "$1: $2"
  bad=1
}

known() { # word, words between single blanks
  [[ " $2 " == *" $1 "* ]]
}

check_header() { # patch
  local patch=$1 number=0 line key value seen=" "
  while IFS= read -r line; do
    number=$((number + 1))
    case $line in
    "--- "*) break ;;
    "") continue ;;
    esac
    key=${line%%:*} value=${line#*: }
    if [ "$key" = "$line" ] || ! known "$key" "$keys"; then
      wrong "$patch:$number" "'$line' is no header line: right would be '<key>: <value>' with a key of: $keys"
      continue
    fi
    [[ $seen == *" $key "* ]] && wrong "$patch:$number" "$key is given twice"
    seen+="$key "
    if [ "$value" = "$line" ] || [ -z "${value// /}" ]; then
      wrong "$patch:$number" "$key has no value"
      continue
    fi
    case $key in
    Class)
      known "$value" "$classes" || wrong "$patch:$number" "'$value' is no class; known are: $classes"
      ;;
    Fires)
      for id in ${value//,/ }; do
        known "$id" "$invariants" || wrong "$patch:$number" "'$id' is no invariant: see tricolor list invariants"
      done
      ;;
    esac
  done <"$patch"
  for key in $keys; do
    [[ $seen == *" $key "* ]] || wrong "$patch:1" "the header has no line '$key: …'"
  done
}

check_diff() { # patch, its collector
  local number text file
  grep -q '^+++ b/' "$1" || wrong "$1:1" "there is no '+++ b/<path>' line, so nothing is patched"
  while IFS=: read -r number text; do
    file=${text#+++ b/}
    case $file in
    collectors/"$2"/*.[ch] | collectors/"$2"/*.def | collectors/common/*.[ch]) ;;
    *) wrong "$1:$number" "patches $file: right would be a source in collectors/$2/ or collectors/common/" ;;
    esac
    known "${file#collectors/}" "$harness" &&
      wrong "$1:$number" "patches $file, which the harness includes and is not compiled anew for"
  done < <(grep -n '^+++ ' "$1")
}

count=0
for patch in "$folder"/*/*.patch; do
  [ -e "$patch" ] || continue
  count=$((count + 1))
  name=$(basename "$patch" .patch)
  collector=$(basename "$(dirname "$patch")")
  [[ $name =~ ^[a-z0-9]+(-[a-z0-9]+)*$ ]] || wrong "$patch:1" "the name is to be in kebab-case, as sweep-skips-last-word"
  [ -d "$root/collectors/$collector" ] || wrong "$patch:1" "there is no collector collectors/$collector"
  [ -f "${patch%.patch}.thp" ] || wrong "$patch:1" "there is no witness ${patch%.patch}.thp"
  check_header "$patch"
  check_diff "$patch" "$collector"
done
for witness in "$folder"/*/*.thp; do
  [ -e "$witness" ] && [ ! -f "${witness%.thp}.patch" ] && wrong "$witness:1" "belongs to no patch"
done
echo "$count faults"
exit $bad
