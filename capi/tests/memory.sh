# memory.sh - part of run.sh: the tests under the address and undefined behaviour
# sanitizers, and under valgrind.

# The address sanitizer also finds buffers that were not freed.
if $c99 $sanitize "$dir/alone.c" -o "$dir/alone" $use 2>/dev/null; then
  $c99 $sanitize "$capi"/tests/*.c "$capi"/examples/c/json_member.c "$capi"/examples/c/loopback_http.c -o "$dir/capi_asan" $use
  step "all of it under the sanitizers" "$dir/capi_asan" "$settings"
  program fork $c99 $sanitize
  step "F68 and F69 under the sanitizers" env CAPI_SLOWDOWN=10 "$dir/fork" "$settings"
  if [ -x "$dir/vectors" ]; then
    $c99 $sanitize "$capi"/tests/vectors/*.c -o "$dir/vectors_asan" $use $need
    step "the vectors under the sanitizers" "$dir/vectors_asan" "$root/core/testdata/vectors"
  fi

  # F80: freeing twice is not caught by the library, but by who looks for it.
  $c99 $sanitize "$capi/tests/process/double_free.c" -o "$dir/double_free" $use
  F80_double_free() {
    refused "$dir/double_free" "$1" >"$dir/twice" 2>&1
    grep 'freed once' "$dir/twice" && grep -E 'ERROR: AddressSanitizer: (heap-use-after-free|attempting double-free)' "$dir/twice"
  }
  step "F80_double_free" F80_double_free twice
  step "F80_free_it_yourself" F80_double_free free_it_yourself
else
  missing "the address sanitizer of $cc" || true
fi

# Memcheck sees the Go runtime's memory with a library that tells it (-tags
# valgrind); the leaks are looked for with the library as it is. Go interrupts
# its goroutines by signals, which Memcheck takes for stray writes: that is off.
memcheck() {
  GODEBUG=asyncpreemptoff=1 CAPI_SLOWDOWN=50 valgrind --quiet --error-exitcode=9 --child-silent-after-fork=yes \
    --suppressions="$capi/tests/valgrind.supp" "$@"
}

errors() { LD_LIBRARY_PATH="$dir/valgrind" memcheck --leak-check=no "$dir/capi_test" "$settings"; }

# Here what the shipped library does with memory of Go is no error (exit code 9):
# Memcheck does not know that memory, and the run before looked at it. Most of it
# is suppressed; of system calls it could be only by the name of each.
leaks() {
  status=0
  memcheck --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite --undef-value-errors=no \
    --suppressions="$capi/tests/valgrind-leaks.supp" "$@" >"$dir/leaks" 2>&1 || status=$?
  cat "$dir/leaks"
  { [ "$status" -eq 0 ] || [ "$status" -eq 9 ]; } && ! grep -q 'definitely lost' "$dir/leaks"
}

# Memcheck must find what is wrong, or finding nothing says nothing.
planted() {
  refused leaks "$dir/leak" >"$dir/planted" 2>&1
  grep 'definitely lost' "$dir/planted"
}

if have valgrind; then
  mkdir "$dir/valgrind"
  (cd "$capi" && $go build -buildmode=c-shared -tags valgrind -trimpath -ldflags '-w -extldflags "-Wl,-soname,libmaskinporten.so.1"' \
    -o "$dir/valgrind/libmaskinporten.so.1" .)
  step "all of it under valgrind: no errors" errors
  step "all of it under valgrind: no leaks" leaks "$dir/capi_test" "$settings"
  echo '#include <maskinporten.h>
    int main(void) { mp_buf b = MP_BUF_INIT; mp_client_new(0, 0, 0, &b); b.data = 0; return 0; }' >"$dir/leak.c"
  $c99 "$dir/leak.c" -o "$dir/leak" $use
  step "valgrind finds a leak that was planted" planted
fi
