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
void test_F76_null(void) {
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
  CHECK_ERROR(wrong, mp_client_rotate(1, NULL, 2, &e), &e);
  CHECK_ERROR(wrong, mp_client_events(1, 0, NULL, &e), &e);
  CHECK_ERROR(wrong, mp_client_status(1, NULL, &e), &e);
  CHECK_STATUS(wrong, mp_live_handles(NULL));
  CHECK_ERROR(wrong, mp_flow_new(1, NULL, &e), &e);
  CHECK_ERROR(wrong, mp_flow_next(1, NULL, &e), &e);
  CHECK_ERROR(wrong, mp_flow_signed(1, NULL, 256, &e), &e);
  CHECK_ERROR(wrong, mp_flow_received(1, NULL, 2, byte, 1, &e), &e);
  CHECK_ERROR(wrong, mp_flow_received(1, "{}", 2, NULL, 1, &e), &e);
  CHECK_ERROR(wrong, mp_flow_failed(1, NULL, 2, &e), &e);
  CHECK_ERROR(wrong, mp_flow_loaded(1, NULL, 1, &e), &e);
  CHECK_ERROR(wrong, mp_key_read(NULL, 2, &out, &e), &e);
  CHECK_ERROR(wrong, mp_key_read("{}", 2, NULL, &e), &e);
  CHECK_ERROR(wrong, mp_key_generate(NULL, 2, &out, &e), &e);
  CHECK_ERROR(wrong, mp_key_generate("{}", 2, NULL, &e), &e);
  CHECK_ERROR(wrong, mp_certificate_read(NULL, 2, &out, &e), &e);
  CHECK_ERROR(wrong, mp_certificate_read(byte, 1, NULL, &e), &e);
  CHECK_ERROR(wrong, mp_diagnose(NULL, 2, "{}", 2, &out, &e), &e);
  CHECK_ERROR(wrong, mp_diagnose("{}", 2, NULL, 2, &out, &e), &e);
  CHECK_ERROR(wrong, mp_diagnose("{}", 2, "{}", 2, NULL, &e), &e);
  CHECK_STATUS(wrong, mp_source_peek(1, NULL, 8, &length, NULL, NULL, NULL));
  CHECK_STATUS(wrong, mp_source_peek(1, room, sizeof room, NULL, NULL, NULL, NULL));

  /* Without a place for the error the number alone comes back. */
  CHECK_STATUS(wrong, mp_client_new(NULL, 0, NULL, NULL));
  CHECK_STATUS(MP_ERROR_INVALID_HANDLE, mp_source_key(1, &out, NULL));

  CHECK(handle == 77 && length == 99 && out.data == NULL);
}

/* Lengths are refused before a byte behind the pointer is read. */
void test_F76_lengths(void) {
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
    CHECK_ERROR(wrong, mp_flow_loaded(1, byte, n, &e), &e);
    CHECK_ERROR(wrong, mp_client_rotate(1, text, n, &e), &e);
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

/* A copy with nothing behind it, so that the address sanitizer sees who reads
 * further than the length. */
static char *without_nul(const char *text) {
  size_t n = strlen(text);
  char *copy = (char *)malloc(n > 0 ? n : 1);
  if (copy == NULL) exit(2);
  memcpy(copy, text, n);
  return copy;
}

void test_F79_no_nul_at_the_end(void) {
  char *config = configuration(NULL), *bare, request[256];
  uint64_t client = 0, source = 0;
  mp_buf e = MP_BUF_INIT;

  bare = without_nul(config);
  CHECK_ERROR(MP_OK, mp_client_new(bare, strlen(config), &client, &e), &e);
  free(bare);
  free(config);
  snprintf(request, sizeof request, "{\"scopes\": [\"%s\"]}", setting("scopes.plain"));
  bare = without_nul(request);
  CHECK_ERROR(MP_OK, mp_source_new(client, bare, strlen(request), &source, &e), &e);
  CHECK_ERROR(MP_OK, mp_source_invalidate(source, bare, strlen(request), &e), &e);
  free(bare);
  CHECK_STATUS(MP_OK, mp_source_free(source));
  end_client(client);
}

/* A text that is not JSON of the expected shape, everywhere a text goes in. */
void test_F79_malformed_text(void) {
  static const char *const texts[] = {"",           " ",         "null",         "[]",       "7",
                                      "\"text\"",   "{",         "{}x",          "{} {}",    "{\"a\": 1",
                                      "{'a': 1}",   "{\"\xff\xfe\": 1}", "{\"a\": NaN}", "\xef\xbb\xbf{}", "{\"a\": 1, \"a\": 1}",
                                      "{\"no_such_member\": 1}"};
  mp_buf out = MP_BUF_INIT, e = MP_BUF_INIT;
  uint64_t handle = 77, client = new_client();
  size_t i, k;

  for (i = 0; i < sizeof texts / sizeof *texts; i++) {
    static const int32_t own[] = {MP_ERROR_INVALID_CONFIGURATION, MP_ERROR_INVALID_TOKEN_REQUEST, MP_ERROR_INVALID_KEY,
                                  MP_ERROR_INVALID_ARGUMENT, MP_ERROR_INVALID_CONFIGURATION};
    size_t n = strlen(texts[i]);
    char *text = without_nul(texts[i]);
    for (k = 0; k < sizeof own / sizeof *own; k++) {
      int32_t status = k == 0   ? mp_client_new(text, n, &handle, &e)
                       : k == 1 ? mp_source_new(client, text, n, &handle, &e)
                       : k == 2 ? mp_key_read(text, n, &out, &e)
                       : k == 3 ? mp_key_generate(text, n, &out, &e)
                                : mp_client_rotate(client, text, n, &e);
      CHECK_ERROR(status, status, &e);
      if (!CHECK(status == own[k] || status == MP_ERROR_INVALID_ARGUMENT))
        printf("    text %lu, call %lu: %s -> %d\n", (unsigned long)i, (unsigned long)k, texts[i], (int)status);
    }
    free(text);
  }
  CHECK(handle == 77 && out.data == NULL);
  end_client(client);
}

/* An embedded NUL ends nothing: the length counts, and JSON has no raw NUL. */
void test_F79_embedded_nul(void) {
  static const char config[] = "{\"environment\": \"test\"}\0{}";
  uint64_t handle = 77;
  mp_buf e = MP_BUF_INIT;
  int32_t status = mp_client_new(config, sizeof config - 1, &handle, &e);
  CHECK_ERROR(status, status, &e);
  CHECK(status == MP_ERROR_INVALID_CONFIGURATION || status == MP_ERROR_INVALID_ARGUMENT);
  CHECK(handle == 77);
}

/* Nesting far beyond any configuration, and the longest text that is let in. */
void test_F79_deep_and_long_text(void) {
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

  /* 16 MiB are refused unread. */
  text = (char *)calloc(16, 1 << 20);
  if (!CHECK(text != NULL)) return;
  CHECK_ERROR(MP_ERROR_INVALID_ARGUMENT, mp_client_new(text, (size_t)16 << 20, &handle, &e), &e);
  free(text);
}
