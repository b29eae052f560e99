/*
 * main.c - runs the shared test vectors on the C interface.
 *
 *   vectors FOLDER [--list]
 *
 * FOLDER is core/testdata/vectors. --list names the cases that cannot be
 * expressed, with the reason. The cases run on several threads, because many
 * of them wait.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

enum { THREADS = 16, MAX_FILES = 64 };

/* Why a case has no place here: it says where it can run. */
static const char reason[] = "needs a clock, jti and random numbers of its own (place go)";

/* What is to be run, in order; a thread takes the next one. */
static struct {
  const json_t *files[MAX_FILES], *keys;
  size_t count, file, test;
  int ran, left_out, failed;
} work;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const char *text_of(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  return text ? text : "?";
}

static int runs_here(const json_t *test) {
  json_t *place;
  size_t i;
  json_array_foreach(json_object_get(test, "runs_on"), i, place) {
    if (strcmp(json_string_value(place), "abi") == 0 || strcmp(json_string_value(place), "library") == 0) return 1;
  }
  return 0;
}

/* The next case, or NULL. */
static const json_t *take(const json_t **file) {
  const json_t *test = NULL;
  pthread_mutex_lock(&lock);
  while (test == NULL && work.file < work.count) {
    *file = work.files[work.file];
    test = json_array_get(json_object_get(*file, "cases"), work.test++);
    if (test == NULL) {
      work.file++;
      work.test = 0;
    } else if (!runs_here(test)) {
      test = NULL;
    }
  }
  pthread_mutex_unlock(&lock);
  return test;
}

static void *run_cases(void *unused) {
  const json_t *file = NULL, *test;
  (void)unused;
  while ((test = take(&file)) != NULL) {
    runner r;
    memset(&r, 0, sizeof r);
    r.keys = work.keys;
    run_case(&r, text_of(file, "operation"), file, test);
    pthread_mutex_lock(&lock);
    work.ran++;
    if (r.why[0] != '\0') {
      work.failed++;
      printf("FAIL vector %s/%s: %s\n", text_of(file, "subject"), text_of(test, "name"), r.why);
    }
    pthread_mutex_unlock(&lock);
  }
  return NULL;
}

/* Says how many cases of the file are left out, and with --list which. */
static void left_out(const json_t *file, int list) {
  json_t *test;
  size_t i;
  int count = 0;
  json_array_foreach(json_object_get(file, "cases"), i, test) {
    if (runs_here(test)) continue;
    count++;
    if (list) printf("left out: %s/%s: %s\n", text_of(file, "subject"), text_of(test, "name"), reason);
  }
  if (count > 0) printf("     %d cases of %s are left out: each %s\n", count, text_of(file, "subject"), reason);
  work.left_out += count;
}

static json_t *load(const char *folder, const char *name) {
  char path[4096];
  json_error_t error;
  json_t *content;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if ((content = json_load_file(path, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error)) == NULL)
    printf("FAIL %s: %s, line %d\n", name, error.text, error.line);
  return content;
}

int main(int argc, char **argv) {
  struct dirent **names = NULL;
  pthread_t threads[THREADS];
  uint64_t live = 99;
  json_t *keys;
  int i, found = argc > 1 ? scandir(argv[1], &names, NULL, alphasort) : -1;

  if (found < 0) return fprintf(stderr, "usage: vectors FOLDER [--list]\n"), 2;
  if ((work.keys = keys = load(argv[1], "keys.json")) == NULL) return 1;
  for (i = 0; i < found; i++) {
    const char *name = names[i]->d_name;
    size_t length = strlen(name);
    if (length > 5 && strcmp(name + length - 5, ".json") == 0 && strcmp(name, "keys.json") != 0 &&
        strcmp(name, "schema.json") != 0) {
      if (work.count == MAX_FILES || (work.files[work.count] = load(argv[1], name)) == NULL) return 1;
      left_out(work.files[work.count++], argc > 2);
    }
    free(names[i]);
  }
  free(names);
  for (i = 0; i < THREADS; i++)
    if (pthread_create(&threads[i], NULL, run_cases, NULL) != 0) return 1;
  for (i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  if (mp_live_handles(&live) != MP_OK || live != 0) {
    printf("FAIL %lu handles are left\n", (unsigned long)live);
    work.failed++;
  }
  printf("     %d vectors ran, %d are left out\n", work.ran, work.left_out);
  while (work.count > 0) json_decref((json_t *)work.files[--work.count]);
  json_decref(keys);
  printf("%d passed, %d failed\n", work.ran - work.failed, work.failed);
  return work.failed == 0 && work.ran > 0 ? 0 : 1;
}
