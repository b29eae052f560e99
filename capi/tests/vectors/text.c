/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

char *compact(const json_t *value, size_t *length) {
  char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
  *length = text ? strlen(text) : 0;
  return text;
}

unsigned char *unbase64(const char *text, size_t text_length, size_t *length) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  unsigned char *bytes = (unsigned char *)malloc(text_length + 1);
  unsigned long bits = 0;
  int count = 0;
  size_t i;
  *length = 0;
  for (i = 0; bytes != NULL && i < text_length && text[i] != '='; i++) {
    const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
    unsigned value = digit                                    ? (unsigned)(digit - digits)
                     : text[i] == '+' || text[i] == '-'       ? 62
                     : text[i] == '/' || text[i] == '_'       ? 63
                                                              : 64;
    if (value == 64) break;
    bits = (bits << 6 | value) & 0xffffff;
    if ((count += 6) >= 8) bytes[(*length)++] = (unsigned char)(bits >> (count -= 8));
  }
  return bytes;
}

char *blob(const json_t *text, size_t *length) {
  const json_t *base64 = json_object_get(text, "base64"), *parts = json_object_get(text, "parts"), *part;
  char *bytes;
  size_t i, n;

  if (json_is_string(base64))
    return (char *)unbase64(json_string_value(base64), json_string_length(base64), length);
  *length = json_string_length(text);
  json_array_foreach(parts, i, part) *length +=
      json_string_length(json_array_get(part, 0)) * (size_t)json_integer_value(json_array_get(part, 1));
  if ((bytes = (char *)malloc(*length + 1)) == NULL) return NULL;
  if (json_is_string(text)) memcpy(bytes, json_string_value(text), *length);
  *length = json_string_length(text);
  json_array_foreach(parts, i, part) {
    const json_t *piece = json_array_get(part, 0);
    for (n = (size_t)json_integer_value(json_array_get(part, 1)); n > 0; n--) {
      memcpy(bytes + *length, json_string_value(piece), json_string_length(piece));
      *length += json_string_length(piece);
    }
  }
  return bytes;
}
