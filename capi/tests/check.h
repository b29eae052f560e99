/*
 * check.h - the test harness. A test is a function; it fails if one of its
 * checks does, and goes on, so that one run shows everything that is wrong.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHECK_H
#define CHECK_H

#include <maskinporten.h>

#define CHECK(condition) check_that((condition) ? 1 : 0, #condition, __FILE__, __LINE__)
#define CHECK_STATUS(want, call) check_status(want, call, #call, __FILE__, __LINE__)
#define CHECK_ERROR(want, call, error) check_error(want, call, error, #call, __FILE__, __LINE__)

/* Returns what it was given, so that a test can stop where going on is no use. */
int check_that(int holds, const char *condition, const char *file, int line);

int check_status(int32_t want, int32_t got, const char *call, const char *file, int line);

/* The status, and that *error holds an error object that agrees with it, in all
 * its constant members. Frees *error. */
int check_error(int32_t want, int32_t got, mp_buf *error, const char *call, const char *file, int line);

/* Runs one test, which must free the handles that it makes. */
void run(const char *name, void (*test)(void));

/* One more test, that no handle is left, and then "N passed, N failed"; returns
 * the exit code. */
int summary(void);

#endif
