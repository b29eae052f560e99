/*
 * misuse.c - everything that a C program can get wrong at the border itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "tests.h"
#include "world.h"

#define TOO_LONG (((size_t)4 << 20) + 1)

void test_versions(void) {
  char version[32];
  CHECK(mp_abi_version() == MP_ABI_VERSION);
  CHECK(strcmp(mp_version(), MP_VERSION) == 0);
  snprintf(version, sizeof version, "%d.%d.%d", MP_VERSION_MAJOR, MP_VERSION_MINOR, MP_VERSION_PATCH);
  CHECK(strcmp(version, MP_VERSION) == 0);
}

void test_buffers(void) {
  mp_buf buf = MP_BUF_INIT;
  mp_buf_free(NULL);
  mp_buf_free(&buf);
  CHECK_STATUS(MP_ERROR_INVALID_ARGUMENT, mp_client_new(NULL, 0, NULL, &buf));
  CHECK(buf.data != NULL && buf.len > 0);
  mp_buf_free(&buf);
  CHECK(buf.data == NULL && buf.len == 0);
  mp_buf_free(&buf);
}

/* Each pointer in turn is NULL where it must not be. Handles are not looked at
 * before the pointers are good. */
void test_null(void) {
  const int32_t wrong = MP_ERROR_INVALID_ARGUMENT;
  const uint8_t byte[] = {0};
  uint64_t handle = 77;
  mp_buf out = MP_BUF_INIT, e = MP_BUF_INIT;
  char room[8];
  size_t length = 99;

  CHECK_ERROR(wrong, mp_client_new(NULL, 2, &handle, &e), &e);
  CHECK_ERROR(wrong, mp_client_new(NULL, 0, &handle, &e), &e);
  CHECK_ERROR(wrong, mp_client_new("{}", 2, NULL, &e), &e);
  CHECK_ERROR(wrong, mp_source_new(1, NULL, 2, &handle, &e), &e);
  CHECK_ERROR(wrong, mp_source_new(1, "{}", 2, NULL, &e), &e);
  CHECK_ERROR(wrong, mp_source_key(1, NULL, &e), &e);
  CHECK_ERROR(wrong, mp_source_token(1, 0, NULL, &e), &e);
  CHECK_ERROR(wrong, mp_source_invalidate(1, NULL, 3, &e), &e);
  CHECK_ERROR(wrong, mp_flow_new(1, NULL, &e), &e);
  CHECK_ERROR(wrong, mp_flow_next(1, NULL, &e), &e);
  CHECK_ERROR(wrong, mp_flow_signed(1, NULL, 256, &e), &e);
  CHECK_ERROR(wrong, mp_flow_received(1, NULL, 2, byte, 1, &e), &e);
  CHECK_ERROR(wrong, mp_flow_received(1, "{}", 2, NULL, 1, &e), &e);
  CHECK_ERROR(wrong, mp_flow_failed(1, NULL, 2, &e), &e);
  CHECK_ERROR(wrong, mp_key_read(NULL, 2, &out, &e), &e);
  CHECK_ERROR(wrong, mp_key_read("{}", 2, NULL, &e), &e);
  CHECK_ERROR(wrong, mp_key_generate(NULL, 2, &out, &e), &e);
  CHECK_ERROR(wrong, mp_key_generate("{}", 2, NULL, &e), &e);
  CHECK_ERROR(wrong, mp_certificate_read(NULL, 2, &out, &e), &e);
  CHECK_ERROR(wrong, mp_certificate_read(byte, 1, NULL, &e), &e);
  CHECK_ERROR(wrong, mp_diagnose(NULL, 2, NULL, 0, &out, &e), &e);
  CHECK_ERROR(wrong, mp_diagnose("{}", 2, NULL, 1, &out, &e), &e);
  CHECK_ERROR(wrong, mp_diagnose("{}", 2, NULL, 0, NULL, &e), &e);
  CHECK_STATUS(wrong, mp_source_peek(1, NULL, 8, &length, NULL, NULL, NULL));
  CHECK_STATUS(wrong, mp_source_peek(1, room, sizeof room, NULL, NULL, NULL, NULL));

  /* Without a place for the error the number alone comes back. */
  CHECK_STATUS(wrong, mp_client_new(NULL, 0, NULL, NULL));
  CHECK_STATUS(MP_ERROR_INVALID_HANDLE, mp_source_key(1, &out, NULL));

  CHECK(handle == 77 && length == 99 && out.data == NULL);
}

/* Lengths are refused before a byte behind the pointer is read. */
void test_lengths(void) {
  static const size_t lengths[] = {TOO_LONG, (size_t)1 << 31, (size_t)-1};
  const int32_t wrong = MP_ERROR_INVALID_ARGUMENT;
  const char *text = "{}";
  const uint8_t byte[] = {0};
  uint64_t handle = 77;
  mp_buf out = MP_BUF_INIT, e = MP_BUF_INIT;
  size_t i;

  for (i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    size_t n = lengths[i];
    CHECK_ERROR(wrong, mp_client_new(text, n, &handle, &e), &e);
    CHECK_ERROR(wrong, mp_source_new(1, text, n, &handle, &e), &e);
    CHECK_ERROR(wrong, mp_source_invalidate(1, text, n, &e), &e);
    CHECK_ERROR(wrong, mp_flow_signed(1, byte, n, &e), &e);
    CHECK_ERROR(wrong, mp_flow_received(1, text, n, byte, 1, &e), &e);
    CHECK_ERROR(wrong, mp_flow_received(1, text, 2, byte, n, &e), &e);
    CHECK_ERROR(wrong, mp_flow_failed(1, text, n, &e), &e);
    CHECK_ERROR(wrong, mp_key_read(text, n, &out, &e), &e);
    CHECK_ERROR(wrong, mp_key_generate(text, n, &out, &e), &e);
    CHECK_ERROR(wrong, mp_certificate_read(byte, n, &out, &e), &e);
    CHECK_ERROR(wrong, mp_diagnose(text, n, NULL, 0, &out, &e), &e);
    CHECK_ERROR(wrong, mp_diagnose(text, 2, text, n, &out, &e), &e);
  }
  CHECK(handle == 77 && out.data == NULL);
}

/* The error says which argument it means. */
void test_error_names_argument(void) {
  mp_buf e = MP_BUF_INIT;
  mp_client_new(NULL, 0, NULL, &e);
  CHECK(has_text(&e, "kind", "local"));
  CHECK(has_text(&e, "code", "invalid_argument"));
  CHECK(has_text(&e, "message", "config is NULL"));
  mp_buf_free(&e);
  mp_key_read("x", TOO_LONG, NULL, &e);
  CHECK(has_text(&e, "message", "key is longer than 4 MiB"));
  mp_buf_free(&e);
}

/* A text that is not JSON of the expected shape, everywhere a text goes in. */
void test_malformed_text(void) {
  static const char *const texts[] = {"",           " ",         "null",         "[]",       "7",
                                      "\"text\"",   "{",         "{}x",          "{} {}",    "{\"a\": 1",
                                      "{'a': 1}",   "{\"\xff\xfe\": 1}", "{\"a\": NaN}", "\xef\xbb\xbf{}", "{\"a\": 1, \"a\": 1}",
                                      "{\"no_such_member\": 1}"};
  mp_buf out = MP_BUF_INIT, e = MP_BUF_INIT;
  uint64_t handle = 77, client = new_client();
  size_t i;

  for (i = 0; i < sizeof texts / sizeof *texts; i++) {
    size_t n = strlen(texts[i]);
    int32_t status[4];
    status[0] = mp_client_new(texts[i], n, &handle, &e);
    CHECK_ERROR(status[0], status[0], &e);
    status[1] = mp_source_new(client, texts[i], n, &handle, &e);
    CHECK_ERROR(status[1], status[1], &e);
    status[2] = mp_key_read(texts[i], n, &out, &e);
    CHECK_ERROR(status[2], status[2], &e);
    status[3] = mp_key_generate(texts[i], n, &out, &e);
    CHECK_ERROR(status[3], status[3], &e);
    if (!(CHECK(status[0] == MP_ERROR_INVALID_CONFIGURATION || status[0] == MP_ERROR_INVALID_ARGUMENT) &
          CHECK(status[1] == MP_ERROR_INVALID_TOKEN_REQUEST || status[1] == MP_ERROR_INVALID_ARGUMENT) &
          CHECK(status[2] == MP_ERROR_INVALID_KEY || status[2] == MP_ERROR_INVALID_ARGUMENT) &
          CHECK(status[3] == MP_ERROR_INVALID_ARGUMENT)))
      printf("    text %lu: %s -> %d %d %d %d\n", (unsigned long)i, texts[i], (int)status[0], (int)status[1],
             (int)status[2], (int)status[3]);
  }
  CHECK(handle == 77 && out.data == NULL);
  mp_client_free(client);
}

/* An embedded NUL ends nothing: the length counts, and JSON has no raw NUL. */
void test_embedded_nul(void) {
  static const char config[] = "{\"environment\": \"test\"}\0{}";
  uint64_t handle = 77;
  mp_buf e = MP_BUF_INIT;
  int32_t status = mp_client_new(config, sizeof config - 1, &handle, &e);
  CHECK_ERROR(status, status, &e);
  CHECK(status == MP_ERROR_INVALID_CONFIGURATION || status == MP_ERROR_INVALID_ARGUMENT);
  CHECK(handle == 77);
}

/* Nesting far beyond any configuration, and the longest text that is let in. */
void test_deep_and_long_text(void) {
  size_t size = TOO_LONG - 1, i;
  char *text = (char *)malloc(size);
  uint64_t handle = 77;
  mp_buf e = MP_BUF_INIT;
  int32_t status;

  if (!CHECK(text != NULL)) return;
  for (i = 0; i < size; i++) text[i] = '[';
  memcpy(text, "{\"key\":", 7);
  status = mp_client_new(text, size, &handle, &e);
  CHECK_ERROR(status, status, &e);
  CHECK(status == MP_ERROR_INVALID_CONFIGURATION || status == MP_ERROR_INVALID_ARGUMENT);
  memset(text, 'x', size);
  memcpy(text, "{\"client_id\":\"", 14);
  memcpy(text + size - 2, "\"}", 2);
  status = mp_client_new(text, size, &handle, &e);
  CHECK(e.len < 8192);
  CHECK_ERROR(status, status, &e);
  CHECK(status == MP_ERROR_INVALID_CONFIGURATION || status == MP_ERROR_INVALID_ARGUMENT);
  CHECK(handle == 77);
  free(text);
}
