/*
 * threads.c - many threads on the same handles.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include <pthread.h>
#include <string.h>

#include "check.h"
#include "tests.h"
#include "world.h"

#define THREADS 8

/* Lets THREADS + 1 threads go on when all have come. */
typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t all_here;
  int arrived;
} gate;

static void meet(gate *g) {
  pthread_mutex_lock(&g->lock);
  g->arrived++;
  if (g->arrived == THREADS + 1) pthread_cond_broadcast(&g->all_here);
  while (g->arrived < THREADS + 1) pthread_cond_wait(&g->all_here, &g->lock);
  pthread_mutex_unlock(&g->lock);
}

typedef struct {
  gate *start, *under_way;
  uint64_t source;
  int32_t status;
  int strange;
  mp_buf token;
} worker;

static void *ask_once(void *argument) {
  worker *w = (worker *)argument;
  meet(w->start);
  w->status = mp_source_token(w->source, 10000, &w->token, NULL);
  return NULL;
}

void test_one_fetch_for_all_threads(void) {
  gate start = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
  pthread_t threads[THREADS];
  worker workers[THREADS];
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), "");
  int i;

  sandbox_forget();
  sandbox_faults("[{\"path\": \"/token\", \"times\": 1, \"latency_ms\": 200}]");
  memset(workers, 0, sizeof workers);
  for (i = 0; i < THREADS; i++) {
    workers[i].start = &start;
    workers[i].source = source;
    CHECK(pthread_create(&threads[i], NULL, ask_once, &workers[i]) == 0);
  }
  meet(&start);
  for (i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  for (i = 0; i < THREADS; i++) {
    CHECK_STATUS(MP_OK, workers[i].status);
    CHECK(workers[i].token.data && strcmp((char *)workers[i].token.data, (char *)workers[0].token.data) == 0);
  }
  for (i = 0; i < THREADS; i++) mp_buf_free(&workers[i].token);
  CHECK(sandbox_count("/token") == 1);
  sandbox_faults("[]");
  mp_client_free(client);
}

/* Calls of every sort until the client is gone, and some more. */
static void *ask_often(void *argument) {
  worker *w = (worker *)argument;
  char room[8192];
  size_t length;
  mp_buf out = MP_BUF_INIT;
  int i, ended = 0;
  meet(w->start);
  for (i = 0; i < 1000000 && ended < 100; i++) {
    int32_t status;
    switch (i % 3) {
      case 0: status = mp_source_peek(w->source, room, sizeof room, &length, NULL, NULL, NULL); break;
      case 1: status = mp_source_token(w->source, 1000, &out, NULL); break;
      default: status = mp_source_key(w->source, &out, NULL); break;
    }
    mp_buf_free(&out);
    if (status == MP_ERROR_CLOSED)
      ended++;
    else if (status != MP_OK && !(status == MP_ERROR_NO_TOKEN && i % 3 == 0))
      w->strange = status;
    if (i == 100) meet(w->under_way);
  }
  w->status = ended;
  return NULL;
}

void test_close_under_way(void) {
  gate start = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
  gate under_way = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
  pthread_t threads[THREADS];
  worker workers[THREADS];
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), "");
  mp_buf token = MP_BUF_INIT;
  int i;

  CHECK_STATUS(MP_OK, mp_source_token(source, 10000, &token, NULL));
  mp_buf_free(&token);
  memset(workers, 0, sizeof workers);
  for (i = 0; i < THREADS; i++) {
    workers[i].start = &start;
    workers[i].under_way = &under_way;
    workers[i].source = source;
    CHECK(pthread_create(&threads[i], NULL, ask_often, &workers[i]) == 0);
  }
  meet(&start);
  meet(&under_way);
  CHECK_STATUS(MP_OK, mp_client_free(client));
  for (i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  for (i = 0; i < THREADS; i++) {
    CHECK(workers[i].status == 100);
    CHECK_STATUS(0, workers[i].strange);
  }
}

/* Freeing a client lets those go who wait for its tokens. */
void test_close_frees_waiters(void) {
  gate start = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
  pthread_t threads[THREADS];
  worker workers[THREADS];
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), "");
  int i;

  sandbox_forget();
  sandbox_faults("[{\"path\": \"/token\", \"times\": 1, \"kind\": \"hang\"}]");
  memset(workers, 0, sizeof workers);
  for (i = 0; i < THREADS; i++) {
    workers[i].start = &start;
    workers[i].source = source;
    CHECK(pthread_create(&threads[i], NULL, ask_once, &workers[i]) == 0);
  }
  meet(&start);
  CHECK_STATUS(MP_OK, mp_client_free(client));
  for (i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    CHECK_STATUS(MP_ERROR_CLOSED, workers[i].status);
  }
  sandbox_faults("[]");
}
