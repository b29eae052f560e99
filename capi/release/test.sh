#!/bin/sh
# Tests what `make dist` packed, on every platform that can be had on this
# machine: Linux on amd64 as it is, Linux on arm64 under qemu, Windows under wine.
#
#   sh capi/release/test.sh BUILD DIST
#
# BUILD holds the command maskinporten of this machine and the zig program in
# release-venv. A tool that is missing is named, and with CI=true it is a failure.
# Last line: "N passed, N failed".
set -eu
umask 077

build=$(cd "${1:?the build directory}" && pwd)
dist=$(cd "${2:?the directory with the packages}" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/capi/release
python=${PYTHON:-python3} node=${NODE:-node} npm=${NPM:-npm} go=${GO:-go} make=${MAKE:-make}
venv=$build/release-venv/bin
zig=$("$venv/python" -c 'import ziglang; print(*ziglang.__path__, sep="")')/zig
export ZIG_GLOBAL_CACHE_DIR="$build/zig-cache"
dir=$(mktemp -d)
sandbox=
passed=0
failed=0

finish() {
  [ ! -d "$dir/wine" ] || WINEPREFIX="$dir/wine" /usr/lib/wine/wineserver64 -k 2>/dev/null || true
  [ -z "$sandbox" ] || kill "$sandbox" 2>/dev/null || true
  rm -rf "$dir"
}
trap finish EXIT

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

# have TOOL... - whether all are there.
have() {
  for tool; do
    command -v "$tool" >/dev/null 2>&1 || [ -e "$tool" ] && continue
    echo "$tool is missing: what needs it is left out"
    [ "${CI:-}" != true ] || failed=$((failed + 1))
    return 1
  done
}

# same FILE FILE - equal, and if not, how they differ.
same() { diff "$1" "$2"; }

# the FILE... - the one file that a pattern stands for.
the() { [ "$#" -eq 1 ] && [ -f "$1" ] && echo "$1"; }

. "$here/test-files.sh"
. "$here/test-runs.sh"

files_of_every_platform
echo
start_sandbox
linux_amd64_runs
linux_arm64_runs
windows_runs
python_installs
node_installs
echo
built_again

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
