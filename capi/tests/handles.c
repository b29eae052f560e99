/*
 * handles.c - numbers that are no handles, no longer, or of another kind.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "tests.h"
#include "world.h"

/* Every function that takes a handle of one kind, given `handle`. `want` is
 * what all of them must answer. */
static void all_source_calls(uint64_t handle, int32_t want) {
  mp_buf out = MP_BUF_INIT, e = MP_BUF_INIT;
  uint64_t flow = 77;
  char room[4096];
  size_t length = 99;
  CHECK_ERROR(want, mp_source_key(handle, &out, &e), &e);
  CHECK_ERROR(want, mp_source_token(handle, 0, &out, &e), &e);
  CHECK_ERROR(want, mp_source_token(handle, 1000, &out, &e), &e);
  CHECK_ERROR(want, mp_source_invalidate(handle, "x", 1, &e), &e);
  CHECK_STATUS(want, mp_source_cancel(handle));
  CHECK_ERROR(want, mp_flow_new(handle, &flow, &e), &e);
  CHECK_STATUS(want, mp_source_peek(handle, room, sizeof room, &length, NULL, NULL, NULL));
  CHECK(out.data == NULL && flow == 77 && length == 99);
}

static void all_flow_calls(uint64_t handle, int32_t want) {
  static const uint8_t bytes[256] = {0};
  static const char head[] = "{\"status\": 200}", reason[] = "{\"code\": \"timeout\", \"message\": \"late\"}";
  mp_buf out = MP_BUF_INIT, e = MP_BUF_INIT;
  CHECK_ERROR(want, mp_flow_next(handle, &out, &e), &e);
  CHECK_ERROR(want, mp_flow_signed(handle, bytes, sizeof bytes, &e), &e);
  CHECK_ERROR(want, mp_flow_received(handle, head, sizeof head - 1, NULL, 0, &e), &e);
  CHECK_ERROR(want, mp_flow_failed(handle, reason, sizeof reason - 1, &e), &e);
  CHECK_ERROR(want, mp_flow_loaded(handle, bytes, sizeof bytes, &e), &e);
  CHECK_ERROR(want, mp_flow_loaded(handle, NULL, 0, &e), &e);
  CHECK_ERROR(want, mp_flow_saved(handle, &e), &e);
  CHECK_ERROR(want, mp_flow_perform(handle, 0, &e), &e);
  CHECK(out.data == NULL);
}

static void all_client_calls(uint64_t handle, int32_t want) {
  const char *request = "{\"scopes\": [\"a:b\"]}", *keys = "{\"key\": {\"kid\": \"k\", \"signature_size\": 256}}";
  uint64_t source = 77;
  mp_buf out = MP_BUF_INIT, e = MP_BUF_INIT;
  CHECK_ERROR(want, mp_source_new(handle, request, strlen(request), &source, &e), &e);
  CHECK_ERROR(want, mp_client_rotate(handle, keys, strlen(keys), &e), &e);
  CHECK_ERROR(want, mp_client_events(handle, 0, &out, &e), &e);
  CHECK_ERROR(want, mp_client_events(handle, -1, &out, &e), &e);
  CHECK_ERROR(want, mp_client_status(handle, &out, &e), &e);
  CHECK(source == 77 && out.data == NULL);
}

void test_F77_free_zero(void) {
  CHECK_STATUS(MP_OK, mp_client_free(0));
  CHECK_STATUS(MP_OK, mp_source_free(0));
  CHECK_STATUS(MP_OK, mp_flow_free(0));
}

void test_F77_unknown_handles(void) {
  static const uint64_t numbers[] = {0, 1, 2, 42, (uint64_t)1 << 32, (uint64_t)1 << 56, (uint64_t)1 << 63, ~(uint64_t)0};
  uint64_t random = 88172645463325252u;
  size_t i, length = 99;
  for (i = 0; i < (size_t)scaled(10000); i++) { /* numbers from anywhere (xorshift) */
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    CHECK_STATUS(MP_ERROR_INVALID_HANDLE, mp_source_peek(random, NULL, 0, &length, NULL, NULL, NULL));
    CHECK_STATUS(MP_ERROR_INVALID_HANDLE, mp_client_free(random));
  }
  CHECK(length == 99);
  for (i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    all_client_calls(numbers[i], MP_ERROR_INVALID_HANDLE);
    all_source_calls(numbers[i], MP_ERROR_INVALID_HANDLE);
    all_flow_calls(numbers[i], MP_ERROR_INVALID_HANDLE);
    if (numbers[i] == 0) continue;
    CHECK_STATUS(MP_ERROR_INVALID_HANDLE, mp_client_free(numbers[i]));
    CHECK_STATUS(MP_ERROR_INVALID_HANDLE, mp_source_free(numbers[i]));
    CHECK_STATUS(MP_ERROR_INVALID_HANDLE, mp_flow_free(numbers[i]));
  }
}

/* Live handles, but of another kind. */
void test_F77_wrong_kind(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), ""), flow = 0;
  mp_buf e = MP_BUF_INIT;
  CHECK_ERROR(MP_OK, mp_flow_new(source, &flow, &e), &e);
  CHECK(client != source && source != flow && client != flow);

  all_client_calls(source, MP_ERROR_INVALID_HANDLE);
  all_client_calls(flow, MP_ERROR_INVALID_HANDLE);
  all_source_calls(client, MP_ERROR_INVALID_HANDLE);
  all_source_calls(flow, MP_ERROR_INVALID_HANDLE);
  all_flow_calls(client, MP_ERROR_INVALID_HANDLE);
  all_flow_calls(source, MP_ERROR_INVALID_HANDLE);
  CHECK_STATUS(MP_ERROR_INVALID_HANDLE, mp_client_free(source));
  CHECK_STATUS(MP_ERROR_INVALID_HANDLE, mp_source_free(flow));
  CHECK_STATUS(MP_ERROR_INVALID_HANDLE, mp_flow_free(client));

  /* None of this harmed them. */
  CHECK_STATUS(MP_OK, mp_flow_free(flow));
  CHECK_STATUS(MP_OK, mp_source_free(source));
  end_client(client);
}

void test_F77_freed_handles(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), ""), flow = 0, again;
  mp_buf e = MP_BUF_INIT;
  CHECK_ERROR(MP_OK, mp_flow_new(source, &flow, &e), &e);

  CHECK_STATUS(MP_OK, mp_flow_free(flow));
  all_flow_calls(flow, MP_ERROR_INVALID_HANDLE);
  CHECK_STATUS(MP_ERROR_INVALID_HANDLE, mp_flow_free(flow));

  CHECK_STATUS(MP_OK, mp_source_free(source));
  all_source_calls(source, MP_ERROR_INVALID_HANDLE);
  CHECK_STATUS(MP_ERROR_INVALID_HANDLE, mp_source_free(source));

  CHECK_STATUS(MP_OK, mp_client_free(client));
  all_client_calls(client, MP_ERROR_INVALID_HANDLE);
  CHECK_STATUS(MP_ERROR_INVALID_HANDLE, mp_client_free(client));

  again = new_client();
  CHECK(again != client && again != source && again != flow);
  end_client(again);
}

/* Freeing a client ends its sources and flows, which can then only be freed. */
void test_client_free_closes(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), ""), flow = 0;
  mp_buf out = MP_BUF_INIT, e = MP_BUF_INIT;
  size_t length = 99;
  CHECK_ERROR(MP_OK, mp_source_token(source, 10000, &out, &e), &e);
  mp_buf_free(&out);
  CHECK_ERROR(MP_OK, mp_flow_new(source, &flow, &e), &e);
  CHECK_STATUS(MP_OK, mp_client_free(client));

  CHECK_ERROR(MP_ERROR_CLOSED, mp_source_token(source, 1000, &out, &e), &e);
  CHECK_STATUS(MP_ERROR_NO_TOKEN, mp_source_peek(source, NULL, 0, &length, NULL, NULL, NULL));
  CHECK(length == 99);
  CHECK_ERROR(MP_OK, mp_flow_next(flow, &out, &e), &e);
  CHECK(has_text(&out, "step", "failed") && has_text(&out, "error.code", "closed"));
  mp_buf_free(&out);
  CHECK_STATUS(MP_OK, mp_flow_free(flow));
  CHECK_STATUS(MP_OK, mp_source_free(source));
  CHECK_STATUS(MP_ERROR_INVALID_HANDLE, mp_source_free(source));
}
