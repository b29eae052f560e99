/*
 * main_job.c - the whole job, one step after the other: a token from
 * Maskinporten, the same exchanged at Norwegian Customs, and a call to the
 * protected API that Customs has for trying a token out.
 *
 *   main_job settings.json
 *
 * settings.json is what "maskinporten sandbox --out DIR" writes. Prints one
 * line of JSON; exit 0 only if the API answered 200.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <maskinporten.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_member.h"
#include "loopback_http.h"

/* What went wrong goes to stderr in the library's own words. */
static int explain(const char *doing, mp_buf *error) {
  char *text = error->data ? json_string((const char *)error->data, "text") : NULL;
  fprintf(stderr, "%s: %s\n", doing, text ? text : "no explanation");
  free(text);
  mp_buf_free(error);
  return 1;
}

/* The client configuration: the endpoints and ids as they stand in the
 * settings, and the private key as it stands in its file. */
static char *configuration(const char *settings) {
  static const char *const members[] = {"issuer", "token_endpoint", "customs_token_endpoint", "client_id"};
  static const char form[] =
      "{\"environment\": {\"issuer\": %.*s, \"token_endpoint\": %.*s, \"customs_token_endpoint\": %.*s,"
      " \"allow_loopback_http\": true}, \"client_id\": %.*s, \"key\": {\"jwk\": %s}}";
  const char *value[4];
  size_t length[4], i;
  char *key_file = json_string(settings, "key_jwk");
  char *key = key_file ? read_file(key_file) : NULL;
  char *config = NULL;

  for (i = 0; i < 4; i++)
    if ((value[i] = json_value(settings, members[i], &length[i])) == NULL) break;
  if (i == 4 && key != NULL && (config = (char *)malloc(strlen(settings) + strlen(key) + sizeof form)) != NULL)
    sprintf(config, form, (int)length[0], value[0], (int)length[1], value[1], (int)length[2], value[2],
            (int)length[3], value[3], key);
  free(key_file);
  free(key);
  return config;
}

/* A token object for the scope, with or without the second hop. */
static int32_t fetch(uint64_t client, const char *scope, int exchanged, mp_buf *token, mp_buf *error) {
  char request[512];
  uint64_t source = 0;
  int32_t status;

  snprintf(request, sizeof request, "{\"scopes\": [\"%.300s\"]%s}", scope,
           exchanged ? ", \"exchanges\": [{\"type\": \"customs\"}]" : "");
  status = mp_source_new(client, request, strlen(request), &source, error);
  if (status == MP_OK) status = mp_source_token(source, 10000, token, error);
  mp_source_free(source);
  return status;
}

/* The HTTP status of a GET with the token, or 0 if it cannot be made from here. */
static int call_api(const char *url, const char *access_token) {
  char answer[4096], *headers = (char *)malloc(strlen(access_token) + 64);
  int status = 0;

  if (headers != NULL && strncmp(url, "http://", 7) == 0) {
    sprintf(headers, "Authorization: Bearer %s\r\n", access_token);
    status = loopback_http("GET", url, headers, NULL, answer, sizeof answer);
  } else {
    fprintf(stderr, "now call GET %s with \"Authorization: Bearer\" and the token\n", url);
  }
  free(headers);
  return status;
}

int main(int argc, char **argv) {
  mp_buf token = MP_BUF_INIT, error = MP_BUF_INIT;
  char *settings = argc == 2 ? read_file(argv[1]) : NULL;
  char *config = settings ? configuration(settings) : NULL;
  char *scope = settings ? json_string(settings, "scopes.customs") : NULL;
  char *test_auth = settings ? json_string(settings, "customs_test_auth") : NULL;
  char *access_token;
  uint64_t client = 0;
  long long life_ms;
  int status;

  if (config == NULL || scope == NULL || test_auth == NULL) {
    fprintf(stderr, "usage: main_job settings.json, as written by: maskinporten sandbox --out DIR\n");
    return 2;
  }
  if (mp_abi_version() < MP_ABI_VERSION) return fprintf(stderr, "the library is older than its header\n"), 1;
  if (mp_client_new(config, strlen(config), &client, &error) != MP_OK) return explain("client", &error);
  if (fetch(client, scope, 0, &token, &error) != MP_OK) return explain("Maskinporten", &error);
  mp_buf_free(&token);
  if (fetch(client, scope, 1, &token, &error) != MP_OK) return explain("Customs", &error);

  access_token = json_string((const char *)token.data, "access_token");
  life_ms = json_integer((const char *)token.data, "expires_at_ms", 0) -
            json_integer((const char *)token.data, "requested_at_ms", 0);
  status = access_token ? call_api(test_auth, access_token) : 0;
  printf("{\"grant\":true,\"token\":true,\"customs\":true,\"test_auth\":%d,\"expires_in_s\":%lld}\n", status,
         life_ms / 1000);

  free(access_token);
  free(test_auth);
  free(scope);
  free(config);
  free(settings);
  mp_buf_free(&token);
  mp_client_free(client);
  return status == 200 ? 0 : 1;
}
