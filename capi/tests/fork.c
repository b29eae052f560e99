/*
 * fork.c - a forked child gets an answer at once from every function, and its
 * parent does not notice.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "tests.h"
#include "world.h"

/* 0 if every function answers as it should. */
static int in_child(uint64_t client, uint64_t source, uint64_t flow, mp_buf *from_parent) {
  static const uint8_t bytes[256] = {1};
  const int32_t want = MP_ERROR_FORKED;
  char room[4096];
  size_t length = 0;
  uint64_t handle = 77;
  mp_buf out = MP_BUF_INIT, e = MP_BUF_INIT;
  int good = 1;

  good &= CHECK(mp_abi_version() == MP_ABI_VERSION);
  good &= CHECK(strcmp(mp_version(), MP_VERSION) == 0);
  good &= CHECK_ERROR(want, mp_client_new("{}", 2, &handle, &e), &e);
  good &= CHECK_ERROR(want, mp_source_new(client, "{}", 2, &handle, &e), &e);
  good &= CHECK_ERROR(want, mp_source_key(source, &out, &e), &e);
  good &= CHECK_ERROR(want, mp_source_token(source, -1, &out, &e), &e);
  good &= CHECK_ERROR(want, mp_source_invalidate(source, "x", 1, &e), &e);
  good &= CHECK_ERROR(want, mp_flow_new(source, &handle, &e), &e);
  good &= CHECK_ERROR(want, mp_flow_next(flow, &out, &e), &e);
  good &= CHECK_ERROR(want, mp_flow_signed(flow, bytes, sizeof bytes, &e), &e);
  good &= CHECK_ERROR(want, mp_flow_received(flow, "{}", 2, bytes, 1, &e), &e);
  good &= CHECK_ERROR(want, mp_flow_failed(flow, "{}", 2, &e), &e);
  good &= CHECK_ERROR(want, mp_flow_perform(flow, -1, &e), &e);
  good &= CHECK_ERROR(want, mp_key_read("{}", 2, &out, &e), &e);
  good &= CHECK_ERROR(want, mp_key_generate("{}", 2, &out, &e), &e);
  good &= CHECK_ERROR(want, mp_certificate_read(bytes, 1, &out, &e), &e);
  good &= CHECK_ERROR(want, mp_diagnose("{}", 2, NULL, 0, &out, &e), &e);
  good &= CHECK_STATUS(want, mp_source_peek(source, room, sizeof room, &length, NULL, NULL, NULL));
  good &= CHECK_STATUS(want, mp_client_free(client));
  good &= CHECK_STATUS(want, mp_source_free(source));
  good &= CHECK_STATUS(want, mp_flow_free(flow));
  good &= CHECK_STATUS(want, mp_client_free(0));
  good &= CHECK(handle == 77 && out.data == NULL);

  mp_client_new("{}", 2, &handle, &e);
  good &= CHECK(has_text(&e, "code", "forked"));
  good &= CHECK(e.data && strstr((char *)e.data, "after the fork"));
  mp_buf_free(&e);
  mp_buf_free(from_parent);
  good &= CHECK(from_parent->data == NULL);
  return good ? 0 : 1;
}

/* Forks; the child must end by itself, well before the alarm. */
static void fork_once(uint64_t client, uint64_t source, uint64_t flow, mp_buf *buf) {
  int status = -1;
  pid_t child;
  fflush(stdout);
  child = fork();
  if (child == 0) {
    int failed;
    alarm(20);
    failed = in_child(client, source, flow, buf);
    fflush(stdout);
    _exit(failed);
  }
  if (!CHECK(child > 0)) return;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void test_fork(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), ""), flow = 0;
  mp_buf key = MP_BUF_INIT, token = MP_BUF_INIT, e = MP_BUF_INIT;
  int i;
  CHECK_ERROR(MP_OK, mp_flow_new(source, &flow, &e), &e);
  CHECK_ERROR(MP_OK, mp_source_key(source, &key, &e), &e);
  for (i = 0; i < 20; i++) fork_once(client, source, flow, &key);

  /* The parent has kept everything. */
  CHECK(key.len == 64);
  mp_buf_free(&key);
  CHECK_STATUS(MP_OK, mp_flow_free(flow));
  CHECK_ERROR(MP_OK, mp_source_token(source, 10000, &token, &e), &e);
  mp_buf_free(&token);
  CHECK_STATUS(MP_OK, mp_client_free(client));
}

typedef struct {
  uint64_t source;
  int32_t status;
} waiter;

static void *wait_for_token(void *argument) {
  waiter *w = (waiter *)argument;
  mp_buf token = MP_BUF_INIT;
  w->status = mp_source_token(w->source, 15000, &token, NULL);
  mp_buf_free(&token);
  return NULL;
}

/* The same while a fetch is out and another thread is inside the library. */
void test_fork_during_fetch(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), ""), flow = 0;
  mp_buf key = MP_BUF_INIT, e = MP_BUF_INIT;
  waiter w;
  pthread_t thread;
  int i;
  CHECK_ERROR(MP_OK, mp_source_key(source, &key, &e), &e);
  sandbox_faults("[{\"path\": \"/token\", \"times\": 1, \"latency_ms\": 1000}]");
  w.source = source;
  w.status = -1;
  CHECK(pthread_create(&thread, NULL, wait_for_token, &w) == 0);
  for (i = 0; i < 50; i++) fork_once(client, source, flow, &key);
  pthread_join(thread, NULL);
  CHECK_STATUS(MP_OK, w.status);
  sandbox_faults("[]");
  mp_buf_free(&key);
  mp_client_free(client);
}
