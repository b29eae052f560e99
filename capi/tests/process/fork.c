/*
 * fork.c - F68 and F69: a forked child gets an answer at once from every
 * function and ends as it likes, and its parent does not notice. A child that
 * runs another program has the library anew.
 *
 *   fork settings.json
 *   fork settings.json --exec        what a child runs: a token of its own
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
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../check.h"
#include "../world.h"

/* 300 forks after loading, 300 after use, 400 during a flight: 1,000. */
enum { AFTER_LOAD = 300, AFTER_USE = 300, DURING_FLIGHT = 400 };

static const char *settings_file, *program;

static double cpu_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

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
  good &= CHECK(mp_lease_epoch() != NULL);
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
  good &= CHECK_ERROR(want, mp_flow_loaded(flow, bytes, sizeof bytes, &e), &e);
  good &= CHECK_ERROR(want, mp_flow_saved(flow, &e), &e);
  good &= CHECK_ERROR(want, mp_client_rotate(client, "{}", 2, &e), &e);
  good &= CHECK_ERROR(want, mp_client_events(client, -1, &out, &e), &e);
  good &= CHECK_ERROR(want, mp_client_status(client, &out, &e), &e);
  good &= CHECK_ERROR(want, mp_key_read("{}", 2, &out, &e), &e);
  good &= CHECK_ERROR(want, mp_key_generate("{}", 2, &out, &e), &e);
  good &= CHECK_ERROR(want, mp_certificate_read(bytes, sizeof bytes, &out, &e), &e);
  good &= CHECK_ERROR(want, mp_diagnose("{}", 2, NULL, 0, &out, &e), &e);
  good &= CHECK_STATUS(want, mp_source_peek(source, room, sizeof room, &length, NULL, NULL, NULL));
  good &= CHECK_STATUS(want, mp_client_free(client));
  good &= CHECK_STATUS(want, mp_source_free(source));
  good &= CHECK_STATUS(want, mp_flow_free(flow));
  good &= CHECK_STATUS(want, mp_client_free(0));
  good &= CHECK_STATUS(want, mp_source_cancel(source));
  good &= CHECK_STATUS(want, mp_live_handles(&handle));
  good &= CHECK(handle == 77 && out.data == NULL);

  mp_client_new("{}", 2, &handle, &e);
  good &= CHECK(has_text(&e, "code", "forked"));
  good &= CHECK(e.data && strstr((char *)e.data, "after the fork"));
  mp_buf_free(&e);
  mp_buf_free(from_parent);
  good &= CHECK(from_parent->data == NULL);
  return good ? 0 : 1;
}

/* Waits for a child, which must end by itself and well. */
static void child_ends_well(pid_t child) {
  int status = -1;
  if (!CHECK(child > 0)) return;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Forks; every second child runs its exit handlers. One that hangs is ended by
 * the alarm, which is no good end. */
static void fork_once(int number, uint64_t client, uint64_t source, uint64_t flow, mp_buf *buf) {
  pid_t child;
  fflush(stdout);
  child = fork();
  if (child == 0) {
    double began = cpu_ms();
    int failed;
    alarm(60);
    failed = in_child(client, source, flow, buf);
    failed |= !CHECK(scaled(1000) < 1000 || cpu_ms() - began < 10 * 30); /* 10 ms for each call */
    fflush(stdout);
    if (number % 2 == 0) exit(failed);
    _exit(failed);
  }
  child_ends_well(child);
}

static void F68_fork_after_load(void) {
  mp_buf nothing = MP_BUF_INIT;
  int i;
  for (i = 0; i < scaled(AFTER_LOAD); i++) fork_once(i, 0, 0, 0, &nothing);
}

static void F68_fork_after_use(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), ""), flow = 0;
  mp_buf key = MP_BUF_INIT, token = MP_BUF_INIT, e = MP_BUF_INIT;
  int i;
  CHECK_ERROR(MP_OK, mp_flow_new(source, &flow, &e), &e);
  CHECK_ERROR(MP_OK, mp_source_key(source, &key, &e), &e);
  for (i = 0; i < scaled(AFTER_USE); i++) fork_once(i, client, source, flow, &key);

  /* The parent has kept everything. */
  CHECK(key.len == 64);
  mp_buf_free(&key);
  CHECK_STATUS(MP_OK, mp_flow_free(flow));
  CHECK_ERROR(MP_OK, mp_source_token(source, 10000, &token, &e), &e);
  mp_buf_free(&token);
  end_client(client);
}

typedef struct {
  uint64_t source;
  int32_t status;
} waiter;

static void *wait_for_token(void *argument) {
  waiter *w = (waiter *)argument;
  mp_buf token = MP_BUF_INIT;
  w->status = mp_source_token(w->source, 30000, &token, NULL);
  mp_buf_free(&token);
  return NULL;
}

/* The same while a fetch is out and another thread is inside the library. */
static void F68_fork_during_a_flight(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), "");
  mp_buf key = MP_BUF_INIT, e = MP_BUF_INIT;
  waiter w;
  pthread_t thread;
  int i;
  CHECK_ERROR(MP_OK, mp_source_key(source, &key, &e), &e);
  sandbox_forget();
  sandbox_faults("[{\"path\": \"/token\", \"times\": 1, \"latency_ms\": 2500}]");
  w.source = source;
  w.status = -1;
  CHECK(pthread_create(&thread, NULL, wait_for_token, &w) == 0);
  while (sandbox_count("/token") == 0) pause_ms(5);
  for (i = 0; i < scaled(DURING_FLIGHT); i++) fork_once(i, client, source, 0, &key);
  pthread_join(thread, NULL);
  CHECK_STATUS(MP_OK, w.status);
  sandbox_faults("[]");
  mp_buf_free(&key);
  end_client(client);
}

/* What the forked child must do instead: become another program. */
static void F69_fork_and_exec(void) {
  pid_t child;
  fflush(stdout);
  if ((child = fork()) == 0) {
    execl(program, program, settings_file, "--exec", (char *)NULL);
    _exit(3);
  }
  child_ends_well(child);
}

/* A daemon: forked twice, in a session of its own. */
static void F69_double_fork(void) {
  mp_buf nothing = MP_BUF_INIT;
  pid_t child, grandchild;
  fflush(stdout);
  if ((child = fork()) == 0) {
    int status = -1;
    setsid();
    if ((grandchild = fork()) == 0) _exit(in_child(0, 0, 0, &nothing));
    _exit(waitpid(grandchild, &status, 0) == grandchild && WIFEXITED(status) ? WEXITSTATUS(status) : 4);
  }
  child_ends_well(child);
}

static void token_after_exec(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), "");
  mp_buf token = MP_BUF_INIT, e = MP_BUF_INIT;
  CHECK_ERROR(MP_OK, mp_source_token(source, 10000, &token, &e), &e);
  mp_buf_free(&token);
  end_client(client);
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  program = argv[0];
  settings_file = argv[1];
  if (argc > 2) {
    if (!world_open(settings_file)) return 2;
    run("token_after_exec", token_after_exec);
    world_close();
    return summary();
  }
  run("F68_fork_after_load", F68_fork_after_load); /* before the first call */
  if (!world_open(settings_file)) return 2;
  run("F68_fork_after_use", F68_fork_after_use);
  run("F68_fork_during_a_flight", F68_fork_during_a_flight);
  run("F69_fork_and_exec", F69_fork_and_exec);
  run("F69_double_fork", F69_double_fork);
  world_close();
  return summary();
}
