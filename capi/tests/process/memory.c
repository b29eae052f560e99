/*
 * memory.c - F71: no memory for a result is an error, and leaves nothing half done.
 *
 *   memory settings.json
 *
 * This program's malloc takes the place of the C library's, also for the
 * library under test, and fails when told to. The second test does without: the
 * process really has no memory left.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "../check.h"
#include "../world.h"

extern void *__libc_malloc(size_t size);

/* How many mallocs of this thread succeed before one fails; -1: all do. */
static __thread int good_mallocs = -1;
static __thread int failed_mallocs;

void *malloc(size_t size) {
  if (good_mallocs < 0 || good_mallocs-- > 0) return __libc_malloc(size);
  good_mallocs = -1;
  failed_mallocs++;
  errno = ENOMEM;
  return NULL;
}

static uint64_t client, source, flow;
static mp_buf out = MP_BUF_INIT;

/* The calls with a result in an mp_buf. */
static int32_t call(int number, mp_buf *e) {
  switch (number) {
    case 0: return mp_source_key(source, &out, e);
    case 1: return mp_source_token(source, 0, &out, e);
    case 2: return mp_client_status(client, &out, e);
    case 3: return mp_client_events(client, 0, &out, e);
    case 4: return mp_flow_next(flow, &out, e);
    case 5: return mp_key_generate("{}", 2, &out, e);
    default: return -1;
  }
}

static void F71_malloc_fails(void) {
  char *config = configuration_with(", \"events\": 10");
  mp_buf e = MP_BUF_INIT;
  int number, status;

  client = new_client_of(config);
  source = new_source(client, setting("scopes.plain"), "");
  CHECK_ERROR(MP_OK, mp_source_token(source, 10000, &out, &e), &e);
  mp_buf_free(&out);
  CHECK_ERROR(MP_OK, mp_flow_new(source, &flow, &e), &e);
  for (number = 0;; number++) {
    /* The result has no room; the error that says so has. */
    failed_mallocs = 0;
    good_mallocs = 0;
    status = call(number, &e);
    good_mallocs = -1;
    if (status == -1) break;
    CHECK(failed_mallocs == 1);
    CHECK_ERROR(MP_ERROR_NO_MEMORY, status, &e);
    CHECK(out.data == NULL && out.len == 0);

    /* The same call works when there is memory again, and for that events and
     * steps were not lost. */
    CHECK_ERROR(MP_OK, call(number, &e), &e);
    CHECK(out.data != NULL);
    if (number == 3) CHECK(strstr((char *)out.data, "acquisition_started") != NULL);
    if (number == 4) CHECK(has_text(&out, "step", "done"));
    mp_buf_free(&out);
  }

  /* An error object without room: the number alone comes back. */
  good_mallocs = 0;
  status = mp_source_key(4711, &out, &e);
  good_mallocs = -1;
  CHECK_STATUS(MP_ERROR_INVALID_HANDLE, status);
  CHECK(e.data == NULL && out.data == NULL);
  good_mallocs = 0;
  status = mp_client_new(NULL, 0, NULL, &e);
  good_mallocs = -1;
  CHECK_STATUS(MP_ERROR_INVALID_ARGUMENT, status);
  CHECK(e.data == NULL);

  CHECK_STATUS(MP_OK, mp_flow_free(flow));
  end_client(client);
  free(config);
}

/* The address space is full to the last byte that malloc can find. */
static void F71_address_space_full(void) {
  struct rlimit before, full;
  void **taken = NULL;
  size_t size = 1 << 20, length = 0;
  char room[8192];
  mp_buf e = MP_BUF_INIT;
  int32_t by_result, by_peek = -1, i;

  client = new_client();
  source = new_source(client, setting("scopes.plain"), "");
  CHECK_ERROR(MP_OK, mp_source_token(source, 10000, &out, &e), &e);
  mp_buf_free(&out);

  CHECK(getrlimit(RLIMIT_AS, &before) == 0);
  full = before;
  full.rlim_cur = 1; /* less than is in use: nothing more can be mapped */
  CHECK(setrlimit(RLIMIT_AS, &full) == 0);
  while (size >= sizeof(void *)) {
    void **more = (void **)malloc(size);
    if (more == NULL) {
      size /= 2;
      continue;
    }
    *more = (void *)taken;
    taken = more;
  }
  by_result = mp_source_token(source, 0, &out, &e);
  for (i = 0; i < 1000 && (i == 0 || by_peek == MP_OK); i++)
    by_peek = mp_source_peek(source, room, sizeof room, &length, NULL, NULL, NULL);
  CHECK(setrlimit(RLIMIT_AS, &before) == 0);
  while (taken != NULL) {
    void **next = (void **)*taken;
    free((void *)taken);
    taken = next;
  }

  CHECK_STATUS(MP_ERROR_NO_MEMORY, by_result);
  CHECK(out.data == NULL);
  mp_buf_free(&e); /* a small text may have found room */
  CHECK_STATUS(MP_OK, by_peek); /* it needs none */
  CHECK_ERROR(MP_OK, mp_source_token(source, 0, &out, &e), &e);
  mp_buf_free(&out);
  end_client(client);
}

int main(int argc, char **argv) {
  if (argc != 2 || !world_open(argv[1])) return 2;
  run("F71_malloc_fails", F71_malloc_fails);
  run("F71_address_space_full", F71_address_space_full);
  world_close();
  return summary();
}
