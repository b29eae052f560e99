/*
 * verbs.c - keys that change, events, status, leases and a shared store.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../examples/c/json_member.h"
#include "check.h"
#include "tests.h"
#include "world.h"

/* The access token that the source has now, after a fetch if it needs one. */
static char *access_token(uint64_t source) {
  mp_buf token = MP_BUF_INIT, e = MP_BUF_INIT;
  char *text = NULL;
  if (CHECK_ERROR(MP_OK, mp_source_token(source, 10000, &token, &e), &e))
    text = json_string((char *)token.data, "access_token");
  mp_buf_free(&token);
  CHECK(text != NULL);
  return text;
}

/* Whether the status of the client has this text. */
static int status_says(uint64_t client, const char *text) {
  mp_buf status = MP_BUF_INIT, e = MP_BUF_INIT;
  int says;
  CHECK_ERROR(MP_OK, mp_client_status(client, &status, &e), &e);
  says = status.data != NULL && strstr((char *)status.data, text) != NULL;
  if (!says) printf("    status: %s\n", status.data ? (char *)status.data : "none");
  mp_buf_free(&status);
  return says;
}

/* The keys argument of mp_client_rotate: the key generated for this run. */
static char *other_keys(void) {
  size_t length = 0;
  const char *jwk = json_value(other_key(), "private_jwk", &length);
  char *keys = (char *)malloc(length + 64);
  if (keys == NULL || jwk == NULL) exit(2);
  sprintf(keys, "{\"key\": {\"jwk\": %.*s}}", (int)length, jwk);
  return keys;
}

void test_rotate(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), "");
  mp_buf e = MP_BUF_INIT;
  char *first = access_token(source), *second, *keys = other_keys(), *kid = json_string(other_key(), "kid"), set[4096];
  size_t length = 0;
  const char *jwk = json_value(other_key(), "public_jwk", &length);

  snprintf(set, sizeof set, "{\"keys\": [%s, %.*s]}", own_public_key(), (int)length, jwk);
  sandbox_keys(set);
  CHECK(status_says(client, setting("kid")));
  CHECK_ERROR(MP_OK, mp_client_rotate(client, keys, strlen(keys), &e), &e);
  CHECK(status_says(client, kid));

  /* The old key's token is gone at once, and the new key gets another. */
  CHECK_STATUS(MP_ERROR_NO_TOKEN, mp_source_peek(source, NULL, 0, &length, NULL, NULL, NULL));
  second = access_token(source);
  CHECK(first && second && strcmp(first, second) != 0);

  /* Keys that are none change nothing. */
  CHECK_ERROR(MP_ERROR_INVALID_KEY, mp_client_rotate(client, "{\"key\": {\"pem\": \"x\", \"kid\": \"k\"}}", 33, &e), &e);
  CHECK(status_says(client, kid));
  CHECK_STATUS(MP_ERROR_BUFFER_TOO_SMALL, mp_source_peek(source, NULL, 0, &length, NULL, NULL, NULL));

  snprintf(set, sizeof set, "{\"keys\": [%s]}", own_public_key());
  sandbox_keys(set);
  free(first);
  free(second);
  free(keys);
  free(kid);
  end_client(client);
}

/* A key that Maskinporten does not know any longer is followed by the next. */
void test_next_keys(void) {
  size_t length = 0;
  const char *jwk = json_value(other_key(), "private_jwk", &length);
  char *key = (char *)malloc(length + 16), *config, *token;
  char *members = (char *)malloc(strlen(own_private_key()) + 64);
  uint64_t client, source;

  if (!CHECK(key != NULL && members != NULL)) return;
  sprintf(key, "{\"jwk\": %.*s}", (int)length, jwk); /* not registered */
  sprintf(members, ", \"next_keys\": [{\"jwk\": %s}]}", own_private_key());
  config = configuration(key);
  config = (char *)realloc(config, strlen(config) + strlen(members) + 1);
  strcpy(config + strlen(config) - 1, members);
  client = new_client_of(config);
  source = new_source(client, setting("scopes.plain"), "");
  sandbox_forget();
  token = access_token(source);
  CHECK(sandbox_count("/token") == 2);
  free(token);
  free(config);
  free(members);
  free(key);
  end_client(client);
}

void test_events(void) {
  char *config = configuration_with(", \"events\": 100"), *token;
  uint64_t client = new_client_of(config), source = new_source(client, setting("scopes.plain"), "");
  mp_buf events = MP_BUF_INIT, e = MP_BUF_INIT;
  int64_t began = now_ms();

  CHECK_ERROR(MP_OK, mp_client_events(client, 0, &events, &e), &e);
  CHECK(events.data && strcmp((char *)events.data, "{\"events\":[],\"dropped\":0}") == 0);
  mp_buf_free(&events);
  CHECK_ERROR(MP_OK, mp_client_events(client, 50, &events, &e), &e);
  CHECK(now_ms() - began >= 50);
  mp_buf_free(&events);

  token = access_token(source);
  CHECK_ERROR(MP_OK, mp_client_events(client, 1000, &events, &e), &e);
  CHECK(events.data && strstr((char *)events.data, "\"event\":\"acquisition_started\"") &&
        strstr((char *)events.data, "\"event\":\"attempt\"") && strstr((char *)events.data, setting("kid")));
  CHECK(events.data && token && strstr((char *)events.data, token) == NULL);
  mp_buf_free(&events);
  free(token);
  free(config);
  end_client(client);

  /* A client that was not told to keep any says so. */
  client = new_client();
  CHECK_ERROR(MP_ERROR_INVALID_ARGUMENT, mp_client_events(client, 0, &events, &e), &e);
  end_client(client);
}

static void *wait_for_events(void *client) {
  static int32_t status;
  mp_buf events = MP_BUF_INIT;
  status = mp_client_events(*(uint64_t *)client, 20000, &events, NULL);
  mp_buf_free(&events);
  return &status;
}

void test_events_end_with_the_client(void) {
  char *config = configuration_with(", \"events\": 1");
  uint64_t client = new_client_of(config);
  pthread_t thread;
  void *status = NULL;
  int64_t began = now_ms();
  CHECK(pthread_create(&thread, NULL, wait_for_events, &client) == 0);
  pause_ms(100);
  CHECK_STATUS(MP_OK, mp_client_free(client));
  pthread_join(thread, &status);
  CHECK(now_ms() - began < 10000);
  CHECK(status && (*(int32_t *)status == MP_ERROR_CLOSED || *(int32_t *)status == MP_ERROR_INVALID_HANDLE));
  free(config);
}

void test_lease(void) {
  const uint64_t *epoch = mp_lease_epoch();
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), ""), before;
  char room[8192], *token = access_token(source);
  size_t length = 0;
  int64_t usable = 0, lease = -1;
  int32_t due = -1;
  mp_buf e = MP_BUF_INIT;

  CHECK(epoch == mp_lease_epoch());
  before = *epoch;
  CHECK_STATUS(MP_OK, mp_source_peek(source, room, sizeof room, &length, &usable, &due, &lease));
  CHECK(due == 0 && 0 < lease && lease < usable);
  CHECK(*epoch == before);
  CHECK_ERROR(MP_OK, mp_source_invalidate(source, "of another", 10, &e), &e);
  CHECK(*epoch == before);
  CHECK_ERROR(MP_OK, mp_source_invalidate(source, room, length, &e), &e);
  CHECK(*epoch != before);
  before = *epoch;
  end_client(client);
  CHECK(*epoch != before);
  free(token);
}

/* A flow up to its step of this kind, the sends done by the library. */
static mp_buf until(uint64_t flow, const char *kind) {
  mp_buf step = MP_BUF_INIT, e = MP_BUF_INIT;
  int i;
  for (i = 0; i < 10; i++) {
    CHECK_ERROR(MP_OK, mp_flow_next(flow, &step, &e), &e);
    if (has_text(&step, "step", kind)) return step;
    if (!has_text(&step, "step", "sign") && !has_text(&step, "step", "send") && !has_text(&step, "step", "wait")) break;
    mp_buf_free(&step);
    CHECK_ERROR(MP_OK, mp_flow_perform(flow, 10000, &e), &e);
  }
  CHECK(!"the step came");
  printf("    wanted %s: %s\n", kind, step.data ? (char *)step.data : "nothing");
  return step;
}

#define STORE_KEY ", \"store_key\": \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\""

/* One client saves what it fetched; another loads it, and sends nothing. */
void test_store(void) {
  static const char failure[] = "{\"code\": \"timeout\", \"message\": \"the store is slow\"}";
  char *config = configuration_with(STORE_KEY), *entry = NULL, *token = NULL, *place = NULL;
  mp_buf step, e = MP_BUF_INIT;
  int reader;

  sandbox_forget();
  for (reader = 0; reader < 4; reader++) { /* 0 saves, 1 loads, 2 finds damage, 3 has a store that fails */
    uint64_t client = new_client_of(config), source = new_source(client, setting("scopes.plain"), ""), flow = 0;
    CHECK_ERROR(MP_OK, mp_flow_new(source, &flow, &e), &e);
    step = until(flow, "load");
    if (reader == 0) {
      place = json_string((char *)step.data, "store_key");
      CHECK_ERROR(MP_ERROR_OUT_OF_ORDER, mp_flow_saved(flow, &e), &e);
      CHECK_ERROR(MP_OK, mp_flow_loaded(flow, NULL, 0, &e), &e);
      mp_buf_free(&step);
      step = until(flow, "save");
      entry = json_string((char *)step.data, "entry");
      CHECK(place && has_text(&step, "store_key", place));
      CHECK(json_integer((char *)step.data, "life_ms", 0) > 0);
      CHECK_ERROR(MP_ERROR_OUT_OF_ORDER, mp_flow_loaded(flow, NULL, 0, &e), &e);
      CHECK_ERROR(MP_OK, mp_flow_saved(flow, &e), &e);
    } else {
      CHECK(place && has_text(&step, "store_key", place));
      if (!CHECK(entry != NULL)) break;
      if (reader == 2) entry[strlen(entry) / 2] = entry[strlen(entry) / 2] == 'A' ? 'B' : 'A';
      if (reader < 3)
        CHECK_ERROR(MP_OK, mp_flow_loaded(flow, (const uint8_t *)entry, strlen(entry), &e), &e);
      else
        CHECK_ERROR(MP_OK, mp_flow_failed(flow, failure, strlen(failure), &e), &e);
      if (reader > 1) {
        mp_buf_free(&step);
        step = until(flow, "save");
        CHECK_ERROR(MP_OK, mp_flow_failed(flow, failure, strlen(failure), &e), &e);
      }
    }
    mp_buf_free(&step);
    step = until(flow, "done");
    if (reader == 0) token = json_string((char *)step.data, "token.access_token");
    CHECK(token && has_text(&step, "token.access_token", token) == (reader < 2));
    CHECK(entry && token && strstr(entry, token) == NULL);
    mp_buf_free(&step);
    CHECK(sandbox_count("/token") == (reader < 2 ? 1 : reader));
    CHECK_STATUS(MP_OK, mp_flow_free(flow));
    end_client(client);
  }
  free(config);
  free(entry);
  free(token);
  free(place);
}

void test_live_handles(void) {
  uint64_t before = 0, after = 0, client, source, flow = 0;
  CHECK_STATUS(MP_OK, mp_live_handles(&before));
  client = new_client();
  source = new_source(client, setting("scopes.plain"), "");
  CHECK_STATUS(MP_OK, mp_flow_new(source, &flow, NULL));
  CHECK_STATUS(MP_OK, mp_live_handles(&after));
  CHECK(after == before + 3);
  CHECK_STATUS(MP_OK, mp_flow_free(flow));
  end_client(client);
  CHECK_STATUS(MP_OK, mp_live_handles(&after));
  CHECK(after == before);
}
