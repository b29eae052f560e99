/*
 * steps.c - flows, step by step.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vectors.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

size_t flow_named(runner *r, const char *name, uint64_t source) {
  mp_buf error = MP_BUF_INIT;
  size_t i;
  for (i = 0; i < LENGTH(r->flows) - 1 && r->flows[i].handle != 0; i++)
    if (strcmp(r->flows[i].name, name) == 0) return i;
  json_decref(told(r, mp_flow_new(source, &r->flows[i].handle, &error), &error));
  if (r->flows[i].handle == 0) wrong(r, "there is no flow %s", name);
  strncat(r->flows[i].name, name, sizeof r->flows[i].name - 1);
  r->flows[i].grants = json_array();
  return i;
}

static void wait_for(const json_t *step) {
  json_int_t ms = json_integer_value(json_object_get(step, "wait_ms"));
  struct timespec pause;
  pause.tv_sec = (time_t)(ms / 1000);
  pause.tv_nsec = (long)(ms % 1000 * 1000000);
  nanosleep(&pause, NULL);
}

static const char *kind(const json_t *step) {
  const char *name = json_string_value(json_object_get(step, "step"));
  return name ? name : "";
}

/* A part of a signing input. */
static json_t *decoded(const char *part, size_t length) {
  size_t size = 0;
  unsigned char *bytes = unbase64(part, length, &size);
  json_t *value = json_loadb((const char *)bytes, size, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
  free(bytes);
  return value;
}

/* Takes a signing input apart, and checks the rules of iat, exp and jti. */
static void read_grant(runner *r, size_t flow, json_t *step) {
  json_t *text = json_object_get(step, "signing_input"), *grants = r->flows[flow].grants;
  const char *input = json_string_value(text), *dot = strchr(input, '.'), *jti;
  json_t *header = decoded(input, (size_t)(dot - input)), *claims = decoded(dot + 1, strlen(dot + 1));
  json_int_t iat = json_integer_value(json_object_get(claims, "iat")),
             end = json_integer_value(json_object_get(claims, "exp"));
  json_t *known = json_object_get(claims, "jti");

  json_object_set_new(step, "life_s", json_integer(end - iat));
  if (!json_equal(json_array_get(grants, json_array_size(grants) - 1), text)) { /* and not the same step again */
    json_int_t age = (json_int_t)time(NULL) - iat;
    json_array_append(grants, text);
    jti = json_string_value(known);
    if (age < 0 || age > 10) wrong(r, "iat is %d s before now", (int)age);
    if (jti == NULL || strlen(jti) < 22 || json_object_get(r->jtis, jti)) wrong(r, "jti is short, or comes twice");
    else json_object_set_new(r->jtis, jti, json_true());
  }
  json_object_del(claims, "iat");
  json_object_del(claims, "exp");
  json_object_del(claims, "jti");
  json_object_set_new(step, "header", header);
  json_object_set_new(step, "claims", claims);
}

/* Writes <grant n> in a body for the n-th grant with a signature of zeros. */
static void name_grant(runner *r, size_t flow, json_t *step) {
  const char *body = json_string_value(json_object_get(step, "body"));
  json_t *grant;
  size_t i;
  json_array_foreach(r->flows[flow].grants, i, grant) {
    const char *at = strstr(body, json_string_value(grant)), *end;
    if (at == NULL || at[json_string_length(grant)] != '.') continue;
    end = at + json_string_length(grant) + 1;
    end += strspn(end, "A");
    if (*end != '\0') continue;
    json_object_set_new(step, "body", json_sprintf("%.*s<grant %d>", (int)(at - body), body, (int)i + 1));
    return;
  }
}

static double seconds(const json_t *token, const char *from, const char *to) {
  return (double)(json_integer_value(json_object_get(token, to)) - json_integer_value(json_object_get(token, from))) / 1000;
}

json_t *next_step(runner *r, size_t flow) {
  mp_buf text = MP_BUF_INIT, error = MP_BUF_INIT;
  int32_t status = mp_flow_next(r->flows[flow].handle, &text, &error);
  json_t *step, *token, *outcome;
  if (status != MP_OK) return told(r, status, &error);
  step = json_loadb((const char *)text.data, text.len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
  mp_buf_free(&text);
  if (step == NULL) return wrong(r, "a step is no JSON");
  if (strcmp(kind(step), "sign") == 0) {
    read_grant(r, flow, step);
  } else if (strcmp(kind(step), "send") == 0) {
    name_grant(r, flow, step);
  } else if (strcmp(kind(step), "done") == 0) {
    token = json_object_get(step, "token");
    json_object_update(step, token);
    json_object_set_new(step, "life_s", json_real(seconds(token, "requested_at_ms", "expires_at_ms")));
    json_object_set_new(step, "usable_s", json_real(seconds(token, "requested_at_ms", "usable_until_ms")));
  } else if (strcmp(kind(step), "failed") == 0) {
    outcome = failure(r, json_object_get(step, "error"));
    json_object_set_new(outcome, "step", json_string("failed"));
    json_decref(step);
    return outcome;
  }
  return step;
}

static json_t *feed_signature(runner *r, size_t flow, json_int_t size) {
  static const uint8_t zeros[1 << 16] = {0};
  mp_buf error = MP_BUF_INIT;
  if (size > (json_int_t)sizeof zeros) return wrong(r, "more zeros than there are");
  return told(r, mp_flow_signed(r->flows[flow].handle, zeros, size < 0 ? 0 : (size_t)size, &error), &error);
}

static json_t *feed_failure(runner *r, size_t flow, const json_t *reason) {
  mp_buf error = MP_BUF_INIT;
  size_t length = 0;
  char *text = compact(reason, &length);
  json_t *outcome = told(r, mp_flow_failed(r->flows[flow].handle, text, length, &error), &error);
  free(text);
  return outcome;
}

static json_t *feed_answer(runner *r, size_t flow, const json_t *answer) {
  json_t *headers = json_object_get(answer, "headers"), *body = json_object_get(answer, "body"), *outcome;
  json_t *head = json_pack("{s:O, s:o}", "status", json_object_get(answer, "status"), "headers",
                           headers ? json_incref(headers) : json_object());
  mp_buf error = MP_BUF_INIT;
  size_t head_length = 0, length = 0;
  char *head_text, *bytes;
  if (json_object_get(answer, "fail")) {
    json_decref(head);
    return feed_failure(r, flow, json_object_get(answer, "fail"));
  }
  head_text = compact(head, &head_length);
  bytes = body ? blob(body, &length) : NULL;
  outcome = told(r, mp_flow_received(r->flows[flow].handle, head_text, head_length, (const uint8_t *)bytes, length, &error),
                 &error);
  free(head_text);
  free(bytes);
  json_decref(head);
  return outcome;
}

/* The n-th of a list whose last one is repeated. */
static const json_t *nth(const json_t *list, size_t n) {
  size_t size = json_array_size(list);
  return json_array_get(list, n < size ? n : size - 1);
}

json_t *acquire(runner *r, size_t flow, const json_t *signatures, const json_t *answers) {
  json_t *requests = json_array(), *step = NULL;
  size_t signs = 0;
  int i;
  for (i = 0; i < 100; i++) {
    step = next_step(r, flow);
    if (strcmp(kind(step), "sign") == 0) {
      const json_t *signature = json_array_size(signatures) ? nth(signatures, signs++) : NULL;
      const json_t *fail = json_object_get(signature, "fail"), *bytes = json_object_get(signature, "bytes");
      json_decref(fail    ? feed_failure(r, flow, fail)
                  : bytes ? feed_signature(r, flow, json_integer_value(bytes))
                          : feed_signature(r, flow, 256));
    } else if (strcmp(kind(step), "send") == 0) {
      json_decref(feed_answer(r, flow, nth(answers, json_array_size(requests))));
      json_array_append(requests, step);
    } else if (strcmp(kind(step), "wait") == 0) {
      wait_for(step);
    } else {
      break;
    }
    json_decref(step);
    step = NULL;
  }
  if (step == NULL) wrong(r, "the flow does not end");
  else {
    json_object_set_new(step, "sent", json_integer((json_int_t)json_array_size(requests)));
    json_object_set(step, "requests", requests);
  }
  json_decref(requests);
  return step;
}

static json_t *peek(uint64_t source) {
  static const size_t capacity = 1 << 16;
  char *room = (char *)malloc(capacity);
  size_t length = 0;
  int64_t usable_ms = 0;
  int32_t due = 0, status = mp_source_peek(source, room, capacity, &length, &usable_ms, &due, NULL);
  json_t *outcome = status == MP_OK ? json_pack("{s:s, s:I, s:b}", "access_token", room, "usable_ms",
                                                (json_int_t)usable_ms, "refresh_due", (int)due)
                                    : json_pack("{s:s}", "code", status == MP_ERROR_NO_TOKEN ? "no_token" : "another");
  free(room);
  return outcome;
}

json_t *script_line(runner *r, uint64_t source, const json_t *line) {
  const char *verb = json_string_value(json_object_get(line, "do")), *name = json_string_value(json_object_get(line, "flow"));
  const json_t *text, *bytes = json_object_get(line, "bytes");
  mp_buf error = MP_BUF_INIT;
  json_int_t total = 0;
  json_t *step;
  size_t flow;

  if (strcmp(verb, "peek") == 0) return peek(source);
  if (strcmp(verb, "invalidate") == 0) {
    text = json_object_get(line, "access_token");
    return told(r, mp_source_invalidate(source, json_string_value(text), json_string_length(text), &error), &error);
  }
  if (strcmp(verb, "acquire") == 0)
    return acquire(r, flow_named(r, "a flow of its own", source), NULL, json_object_get(line, "answers"));
  flow = flow_named(r, name ? name : "a", source);
  if (strcmp(verb, "next") == 0) return next_step(r, flow);
  if (strcmp(verb, "signed") == 0) return feed_signature(r, flow, bytes ? json_integer_value(bytes) : 256);
  if (strcmp(verb, "received") == 0) return feed_answer(r, flow, json_object_get(line, "answer"));
  if (strcmp(verb, "failed") == 0) return feed_failure(r, flow, json_object_get(line, "fail"));
  if (strcmp(verb, "free") == 0) return told(r, mp_flow_free(r->flows[flow].handle), &error);
  if (strcmp(verb, "wait") == 0) {
    while (strcmp(kind(step = next_step(r, flow)), "wait") == 0) {
      total += json_integer_value(json_object_get(step, "wait_ms"));
      wait_for(step);
      json_decref(step);
    }
    json_decref(step);
    return json_pack("{s:I}", "wait_ms", total);
  }
  return wrong(r, "there is no verb %s", verb);
}
