/*
 * loading.c - F70: the library loaded by dlopen, from a thread with a small
 * stack, twice, beside another Go library, and closed.
 *
 *   loading LIBRARY SECOND_LIBRARY configuration.json scope [small-stacks]
 *
 * small-stacks: every thread of the process, Go's too, gets 64 KiB.
 * The handlers of signals are there before the library is (F74).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <maskinporten.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../examples/c/json_member.h"

enum { SMALL = 64 * 1024, THREADS = 8 };

static const char *library, *second_library, *config;
static char request[256];
static void *loaded;
static int passed, failed;
static volatile sig_atomic_t handled;

static struct {
  uint32_t (*abi_version)(void);
  void (*buf_free)(mp_buf *);
  int32_t (*client_new)(const char *, size_t, uint64_t *, mp_buf *);
  int32_t (*client_free)(uint64_t);
  int32_t (*source_new)(uint64_t, const char *, size_t, uint64_t *, mp_buf *);
  int32_t (*source_free)(uint64_t);
  int32_t (*source_token)(uint64_t, int64_t, mp_buf *, mp_buf *);
  int32_t (*live_handles)(uint64_t *);
} mp;
static long (*second_sum)(long);

static void report(const char *name, int good) {
  printf("%s %s\n", good ? "ok  " : "FAIL", name);
  fflush(stdout);
  if (good)
    passed++;
  else
    failed++;
}

/* 0 if the symbol is not there. */
static int find(void *in, const char *name, void *function) {
  void *address = dlsym(in, name);
  if (address == NULL) return fprintf(stderr, "%s: %s\n", name, dlerror()), 0;
  memcpy(function, &address, sizeof address);
  return 1;
}

static int find_all(void *in) {
  return find(in, "mp_abi_version", &mp.abi_version) && find(in, "mp_buf_free", &mp.buf_free) &&
         find(in, "mp_client_new", &mp.client_new) && find(in, "mp_client_free", &mp.client_free) &&
         find(in, "mp_source_new", &mp.source_new) && find(in, "mp_source_free", &mp.source_free) &&
         find(in, "mp_source_token", &mp.source_token) && find(in, "mp_live_handles", &mp.live_handles);
}

/* A client, a token, and all of it freed. NULL if it failed. */
static void *job(void *unused) {
  mp_buf token = MP_BUF_INIT, error = MP_BUF_INIT;
  uint64_t client = 0, source = 0;
  int good = mp.client_new(config, strlen(config), &client, &error) == MP_OK &&
             mp.source_new(client, request, strlen(request), &source, &error) == MP_OK &&
             mp.source_token(source, 10000, &token, &error) == MP_OK && token.len > 0;
  (void)unused;
  if (error.data) fprintf(stderr, "%s\n", (char *)error.data);
  mp.buf_free(&token);
  mp.buf_free(&error);
  mp.source_free(source);
  mp.client_free(client);
  return good ? &mp : NULL;
}

static void *load_and_use(void *unused) {
  if ((loaded = dlopen(library, RTLD_NOW | RTLD_LOCAL)) == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return NULL;
  }
  return find_all(loaded) ? job(unused) : NULL;
}

/* Whether work succeeded on each of so many threads with stacks of 64 KiB. */
static int on_small_stacks(int count, void *(*work)(void *)) {
  pthread_t threads[THREADS];
  pthread_attr_t attributes;
  void *result;
  int i, good = 1;
  pthread_attr_init(&attributes);
  good &= pthread_attr_setstacksize(&attributes, SMALL) == 0;
  for (i = 0; i < count; i++) good &= pthread_create(&threads[i], &attributes, work, NULL) == 0;
  for (i = 0; good && i < count; i++) {
    pthread_join(threads[i], &result);
    good &= result != NULL;
  }
  pthread_attr_destroy(&attributes);
  return good;
}

static void *both_libraries(void *unused) {
  int i, good = 1;
  for (i = 0; i < 20; i++) good &= second_sum(100) == 4950 && job(unused) != NULL;
  return good ? &mp : NULL;
}

static void handle(int number) {
  (void)number;
  handled++;
}

int main(int argc, char **argv) {
  struct sigaction action, now;
  pthread_attr_t small;
  uint64_t count = 99;
  void *again, *second;
  if (argc < 5 || (config = read_file(argv[3])) == NULL) return 2;
  library = argv[1];
  second_library = argv[2];
  snprintf(request, sizeof request, "{\"scopes\": [\"%.200s\"]}", argv[4]);
  if (argc > 5) {
    pthread_attr_init(&small);
    if (pthread_attr_setstacksize(&small, SMALL) != 0 || pthread_setattr_default_np(&small) != 0) return 2;
  }
  memset(&action, 0, sizeof action);
  action.sa_handler = handle; /* without SA_ONSTACK, as a host does that knows nothing of Go */
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGPIPE, &action, NULL);

  report("F70_load_from_a_thread_with_a_small_stack", on_small_stacks(1, load_and_use));
  if (loaded == NULL) return 1;
  report("F70_use_from_the_main_thread", mp.abi_version() == MP_ABI_VERSION && job(NULL) != NULL);
  report("F70_threads_with_small_stacks", on_small_stacks(THREADS, job));

  raise(SIGINT);
  raise(SIGPIPE);
  sigaction(SIGINT, NULL, &now); /* SIGPIPE is Go's now, which hands it on */
  report("F74_handlers_from_before_the_load", handled == 2 && now.sa_handler == handle && job(NULL) != NULL);

  again = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  report("F70_load_twice", again == loaded && job(NULL) != NULL);

  second = dlopen(second_library, RTLD_NOW | RTLD_LOCAL);
  report("F70_two_go_libraries",
         second != NULL && find(second, "second_sum", &second_sum) && on_small_stacks(4, both_libraries));

  /* Closed as often as opened, it is still there: its threads could not go on
   * without it. */
  report("F70_dlclose", dlclose(again) == 0 && dlclose(loaded) == 0 && job(NULL) != NULL);
  report("every_handle_was_freed", mp.live_handles(&count) == MP_OK && count == 0);
  free((char *)config);
  printf("%d passed, %d failed\n", passed, failed);
  return failed ? 1 : 0;
}
