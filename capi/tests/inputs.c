/*
 * inputs.c - configurations and requests that are wrong: one clear error each,
 * before anything is sent.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../examples/c/json_member.h"
#include "check.h"
#include "tests.h"
#include "world.h"

#define CLIENT "\"environment\": \"test\", \"client_id\": \"b1a5e1d2-7f1c-4d3e-9a55-0c6f4d1c2b3a\""

/* A wrong input and what the error must speak of. %s is a private JWK. */
typedef struct {
  const char *name, *json;
  int32_t want;
  const char *says;
} bad_input;

static const bad_input configurations[] = {
    {"no key", "{" CLIENT "}", MP_ERROR_INVALID_CONFIGURATION, "key"},
    {"no client id", "{\"environment\": \"test\", \"key\": {\"jwk\": %s}}", MP_ERROR_INVALID_CONFIGURATION,
     "client_id"},
    {"no environment", "{\"client_id\": \"b1a5e1d2\", \"key\": {\"jwk\": %s}}", MP_ERROR_INVALID_CONFIGURATION,
     "environment"},
    {"unknown member", "{" CLIENT ", \"key\": {\"jwk\": %s}, \"no_such_member\": 1}", MP_ERROR_INVALID_CONFIGURATION,
     "no_such_member"},
    {"issuer without its slash",
     "{\"environment\": {\"issuer\": \"https://test.maskinporten.no\", \"token_endpoint\": "
     "\"https://test.maskinporten.no/token\"}, \"client_id\": \"b1a5e1d2\", \"key\": {\"jwk\": %s}}",
     MP_ERROR_INVALID_CONFIGURATION, "https://test.maskinporten.no/, slash included"},
    {"ver2 by name", "{\"environment\": \"ver2\", \"client_id\": \"b1a5e1d2\", \"key\": {\"jwk\": %s}}",
     MP_ERROR_INVALID_CONFIGURATION, "switched off"},
    {"ver2 by address",
     "{\"environment\": {\"issuer\": \"https://ver2.maskinporten.no/\", \"token_endpoint\": "
     "\"https://ver2.maskinporten.no/token\"}, \"client_id\": \"b1a5e1d2\", \"key\": {\"jwk\": %s}}",
     MP_ERROR_INVALID_CONFIGURATION, "switched off"},
    {"plain http",
     "{\"environment\": {\"issuer\": \"https://issuer.example.no/\", \"token_endpoint\": "
     "\"http://issuer.example.no/token\"}, \"client_id\": \"b1a5e1d2\", \"key\": {\"jwk\": %s}}",
     MP_ERROR_INVALID_CONFIGURATION, "https"},
    {"grant life of 121 s", "{" CLIENT ", \"key\": {\"jwk\": %s}, \"grant_life_seconds\": 121}",
     MP_ERROR_INVALID_CONFIGURATION, "120"},
    /* Well-formed, with zeros where the ciphertext would be: without a password
     * nobody can tell. */
    {"an encrypted PEM without a password",
     "{" CLIENT ", \"key\": {\"kid\": \"k\", \"pem\": \"-----BEGIN ENCRYPTED PRIVATE KEY-----\\n"
     "MIGjMF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBAAAAAAAAAAAAAAAAAA\\n"
     "AAAAAgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQAAAAAAAAAAAAAAAA\\n"
     "AAAAAARAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\\n"
     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\\n"
     "-----END ENCRYPTED PRIVATE KEY-----\\n\"}}",
     MP_ERROR_INVALID_KEY, "password"},
    {"text instead of PEM", "{" CLIENT ", \"key\": {\"kid\": \"k\", \"pem\": \"my secret key\"}}",
     MP_ERROR_INVALID_KEY, "PEM"},
    {"unknown algorithm", "{" CLIENT ", \"key\": {\"alg\": \"HS256\", \"jwk\": %s}}", MP_ERROR_INVALID_KEY, "RS256"},
};

static const bad_input requests[] = {
    {"no scopes", "{\"scopes\": []}", MP_ERROR_INVALID_TOKEN_REQUEST, "scopes"},
    {"a scope with a space", "{\"scopes\": [\"a:b c:d\"]}", MP_ERROR_INVALID_TOKEN_REQUEST, "scope"},
    {"consumer_org with its prefix", "{\"scopes\": [\"a:b\"], \"consumer_org\": \"0192:910753614\"}",
     MP_ERROR_INVALID_TOKEN_REQUEST, "consumer_org"},
    {"consumer_org with a wrong check digit", "{\"scopes\": [\"a:b\"], \"consumer_org\": \"910753615\"}",
     MP_ERROR_INVALID_TOKEN_REQUEST, "consumer_org"},
    {"a pid of ten digits", "{\"scopes\": [\"a:b\"], \"pid\": \"1234567890\"}", MP_ERROR_INVALID_TOKEN_REQUEST,
     "pid"},
    {"unknown exchange", "{\"scopes\": [\"a:b\"], \"exchanges\": [{\"type\": \"no_such\"}]}",
     MP_ERROR_INVALID_TOKEN_REQUEST, "exchange"},
    {"unknown member", "{\"scopes\": [\"a:b\"], \"no_such_member\": 1}", MP_ERROR_INVALID_TOKEN_REQUEST,
     "no_such_member"},
};

/* One refusal; secret must not be in it. */
static void refused(const bad_input *input, int32_t got, mp_buf *error, const char *secret) {
  if (!(CHECK_STATUS(input->want, got) & CHECK(error->data && strstr((char *)error->data, input->says)) &
        CHECK(error->data && strstr((char *)error->data, secret) == NULL)))
    printf("    %s: %s\n", input->name, error->data ? (char *)error->data : "no error object");
  CHECK_ERROR(got, got, error);
}

void test_bad_configurations(void) {
  char text[8192], jwk[4096], *secret = json_string(other_key(), "private_jwk.d");
  size_t length = 0, i;
  const char *value = json_value(other_key(), "private_jwk", &length);
  mp_buf e = MP_BUF_INIT;
  uint64_t client = 77;

  if (!CHECK(value != NULL && secret != NULL)) return;
  snprintf(jwk, sizeof jwk, "%.*s", (int)length, value);
  for (i = 0; i < sizeof configurations / sizeof *configurations; i++) {
    snprintf(text, sizeof text, configurations[i].json, jwk);
    refused(&configurations[i], mp_client_new(text, strlen(text), &client, &e), &e, secret);
  }
  CHECK(client == 77);
  free(secret);
}

void test_public_key_as_private(void) {
  static const bad_input input = {"a public key", NULL, MP_ERROR_INVALID_KEY, "private"};
  size_t length = 0;
  const char *jwk = json_value(other_key(), "public_jwk", &length);
  char key[4096], *config;
  uint64_t client = 77;
  mp_buf out = MP_BUF_INIT, e = MP_BUF_INIT;

  snprintf(key, sizeof key, "{\"jwk\": %.*s}", (int)length, jwk);
  config = configuration(key);
  refused(&input, mp_client_new(config, strlen(config), &client, &e), &e, "eyJ");
  refused(&input, mp_key_read(key, strlen(key), &out, &e), &e, "eyJ");
  CHECK(client == 77 && out.data == NULL);
  free(config);
}

void test_weak_key(void) {
  static const char options[] = "{\"bits\": 1024}";
  mp_buf out = MP_BUF_INIT, e = MP_BUF_INIT;
  int32_t status = mp_key_generate(options, strlen(options), &out, &e);
  CHECK(status == MP_ERROR_INVALID_ARGUMENT || status == MP_ERROR_INVALID_KEY);
  CHECK(e.data && strstr((char *)e.data, "2048"));
  CHECK_ERROR(status, status, &e);
  CHECK(out.data == NULL);
}

void test_bad_requests(void) {
  uint64_t client = new_client(), source = 77;
  mp_buf e = MP_BUF_INIT;
  size_t i;
  sandbox_forget();
  for (i = 0; i < sizeof requests / sizeof *requests; i++)
    refused(&requests[i], mp_source_new(client, requests[i].json, strlen(requests[i].json), &source, &e), &e, "eyJ");
  CHECK(source == 77);
  CHECK(sandbox_count("/token") == 0);
  end_client(client);
}

/* Everything that is wrong is said at once. */
void test_every_problem_at_once(void) {
  static const char config[] =
      "{\"environment\": {\"issuer\": \"https://test.maskinporten.no\", \"token_endpoint\": \"http://example.no/token\"},"
      " \"client_id\": \"\", \"key\": {\"kid\": \"k\", \"signature_size\": 3}, \"grant_life_seconds\": 500}";
  uint64_t client = 77;
  mp_buf e = MP_BUF_INIT;
  size_t length = 0;
  const char *problems;
  CHECK_STATUS(MP_ERROR_INVALID_CONFIGURATION, mp_client_new(config, strlen(config), &client, &e));
  problems = e.data ? json_value((char *)e.data, "problems", &length) : NULL;
  CHECK(problems && strstr(problems, "environment.issuer") && strstr(problems, "environment.token_endpoint") &&
        strstr(problems, "client_id") && strstr(problems, "signature_size") &&
        strstr(problems, "grant_life"));
  mp_buf_free(&e);
}
