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
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../tests/lib.sh"
python=${PYTHON:-python3} node=${NODE:-node} npm=${NPM:-npm} make=${MAKE:-make}
venv=$build/release-venv/bin
zig=$("$venv/python" -c 'import ziglang; print(*ziglang.__path__, sep="")')/zig
export ZIG_GLOBAL_CACHE_DIR="$build/zig-cache"

# What wine has started ends with the test.
wine=$(command -v wine64 || echo /usr/lib/wine/wine64)
export WINEPREFIX="$dir/wine" WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=;mshtml="
trap '[ ! -d "$dir/wine" ] || "$(dirname "$wine")/wineserver64" -k || true; finish' EXIT

# same FILE FILE - equal, and if not, how they differ.
same() { diff "$1" "$2"; }

# the FILE... - the one file that a pattern stands for.
the() { [ "$#" -eq 1 ] && [ -f "$1" ] && echo "$1"; }

# have_file FILE PACKAGE
have_file() { [ -e "$1" ] || missing "$1 (Debian: $2)"; }

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
summary
