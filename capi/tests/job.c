/*
 * job.c - what the library is for: tokens, cached tokens, exchanged tokens.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../examples/c/json_member.h"
#include "../examples/c/loopback_http.h"
#include "check.h"
#include "tests.h"
#include "world.h"

static int get(const char *url, const char *access_token) {
  char headers[4096], answer[4096];
  snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", access_token);
  return loopback_http("GET", url, headers, NULL, answer, sizeof answer);
}

/* A token for the scope, checked in its members; the access token is to be freed. */
static char *token_of(uint64_t source) {
  mp_buf token = MP_BUF_INIT, e = MP_BUF_INIT;
  const char *json;
  char *access_token = NULL;
  long long requested, expires, usable;

  CHECK_ERROR(MP_OK, mp_source_token(source, 10000, &token, &e), &e);
  if (!CHECK(token.data != NULL)) return NULL;
  json = (const char *)token.data;
  CHECK(json[token.len] == '\0');
  CHECK(has_text(&token, "token_type", "Bearer"));
  requested = json_integer(json, "requested_at_ms", -1);
  expires = json_integer(json, "expires_at_ms", -1);
  usable = json_integer(json, "usable_until_ms", -1);
  CHECK(0 < requested && requested < usable && usable < expires);
  access_token = json_string(json, "access_token");
  CHECK(access_token != NULL && strlen(access_token) > 100);
  mp_buf_free(&token);
  return access_token;
}

void test_plain_token(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), "");
  char *first, *second;
  sandbox_forget();
  first = token_of(source);
  second = token_of(source);
  CHECK(first && second && strcmp(first, second) == 0);
  CHECK(sandbox_count("/token") == 1);
  CHECK(first && get(setting("sample_api"), first) == 200);
  CHECK(get(setting("sample_api"), "no.such.token") == 401);
  free(first);
  free(second);
  end_client(client);
}

void test_customs(void) {
  uint64_t client = new_client(),
           source = new_source(client, setting("scopes.customs"), ", \"exchanges\": [{\"type\": \"customs\"}]");
  char *token;
  sandbox_forget();
  token = token_of(source);
  CHECK(sandbox_count("/token") == 1);
  CHECK(sandbox_count("/api/access/external/oauth/token") == 1);
  CHECK(token && get(setting("customs_test_auth"), token) == 200);
  free(token);
  end_client(client);
}

/* The answer of the server reaches the caller with its code, and no secret. */
void test_refusal(void) {
  uint64_t client = new_client(), source = new_source(client, "no:such.scope", "");
  mp_buf token = MP_BUF_INIT, e = MP_BUF_INIT;
  CHECK_STATUS(MP_ERROR_SCOPE_NOT_REGISTERED, mp_source_token(source, 10000, &token, &e));
  CHECK(token.data == NULL);
  CHECK(has_text(&e, "kind", "remote"));
  CHECK(has_text(&e, "mp_code", "MP-200"));
  CHECK(e.data && json_integer((char *)e.data, "status", 0) == 400);
  CHECK(e.data && strstr((char *)e.data, "eyJ") == NULL);
  CHECK_ERROR(MP_ERROR_SCOPE_NOT_REGISTERED, MP_ERROR_SCOPE_NOT_REGISTERED, &e);
  end_client(client);
}

/* A wait of no length, and one shorter than the fetch; the fetch goes on. */
void test_deadline(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), "");
  mp_buf token = MP_BUF_INIT, e = MP_BUF_INIT;
  char *text;
  sandbox_forget();
  sandbox_faults("[{\"path\": \"/token\", \"times\": 1, \"latency_ms\": 400}]");
  CHECK_ERROR(MP_ERROR_DEADLINE_EXCEEDED, mp_source_token(source, 0, &token, &e), &e);
  CHECK(sandbox_count("/token") == 0);
  CHECK_ERROR(MP_ERROR_DEADLINE_EXCEEDED, mp_source_token(source, 20, &token, &e), &e);
  text = token_of(source);
  CHECK(text != NULL);
  CHECK(sandbox_count("/token") == 1);
  sandbox_faults("[]");
  free(text);
  end_client(client);
}

void test_F78_peek(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), "");
  char room[8192], *token;
  size_t length = 0, size, i;
  int64_t usable = -1;
  int32_t due = -1;

  CHECK_STATUS(MP_ERROR_NO_TOKEN, mp_source_peek(source, room, sizeof room, &length, &usable, &due, NULL));
  CHECK(length == 0 && usable == -1 && due == -1);
  token = token_of(source);
  if (!CHECK(token != NULL)) return;
  size = strlen(token);

  /* Too small by anything from one byte to all of it. */
  memset(room, '#', sizeof room);
  CHECK_STATUS(MP_ERROR_BUFFER_TOO_SMALL, mp_source_peek(source, NULL, 0, &length, NULL, NULL, NULL));
  CHECK(length == size);
  for (i = 0; i <= size; i++) {
    length = 0;
    CHECK_STATUS(MP_ERROR_BUFFER_TOO_SMALL, mp_source_peek(source, room, i, &length, &usable, &due, NULL));
    CHECK(length == size);
  }
  for (i = 0; i < sizeof room; i++)
    if (room[i] != '#') break;
  CHECK(i == sizeof room);
  CHECK(usable == -1 && due == -1);

  /* Just large enough, and not a byte behind it is touched. */
  CHECK_STATUS(MP_OK, mp_source_peek(source, room, size + 1, &length, &usable, &due, NULL));
  CHECK(length == size && strcmp(room, token) == 0 && room[size + 1] == '#');
  CHECK(usable > 0 && (due == 0 || due == 1));
  CHECK_STATUS(MP_OK, mp_source_peek(source, room, sizeof room, &length, NULL, NULL, NULL));
  /* In a buffer of exactly the right size, so that the address sanitizer sees a
   * byte too many. */
  {
    char *exact = (char *)malloc(size + 1);
    CHECK_STATUS(MP_ERROR_BUFFER_TOO_SMALL, mp_source_peek(source, exact, size, &length, NULL, NULL, NULL));
    CHECK_STATUS(MP_OK, mp_source_peek(source, exact, length + 1, &length, NULL, NULL, NULL));
    CHECK(strcmp(exact, token) == 0);
    free(exact);
  }
  free(token);
  end_client(client);
}

void test_invalidate(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), "");
  mp_buf e = MP_BUF_INIT;
  char room[8192], *first, *second;
  size_t length = 0;

  sandbox_forget();
  first = token_of(source);
  if (!CHECK(first != NULL)) return;
  CHECK_ERROR(MP_OK, mp_source_invalidate(source, "another token", 13, &e), &e);
  CHECK_STATUS(MP_OK, mp_source_peek(source, room, sizeof room, &length, NULL, NULL, NULL));
  CHECK_ERROR(MP_OK, mp_source_invalidate(source, first, strlen(first), &e), &e);
  CHECK_STATUS(MP_ERROR_NO_TOKEN, mp_source_peek(source, room, sizeof room, &length, NULL, NULL, NULL));
  second = token_of(source);
  CHECK(second != NULL && strcmp(first, second) != 0);
  CHECK(sandbox_count("/token") == 2);
  free(first);
  free(second);
  end_client(client);
}

/* Equal requests share one token, whatever their order; unequal ones do not. */
void test_source_key(void) {
  uint64_t client = new_client(), other = new_source(client, setting("scopes.plain"), ", \"resource\": [\"https://api.example.no\"]");
  uint64_t sources[2];
  mp_buf keys[3] = {MP_BUF_INIT, MP_BUF_INIT, MP_BUF_INIT}, e = MP_BUF_INIT;
  char request[512], *token;
  size_t length = 0, i;

  for (i = 0; i < 2; i++) {
    const char *one = setting("scopes.plain"), *two = setting("scopes.other");
    snprintf(request, sizeof request, "{\"scopes\": [\"%s\", \"%s\"]}", i ? one : two, i ? two : one);
    CHECK_ERROR(MP_OK, mp_source_new(client, request, strlen(request), &sources[i], &e), &e);
    CHECK_ERROR(MP_OK, mp_source_key(sources[i], &keys[i], &e), &e);
  }
  CHECK_ERROR(MP_OK, mp_source_key(other, &keys[2], &e), &e);
  for (i = 0; i < 3; i++) CHECK(keys[i].len == 64 && strspn((char *)keys[i].data, "0123456789abcdef") == 64);
  CHECK(sources[0] != sources[1]);
  CHECK(strcmp((char *)keys[0].data, (char *)keys[1].data) == 0);
  CHECK(strcmp((char *)keys[0].data, (char *)keys[2].data) != 0);

  token = token_of(sources[0]);
  CHECK_STATUS(MP_ERROR_BUFFER_TOO_SMALL, mp_source_peek(sources[1], NULL, 0, &length, NULL, NULL, NULL));
  CHECK_STATUS(MP_ERROR_NO_TOKEN, mp_source_peek(other, NULL, 0, &length, NULL, NULL, NULL));
  free(token);
  for (i = 0; i < 3; i++) mp_buf_free(&keys[i]);
  for (i = 0; i < 2; i++) CHECK_STATUS(MP_OK, mp_source_free(sources[i]));
  end_client(client);
}

/* A key that was generated is one that can be read, and its public part has
 * what is registered and nothing else. */
void test_keys(void) {
  static const char *const private_members[] = {"public_jwk.d", "public_jwk.p", "public_jwk.q",
                                                "public_jwk.dp", "public_jwk.dq", "public_jwk.qi"};
  mp_buf out = MP_BUF_INIT, e = MP_BUF_INIT;
  size_t length = 0, i;
  const char *jwk = json_value(other_key(), "private_jwk", &length);
  char *kid = json_string(other_key(), "kid"), *modulus = json_string(other_key(), "public_jwk.n"), config[4096];

  if (!CHECK(jwk != NULL && kid != NULL && modulus != NULL)) return;
  snprintf(config, sizeof config, "{\"jwk\": %.*s}", (int)length, jwk);
  CHECK_ERROR(MP_OK, mp_key_read(config, strlen(config), &out, &e), &e);
  CHECK(has_text(&out, "kid", kid));
  CHECK(has_text(&out, "alg", "RS256"));
  CHECK(has_text(&out, "public_jwk.kty", "RSA"));
  CHECK(has_text(&out, "public_jwk.use", "sig"));
  CHECK(has_text(&out, "public_jwk.kid", kid));
  CHECK(has_text(&out, "public_jwk.n", modulus));
  CHECK(json_integer((char *)out.data, "signature_size", 0) == 256);
  CHECK(json_value((char *)out.data, "pkcs8", &length) != NULL);
  for (i = 0; i < sizeof private_members / sizeof *private_members; i++) {
    CHECK(json_value((char *)out.data, private_members[i], &length) == NULL);
    CHECK(json_value(other_key(), private_members[i], &length) == NULL);
  }
  mp_buf_free(&out);
  free(kid);
  free(modulus);
}
