#!/bin/sh
# The library built again, from a copy of the tree in another folder and with an
# empty build cache: the same bytes.
#
#   sh capi/tests/reproducible.sh BUILD
set -eu
build=$(cd "${1:?the build directory}" && pwd)
. "$(dirname "$0")/lib.sh"

copy=$dir/a/folder/of/another/name
mkdir -p "$copy"
(cd "$root" && tar -cf - go.mod go.sum Makefile core capi wasm) | tar -xf - -C "$copy"
same() {
  make --no-print-directory -C "$copy" BUILD="$copy/build" GO="$go" lib &&
    sha256sum "$build/libmaskinporten.so" "$copy/build/libmaskinporten.so" && cmp "$build/libmaskinporten.so" "$copy/build/libmaskinporten.so"
}
export GOCACHE="$dir/cache"
step "two builds give the same bytes" same
summary
