/*
 * threads.c - many threads on the same handles.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "tests.h"
#include "world.h"

enum { THREADS = 8, CROWD = 64, CALLS = 1000000 };

/* Lets so many threads go on when all have come. */
typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t all_here;
  int expected;
} gate;

#define GATE(threads) {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, threads}

static void meet(gate *g) {
  pthread_mutex_lock(&g->lock);
  if (--g->expected == 0) pthread_cond_broadcast(&g->all_here);
  while (g->expected > 0) pthread_cond_wait(&g->all_here, &g->lock);
  pthread_mutex_unlock(&g->lock);
}

typedef struct {
  gate *start, *half_way;
  uint64_t source;
  int32_t status;
  int calls, ended, strange, returned;
  mp_buf token;
} worker;

static void *ask_once(void *argument) {
  worker *w = (worker *)argument;
  meet(w->start);
  w->status = mp_source_token(w->source, 10000, &w->token, NULL);
  __atomic_store_n(&w->returned, 1, __ATOMIC_RELEASE);
  return NULL;
}

/* Starts count workers at the gate. */
static void start(pthread_t *threads, worker *workers, int count, void *(*work)(void *), gate *g, uint64_t source) {
  int i;
  memset(workers, 0, (size_t)count * sizeof *workers);
  for (i = 0; i < count; i++) {
    workers[i].start = g;
    workers[i].source = source;
    CHECK(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
  }
}

void test_one_fetch_for_all_threads(void) {
  gate go = GATE(THREADS + 1);
  pthread_t threads[THREADS];
  worker workers[THREADS];
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), "");
  int i;

  sandbox_forget();
  sandbox_faults("[{\"path\": \"/token\", \"times\": 1, \"latency_ms\": 200}]");
  start(threads, workers, THREADS, ask_once, &go, source);
  meet(&go);
  for (i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  for (i = 0; i < THREADS; i++) {
    CHECK_STATUS(MP_OK, workers[i].status);
    CHECK(workers[i].token.data && strcmp((char *)workers[i].token.data, (char *)workers[0].token.data) == 0);
  }
  for (i = 0; i < THREADS; i++) mp_buf_free(&workers[i].token);
  CHECK(sandbox_count("/token") == 1);
  sandbox_faults("[]");
  end_client(client);
}

/* Calls of every sort. Until half way all of them must succeed; after that each
 * has its result or says that the client is closed. */
static void *ask_often(void *argument) {
  worker *w = (worker *)argument;
  char room[8192];
  size_t length;
  mp_buf out = MP_BUF_INIT;
  int i, half = w->calls / 2;
  meet(w->start);
  for (i = 0; i < w->calls; i++) {
    int32_t status, closed = MP_ERROR_CLOSED;
    if (i == half) meet(w->half_way);
    switch (i % 8) {
      case 0: status = mp_source_token(w->source, 1000, &out, NULL); break;
      case 1: status = mp_source_key(w->source, &out, NULL); break;
      default:
        status = mp_source_peek(w->source, room, sizeof room, &length, NULL, NULL, NULL);
        closed = MP_ERROR_NO_TOKEN;
    }
    mp_buf_free(&out);
    if (status == closed && i >= half)
      w->ended++;
    else if (status != MP_OK)
      w->strange = status;
  }
  return NULL;
}

/* A million calls by 64 threads on one handle, whose client is freed meanwhile. */
void test_F81_close_under_way(void) {
  gate go = GATE(CROWD + 1), half_way = GATE(CROWD + 1);
  pthread_t threads[CROWD];
  static worker workers[CROWD];
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), "");
  mp_buf token = MP_BUF_INIT;
  size_t length;
  int i, calls = scaled(CALLS) / CROWD, ended = 0;

  CHECK_STATUS(MP_OK, mp_source_token(source, 10000, &token, NULL));
  mp_buf_free(&token);
  start(threads, workers, CROWD, ask_often, &go, source);
  for (i = 0; i < CROWD; i++) {
    workers[i].half_way = &half_way;
    workers[i].calls = calls;
  }
  meet(&go);
  meet(&half_way);
  CHECK_STATUS(MP_OK, mp_client_free(client));
  for (i = 0; i < CROWD; i++) pthread_join(threads[i], NULL);
  for (i = 0; i < CROWD; i++) {
    CHECK_STATUS(0, workers[i].strange);
    ended += workers[i].ended;
  }
  CHECK(ended > 0);
  CHECK_STATUS(MP_ERROR_NO_TOKEN, mp_source_peek(source, NULL, 0, &length, NULL, NULL, NULL));
  CHECK_STATUS(MP_OK, mp_source_free(source));
}

#define HANGS "[{\"path\": \"/token\", \"times\": 1, \"kind\": \"hang\"}]"
#define IS_SLOW "[{\"path\": \"/token\", \"times\": 1, \"latency_ms\": 3000}]"

/* What ends the wait of all the threads on a source, and with which answer. */
static void ends_waits(int32_t (*end)(uint64_t), uint64_t of, uint64_t source, int32_t want, const char *fault) {
  gate go = GATE(THREADS + 1);
  pthread_t threads[THREADS];
  worker workers[THREADS];
  int64_t began;
  int i;

  sandbox_forget();
  sandbox_faults(fault);
  start(threads, workers, THREADS, ask_once, &go, source);
  meet(&go);
  while (sandbox_count("/token") == 0) pause_ms(5);
  pause_ms(50);
  began = now_ms();
  CHECK_STATUS(MP_OK, end(of));
  /* Cancelling misses who has not begun to wait; a slow machine has such. */
  for (i = 0; want == MP_ERROR_CANCELLED && i < THREADS; i++)
    for (; !__atomic_load_n(&workers[i].returned, __ATOMIC_ACQUIRE) && now_ms() - began < 2000; pause_ms(20)) end(of);
  for (i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    CHECK_STATUS(want, workers[i].status);
    CHECK(workers[i].token.data == NULL);
  }
  CHECK(now_ms() - began < 2500); /* before there is an answer */
  sandbox_faults("[]");
}

void test_close_frees_waiters(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), "");
  ends_waits(mp_client_free, client, source, MP_ERROR_CLOSED, HANGS);
  CHECK_STATUS(MP_OK, mp_source_free(source));
}

void test_source_free_frees_waiters(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), "");
  ends_waits(mp_source_free, source, source, MP_ERROR_CLOSED, HANGS);
  end_client(client);
}

/* Cancelling ends the waits of now on this handle, and nothing else. */
void test_cancel(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), ""),
           other = new_source(client, setting("scopes.plain"), "");
  mp_buf token = MP_BUF_INIT, e = MP_BUF_INIT;
  ends_waits(mp_source_cancel, source, source, MP_ERROR_CANCELLED, IS_SLOW);
  CHECK_STATUS(MP_OK, mp_source_cancel(source)); /* with nobody there */
  CHECK_ERROR(MP_OK, mp_source_token(other, 20000, &token, &e), &e);
  mp_buf_free(&token);
  CHECK_ERROR(MP_OK, mp_source_token(source, 10000, &token, &e), &e);
  mp_buf_free(&token);
  CHECK(sandbox_count("/token") == 1); /* the fetch went on */
  end_client(client);
}

static void *perform(void *argument) {
  worker *w = (worker *)argument;
  w->status = mp_flow_perform(w->source, 20000, NULL); /* here it is a flow */
  __atomic_store_n(&w->returned, 1, __ATOMIC_RELEASE);
  return NULL;
}

/* A flow that one thread performs: another one is told so, and may free it. */
void test_flow_freed_while_performed(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), ""), flow = 0;
  mp_buf step = MP_BUF_INIT, e = MP_BUF_INIT;
  pthread_t thread;
  worker w;
  int64_t began;

  memset(&w, 0, sizeof w);
  CHECK_ERROR(MP_OK, mp_flow_new(source, &flow, &e), &e);
  CHECK_ERROR(MP_OK, mp_flow_next(flow, &step, &e), &e);
  mp_buf_free(&step);
  CHECK_ERROR(MP_OK, mp_flow_perform(flow, 10000, &e), &e); /* signs */
  sandbox_forget();
  sandbox_faults(HANGS);
  w.source = flow;
  CHECK(pthread_create(&thread, NULL, perform, &w) == 0);
  while (sandbox_count("/token") == 0) pause_ms(5);
  CHECK_ERROR(MP_ERROR_OUT_OF_ORDER, mp_flow_next(flow, &step, &e), &e);
  CHECK_ERROR(MP_ERROR_OUT_OF_ORDER, mp_flow_perform(flow, 0, &e), &e);
  CHECK(!__atomic_load_n(&w.returned, __ATOMIC_ACQUIRE));
  began = now_ms();
  CHECK_STATUS(MP_OK, mp_flow_free(flow));
  pthread_join(thread, NULL);
  CHECK(now_ms() - began < 2500);
  CHECK_ERROR(MP_ERROR_INVALID_HANDLE, mp_flow_next(flow, &step, &e), &e);
  sandbox_faults("[]");

  /* What was given up does not stand in the way. */
  CHECK_ERROR(MP_OK, mp_source_token(source, 10000, &step, &e), &e);
  mp_buf_free(&step);
  end_client(client);
}
