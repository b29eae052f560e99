/* SPDX-License-Identifier: Apache-2.0 */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../examples/c/json_member.h"
#include "../examples/c/loopback_http.h"
#include "check.h"

static char *settings, *client_key, *public_key;
static mp_buf generated = MP_BUF_INIT;

/* The sources that new_source made. */
static struct {
  uint64_t client, source;
} made[64];

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
  free(public_key);
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

char *configuration_with(const char *members) {
  char *config = configuration(NULL), *longer = config ? (char *)malloc(strlen(config) + strlen(members) + 2) : NULL;
  if (longer != NULL) sprintf(longer, "%.*s%s}", (int)strlen(config) - 1, config, members);
  free(config);
  return longer;
}

uint64_t new_client_of(const char *config) {
  mp_buf error = MP_BUF_INIT;
  uint64_t client = 0;
  CHECK_ERROR(MP_OK, mp_client_new(config, strlen(config), &client, &error), &error);
  return client;
}

uint64_t new_client(void) {
  char *config = configuration(NULL);
  uint64_t client = config ? new_client_of(config) : 0;
  free(config);
  return client;
}

uint64_t new_source(uint64_t client, const char *scope, const char *rest) {
  mp_buf error = MP_BUF_INIT;
  uint64_t source = 0;
  char request[1024];
  size_t i;
  snprintf(request, sizeof request, "{\"scopes\": [\"%s\"]%s}", scope, rest);
  CHECK_ERROR(MP_OK, mp_source_new(client, request, strlen(request), &source, &error), &error);
  for (i = 0; i < sizeof made / sizeof *made; i++) {
    if (made[i].source != 0) continue;
    made[i].client = client;
    made[i].source = source;
    return source;
  }
  printf("  more sources than world.c has room for\n");
  exit(2);
}

void end_client(uint64_t client) {
  size_t i;
  for (i = 0; i < sizeof made / sizeof *made; i++) {
    if (made[i].client != client) continue;
    mp_source_free(made[i].source); /* fails if the test has freed it */
    made[i].client = made[i].source = 0;
  }
  CHECK_STATUS(MP_OK, mp_client_free(client));
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

void sandbox_keys(const char *jwk_set) {
  char answer[256], what[128];
  snprintf(what, sizeof what, "clients/%s/keys", setting("client_id"));
  CHECK(control("PUT", what, jwk_set, answer, sizeof answer) / 100 == 2);
}

const char *own_private_key(void) { return client_key; }

const char *own_public_key(void) {
  mp_buf parts = MP_BUF_INIT, error = MP_BUF_INIT;
  char *key;
  if (public_key != NULL) return public_key;
  key = (char *)malloc(strlen(client_key) + sizeof "{\"jwk\": }");
  if (key == NULL) exit(2);
  sprintf(key, "{\"jwk\": %s}", client_key);
  if (CHECK_ERROR(MP_OK, mp_key_read(key, strlen(key), &parts, &error), &error)) {
    size_t length = 0;
    const char *jwk = json_value((const char *)parts.data, "public_jwk", &length);
    public_key = jwk ? (char *)calloc(1, length + 1) : NULL;
    if (public_key != NULL) memcpy(public_key, jwk, length);
  }
  mp_buf_free(&parts);
  free(key);
  return public_key ? public_key : "{}";
}

int scaled(int n) {
  const char *slowdown = getenv("CAPI_SLOWDOWN");
  int by = slowdown ? atoi(slowdown) : 1;
  return by > 1 ? (n + by - 1) / by : n;
}

int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void pause_ms(int ms) {
  struct timespec pause;
  pause.tv_sec = ms / 1000;
  pause.tv_nsec = ms % 1000 * 1000000L;
  nanosleep(&pause, NULL);
}

int has_text(const mp_buf *buf, const char *path, const char *want) {
  char *text = buf->data ? json_string((const char *)buf->data, path) : NULL;
  int same = text != NULL && strcmp(text, want) == 0;
  free(text);
  return same;
}
