/*
 * store.c - processes that share tokens through files of a folder: one fetches,
 * the others find what it got. In place of the files stands whatever you have:
 * Redis, a database.
 *
 *   store configuration.json SCOPE FOLDER
 *
 * The configuration needs a "store_key": 32 random bytes as base64, the same in
 * all processes. What is stored is encrypted with it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <maskinporten.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_member.h"

static int explain(const char *error_object) {
  char *text = error_object ? json_string(error_object, "text") : NULL;
  fprintf(stderr, "%s\n", text ? text : "no explanation");
  free(text);
  return 1;
}

/* The file of an entry; its name has hexadecimal digits only. To be freed. */
static char *file_of(const char *folder, const char *step) {
  char *key = json_string(step, "store_key"), *name = NULL;
  if (key != NULL && (name = (char *)malloc(strlen(folder) + strlen(key) + 2)) != NULL)
    sprintf(name, "%s/%s", folder, key);
  free(key);
  return name;
}

static int32_t load(uint64_t flow, const char *step, const char *folder, mp_buf *error) {
  char *name = file_of(folder, step), *entry = name ? read_file(name) : NULL;
  int32_t status = mp_flow_loaded(flow, (const uint8_t *)entry, entry ? strlen(entry) : 0, error);
  free(entry);
  free(name);
  return status;
}

/* Writes beside and renames, so that nobody reads half an entry. A store that
 * keeps time deletes the entry after life_ms; without, the entry says by itself
 * when it is over. */
static int32_t save(uint64_t flow, const char *step, const char *folder, mp_buf *error) {
  static const char reason[] = "{\"code\": \"connection_failed\", \"message\": \"the entry could not be written\"}";
  char *name = file_of(folder, step), *entry = json_string(step, "entry");
  char *beside = name ? (char *)malloc(strlen(name) + 5) : NULL;
  FILE *file = NULL;
  int written = 0;
  if (beside != NULL && entry != NULL) {
    sprintf(beside, "%s.new", name);
    file = fopen(beside, "wb");
  }
  if (file != NULL) {
    written = fwrite(entry, 1, strlen(entry), file) == strlen(entry);
    written &= fclose(file) == 0;
    written = written && rename(beside, name) == 0;
  }
  free(beside);
  free(entry);
  free(name);
  return written ? mp_flow_saved(flow, error) : mp_flow_failed(flow, reason, strlen(reason), error);
}

/* Drives the flow to its end and says how often a request was sent. */
static int32_t drive(uint64_t flow, const char *folder, mp_buf *step, int *sent, mp_buf *error) {
  for (;;) {
    int32_t status = mp_flow_next(flow, step, error);
    const char *json = (const char *)step->data;
    char *kind = status == MP_OK ? json_string(json, "step") : NULL;
    int over = kind == NULL || strcmp(kind, "done") == 0 || strcmp(kind, "failed") == 0;
    if (!over) {
      if (strcmp(kind, "load") == 0)
        status = load(flow, json, folder, error);
      else if (strcmp(kind, "save") == 0)
        status = save(flow, json, folder, error);
      else
        status = mp_flow_perform(flow, -1, error); /* sign, send, wait: the library's */
      *sent += strcmp(kind, "send") == 0;
    }
    free(kind);
    if (over || status != MP_OK) return status;
    mp_buf_free(step);
  }
}

int main(int argc, char **argv) {
  char *config = argc == 4 ? read_file(argv[1]) : NULL, *access_token = NULL, request[512];
  mp_buf step = MP_BUF_INIT, error = MP_BUF_INIT;
  uint64_t client = 0, source = 0, flow = 0;
  size_t size = 0;
  int sent = 0, failed = 0;

  if (config == NULL) return fprintf(stderr, "usage: store configuration.json SCOPE FOLDER\n"), 2;
  snprintf(request, sizeof request, "{\"scopes\": [\"%.400s\"]}", argv[2]);
  if (mp_client_new(config, strlen(config), &client, &error) != MP_OK ||
      mp_source_new(client, request, strlen(request), &source, &error) != MP_OK ||
      mp_flow_new(source, &flow, &error) != MP_OK || drive(flow, argv[3], &step, &sent, &error) != MP_OK)
    failed = explain((const char *)error.data);
  else if ((access_token = json_string((const char *)step.data, "token.access_token")) == NULL)
    failed = explain(json_value((const char *)step.data, "error", &size));
  else
    printf("a token of %lu characters, %s\n", (unsigned long)strlen(access_token),
           sent > 0 ? "fetched and shared" : "found in the store");

  free(access_token);
  mp_buf_free(&step);
  mp_buf_free(&error);
  mp_flow_free(flow);
  mp_source_free(source);
  mp_client_free(client);
  free(config);
  return failed;
}
