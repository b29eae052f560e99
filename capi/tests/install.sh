#!/bin/sh
# Tests make install and make uninstall: into a folder of their own, as packagers
# do, and used from there.
#
#   sh capi/tests/install.sh BUILD
#
# Last line: "N passed, N failed".
set -eu
build=$(cd "${1:?the build directory}" && pwd)
. "$(dirname "$0")/lib.sh"

version=$(sed -n 's/^#define MP_VERSION "\(.*\)"$/\1/p' "$capi/include/maskinporten.h")
stage=$dir/stage
made() { make --no-print-directory -C "$root" BUILD="$build" DESTDIR="$stage" PREFIX=/opt/maskinporten "$@"; }
pc() { PKG_CONFIG_PATH="$stage/opt/maskinporten/$1/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$stage" pkg-config "--$2" maskinporten; }

links() {
  [ "$(readlink "$1/libmaskinporten.so")" = libmaskinporten.so.1 ] &&
    [ "$(readlink "$1/libmaskinporten.so.1")" = "libmaskinporten.so.$version" ] &&
    cmp "$build/libmaskinporten.so" "$1/libmaskinporten.so.$version"
}

# The example against what was installed, not what was built. After linking, the
# program needs the SONAME alone.
example() {
  (cd "$capi/examples/c" && $c99 token.c json_member.c -o "$dir/token" $(pc "$1" cflags) $(pc "$1" libs)) &&
    readelf -d "$dir/token" | grep 'NEEDED.*\[libmaskinporten\.so\.1\]' &&
    rm -f "$stage/opt/maskinporten/$1/libmaskinporten.so" &&
    { LD_LIBRARY_PATH="$stage/opt/maskinporten/$1" "$dir/token" 2>&1 || true; } | grep '^usage: token'
}

nothing_left() { [ -z "$(find "$stage" ! -type d)" ]; }

step "make install" made install
step "versioned links" links "$stage/opt/maskinporten/lib"
step "the version of maskinporten.pc" test "$(pc lib modversion)" = "$version"
step "an example built from there" example lib
step "make uninstall" made uninstall
step "nothing is left" nothing_left
step "make install with LIBDIR" made install LIBDIR=/opt/maskinporten/lib64
step "an example built from LIBDIR" example lib64
step "make uninstall with LIBDIR" made uninstall LIBDIR=/opt/maskinporten/lib64
step "nothing is left in LIBDIR" nothing_left
summary
