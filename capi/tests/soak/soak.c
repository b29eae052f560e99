/*
 * soak.c - 16 threads do everything at once for a while: tokens, peeks, flows,
 * rotations, invalidations, cancelled waits, clients that come and go, and a
 * sandbox that fails in every way. No crash, no call that never returns, no
 * answer that cannot be, and no growth.
 *
 *   soak settings.json SECONDS
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
#include <unistd.h>

#include "../../examples/c/json_member.h"
#include "../check.h"
#include "../world.h"
#include "growth.h"

enum { THREADS = 16, SLOTS = 6, STUCK_MS = 20000 };

/* A client with two sources of one token, shared by all threads. They may be
 * freed at any moment; the numbers are never used again. */
typedef struct {
  uint64_t client, sources[2];
} slot;

enum { PEEK, TOKEN, INVALIDATE, CANCEL, FLOW, EVENTS, STATUS, ROTATE, REPLACE, KINDS };
static const char *const kind_names[KINDS] = {"peek",   "token",  "invalidate", "cancel", "flow",
                                              "events", "status", "rotate",     "replace"};

typedef struct {
  uint64_t random;
  int64_t busy_since; /* when the call under way began; 0 between calls */
  int kind;
  long calls[KINDS], good[KINDS];
  int32_t strange;
  int strange_kind;
} worker;

static slot slots[SLOTS];
static worker workers[THREADS];
static char *config, *keys[2];
static int stop;

static const char *const faults[] = {
    "[]",
    "[{\"path\": \"/token\", \"latency_ms\": 30}]",
    "[{\"path\": \"/token\", \"statuses\": [500, 503, 200]}]",
    "[{\"path\": \"/token\", \"times\": 3, \"status\": 429, \"retry_after\": \"1\"}]",
    "[{\"path\": \"/token\", \"times\": 5, \"kind\": \"close\"}]",
    "[{\"path\": \"/token\", \"times\": 5, \"kind\": \"reset\"}]",
    "[{\"path\": \"/token\", \"times\": 5, \"kind\": \"drop\"}]",
    "[{\"path\": \"/token\", \"times\": 2, \"kind\": \"hang\"}]",
    "[{\"path\": \"/token\", \"times\": 5, \"kind\": \"truncated\"}]",
    "[{\"path\": \"/token\", \"times\": 2, \"kind\": \"huge\"}]",
    "[{\"path\": \"/token\", \"times\": 5, \"kind\": \"html\"}]",
    "[{\"path\": \"/token\", \"times\": 5, \"expires_in\": 1}]",
};

/* xorshift: each thread its own, from a fixed start. */
static unsigned roll(worker *w, unsigned sides) {
  w->random ^= w->random << 13;
  w->random ^= w->random >> 7;
  w->random ^= w->random << 17;
  return (unsigned)(w->random >> 33) % sides;
}

/* What a call may answer while others free what it works on and the endpoint fails. */
static int can_be(int kind, int32_t status) {
  switch (status) {
    case MP_OK:
    case MP_ERROR_INVALID_HANDLE:
    case MP_ERROR_CLOSED: return 1;
    case MP_ERROR_NO_TOKEN: return kind == PEEK || kind == INVALIDATE;
    case MP_ERROR_OUT_OF_ORDER: return kind == FLOW;
    case MP_ERROR_CANCELLED:
    case MP_ERROR_DEADLINE_EXCEEDED:
    case MP_ERROR_CONNECTION_FAILED:
    case MP_ERROR_TIMEOUT:
    case MP_ERROR_RATE_LIMITED:
    case MP_ERROR_SERVER_ERROR:
    case MP_ERROR_INVALID_RESPONSE:
    case MP_ERROR_RESPONSE_TOO_LARGE: return kind == TOKEN || kind == FLOW;
    default: return 0;
  }
}

static int32_t flow(worker *w, uint64_t source) {
  uint64_t handle = 0;
  mp_buf step = MP_BUF_INIT;
  int32_t status = mp_flow_new(source, &handle, NULL);
  int steps = (int)roll(w, 5); /* some are given up */
  while (status == MP_OK && steps-- > 0) {
    int over;
    if ((status = mp_flow_next(handle, &step, NULL)) != MP_OK) break;
    over = has_text(&step, "step", "done") || has_text(&step, "step", "failed");
    mp_buf_free(&step);
    if (over) break;
    status = mp_flow_perform(handle, 500, NULL);
  }
  mp_flow_free(handle);
  return status;
}

static slot fresh(void) {
  static const char request[] = "{\"scopes\": [\"sandbox:plain\"]}";
  slot s = {0, {0, 0}};
  mp_client_new(config, strlen(config), &s.client, NULL);
  mp_source_new(s.client, request, sizeof request - 1, &s.sources[0], NULL);
  mp_source_new(s.client, request, sizeof request - 1, &s.sources[1], NULL);
  return s;
}

/* Puts s in the place of what was there, and frees that: in any order. */
static int32_t replace(slot *place, slot s) {
  slot old;
  int32_t status;
  old.client = __atomic_exchange_n(&place->client, s.client, __ATOMIC_ACQ_REL);
  old.sources[0] = __atomic_exchange_n(&place->sources[0], s.sources[0], __ATOMIC_ACQ_REL);
  old.sources[1] = __atomic_exchange_n(&place->sources[1], s.sources[1], __ATOMIC_ACQ_REL);
  status = mp_source_free(old.sources[0]);
  if (status == MP_OK) status = mp_client_free(old.client);
  if (status == MP_OK) status = mp_source_free(old.sources[1]);
  return status;
}

static int32_t call(worker *w, int kind) {
  slot *place = &slots[roll(w, SLOTS)];
  uint64_t client = __atomic_load_n(&place->client, __ATOMIC_ACQUIRE),
           source = __atomic_load_n(&place->sources[roll(w, 2)], __ATOMIC_ACQUIRE);
  char room[8192];
  size_t length = 0;
  mp_buf out = MP_BUF_INIT;
  int32_t status = MP_OK;
  switch (kind) {
    case PEEK:
    case INVALIDATE:
      status = mp_source_peek(source, room, sizeof room, &length, NULL, NULL, NULL);
      if (status == MP_OK && strlen(room) != length) status = MP_ERROR_INTERNAL;
      if (status == MP_OK && kind == INVALIDATE) status = mp_source_invalidate(source, room, length, NULL);
      break;
    case TOKEN: status = mp_source_token(source, roll(w, 500), &out, NULL); break;
    case CANCEL: status = mp_source_cancel(source); break;
    case FLOW: status = flow(w, source); break;
    case EVENTS: status = mp_client_events(client, roll(w, 5), &out, NULL); break;
    case STATUS: status = mp_client_status(client, &out, NULL); break;
    case ROTATE: {
      const char *key = keys[roll(w, 2)];
      status = mp_client_rotate(client, key, strlen(key), NULL);
      break;
    }
    case REPLACE: status = replace(place, fresh()); break;
  }
  mp_buf_free(&out);
  return status;
}

static void *work(void *argument) {
  /* Of a thousand calls: */
  static const unsigned share[KINDS] = {700, 200, 20, 20, 20, 15, 15, 5, 5};
  worker *w = (worker *)argument;
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
    unsigned dice = roll(w, 1000);
    int kind = 0;
    int32_t status;
    while (dice >= share[kind]) dice -= share[kind++];
    w->kind = kind;
    __atomic_store_n(&w->busy_since, now_ms(), __ATOMIC_RELEASE);
    status = call(w, kind);
    __atomic_store_n(&w->busy_since, 0, __ATOMIC_RELEASE);
    w->calls[kind]++;
    w->good[kind] += status == MP_OK;
    if (!can_be(kind, status)) {
      w->strange = status;
      w->strange_kind = kind;
    }
  }
  return NULL;
}

/* Ends the process if a call does not return: nothing else would. */
static void watch(void) {
  int i;
  for (i = 0; i < THREADS; i++) {
    int64_t since = __atomic_load_n(&workers[i].busy_since, __ATOMIC_ACQUIRE);
    if (since == 0 || now_ms() - since < STUCK_MS) continue;
    printf("FAIL a call has not returned for %d s: %s\n", STUCK_MS / 1000, kind_names[workers[i].kind]);
    fflush(stdout);
    abort();
  }
}

static int seconds;

static void sixteen_threads(void) {
  pthread_t threads[THREADS];
  int64_t end = now_ms() + (int64_t)seconds * 1000;
  worker dice;
  long calls, good;
  int i, k;

  dice.random = 42;
  growth_begin();
  for (i = 0; i < SLOTS; i++) slots[i] = fresh();
  for (i = 0; i < THREADS; i++) {
    workers[i].random = 88172645463325252u + (unsigned)i * 1000003u;
    CHECK(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
  }
  for (k = 0; now_ms() < end; k++) {
    if (k % 4 == 0) sandbox_faults(faults[k % 8 == 0 ? 0 : roll(&dice, sizeof faults / sizeof *faults)]);
    pause_ms(50);
    if (k % 8 == 0) sandbox_forget(); /* or the sandbox's journal is what grows */
    watch();
    growth_sample();
  }
  __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  while (1) {
    for (i = 0; i < THREADS && __atomic_load_n(&workers[i].busy_since, __ATOMIC_ACQUIRE) == 0; i++) continue;
    if (i == THREADS) break;
    watch();
    pause_ms(20);
  }
  for (i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    if (!CHECK_STATUS(0, workers[i].strange)) printf("    by %s\n", kind_names[workers[i].strange_kind]);
  }
  sandbox_faults("[]");
  for (k = 0; k < KINDS; k++) {
    for (i = 0, calls = good = 0; i < THREADS; i++) {
      calls += workers[i].calls[k];
      good += workers[i].good[k];
    }
    printf("     %-10s %9ld calls, %9ld with success\n", kind_names[k], calls, good);
    CHECK(good > 0);
  }
  for (i = 0; i < SLOTS; i++) {
    slot nothing = {0, {0, 0}};
    CHECK_STATUS(MP_OK, replace(&slots[i], nothing));
  }
}

static void flat(void) { CHECK(growth_is_flat()); }

static void a_token_at_the_end(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), "");
  mp_buf token = MP_BUF_INIT, e = MP_BUF_INIT;
  CHECK_ERROR(MP_OK, mp_source_token(source, 20000, &token, &e), &e);
  mp_buf_free(&token);
  end_client(client);
}

/* Both keys are registered, and rotated to and fro. */
static void prepare(void) {
  size_t length = 0;
  const char *jwk = json_value(other_key(), "public_jwk", &length);
  char set[8192];
  snprintf(set, sizeof set, "{\"keys\": [%s, %.*s]}", own_public_key(), (int)length, jwk);
  sandbox_keys(set);
  jwk = json_value(other_key(), "private_jwk", &length);
  keys[0] = (char *)malloc(length + 64);
  keys[1] = (char *)malloc(strlen(own_private_key()) + 64);
  if (keys[0] == NULL || keys[1] == NULL) exit(2);
  sprintf(keys[0], "{\"key\": {\"jwk\": %.*s}}", (int)length, jwk);
  sprintf(keys[1], "{\"key\": {\"jwk\": %s}}", own_private_key());
  config = configuration_with(", \"events\": 100");
}

int main(int argc, char **argv) {
  char set[8192];
  if (argc != 3 || (seconds = atoi(argv[2])) < 1 || !world_open(argv[1])) return 2;
  prepare();
  run("sixteen_threads", sixteen_threads);
  run("flat", flat);
  run("a_token_at_the_end", a_token_at_the_end);
  snprintf(set, sizeof set, "{\"keys\": [%s]}", own_public_key());
  sandbox_keys(set);
  free(keys[0]);
  free(keys[1]);
  free(config);
  world_close();
  return summary();
}
