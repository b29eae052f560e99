/* SPDX-License-Identifier: Apache-2.0 */
#include "json_member.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_space(const char *at) { return at + strspn(at, " \t\r\n"); }

/* at is on the opening quote; the result is behind the closing one. */
static const char *skip_string(const char *at) {
  for (at++; *at != '\0' && *at != '"'; at++)
    if (*at == '\\' && at[1] != '\0') at++;
  return *at == '"' ? at + 1 : at;
}

static const char *skip_value(const char *at) {
  int depth = 0;
  do {
    if (*at == '"') {
      at = skip_string(at);
    } else if (*at == '{' || *at == '[') {
      depth++;
      at++;
    } else if (*at == '}' || *at == ']') {
      depth--;
      at++;
    } else if (depth > 0) {
      at++;
    } else {
      at += strcspn(at, ",}] \t\r\n");
    }
  } while (depth > 0 && *at != '\0');
  return at;
}

const char *json_value(const char *json, const char *path, size_t *length) {
  const char *at = skip_space(json);
  size_t name_length = strcspn(path, ".");

  if (*at != '{') return NULL;
  at = skip_space(at + 1);
  while (*at == '"') {
    const char *name = at + 1, *value, *end;
    at = skip_string(at);
    value = skip_space(at);
    if (*value != ':') return NULL;
    value = skip_space(value + 1);
    end = skip_value(value);
    if ((size_t)(at - 1 - name) == name_length && memcmp(name, path, name_length) == 0) {
      if (path[name_length] == '.') return json_value(value, path + name_length + 1, length);
      *length = (size_t)(end - value);
      return value;
    }
    at = skip_space(end);
    if (*at == ',') at = skip_space(at + 1);
  }
  return NULL;
}

char *json_string(const char *json, const char *path) {
  static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t"; /* pairs: what follows the backslash, what it means */
  size_t length = 0, from, to = 0;
  const char *value = json_value(json, path, &length);
  char *text;

  if (value == NULL || *value != '"' || (text = (char *)malloc(length)) == NULL) return NULL;
  for (from = 1; from + 1 < length; from++) {
    unsigned code = 0;
    const char *pair = escapes;
    if (value[from] != '\\') {
      text[to++] = value[from];
      continue;
    }
    from++;
    if (value[from] == 'u' && sscanf(value + from + 1, "%4x", &code) == 1 && code > 0 && code < 0x80) {
      text[to++] = (char)code;
      from += 4;
      continue;
    }
    while (*pair != '\0' && *pair != value[from]) pair += 2;
    if (*pair == '\0') {
      free(text);
      return NULL;
    }
    text[to++] = pair[1];
  }
  text[to] = '\0';
  return text;
}

long long json_integer(const char *json, const char *path, long long fallback) {
  size_t length = 0;
  const char *value = json_value(json, path, &length);
  char *end;
  long long number;

  if (value == NULL) return fallback;
  number = strtoll(value, &end, 10);
  return end == value + length ? number : fallback;
}

char *read_file(const char *name) {
  FILE *file = fopen(name, "rb");
  size_t used = 0, room = 4096;
  char *text = NULL;

  if (file == NULL) return NULL;
  for (;;) {
    char *grown = (char *)realloc(text, room);
    if (grown == NULL) break;
    text = grown;
    used += fread(text + used, 1, room - 1 - used, file);
    if (used < room - 1) {
      int failed = ferror(file);
      fclose(file);
      text[used] = '\0';
      if (!failed) return text;
      free(text);
      return NULL;
    }
    room *= 2;
  }
  fclose(file);
  free(text);
  return NULL;
}
