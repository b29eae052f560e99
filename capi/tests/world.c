/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../examples/c/json_member.h"
#include "../examples/c/loopback_http.h"
#include "check.h"

static char *settings, *client_key;
static mp_buf generated = MP_BUF_INIT;

/* What setting() has handed out. */
static struct {
  const char *path;
  char *text;
} known[32];

int world_open(const char *settings_file) {
  char *key_file;
  settings = read_file(settings_file);
  key_file = settings ? json_string(settings, "key_jwk") : NULL;
  client_key = key_file ? read_file(key_file) : NULL;
  free(key_file);
  return client_key != NULL && mp_key_generate("{}", 2, &generated, NULL) == MP_OK;
}

void world_close(void) {
  size_t i;
  for (i = 0; i < sizeof known / sizeof *known; i++) free(known[i].text);
  free(settings);
  free(client_key);
  mp_buf_free(&generated);
}

const char *setting(const char *path) {
  size_t i;
  for (i = 0; i < sizeof known / sizeof *known; i++) {
    if (known[i].path == NULL) {
      known[i].path = path;
      known[i].text = json_string(settings, path);
    }
    if (strcmp(known[i].path, path) == 0 && known[i].text != NULL) return known[i].text;
  }
  printf("  settings.json has no %s\n", path);
  exit(2);
}

const char *other_key(void) { return (const char *)generated.data; }

char *configuration(const char *key) {
  static const char form[] =
      "{\"environment\": {\"issuer\": \"%s\", \"token_endpoint\": \"%s\", \"customs_token_endpoint\": \"%s\","
      " \"allow_loopback_http\": true}, \"client_id\": \"%s\", \"key\": %s%s%s}";
  const char *issuer = setting("issuer"), *token = setting("token_endpoint"),
             *customs = setting("customs_token_endpoint"), *id = setting("client_id");
  const char *inner = key ? key : client_key;
  size_t size =
      sizeof form + strlen(issuer) + strlen(token) + strlen(customs) + strlen(id) + strlen(inner) + sizeof "{\"jwk\": }";
  char *config = (char *)malloc(size);
  if (config != NULL)
    snprintf(config, size, form, issuer, token, customs, id, key ? "" : "{\"jwk\": ", inner, key ? "" : "}");
  return config;
}

uint64_t new_client(void) {
  mp_buf error = MP_BUF_INIT;
  uint64_t client = 0;
  char *config = configuration(NULL);
  CHECK_ERROR(MP_OK, mp_client_new(config, strlen(config), &client, &error), &error);
  free(config);
  return client;
}

uint64_t new_source(uint64_t client, const char *scope, const char *rest) {
  mp_buf error = MP_BUF_INIT;
  uint64_t source = 0;
  char request[1024];
  snprintf(request, sizeof request, "{\"scopes\": [\"%s\"]%s}", scope, rest);
  CHECK_ERROR(MP_OK, mp_source_new(client, request, strlen(request), &source, &error), &error);
  return source;
}

static int control(const char *method, const char *what, const char *body, char *answer, size_t capacity) {
  char url[256];
  snprintf(url, sizeof url, "%s/%s", setting("control"), what);
  return loopback_http(method, url, "Content-Type: application/json\r\n", body, answer, capacity);
}

int sandbox_count(const char *path) {
  static char answer[1 << 20];
  char member[128];
  CHECK(control("GET", "journal", NULL, answer, sizeof answer) == 200);
  snprintf(member, sizeof member, "counts.%s", path);
  return (int)json_integer(answer, member, 0);
}

void sandbox_forget(void) {
  char answer[256];
  CHECK(control("DELETE", "journal", NULL, answer, sizeof answer) / 100 == 2);
}

void sandbox_faults(const char *faults) {
  char answer[256];
  CHECK(control("PUT", "faults", faults, answer, sizeof answer) / 100 == 2);
}

int has_text(const mp_buf *buf, const char *path, const char *want) {
  char *text = buf->data ? json_string((const char *)buf->data, path) : NULL;
  int same = text != NULL && strcmp(text, want) == 0;
  free(text);
  return same;
}
