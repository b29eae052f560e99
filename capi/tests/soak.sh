#!/bin/sh
# 16 threads for so many seconds.
#
#   sh capi/tests/soak.sh BUILD SECONDS
#
# Last line: "N passed, N failed".
set -eu
umask 077
build=$(cd "${1:?the build directory}" && pwd)
seconds=${2:?how many seconds}
. "$(dirname "$0")/lib.sh"

step "the soak is clean C99" $c99 "$capi"/tests/soak/*.c $helpers -o "$dir/soak" $use
start_sandbox
suite "$dir/soak" "$settings" "$seconds"
summary
