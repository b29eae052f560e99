/*
 * hsm.c - a token with a key that never leaves an HSM. The library says what to
 * sign; this program has it signed over PKCS#11, of which the library knows
 * nothing. The library does the rest.
 *
 *   hsm jwk MODULE TOKEN KEY KID                        what to register at Maskinporten
 *   hsm token MODULE TOKEN KEY configuration.json SCOPE
 *
 * MODULE is the shared library that came with the HSM; TOKEN and KEY are labels in
 * it. The PIN is in the environment, as HSM_PIN. The key of the configuration has
 * no private part, and a signature as long as its modulus:
 *   {"environment": "test", "client_id": "...", "key": {"kid": "...", "signature_size": 256}}
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <maskinporten.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_member.h"
#include "pkcs11_key.h"

/* What went wrong, in the library's own words. */
static int explain(const char *doing, const char *error_object) {
  char *text = error_object ? json_string(error_object, "text") : NULL;
  fprintf(stderr, "%s: %s\n", doing, text ? text : "no explanation");
  free(text);
  return 1;
}

/* One step "sign". If the HSM cannot, the flow is told, and says what comes next. */
static int32_t sign(uint64_t flow, const char *step, pkcs11_key *key, mp_buf *error) {
  static const char reason[] = "{\"code\": \"signing_failed\", \"message\": \"the HSM did not sign\"}";
  unsigned char signature[1024];
  unsigned long size = sizeof signature;
  char *alg = json_string(step, "alg"), *input = json_string(step, "signing_input");
  int failed = alg == NULL || input == NULL || pkcs11_sign(key, alg, input, signature, &size);
  free(alg);
  free(input);
  return failed ? mp_flow_failed(flow, reason, strlen(reason), error) : mp_flow_signed(flow, signature, size, error);
}

/* Drives the flow to its end: signing is ours, all else the library's. */
static int drive(uint64_t flow, pkcs11_key *key, mp_buf *step, mp_buf *error) {
  for (;;) {
    int32_t status = mp_flow_next(flow, step, error);
    char *kind = status == MP_OK ? json_string((const char *)step->data, "step") : NULL;
    int over = kind == NULL || strcmp(kind, "done") == 0 || strcmp(kind, "failed") == 0;
    if (!over)
      status = strcmp(kind, "sign") == 0 ? sign(flow, (const char *)step->data, key, error)
                                         : mp_flow_perform(flow, -1, error);
    free(kind);
    if (over || status != MP_OK) return status;
    mp_buf_free(step);
  }
}

static int token(pkcs11_key *key, const char *config, const char *scope) {
  mp_buf step = MP_BUF_INIT, error = MP_BUF_INIT;
  uint64_t client = 0, source = 0, flow = 0;
  char request[512], access_token[65536];
  size_t length = 0;
  int64_t usable_ms = 0;
  int failed = 0;

  snprintf(request, sizeof request, "{\"scopes\": [\"%.400s\"]}", scope);
  if (mp_client_new(config, strlen(config), &client, &error) != MP_OK ||
      mp_source_new(client, request, strlen(request), &source, &error) != MP_OK ||
      mp_flow_new(source, &flow, &error) != MP_OK || drive(flow, key, &step, &error) != MP_OK) {
    failed = explain("Maskinporten", (const char *)error.data);
  } else if (mp_source_peek(source, access_token, sizeof access_token, &length, &usable_ms, NULL, NULL) != MP_OK) {
    size_t size = 0; /* the flow ended in "failed", with an error object */
    failed = explain("Maskinporten", json_value((const char *)step.data, "error", &size));
  } else {
    printf("a token of %lu characters, usable for %ld s\n", (unsigned long)length, (long)(usable_ms / 1000));
  }
  mp_buf_free(&step);
  mp_buf_free(&error);
  mp_flow_free(flow);
  mp_source_free(source);
  mp_client_free(client);
  return failed;
}

int main(int argc, char **argv) {
  pkcs11_key key;
  const char *pin = getenv("HSM_PIN");
  char *config = NULL;
  int printing = argc == 6 && strcmp(argv[1], "jwk") == 0, failed = 1;

  memset(&key, 0, sizeof key);
  if (!printing && argc == 7 && strcmp(argv[1], "token") == 0) config = read_file(argv[5]);
  if (pin == NULL || (!printing && config == NULL)) {
    fprintf(stderr, "usage: HSM_PIN=... hsm jwk MODULE TOKEN KEY KID\n"
                    "       HSM_PIN=... hsm token MODULE TOKEN KEY configuration.json SCOPE\n");
    free(config);
    return 2;
  }
  if (pkcs11_open(&key, argv[2], argv[3], pin, argv[4]) == 0)
    failed = printing ? pkcs11_print_jwk(&key, argv[5]) : token(&key, config, argv[6]);
  pkcs11_close(&key);
  free(config);
  return failed;
}
