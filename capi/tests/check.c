/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../examples/c/json_member.h"

static int passed, failed, failures_here;

int check_that(int holds, const char *condition, const char *file, int line) {
  if (!holds) {
    failures_here++;
    printf("  %s:%d: not so: %s\n", file, line, condition);
  }
  return holds;
}

int check_status(int32_t want, int32_t got, const char *call, const char *file, int line) {
  if (want != got) {
    failures_here++;
    printf("  %s:%d: %d instead of %d: %s\n", file, line, (int)got, (int)want, call);
  }
  return want == got;
}

int check_error(int32_t want, int32_t got, mp_buf *error, const char *call, const char *file, int line) {
  static const char *const texts[] = {"kind", "code", "message", "remedy", "text"};
  int before = failures_here;
  size_t i, length = 0;

  check_status(want, got, call, file, line);
  if (error->data == NULL) {
    check_that(got == MP_OK, "an error object was written", file, line);
    return before == failures_here;
  }
  check_that(got != MP_OK, "no error object after MP_OK", file, line);
  check_that(error->data[error->len] == 0, "a NUL ends the error object", file, line);
  check_that(strlen((char *)error->data) == error->len, "no NUL inside the error object", file, line);
  check_that(json_integer((char *)error->data, "number", 0) == got, "number is the status", file, line);
  check_that(json_value((char *)error->data, "retryable", &length) != NULL, "retryable is there", file, line);
  for (i = 0; i < sizeof texts / sizeof *texts; i++) {
    char *text = json_string((char *)error->data, texts[i]);
    check_that(text != NULL && *text != '\0', texts[i], file, line);
    free(text);
  }
  if (before != failures_here) printf("    %s\n", (char *)error->data);
  mp_buf_free(error);
  return before == failures_here;
}

/* How many handles there are; 0 if the library does not say, because it is
 * poisoned. */
static unsigned long live(void) {
  uint64_t count = 0;
  return mp_live_handles(&count) == MP_OK ? (unsigned long)count : 0;
}

void run(const char *name, void (*test)(void)) {
  unsigned long before = live(), after;
  failures_here = 0;
  test();
  after = live();
  if (after > before && ++failures_here) printf("  %lu handles more than before the test\n", after - before);
  if (failures_here == 0)
    passed++;
  else
    failed++;
  printf("%s %s\n", failures_here == 0 ? "ok  " : "FAIL", name);
  fflush(stdout);
}

static void every_handle_was_freed(void) { CHECK(live() == 0); }

int summary(void) {
  run("every_handle_was_freed", every_handle_was_freed);
  printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
