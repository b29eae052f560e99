# examples.sh - part of run.sh: the examples, as a user builds and runs them.

# build_examples FLAGS...
build_examples() {
  (cd "$capi/examples/c" &&
    $c99 token.c json_member.c -o "$dir/token" "$@" "-Wl,-rpath,$build" &&
    $c99 threads.c json_member.c -o "$dir/threads" "$@" "-Wl,-rpath,$build" &&
    $c99 store.c json_member.c -o "$dir/store" "$@" "-Wl,-rpath,$build" &&
    $c99 main_job.c json_member.c loopback_http.c -o "$dir/main_job" "$@" "-Wl,-rpath,$build")
}

# The examples do not leak and do nothing undefined, also where they fail.
examples_sanitized() {
  mkdir "$dir/sanitized" &&
    (cd "$capi/examples/c" &&
      $c99 $sanitize token.c json_member.c -o "$dir/sanitized/token" $use &&
      $c99 $sanitize threads.c json_member.c -o "$dir/sanitized/threads" $use &&
      $c99 $sanitize store.c json_member.c -o "$dir/sanitized/store" $use &&
      $c99 $sanitize main_job.c json_member.c loopback_http.c -o "$dir/sanitized/main_job" $use) &&
    "$dir/sanitized/token" "$dir/configuration.json" toll:movement/road/v2 &&
    "$dir/sanitized/threads" "$dir/configuration.json" sandbox:plain &&
    "$dir/sanitized/store" "$dir/shared.json" sandbox:plain "$dir/entries" &&
    "$dir/sanitized/main_job" "$settings" &&
    for example in token threads store; do
      [ $example != store ] || set -- "$dir/entries"
      refused "$dir/sanitized/$example" "$dir/configuration.json" no:such.scope "$@" 2>"$dir/refusal" || return 1
      refused grep Sanitizer "$dir/refusal" || return 1
    done
}

example_token() {
  "$dir/token" "$dir/configuration.json" toll:movement/road/v2 | grep 'usable for [1-9][0-9]* s'
}

example_token_refused() {
  refused "$dir/token" "$dir/configuration.json" no:such.scope 2>"$dir/refusal" && grep 'MP-200.*Add the scope' "$dir/refusal"
}

example_main_job() {
  "$dir/main_job" "$settings" |
    grep -x '{"grant":true,"token":true,"customs":true,"test_auth":200,"expires_in_s":[1-9][0-9]*}'
}

example_threads() {
  "$dir/threads" "$dir/configuration.json" sandbox:plain | grep '^8000 calls by 8 threads$' &&
    refused "$dir/threads" "$dir/configuration.json" no:such.scope 2>"$dir/refusal" && grep 'MP-200' "$dir/refusal"
}

# The second process finds what the first one got; no token is in the files.
example_store() {
  mkdir "$dir/entries" &&
    sed "s/}\$/, \"store_key\": \"$(openssl rand -base64 32 | sed 's|/|\\/|g')\"}/" "$dir/configuration.json" >"$dir/shared.json" &&
    "$dir/store" "$dir/shared.json" sandbox:plain "$dir/entries" | grep 'fetched and shared' &&
    "$dir/store" "$dir/shared.json" sandbox:plain "$dir/entries" | grep 'found in the store' &&
    refused grep -r '[.]eyJ' "$dir/entries" && # as the claims of a token would begin
    "$dir/store" "$dir/shared.json" sandbox:plain "$dir/nowhere" | grep 'fetched and shared'
}

examples_explain_themselves() {
  for example in token threads store main_job; do
    refused "$dir/$example" 2>"$dir/usage" && grep "^usage: $example" "$dir/usage" || return 1
  done
}

# A token of the HSM made with tools of others, its key registered at the sandbox,
# and a grant signed in it.
example_hsm() {
  module=$1
  mkdir "$dir/tokens"
  printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$dir/tokens" >"$dir/softhsm2.conf"
  export SOFTHSM2_CONF="$dir/softhsm2.conf" HSM_PIN=4711
  softhsm2-util --init-token --free --label signing --so-pin 12345678 --pin $HSM_PIN &&
    pkcs11-tool --module "$module" --token-label signing --login --pin $HSM_PIN --keypairgen --key-type rsa:2048 \
      --label maskinporten --id 01 &&
    (cd "$capi/examples/c" && $c99 $hsm_flags hsm.c pkcs11_key.c json_member.c -o "$dir/hsm" $use -ldl) || return 1
  client=$(sed -n 's/.*"client_id": "\([0-9a-f-]*\)".*/\1/p' "$settings" | head -n 1)
  jwk=$("$dir/hsm" jwk "$module" signing maskinporten hsm-key) &&
    sed 's/"key": {.*/"key": {"kid": "hsm-key", "signature_size": 256}}/' "$dir/configuration.json" >"$dir/hsm.json" &&
    refused "$dir/hsm" token "$module" signing maskinporten "$dir/hsm.json" sandbox:plain 2>"$dir/refusal" &&
    grep 'maskinporten: ' "$dir/refusal" || return 1 # the key is not registered yet
  own=$("$dir/capi_test" "$settings" --public-key)
  control PUT "clients/$client/keys" "{\"keys\": [$own, $jwk]}" || return 1
  "$dir/hsm" token "$module" signing maskinporten "$dir/hsm.json" sandbox:plain | grep 'usable for [1-9][0-9]* s' &&
    refused "$dir/hsm" jwk "$module" signing no-such-key hsm-key &&
    refused "$dir/hsm" jwk "$module" no-such-token maskinporten hsm-key &&
    refused env HSM_PIN=wrong "$dir/hsm" jwk "$module" signing maskinporten hsm-key &&
    control PUT "clients/$client/keys" "{\"keys\": [$own]}"
}

"$dir/capi_test" "$settings" --configuration >"$dir/configuration.json"
step "examples build" build_examples $use
if have pkg-config; then
  step "examples build with pkg-config" \
    build_examples $(PKG_CONFIG_PATH="$build" pkg-config --cflags --libs maskinporten)
fi
step "example: token" example_token
step "example: token says why it was refused" example_token_refused
step "example: main_job" example_main_job
step "example: threads" example_threads
step "example: store" example_store
step "examples explain themselves" examples_explain_themselves
! $c99 $sanitize "$dir/alone.c" -o "$dir/alone" $use 2>/dev/null || step "examples under the sanitizers" examples_sanitized
$c99 "$capi/tests/tools/loopback.c" "$capi/examples/c/loopback_http.c" -o "$dir/loopback" "-I$build/include"
if have softhsm2-util softhsm2 && have pkcs11-tool opensc && have_library p11-kit-1 libp11-kit-dev; then
  step "example: hsm, with a key in SoftHSM" example_hsm "$(find /usr/lib -name libsofthsm2.so | head -n 1)"
fi
