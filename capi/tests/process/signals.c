/*
 * signals.c - F74: signals by the thousand during calls. The host's handlers
 * run, and no call is lost.
 *
 *   signals settings.json
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "../check.h"
#include "../world.h"

enum { STORM_MS = 1500, SENT_AT_LEAST = 300 };

static const int kinds[] = {SIGINT, SIGCHLD, SIGPROF, SIGPIPE, SIGUSR1};
#define KINDS (sizeof kinds / sizeof *kinds)

static volatile sig_atomic_t handled[65];
static int stop;

static void count(int number) { __atomic_add_fetch(&handled[number], 1, __ATOMIC_RELAXED); }

/* Each signal once a millisecond, to the whole process and, in turn, to the
 * thread that calls. */
static void *storm(void *caller) {
  static long sent;
  sent = 0;
  size_t i;
  while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
    for (i = 0; i < KINDS; i++)
      if (sent % 2 == 0)
        kill(getpid(), kinds[i]);
      else
        pthread_kill(*(pthread_t *)caller, kinds[i]);
    sent++;
    pause_ms(1);
  }
  return &sent;
}

/* flags: with SA_RESTART system calls go on; without, they fail with EINTR. */
static void calls_in_a_storm(int flags) {
  pthread_t caller = pthread_self(), thread;
  struct sigaction action, before[KINDS];
  mp_buf out = MP_BUF_INIT, e = MP_BUF_INIT;
  char room[8192];
  size_t length, i;
  void *sent = NULL;
  long fetched = 0, read = 0;
  int64_t began = now_ms();

  memset(&action, 0, sizeof action);
  memset((void *)handled, 0, sizeof handled);
  action.sa_handler = count;
  action.sa_flags = SA_ONSTACK | flags;
  for (i = 0; i < KINDS; i++) CHECK(sigaction(kinds[i], &action, &before[i]) == 0);
  stop = 0;
  CHECK(pthread_create(&thread, NULL, storm, &caller) == 0);
  while (now_ms() - began < STORM_MS) {
    uint64_t one = new_client(), its = new_source(one, setting("scopes.plain"), "");
    if (CHECK_ERROR(MP_OK, mp_source_token(its, 10000, &out, &e), &e)) fetched++;
    mp_buf_free(&out);
    for (i = 0; i < 1000; i++)
      read += mp_source_peek(its, room, sizeof room, &length, NULL, NULL, NULL) == MP_OK;
    end_client(one);
  }
  __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
  pthread_join(thread, &sent);
  CHECK(fetched > 0 && read == fetched * 1000);
  printf("     %ld times each signal, %ld tokens fetched, %ld read; handled:", *(long *)sent, fetched, read);
  for (i = 0; i < KINDS; i++) printf(" %d", (int)handled[kinds[i]]);
  printf("\n");
  CHECK(*(long *)sent > scaled(SENT_AT_LEAST));
  /* Signals that are pending merge, so fewer than were sent; all of those that
   * went to the thread itself, while it ran, but for such. */
  for (i = 0; i < KINDS; i++) CHECK(handled[kinds[i]] > *(long *)sent / 4);
  for (i = 0; i < KINDS; i++) {
    struct sigaction now;
    CHECK(sigaction(kinds[i], &before[i], &now) == 0 && now.sa_handler == count);
  }
}

static void F74_storm(void) { calls_in_a_storm(SA_RESTART); }
static void F74_storm_of_EINTR(void) { calls_in_a_storm(0); }

int main(int argc, char **argv) {
  if (argc != 2 || !world_open(argv[1])) return 2;
  run("F74_storm", F74_storm);
  run("F74_storm_of_EINTR", F74_storm_of_EINTR);
  world_close();
  return summary();
}
