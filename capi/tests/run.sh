#!/bin/sh
# Tests the C ABI: header, symbols, examples, behaviour against a sandbox.
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
capi=$(cd "$(dirname "$0")/.." && pwd)
cc=${CC:-cc} cxx=${CXX:-c++} go=${GO:-go}
strict="-Wall -Wextra -pedantic -Werror"
c99="$cc -std=c99 -D_POSIX_C_SOURCE=200809L $strict -g -pthread"
use="-I$build/include -L$build -lmaskinporten -Wl,-rpath,$build"
world="$capi/tests/world.c $capi/tests/check.c $capi/examples/c/json_member.c $capi/examples/c/loopback_http.c"
dir=$(mktemp -d)
sandbox=
passed=0
failed=0

finish() {
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

# have TOOL - whether it is there.
have() {
  command -v "$1" >/dev/null 2>&1 && return 0
  echo "$1 is missing: what needs it is left out"
  [ "${CI:-}" != true ] || failed=$((failed + 1))
  return 1
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

# compiles COMPILER... - the public header alone, and everything that includes it.
compiles() {
  for file in "$dir/alone.c" "$capi"/tests/*.c "$capi"/tests/fault/*.c "$capi"/examples/c/*.c; do
    "$@" "-I$build/include" -fsyntax-only "$file" || return 1
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

# build_examples FLAGS... - as a user builds them.
build_examples() {
  (cd "$capi/examples/c" &&
    $c99 token.c -o "$dir/token" "$@" "-Wl,-rpath,$build" &&
    $c99 main_job.c json_member.c loopback_http.c -o "$dir/main_job" "$@" "-Wl,-rpath,$build")
}

example_token() {
  "$dir/capi_test" "$dir/world/settings.json" --configuration >"$dir/configuration.json" &&
    "$dir/token" "$dir/configuration.json" toll:movement/road/v2 | grep 'usable for [1-9][0-9]* s'
}

example_token_refused() {
  ! "$dir/token" "$dir/configuration.json" no:such.scope 2>"$dir/refusal" && grep -q '"mp_code":"MP-200"' "$dir/refusal"
}

example_main_job() {
  "$dir/main_job" "$dir/world/settings.json" |
    grep -x '{"grant":true,"token":true,"customs":true,"test_auth":200,"expires_in_s":[1-9][0-9]*}'
}

printf '#include <maskinporten.h>\nint main(void) { return mp_abi_version() == MP_ABI_VERSION; }\n' >"$dir/alone.c"
step "header, tests and examples are clean C99" compiles $c99
! have "$cxx" || step "header, tests and examples are clean C++" compiles "$cxx" -x c++ $strict
step "the shim is clean C99" $c99 -fsyntax-only "$capi/shim.c"
step "the built header is the one in the tree" same_header
step "the library shows what the header declares and no more" symbols
step "SONAME and NODELETE" dynamic_section
step "the library names no directory of the build" no_build_paths
step "examples build" build_examples $use
if have pkg-config; then
  step "examples build with pkg-config" \
    build_examples $(PKG_CONFIG_PATH="$build" pkg-config --cflags --libs maskinporten)
fi

$c99 "$capi"/tests/*.c "$capi"/examples/c/json_member.c "$capi"/examples/c/loopback_http.c -o "$dir/capi_test" $use

mkfifo "$dir/ready"
"$build/maskinporten" sandbox --out "$dir/world" >"$dir/ready" 2>"$dir/sandbox.log" &
sandbox=$!
exec 3<"$dir/ready"
if ! read -r line <&3 || [ "${line%% *}" != ready ]; then
  echo "the sandbox did not start:"
  cat "$dir/sandbox.log"
  exit 1
fi

step "example: token" example_token
step "example: token says why it was refused" example_token_refused
step "example: main_job" example_main_job
suite "$dir/capi_test" "$dir/world/settings.json"

# Again under the address sanitizer, which also finds buffers that were not
# freed, where the compiler has it.
if $c99 -fsanitize=address,undefined "$dir/alone.c" -o "$dir/alone" $use 2>/dev/null; then
  $c99 -fsanitize=address,undefined "$capi"/tests/*.c "$capi"/examples/c/json_member.c \
    "$capi"/examples/c/loopback_http.c -o "$dir/capi_asan" $use
  step "all of it under the address sanitizer" "$dir/capi_asan" "$dir/world/settings.json"
fi

# Panics on purpose, in a library of their own.
mkdir "$dir/fault"
(cd "$capi" && $go build -buildmode=c-shared -tags mp_fault -o "$dir/fault/libmaskinporten.so" .)
$c99 "$capi/tests/fault/panics.c" $world -o "$dir/panics" "-I$build/include" "-L$dir/fault" -lmaskinporten \
  "-Wl,-rpath,$dir/fault"
suite "$dir/panics" "$dir/world/settings.json"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
