/*
 * stacks.c - F84: calls from a foreign stack on the main thread, as coroutines
 * and FFI layers make them.
 *
 *   stacks settings.json
 *
 * Opens files that are not there, BEGIN and END, around the readings of a cached
 * token from the foreign stack: what strace shows between the two is theirs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

#include "../check.h"
#include "../world.h"

enum { READINGS = 2000, STACK = 256 * 1024 };

static ucontext_t thread_stack, foreign_stack;
static uint64_t client, source;
static double foreign_ns, own_ns;

static void mark(const char *name) {
  if (open(name, O_RDONLY) >= 0) exit(2);
}

static double read_often(void) {
  struct timespec start, end;
  char room[8192];
  size_t length = 0;
  int i, good = 0;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (i = 0; i < READINGS; i++)
    good += mp_source_peek(source, room, sizeof room, &length, NULL, NULL, NULL) == MP_OK && strlen(room) == length;
  clock_gettime(CLOCK_MONOTONIC, &end);
  CHECK(good == READINGS);
  return ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / READINGS;
}

/* Everything from there: the first token, calls that fail, and the hit path. */
static void on_foreign_stack(void) {
  mp_buf token = MP_BUF_INIT, e = MP_BUF_INIT;
  size_t length = 0;
  CHECK_STATUS(MP_ERROR_INVALID_HANDLE, mp_source_peek(4711, NULL, 0, &length, NULL, NULL, NULL));
  client = new_client();
  source = new_source(client, setting("scopes.plain"), "");
  CHECK_ERROR(MP_OK, mp_source_token(source, 10000, &token, &e), &e);
  mp_buf_free(&token);
  read_often();
  mark("BEGIN");
  foreign_ns = read_often();
  mark("END");
}

static void F84_foreign_stack(void) {
  char *stack = (char *)malloc(STACK);
  if (!CHECK(stack != NULL)) return;
  CHECK(getcontext(&foreign_stack) == 0);
  foreign_stack.uc_stack.ss_sp = stack;
  foreign_stack.uc_stack.ss_size = STACK;
  foreign_stack.uc_link = &thread_stack;
  makecontext(&foreign_stack, on_foreign_stack, 0);
  CHECK(swapcontext(&thread_stack, &foreign_stack) == 0);

  /* And from the thread's own stack again. */
  own_ns = read_often();
  printf("     a reading from a foreign stack %.0f ns, from the thread's own %.0f ns\n", foreign_ns, own_ns);
  end_client(client);
  free(stack);
}

int main(int argc, char **argv) {
  if (argc != 2 || !world_open(argv[1])) return 2;
  run("F84_foreign_stack", F84_foreign_stack);
  world_close();
  return summary();
}
