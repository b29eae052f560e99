/*
 * json_member.h - as much JSON as the examples and tests need: finding members
 * of a well-formed object. A real program has a JSON library.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef JSON_MEMBER_H
#define JSON_MEMBER_H

#include <stddef.h>

/* The value at path, which is the names of members joined by dots, such as
 * "scopes.customs". It points into json, is not copied, and has *length bytes;
 * a string has its quotes. NULL if there is no such member. */
const char *json_value(const char *json, const char *path, size_t *length);

/* The string at path, decoded, to be freed. NULL if there is none, or if it has
 * an escape beyond ASCII. */
char *json_string(const char *json, const char *path);

/* The integer at path, or fallback. */
long long json_integer(const char *json, const char *path, long long fallback);

/* The whole of a text file, to be freed. NULL if it cannot be read. */
char *read_file(const char *name);

#endif
