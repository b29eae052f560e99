/*
 * descriptors.c - F72: no file descriptors left is a failure that passes.
 *
 *   descriptors settings.json
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../check.h"
#include "../world.h"

static int open_descriptors(void) {
  DIR *directory = opendir("/proc/self/fd");
  int count = 0;
  while (directory && readdir(directory)) count++;
  if (directory) closedir(directory);
  return count;
}

/* Tokens while descriptors are there, then without, then with them again. */
static void F72_out_of_descriptors(void) {
  enum { ROUNDS = 5 };
  int taken[256], count, round, before = 0;
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = 200;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);

  for (round = 0; round < ROUNDS; round++) {
    uint64_t client, source;
    mp_buf token = MP_BUF_INIT, e = MP_BUF_INIT;

    /* Answers that end with their connection use up the idle ones, so that the
     * next request needs a new one. */
    sandbox_faults("[{\"path\": \"/token\", \"times\": 4, \"kind\": \"close_delimited\"}]");
    for (count = 0; count < 4; count++) {
      client = new_client();
      source = new_source(client, setting("scopes.plain"), "");
      CHECK_ERROR(MP_OK, mp_source_token(source, 10000, &token, &e), &e);
      mp_buf_free(&token);
      end_client(client);
    }
    client = new_client();
    source = new_source(client, setting("scopes.plain"), "");

    for (count = 0; count < 256 && (taken[count] = open("/dev/null", O_RDONLY)) >= 0; count++) continue;
    CHECK(count > 0 && count < 256);
    CHECK_STATUS(MP_ERROR_CONNECTION_FAILED, mp_source_token(source, 10000, &token, &e));
    CHECK(e.data && strstr((char *)e.data, "\"retryable\":true") && strstr((char *)e.data, "\"kind\":\"transport\""));
    if (round == 0) printf("     %s\n", e.data ? (char *)e.data : "");
    mp_buf_free(&e);
    while (count > 0) close(taken[--count]);

    /* What is remembered of the failure lapses in seconds. */
    for (count = 0; count < 100 && mp_source_token(source, 10000, &token, NULL) != MP_OK; count++) pause_ms(100);
    CHECK(token.data != NULL);
    mp_buf_free(&token);
    end_client(client);
    if (round == 0) before = open_descriptors();
  }
  /* One idle connection more or less; a leak would show in every round. */
  CHECK(abs(open_descriptors() - before) < ROUNDS - 1);
}

int main(int argc, char **argv) {
  if (argc != 2 || !world_open(argv[1])) return 2;
  run("F72_out_of_descriptors", F72_out_of_descriptors);
  world_close();
  return summary();
}
