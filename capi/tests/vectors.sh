# vectors.sh - part of run.sh: the shared test vectors, from C. Their JSON is read
# by jansson and the signatures are verified by OpenSSL.

# A vector that expects something else is a failure, or the runner sees nothing.
spoiled_vector() {
  cp -r "$root/core/testdata/vectors" "$dir/spoiled" &&
    sed -i '0,/"same":true/s//"same":false/' "$dir/spoiled/cache_keys.json" &&
    refused "$dir/vectors" "$dir/spoiled" >"$dir/spoiled.log" && grep ' 1 failed$' "$dir/spoiled.log"
}

if have_library jansson libjansson-dev && have_library libcrypto libssl-dev; then
  need=$(pkg-config --cflags --libs jansson libcrypto)
  step "the vector runner is clean C99" $c99 "$capi"/tests/vectors/*.c -o "$dir/vectors" $use $need
  for file in "$capi"/tests/vectors/*.c; do
    step "$(basename "$file") is clean C++" $cpp -fsyntax-only "$file" "-I$build/include" $need
  done
  suite "$dir/vectors" "$root/core/testdata/vectors"
  step "a spoiled vector is found" spoiled_vector
fi
