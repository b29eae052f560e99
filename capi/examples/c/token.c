/*
 * token.c - the smallest program: a token for a scope, exchanged at Norwegian
 * Customs.
 *
 *   token configuration.json toll:movement/road/v2
 *
 * The file holds what mp_client_new takes, for instance
 *   {"environment": "test", "client_id": "...", "key": {"jwk": {...}}}
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <maskinporten.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_member.h"

static int failed(mp_buf *error) {
  char *text = error->data ? json_string((const char *)error->data, "text") : NULL;
  fprintf(stderr, "%s\n", text ? text : "no explanation");
  free(text);
  mp_buf_free(error);
  return 1;
}

int main(int argc, char **argv) {
  static char config[65536], request[512], access_token[65536];
  mp_buf token = MP_BUF_INIT, error = MP_BUF_INIT;
  uint64_t client = 0, source = 0;
  int64_t usable_ms = 0;
  size_t length = 0;
  FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
  if (file == NULL) return fprintf(stderr, "usage: token configuration.json scope\n"), 2;
  length = fread(config, 1, sizeof config, file);
  fclose(file);
  snprintf(request, sizeof request, "{\"scopes\": [\"%.400s\"], \"exchanges\": [{\"type\": \"customs\"}]}", argv[2]);

  /* Once, when the program starts. */
  if (mp_client_new(config, length, &client, &error) != MP_OK) return failed(&error);
  if (mp_source_new(client, request, strlen(request), &source, &error) != MP_OK)
    return failed(&error);

  /* Before each call to the API. The first one fetches, the next ones do not. */
  if (mp_source_token(source, 10000, &token, &error) != MP_OK) return failed(&error);
  mp_buf_free(&token);

  /* The same token as plain text, for "Authorization: Bearer ...". */
  if (mp_source_peek(source, access_token, sizeof access_token, &length, &usable_ms, NULL, NULL) != MP_OK) return 1;
  printf("a token of %lu characters, usable for %ld s\n", (unsigned long)length, (long)(usable_ms / 1000));

  mp_source_free(source);
  mp_client_free(client);
  return 0;
}
