# What is in the packages, without running it. Read by test.sh.

# What the header declares, which is what every library shows.
declared() { sed -n 's/^MP_API .*\(mp_[a-z_]*\)(.*/\1/p' "$capi/include/maskinporten.h" | sort >"$dir/declared"; }

elf_symbols() {
  declared
  readelf --dyn-syms -W "$1" | awk '$5 == "GLOBAL" && $7 != "UND" && $8 { print $8 }' | sort >"$dir/shown"
  same "$dir/declared" "$dir/shown"
}

# elf_needs FILE MACHINE - who it is, and that any Linux with glibc 2.17 has what it asks for.
elf_needs() {
  readelf -hdVW "$1" >"$dir/elf"
  grep -q "Machine: .*$2" "$dir/elf" && grep -q 'SONAME.*\[libmaskinporten\.so\.1\]' "$dir/elf" && grep -q NODELETE "$dir/elf" || return 1
  sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' "$dir/elf" | grep -vxE '(lib(c|pthread)|ld-linux-(x86-64|aarch64))\.so\.[0126]' && return 1
  newest=$(grep -o 'GLIBC_2\.[0-9.]*' "$dir/elf" | sort -uV | tail -n 1)
  echo "needs $newest"
  [ "$(printf '%s\nGLIBC_2.17\n' "$newest" | sort -V | tail -n 1)" = GLIBC_2.17 ]
}

# A command that is one file and loads nothing.
elf_command() { readelf -hlW "$1" >"$dir/elf" && grep -q "Machine: .*$2" "$dir/elf" && ! grep -q INTERP "$dir/elf"; }

# The names under "[Ordinal/Name Pointer] Table".
dll_symbols() {
  declared
  objdump -p "$1" | sed -n '/Name Pointer\] Table/,/^$/s/.* \(mp[a-z_]*\)$/\1/p' | sort >"$dir/shown"
  same "$dir/declared" "$dir/shown" && sed -n 's/^  mp_/mp_/p' "$2" | same "$dir/declared" -
}

# dll_needs FILE DLL... - that it is for amd64, may be loaded anywhere, and asks
# for nothing but the kernel, the C library of Windows 10 and those named.
dll_needs() {
  objdump -p "$1" >"$dir/pe" && objdump -f "$1" | grep -q 'pei-x86-64' || return 1
  shift
  grep -q DYNAMIC_BASE "$dir/pe" && grep -q NX_COMPAT "$dir/pe" && grep -q HIGH_ENTROPY_VA "$dir/pe" || return 1
  sed -n 's/.*DLL Name: //p' "$dir/pe" | grep -viE "^(kernel32|api-ms-win-crt-.*)\.dll$|^($(echo "$*" | tr ' ' '|'))$" && return 1
  return 0
}

dll_name() { objdump -p "$1" | grep -A 12 'The Export Tables' | grep -q 'Name.*maskinporten\.dll$'; }

no_build_paths() {
  for file; do ! grep -qaF -e "$root" -e "$build" -e "${HOME:-/nowhere}/" "$file" || { echo "$file" && return 1; }; done
}

every_file_has_its_hash() {
  (cd "$dist" && sha256sum --quiet --check SHA256SUMS && [ "$(wc -l <SHA256SUMS)" -eq "$(ls | grep -cvx SHA256SUMS)" ]) || return 1
  # In the list of what is in the release too, but for the list itself.
  while read -r hash file; do
    case $file in *.cdx.json) continue ;; esac
    grep -A 4 "\"name\": \"$file\"" "$dist"/*.cdx.json | grep -q "$hash" || { echo "$file" && return 1; }
  done <"$dist/SHA256SUMS"
}

files_of_every_platform() {
  wheels=$dist/maskinporten-*-py3-none
  for platform in linux-amd64 linux-arm64 windows-amd64; do
    mkdir -p "$dir/$platform/c" "$dir/$platform/wheel" "$dir/$platform/node"
    case $platform in
    linux-amd64) wheel=$(the $wheels-manylinux*x86_64.whl) other=linux-x64 machine=X86-64 ;;
    linux-arm64) wheel=$(the $wheels-manylinux*aarch64.whl) other=linux-arm64 machine=AArch64 ;;
    windows-amd64) wheel=$(the $wheels-win_amd64.whl) other=win32-x64 ;;
    esac
    "$python" -m zipfile -e "$wheel" "$dir/$platform/wheel"
    tar -xzf "$(the "$dist"/maskinporten-$other-*.tgz)" -C "$dir/$platform/node" --strip-components=1
    c=$dir/$platform/c
    if [ "$platform" = windows-amd64 ]; then
      "$python" -m zipfile -e "$(the "$dist"/libmaskinporten-*-$platform.zip)" "$c" && mv "$c"/*/* "$c"
      library=$(the "$c"/bin/maskinporten.dll)
      step "$platform: the library shows what the header declares and no more" dll_symbols "$library" "$c/lib/maskinporten.def"
      step "$platform: the library has its name" dll_name "$library"
      step "$platform: library and addon need Windows only" \
        eval 'dll_needs "$library" && dll_needs "$dir/$platform/node/maskinporten.node" maskinporten.dll node.exe'
    else
      tar -xzf "$(the "$dist"/libmaskinporten-*-$platform.tar.gz)" -C "$c" --strip-components=1
      library=$(the "$c"/lib/libmaskinporten.so.[0-9]*.*.*)
      step "$platform: the library shows what the header declares and no more" elf_symbols "$library"
      step "$platform: SONAME, NODELETE, glibc 2.17 at most" elf_needs "$library" "$machine"
      step "$platform: the command needs no library" elf_command "$c/bin/maskinporten" "$machine"
    fi
    step "$platform: the same library in the wheel, the npm package and the C archive" \
      eval 'cmp "$library" "$(the "$dir/$platform"/wheel/maskinporten/*maskinporten.[sd]*)" && cmp "$library" "$(the "$dir/$platform"/node/*maskinporten.[sd]*)"'
    step "$platform: no file names a directory of the build" no_build_paths "$library" "$dir/$platform"/node/* "$c"/bin/*
  done
  step "wheels: every file with its hash, tags as in the name" "$venv/python" "$here/check_wheels.py" "$dist"
  for wheel in $wheels-manylinux*; do
    step "wheels: auditwheel agrees with $(basename "$wheel")" \
      eval '"$venv/auditwheel" show "$wheel" | tr "\n" " " | grep -q "is consistent with the following platform tag: \"manylinux_2_17_"'
  done
  for choice in manylinux2014_x86_64:manylinux manylinux_2_17_aarch64:manylinux win_amd64:win_amd64 \
    musllinux_1_2_x86_64:any manylinux_2_12_x86_64:any macosx_14_0_arm64:any; do
    step "wheels: pip takes ${choice#*:} for ${choice%:*}" pip_takes "${choice%:*}" "${choice#*:}"
  done
  step "every file has its hash" every_file_has_its_hash
}

# pip_takes PLATFORM TAG - which wheel pip chooses there.
pip_takes() {
  rm -rf "$dir/taken"
  "$venv/pip" download --quiet --disable-pip-version-check --no-index --find-links "$dist" --no-deps --only-binary=:all: \
    --platform "$1" --dest "$dir/taken" maskinporten && the "$dir"/taken/*-none-"$2"*.whl
}
