/*
 * threads.c - what a server does: several threads share one source, and each
 * asks for the token before each of its calls. One fetch serves them all.
 *
 *   threads configuration.json SCOPE
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include <maskinporten.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_member.h"

enum { THREADS = 8, CALLS = 1000, LONGEST_TOKEN = 65536 };

static void explain(const char *doing, mp_buf *error) {
  char *text = error->data ? json_string((const char *)error->data, "text") : NULL;
  fprintf(stderr, "%s: %s\n", doing, text ? text : "no explanation");
  free(text);
  mp_buf_free(error);
}

/* The access token, in room. The cache answers almost always, without a lock
 * and without memory of its own; now and then somebody must fetch, or start the
 * refresh that runs while the old token is still good. */
static int32_t access_token(uint64_t source, char *room, size_t size, mp_buf *error) {
  size_t length = 0;
  int32_t due = 0, status = mp_source_peek(source, room, size, &length, NULL, &due, NULL);
  if (status == MP_ERROR_NO_TOKEN || (status == MP_OK && due)) {
    mp_buf token = MP_BUF_INIT;
    status = mp_source_token(source, 10000, &token, error);
    mp_buf_free(&token);
    if (status == MP_OK) status = mp_source_peek(source, room, size, &length, NULL, NULL, NULL);
  }
  return status;
}

typedef struct {
  uint64_t source;
  pthread_t thread;
  int calls;
} worker;

static void *work(void *argument) {
  worker *w = (worker *)argument;
  char *room = (char *)malloc(LONGEST_TOKEN);
  mp_buf error = MP_BUF_INIT;
  while (room != NULL && w->calls < CALLS) {
    if (access_token(w->source, room, LONGEST_TOKEN, &error) != MP_OK) {
      explain("token", &error);
      break;
    }
    /* Here the API would be called, with "Authorization: Bearer " and room. */
    w->calls++;
  }
  free(room);
  return NULL;
}

int main(int argc, char **argv) {
  char *config = argc == 3 ? read_file(argv[1]) : NULL, request[512];
  uint64_t client = 0, source = 0;
  mp_buf error = MP_BUF_INIT;
  worker workers[THREADS];
  int i, calls = 0;

  if (config == NULL) return fprintf(stderr, "usage: threads configuration.json SCOPE\n"), 2;
  snprintf(request, sizeof request, "{\"scopes\": [\"%.400s\"]}", argv[2]);
  if (mp_client_new(config, strlen(config), &client, &error) != MP_OK ||
      mp_source_new(client, request, strlen(request), &source, &error) != MP_OK)
    explain("client", &error);

  memset(workers, 0, sizeof workers);
  for (i = 0; source != 0 && i < THREADS; i++) {
    workers[i].source = source;
    if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) break;
  }
  while (i-- > 0) {
    pthread_join(workers[i].thread, NULL);
    calls += workers[i].calls;
  }
  printf("%d calls by %d threads\n", calls, THREADS);
  mp_source_free(source);
  mp_client_free(client);
  free(config);
  return calls == THREADS * CALLS ? 0 : 1;
}
