/*
 * flow.c - one acquisition, step by step.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../examples/c/json_member.h"
#include "../examples/c/loopback_http.h"
#include "check.h"
#include "tests.h"
#include "world.h"

static const char head_200[] = "{\"status\": 200, \"headers\": {\"content-type\": \"application/json\"}}";

static uint64_t new_flow(uint64_t source) {
  mp_buf e = MP_BUF_INIT;
  uint64_t flow = 0;
  CHECK_ERROR(MP_OK, mp_flow_new(source, &flow, &e), &e);
  return flow;
}

/* The next step, which must be of this kind. To be freed. */
static mp_buf next(uint64_t flow, const char *kind) {
  mp_buf step = MP_BUF_INIT, again = MP_BUF_INIT, e = MP_BUF_INIT;
  CHECK_ERROR(MP_OK, mp_flow_next(flow, &step, &e), &e);
  if (!CHECK(has_text(&step, "step", kind))) printf("    wanted %s\n", kind);
  if (strcmp(kind, "wait") != 0) {
    CHECK_ERROR(MP_OK, mp_flow_next(flow, &again, &e), &e);
    CHECK(again.len == step.len && again.data && step.data && memcmp(step.data, again.data, step.len) == 0);
    mp_buf_free(&again);
  }
  return step;
}

static void expect(uint64_t flow, const char *kind) {
  mp_buf step = next(flow, kind);
  mp_buf_free(&step);
}

static void perform(uint64_t flow) {
  mp_buf e = MP_BUF_INIT;
  CHECK_ERROR(MP_OK, mp_flow_perform(flow, 10000, &e), &e);
}

void test_flow_performed(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), ""), flow = new_flow(source);
  mp_buf step, e = MP_BUF_INIT;
  char room[8192];
  size_t length = 0;

  sandbox_forget();
  expect(flow, "sign");
  perform(flow);
  expect(flow, "send");
  CHECK(sandbox_count("/token") == 0);
  perform(flow);
  step = next(flow, "done");
  CHECK(sandbox_count("/token") == 1);
  CHECK_ERROR(MP_ERROR_OUT_OF_ORDER, mp_flow_perform(flow, 0, &e), &e);
  CHECK_STATUS(MP_OK, mp_source_peek(source, room, sizeof room, &length, NULL, NULL, NULL));
  CHECK(has_text(&step, "token.access_token", room));
  mp_buf_free(&step);
  CHECK_STATUS(MP_OK, mp_flow_free(flow));
  end_client(client);
}

/* What a host with its own HTTP does: the request goes out by the test's hand. */
void test_flow_sent_by_hand(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), ""), flow = new_flow(source);
  mp_buf step, e = MP_BUF_INIT;
  char *url, *body, *method, answer[8192];
  size_t length;

  expect(flow, "sign");
  perform(flow);
  step = next(flow, "send");
  url = json_string((char *)step.data, "url");
  body = json_string((char *)step.data, "body");
  method = json_string((char *)step.data, "method");
  CHECK(json_value((char *)step.data, "headers", &length) != NULL);
  CHECK(json_integer((char *)step.data, "timeout_ms", 0) > 0);
  CHECK(json_integer((char *)step.data, "max_body", 0) == 1 << 20);
  if (CHECK(url && body && method) &&
      CHECK(loopback_http(method, url, "Content-Type: application/x-www-form-urlencoded\r\n", body, answer,
                          sizeof answer) == 200)) {
    CHECK_ERROR(MP_OK,
                mp_flow_received(flow, head_200, strlen(head_200), (const uint8_t *)answer, strlen(answer), &e), &e);
    expect(flow, "done");
  }
  free(url);
  free(body);
  free(method);
  mp_buf_free(&step);
  mp_flow_free(flow);
  end_client(client);
}

void test_flow_out_of_order(void) {
  static const uint8_t bytes[256] = {1};
  static const char reason[] = "{\"code\": \"timeout\", \"message\": \"no answer\"}";
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), ""), flow = new_flow(source);
  mp_buf before, after, e = MP_BUF_INIT;

  before = next(flow, "sign");
  CHECK_ERROR(MP_ERROR_OUT_OF_ORDER, mp_flow_received(flow, head_200, strlen(head_200), bytes, 1, &e), &e);
  after = next(flow, "sign");
  CHECK(before.len == after.len && memcmp(before.data, after.data, before.len) == 0);
  mp_buf_free(&before);
  mp_buf_free(&after);

  perform(flow);
  before = next(flow, "send");
  CHECK_ERROR(MP_ERROR_OUT_OF_ORDER, mp_flow_signed(flow, bytes, sizeof bytes, &e), &e);
  after = next(flow, "send");
  CHECK(before.len == after.len && memcmp(before.data, after.data, before.len) == 0);
  mp_buf_free(&before);
  mp_buf_free(&after);

  perform(flow);
  expect(flow, "done");
  CHECK_ERROR(MP_ERROR_OUT_OF_ORDER, mp_flow_signed(flow, bytes, sizeof bytes, &e), &e);
  CHECK_ERROR(MP_ERROR_OUT_OF_ORDER, mp_flow_received(flow, head_200, strlen(head_200), bytes, 1, &e), &e);
  CHECK_ERROR(MP_ERROR_OUT_OF_ORDER, mp_flow_failed(flow, reason, strlen(reason), &e), &e);
  expect(flow, "done");
  mp_flow_free(flow);
  end_client(client);
}

/* A signature that cannot be one of this key is refused and nothing is sent. */
void test_flow_signature_size(void) {
  static const size_t sizes[] = {0, 1, 255, 257, 512, 4096};
  static const uint8_t bytes[4096] = {1};
  size_t i;
  sandbox_forget();
  for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), ""), flow = new_flow(source);
    mp_buf e = MP_BUF_INIT;
    expect(flow, "sign");
    CHECK_ERROR(MP_ERROR_INVALID_SIGNATURE, mp_flow_signed(flow, bytes, sizes[i], &e), &e);
    CHECK_STATUS(MP_OK, mp_flow_free(flow));
    end_client(client);
  }
  CHECK(sandbox_count("/token") == 0);
}

/* A failure to send leads to a new grant, never to the same one again. */
void test_flow_failed_attempt(void) {
  static const char reason[] = "{\"code\": \"connection_failed\", \"message\": \"no route\"}";
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), ""), flow = new_flow(source);
  mp_buf first, step = MP_BUF_INIT, e = MP_BUF_INIT;
  char *input;
  int waits;

  first = next(flow, "sign");
  input = json_string((char *)first.data, "signing_input");
  perform(flow);
  expect(flow, "send");
  CHECK_ERROR(MP_OK, mp_flow_failed(flow, reason, strlen(reason), &e), &e);
  for (waits = 0; waits < 20; waits++) {
    CHECK_ERROR(MP_OK, mp_flow_next(flow, &step, &e), &e);
    if (!has_text(&step, "step", "wait")) break;
    mp_buf_free(&step);
    perform(flow);
  }
  CHECK(has_text(&step, "step", "sign"));
  CHECK(input != NULL && !has_text(&step, "signing_input", input));
  free(input);
  mp_buf_free(&first);
  mp_buf_free(&step);
  mp_flow_free(flow);
  end_client(client);
}

void test_flow_bad_answers(void) {
  static const char *const heads[] = {"", "null", "{}", "{\"status\": \"200\"}", "{\"status\": 200, \"no_such\": 1}",
                                      "{\"status\": 200, \"headers\": 7}"};
  static const char *const reasons[] = {"", "{}", "{\"code\": \"no_such_code\", \"message\": \"\"}", "[]"};
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), ""), flow = new_flow(source);
  mp_buf e = MP_BUF_INIT;
  size_t i;

  expect(flow, "sign");
  perform(flow);
  for (i = 0; i < sizeof heads / sizeof *heads; i++) {
    if (!CHECK_ERROR(MP_ERROR_INVALID_ARGUMENT, mp_flow_received(flow, heads[i], strlen(heads[i]), NULL, 0, &e), &e))
      printf("    head %s\n", heads[i]);
    expect(flow, "send");
  }
  for (i = 0; i < sizeof reasons / sizeof *reasons; i++) {
    if (!CHECK_ERROR(MP_ERROR_INVALID_ARGUMENT, mp_flow_failed(flow, reasons[i], strlen(reasons[i]), &e), &e))
      printf("    reason %s\n", reasons[i]);
    expect(flow, "send");
  }
  mp_flow_free(flow);
  end_client(client);
}

/* Two flows of one source: one fetches, the other waits and gets the same. */
void test_flow_shares_fetch(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), "");
  uint64_t first = new_flow(source), second = new_flow(source);
  mp_buf one, two;
  char *token;

  sandbox_forget();
  expect(first, "sign");
  expect(second, "wait");
  perform(first);
  perform(first);
  one = next(first, "done");
  two = next(second, "done");
  token = json_string((char *)one.data, "token.access_token");
  CHECK(token != NULL && has_text(&two, "token.access_token", token));
  CHECK(sandbox_count("/token") == 1);
  free(token);
  mp_buf_free(&one);
  mp_buf_free(&two);
  mp_flow_free(first);
  mp_flow_free(second);
  end_client(client);
}

/* A flow that is given up does not stand in the way of the next one. */
void test_flow_abandoned(void) {
  uint64_t client = new_client(), source = new_source(client, setting("scopes.plain"), ""), flow = new_flow(source);
  expect(flow, "sign");
  CHECK_STATUS(MP_OK, mp_flow_free(flow));
  flow = new_flow(source);
  expect(flow, "sign");
  perform(flow);
  perform(flow);
  expect(flow, "done");
  mp_flow_free(flow);
  end_client(client);
}
