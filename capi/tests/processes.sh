# processes.sh - part of run.sh: what concerns a whole process, each in one of its
# own. Rows F68 to F84 of the fault table that are not in capi_test.

for name in fork memory descriptors signals ending stacks; do
  program $name $c99
  suite "$dir/$name" "$settings"
done

# F70, with another Go library beside ours; and with 64 KiB for every stack.
$c99 "$capi/tests/process/loading.c" "$capi/examples/c/json_member.c" -o "$dir/loading" "-I$build/include" -ldl
(cd "$capi/tests/process/testdata/secondgo" && $go build -buildmode=c-shared -o "$dir/second.so" .)
suite "$dir/loading" "$build/libmaskinporten.so" "$dir/second.so" "$dir/configuration.json" sandbox:plain
suite "$dir/loading" "$build/libmaskinporten.so" "$dir/second.so" "$dir/configuration.json" sandbox:plain small-stacks

# F83: a library that is older than the header a program was built with.
F83_older_library() {
  mkdir "$dir/old"
  echo '#include <stdint.h>
    uint32_t mp_abi_version(void); uint32_t mp_abi_version(void) { return 0; }' >"$dir/old.c"
  $c99 -shared -fPIC "$dir/old.c" -o "$dir/old/libmaskinporten.so.1" -Wl,-soname,libmaskinporten.so.1 &&
    refused env LD_LIBRARY_PATH="$dir/old" "$dir/main_job" "$settings" 2>"$dir/refusal" &&
    grep 'older than its header' "$dir/refusal"
}
step "F83_older_library" F83_older_library

# F84: the hit path from a foreign stack opens nothing at all.
F84_no_maps() {
  strace -f -qq -e trace=open,openat,openat2 -o "$dir/opened" "$dir/stacks" "$settings" &&
    grep -c '/proc/self/maps' "$dir/opened" && # what is looked for is seen where it is known to be
    sed -n '/"BEGIN"/,/"END"/p' "$dir/opened" >"$dir/hits" &&
    cat "$dir/hits" && [ "$(wc -l <"$dir/hits")" -eq 2 ]
}
! have strace || step "F84_no_maps" F84_no_maps
