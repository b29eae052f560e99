# lib.sh - what the test scripts of the C interface share. Sourced, with $build set.

capi=$(cd "$(dirname "$0")/.." && pwd)
root=$(dirname "$capi")
cc=${CC:-cc} cxx=${CXX:-c++} go=${GO:-go}
strict="-Wall -Wextra -pedantic -Werror"
c99="$cc -std=c99 -D_POSIX_C_SOURCE=200809L $strict -g -pthread"
cpp="$cxx -x c++ $strict -g -pthread"
use="-I$build/include -L$build -lmaskinporten -Wl,-rpath,$build"
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
helpers="$capi/tests/check.c $capi/tests/world.c $capi/examples/c/json_member.c $capi/examples/c/loopback_http.c"
dir=$(mktemp -d)
settings=$dir/world/settings.json
sandbox=
passed=0
failed=0

finish() {
  [ -z "$sandbox" ] || kill "$sandbox" 2>/dev/null || true
  rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

# step NAME COMMAND... - one check; what it printed is shown if it fails.
step() {
  name=$1
  shift
  if "$@" >"$dir/log" 2>&1; then
    passed=$((passed + 1))
    echo "ok   $name"
  else
    failed=$((failed + 1))
    echo "FAIL $name"
    cat "$dir/log"
  fi
}

# refused COMMAND... - it must fail, of its own accord. (Under "set -e" a "!"
# before a command in the middle of a function would be no check.)
refused() {
  if "$@"; then return 1; else [ $? -lt 126 ]; fi
}

missing() {
  echo "$1 is missing: what needs it is left out"
  [ "${CI:-}" != true ] || failed=$((failed + 1))
  return 1
}

# have COMMAND [PACKAGE] - whether it is there; PACKAGE is where Debian has it.
have() {
  command -v "$1" >/dev/null 2>&1 || missing "$1${2:+ (Debian: $2)}"
}

# have_library NAME PACKAGE - whether pkg-config knows the library.
have_library() {
  pkg-config --exists "$1" 2>/dev/null || missing "the library $1 (Debian: $2)"
}

# suite PROGRAM... - a program that counts its own tests.
suite() {
  "$@" >"$dir/suite" 2>&1 || true
  cat "$dir/suite"
  counts=$(tail -n 1 "$dir/suite" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
  if [ -z "$counts" ]; then
    echo "FAIL $1 ended early"
    counts="0 1"
  fi
  passed=$((passed + ${counts% *}))
  failed=$((failed + ${counts#* }))
}

start_sandbox() {
  mkfifo "$dir/ready"
  "$build/maskinporten" sandbox --out "$dir/world" >"$dir/ready" 2>"$dir/sandbox.log" &
  sandbox=$!
  exec 3<"$dir/ready"
  if ! read -r line <&3 || [ "${line%% *}" != ready ]; then
    echo "the sandbox did not start:"
    cat "$dir/sandbox.log"
    exit 1
  fi
}

# control METHOD PATH BODY - a call to the sandbox's controls.
control() {
  url=$(sed -n 's/.*"control": "\(.*\)".*/\1/p' "$settings")
  "$dir/loopback" "$1" "$url/$2" "$3"
}

# The last line, "N passed, N failed", and the exit code.
summary() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}
