# For tests of commands, to be sourced: a folder for what they write, $dir, and failures that are told and counted.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0

fail() { # TEXT [FILE]: what is wrong, and what was written
  printf 'FAILED: %s\n' "$1"
  [ $# = 1 ] || sed 's/^/    /' "$2"
  failures=$((failures + 1))
}

# expect_of STATUS TEXT COMMAND…: the exit status, and a text that must stand in the output (both streams, $dir/out).
# The command reads the file $input, or nothing.
expect_of() {
  local status=$1 text=$2 got=0
  shift 2
  "$@" >"$dir/out" 2>&1 <"${input:-/dev/null}" || got=$?
  [ $got = "$status" ] && { [ -z "$text" ] || grep -qF -- "$text" "$dir/out"; } ||
    fail "$*: expected status $status and '$text', got status $got and:" "$dir/out"
}

# The last command of a test: its exit status.
finish() {
  echo "$failures failures"
  [ $failures = 0 ]
}
