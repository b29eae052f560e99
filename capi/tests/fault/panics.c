/*
 * panics.c - what a panic inside the library does to its host: nothing. Runs
 * against the library built with -tags mp_fault, which panics when asked to.
 *
 *   capi_panics settings.json
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../examples/c/json_member.h"
#include "../check.h"
#include "../world.h"

/* A client whose token endpoint is the one that the library panics at. */
static uint64_t panicking_client(void) {
  static const char form[] =
      "{\"environment\": {\"issuer\": \"%s\", \"token_endpoint\": \"%spanic\", \"allow_loopback_http\": true},"
      " \"client_id\": \"c\", \"key\": {\"jwk\": %.*s}}";
  char config[8192];
  size_t length = 0;
  const char *jwk = json_value(other_key(), "private_jwk", &length), *issuer = setting("issuer");
  mp_buf e = MP_BUF_INIT;
  uint64_t client = 0;
  snprintf(config, sizeof config, form, issuer, issuer, (int)length, jwk);
  CHECK_ERROR(MP_OK, mp_client_new(config, strlen(config), &client, &e), &e);
  return client;
}

/* A panic in a fetch ends that fetch; the next call works. */
static void panic_in_fetch(void) {
  uint64_t bad = panicking_client(), good = new_client();
  uint64_t bad_source = new_source(bad, "a:b", ""), good_source = new_source(good, setting("scopes.plain"), "");
  mp_buf token = MP_BUF_INIT, e = MP_BUF_INIT;
  CHECK_ERROR(MP_ERROR_INTERNAL, mp_source_token(bad_source, 10000, &token, &e), &e);
  CHECK_ERROR(MP_OK, mp_source_token(good_source, 10000, &token, &e), &e);
  mp_buf_free(&token);
  end_client(bad);
  end_client(good);
}

static void panic_in_flow(void) {
  uint64_t client = panicking_client(), source = new_source(client, "a:b", ""), flow = 0;
  mp_buf e = MP_BUF_INIT;
  CHECK_ERROR(MP_OK, mp_flow_new(source, &flow, &e), &e);
  CHECK_ERROR(MP_OK, mp_flow_perform(flow, 10000, &e), &e);
  CHECK_STATUS(MP_ERROR_INTERNAL, mp_flow_perform(flow, 10000, NULL));
  CHECK_STATUS(MP_OK, mp_flow_free(flow));
  end_client(client);
}

/* A panic in the library's own bookkeeping: from then on every call says so. */
static void panic_in_bookkeeping(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), ""), handle = 77;
  mp_buf kept = MP_BUF_INIT, e = MP_BUF_INIT;
  size_t length = 99;
  CHECK_ERROR(MP_OK, mp_source_key(source, &kept, &e), &e);
  CHECK_ERROR(MP_ERROR_INTERNAL, mp_client_new("panic", 5, &handle, &e), &e);
  CHECK_ERROR(MP_ERROR_POISONED, mp_client_new("{}", 2, &handle, &e), &e);
  CHECK_ERROR(MP_ERROR_POISONED, mp_source_token(source, 0, &kept, &e), &e);
  CHECK_STATUS(MP_ERROR_POISONED, mp_source_peek(source, NULL, 0, &length, NULL, NULL, NULL));
  CHECK_STATUS(MP_ERROR_POISONED, mp_client_free(client));
  CHECK(handle == 77 && length == 99);
  CHECK(kept.len == 64);
  mp_buf_free(&kept);
  CHECK(mp_abi_version() == MP_ABI_VERSION);
}

int main(int argc, char **argv) {
  if (argc != 2 || !world_open(argv[1])) return 2;
  run("panic_in_fetch", panic_in_fetch);
  run("panic_in_flow", panic_in_flow);
  run("panic_in_bookkeeping", panic_in_bookkeeping);
  world_close();
  return summary();
}
