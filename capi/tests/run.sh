#!/bin/sh
# Tests the C interface: header, symbols, examples, and behaviour against a sandbox.
#
#   sh capi/tests/run.sh BUILD
#
# BUILD holds libmaskinporten.so, include/, maskinporten.pc and the command
# maskinporten. CC and CXX choose the compilers, GO the Go command. A tool that is
# missing is named, and with CI=true it is a failure.
# Last line: "N passed, N failed".
set -eu
umask 077
build=$(cd "${1:?the build directory}" && pwd)
. "$(dirname "$0")/lib.sh"

# Where programs of one subject are kept, and what they need beside the library.
hsm_flags=$(pkg-config --cflags p11-kit-1 2>/dev/null || true)

# compiles COMPILER... - the public header alone, and everything that includes it.
compiles() {
  for file in "$dir/alone.c" "$capi"/tests/*.c "$capi"/tests/process/*.c "$capi"/tests/fault/*.c "$capi"/tests/soak/*.c \
    "$capi"/examples/c/*.c; do
    case $file in */pkcs11_key.c | */hsm.c) have_library p11-kit-1 libp11-kit-dev >/dev/null || continue ;; esac
    "$@" "-I$build/include" $hsm_flags -fsyntax-only "$file" || return 1
  done
}

same_header() { cmp "$capi/include/maskinporten.h" "$build/include/maskinporten.h"; }

# What the library shows to the world is what the header declares.
symbols() {
  nm -D --defined-only "$build/libmaskinporten.so" | sed 's/.* //' | sort >"$dir/shown"
  sed -n 's/^MP_API .*\(mp_[a-z_]*\)(.*/\1/p' "$capi/include/maskinporten.h" | sort >"$dir/declared"
  diff "$dir/declared" "$dir/shown"
}

dynamic_section() {
  readelf -d "$build/libmaskinporten.so" >"$dir/dynamic"
  grep -q 'SONAME.*\[libmaskinporten\.so\.1\]' "$dir/dynamic" && grep -q NODELETE "$dir/dynamic"
}

no_build_paths() { ! grep -q "$capi" "$build/libmaskinporten.so"; }

# program NAME COMPILER FLAGS... - from its files in tests/process.
program() {
  name=$1
  shift
  "$@" "$capi/tests/process/$name.c" $helpers -o "$dir/$name" $use
}

printf '#include <maskinporten.h>\nint main(void) { return mp_abi_version() == MP_ABI_VERSION; }\n' >"$dir/alone.c"
step "header, tests and examples are clean C99" compiles $c99
! have "$cxx" g++ || step "header, tests and examples are clean C++" compiles $cpp
step "the shim is clean C99" $c99 -fsyntax-only "$capi/shim.c" "$capi/stack.c"
step "the built header is the one in the tree" same_header
step "the library shows what the header declares and no more" symbols
step "SONAME and NODELETE" dynamic_section
step "the library names no directory of the build" no_build_paths

$c99 "$capi"/tests/*.c "$capi"/examples/c/json_member.c "$capi"/examples/c/loopback_http.c -o "$dir/capi_test" $use
start_sandbox

. "$capi/tests/examples.sh"
suite "$dir/capi_test" "$settings"
. "$capi/tests/processes.sh"
. "$capi/tests/vectors.sh"
. "$capi/tests/memory.sh"

# The same tests as C++.
if have "$cxx" g++; then
  $cpp "$capi"/tests/*.c "$capi"/examples/c/json_member.c "$capi"/examples/c/loopback_http.c -o "$dir/capi_cpp" \
    -x none $use
  step "all of it as C++" "$dir/capi_cpp" "$settings"
fi

# Panics on purpose, in a library of their own.
mkdir "$dir/fault"
(cd "$capi" && $go build -buildmode=c-shared -tags mp_fault -o "$dir/fault/libmaskinporten.so" .)
$c99 "$capi/tests/fault/panics.c" $helpers -o "$dir/panics" "-I$build/include" "-L$dir/fault" -lmaskinporten \
  "-Wl,-rpath,$dir/fault"
suite "$dir/panics" "$settings"

step "16 threads for 5 s" sh "$capi/tests/soak.sh" "$build" 5
step "make install and make uninstall" sh "$capi/tests/install.sh" "$build"
summary
