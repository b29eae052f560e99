/*
 * match.c - whether an outcome is as expected.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

/* The objects that are compared whole. */
static int is_whole(const char *name) {
  return strcmp(name, "header") == 0 || strcmp(name, "claims") == 0 || strcmp(name, "headers") == 0;
}

static int equal(const json_t *want, const json_t *got, int whole) {
  const char *name;
  json_t *value;
  size_t i;

  if (json_is_null(want)) return got == NULL || json_is_null(got);
  if (json_is_number(want)) return json_is_number(got) && json_number_value(want) == json_number_value(got);
  if (json_is_object(want)) {
    if (!json_is_object(got) || (whole && json_object_size(want) != json_object_size(got))) return 0;
    json_object_foreach((json_t *)want, name, value) {
      if (!equal(value, json_object_get(got, name), whole || is_whole(name))) return 0;
    }
    return 1;
  }
  if (json_is_array(want)) {
    if (!json_is_array(got) || json_array_size(want) != json_array_size(got)) return 0;
    json_array_foreach((json_t *)want, i, value) {
      if (!equal(value, json_array_get(got, i), whole)) return 0;
    }
    return 1;
  }
  return got != NULL && json_equal((json_t *)want, (json_t *)got);
}

/* Whether each of the texts is part of text, or none of them. */
static int texts_in(const json_t *texts, const char *text, int wanted) {
  json_t *words;
  size_t i;
  json_array_foreach((json_t *)texts, i, words) {
    if ((strstr(text, json_string_value(words)) != NULL) != wanted) return 0;
  }
  return 1;
}

static int same_set(const json_t *want, const json_t *got) {
  json_t *one, *other;
  size_t i, k, found = 0;
  json_array_foreach((json_t *)want, i, one) {
    json_array_foreach((json_t *)got, k, other) {
      if (json_equal(one, other)) break;
    }
    found += k < json_array_size(got);
  }
  return found == json_array_size(want) && json_array_size(want) == json_array_size(got);
}

static int hidden(const json_t *texts, const json_t *outcome) {
  json_t *shown = json_copy((json_t *)outcome);
  size_t length = 0;
  char *text;
  int hides;
  json_object_del(shown, "requests"); /* the only place where secrets belong */
  text = compact(shown, &length);
  hides = text != NULL && texts_in(texts, text, 0);
  free(text);
  json_decref(shown);
  return hides;
}

void match(runner *r, const json_t *expect, const json_t *outcome) {
  static const char at_most[] = "_at_most";
  const char *name;
  json_t *want;

  if (outcome == NULL) {
    wrong(r, "there is no outcome");
    return;
  }
  json_object_foreach((json_t *)expect, name, want) {
    const json_t *got = json_object_get(outcome, name);
    size_t length = strlen(name), ignored;
    int good;
    if (strcmp(name, "says") == 0) {
      got = json_object_get(outcome, "text");
      good = json_is_string(got) && texts_in(want, json_string_value(got), 1);
    } else if (strcmp(name, "hides") == 0) {
      good = hidden(want, outcome);
    } else if (strcmp(name, "problems") == 0) {
      good = same_set(want, got);
    } else if (length > strlen(at_most) && strcmp(name + length - strlen(at_most), at_most) == 0) {
      char bounded[64] = "";
      strncat(bounded, name, length - strlen(at_most) < 63 ? length - strlen(at_most) : 63);
      got = json_object_get(outcome, bounded);
      good = json_is_number(got) && json_number_value(got) >= 0 && json_number_value(got) <= json_number_value(want);
    } else {
      good = equal(want, got, is_whole(name));
    }
    if (!good) {
      char *a = got ? compact(got, &ignored) : NULL, *b = compact(want, &ignored);
      wrong(r, "%s is %.1500s, want %.1500s", name, a ? a : "absent", b);
      free(a);
      free(b);
    }
  }
}
