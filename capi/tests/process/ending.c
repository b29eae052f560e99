/*
 * ending.c - F75: the program ends while the library fetches.
 *
 *   ending settings.json
 *   ending settings.json return | exit | quick_exit | thread     what its child does
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../check.h"
#include "../world.h"

static const char *program, *settings_file;

static void *fetch(void *source) {
  mp_buf token = MP_BUF_INIT;
  mp_source_token(*(uint64_t *)source, 30000, &token, NULL);
  mp_buf_free(&token);
  return NULL;
}

static void *end_from_here(void *unused) {
  (void)unused;
  puts("now");
  fflush(stdout);
  exit(7);
}

/* Ends with 7, in one of several ways, while two threads wait for a token that
 * does not come. */
static int end_during_a_flight(const char *way) {
  static uint64_t client, source;
  pthread_t threads[3];
  client = new_client();
  source = new_source(client, setting("scopes.plain"), "");
  pthread_create(&threads[0], NULL, fetch, &source);
  pthread_create(&threads[1], NULL, fetch, &source);
  while (sandbox_count("/token") == 0) pause_ms(5);
  if (strcmp(way, "thread") == 0) {
    pthread_create(&threads[2], NULL, end_from_here, NULL);
    pthread_exit(NULL);
  }
  puts("now");
  fflush(stdout);
  if (strcmp(way, "exit") == 0) exit(7);
  if (strcmp(way, "quick_exit") == 0) quick_exit(7);
  return 7;
}

static void ends(const char *way) {
  int ends_of_pipe[2], status = -1;
  char said[8] = "";
  int64_t began;
  pid_t child;

  sandbox_forget();
  sandbox_faults("[{\"path\": \"/token\", \"kind\": \"hang\"}]");
  fflush(stdout);
  if (!CHECK(pipe(ends_of_pipe) == 0)) return;
  if ((child = fork()) == 0) {
    dup2(ends_of_pipe[1], STDOUT_FILENO);
    close(ends_of_pipe[0]);
    close(ends_of_pipe[1]);
    execl(program, program, settings_file, way, (char *)NULL);
    _exit(3);
  }
  close(ends_of_pipe[1]);
  CHECK(read(ends_of_pipe[0], said, sizeof said) == 4 && memcmp(said, "now\n", 4) == 0);
  began = now_ms();
  CHECK(waitpid(child, &status, 0) == child);
  printf("     by %s: gone after %d ms\n", way, (int)(now_ms() - began));
  CHECK(now_ms() - began <= 100 * (scaled(100) < 100 ? 100 : 5)); /* 100 ms on a machine of its own */
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  close(ends_of_pipe[0]);
  sandbox_faults("[]");
}

static void F75_return_from_main(void) { ends("return"); }
static void F75_exit(void) { ends("exit"); }
static void F75_quick_exit(void) { ends("quick_exit"); }
static void F75_exit_of_another_thread(void) { ends("thread"); }

int main(int argc, char **argv) {
  if (argc < 2 || !world_open(argv[1])) return 2;
  program = argv[0];
  settings_file = argv[1];
  if (argc > 2) return end_during_a_flight(argv[2]);
  run("F75_return_from_main", F75_return_from_main);
  run("F75_exit", F75_exit);
  run("F75_quick_exit", F75_quick_exit);
  run("F75_exit_of_another_thread", F75_exit_of_another_thread);
  world_close();
  return summary();
}
