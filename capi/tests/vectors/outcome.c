/*
 * outcome.c - results and errors of the library as outcomes of a case.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "vectors.h"

/* What holds for every error object. */
static int good_error(const json_t *error) {
  const char *kind = json_string_value(json_object_get(error, "kind"));
  const char *remedy = json_string_value(json_object_get(error, "remedy"));
  const char *text = json_string_value(json_object_get(error, "text"));
  return kind && (strcmp(kind, "local") == 0 || strcmp(kind, "remote") == 0 || strcmp(kind, "transport") == 0) &&
         remedy && *remedy && remedy[strlen(remedy) - 1] == '.' && text &&
         strncmp(text, "maskinporten: ", 14) == 0 && strstr(text, remedy) &&
         json_integer_value(json_object_get(error, "number")) > MP_ERROR_INVALID_ARGUMENT - 1;
}

json_t *failure(runner *r, const json_t *error) {
  json_t *outcome = json_copy((json_t *)error), *problems = json_object_get(error, "problems"), *problem, *fields;
  size_t i;
  if (!good_error(error)) wrong(r, "the error object lacks something");
  if (json_is_array(problems)) {
    fields = json_array();
    json_array_foreach(problems, i, problem) json_array_append(fields, json_object_get(problem, "field"));
    json_object_set_new(outcome, "problems", fields);
  }
  return outcome;
}

json_t *told(runner *r, int32_t status, mp_buf *error) {
  json_t *parsed, *outcome;
  if (status == MP_OK) return json_object();
  parsed = error->data ? json_loadb((const char *)error->data, error->len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL) : NULL;
  mp_buf_free(error);
  if (parsed == NULL) return wrong(r, "status %d has no error object", (int)status);
  if (json_integer_value(json_object_get(parsed, "number")) != status) wrong(r, "number is not the status %d", (int)status);
  outcome = failure(r, parsed);
  json_decref(parsed);
  return outcome;
}
