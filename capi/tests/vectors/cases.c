/*
 * cases.c - the operations.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

json_t *wrong(runner *r, const char *format, ...) {
  va_list arguments;
  if (r->why[0] != '\0') return NULL;
  va_start(arguments, format);
  vsnprintf(r->why, sizeof r->why, format, arguments);
  va_end(arguments);
  return NULL;
}

/* A member of the case, or what the file has for all of them. */
static const json_t *of(const json_t *file, const json_t *test, const char *name) {
  const json_t *own = json_object_get(test, name);
  return own ? own : json_object_get(file, name);
}

/* Where the next handle goes. */
static uint64_t *place(uint64_t *handles) {
  while (*handles != 0) handles++;
  return handles;
}

static json_t *new_client(runner *r, const json_t *config, const json_t *text) {
  mp_buf error = MP_BUF_INIT;
  size_t length = 0;
  char *input = text ? blob(text, &length) : compact(config, &length);
  json_t *outcome = told(r, mp_client_new(input, length, place(r->clients), &error), &error);
  free(input);
  return outcome;
}

static json_t *new_source(runner *r, uint64_t client, const json_t *request, const json_t *text) {
  mp_buf error = MP_BUF_INIT;
  size_t length = 0;
  char *input = text ? blob(text, &length) : compact(request, &length);
  json_t *outcome = told(r, mp_source_new(client, input, length, place(r->sources), &error), &error);
  free(input);
  return outcome;
}

/* A source of a client of its own; 0 and a complaint if it cannot be made. */
static uint64_t source_of(runner *r, const json_t *config, const json_t *request) {
  uint64_t *client = place(r->clients), *source = place(r->sources);
  json_decref(new_client(r, config, NULL));
  json_decref(new_source(r, *client, request, NULL));
  if (*source == 0) wrong(r, "the case's own configuration or request is refused");
  return *source;
}

static json_t *same_key(runner *r, const json_t *file, const json_t *test) {
  const json_t *config = of(file, test, "config"), *request = of(file, test, "request"),
               *other = json_object_get(test, "other"), *second;
  uint64_t one = source_of(r, config, request), two;
  mp_buf keys[2] = {MP_BUF_INIT, MP_BUF_INIT};
  json_t *outcome;
  if ((second = json_object_get(other, "config")) != NULL) config = second;
  if ((second = json_object_get(other, "request")) != NULL) request = second;
  two = source_of(r, config, request);
  mp_source_key(one, &keys[0], NULL);
  mp_source_key(two, &keys[1], NULL);
  if (keys[0].len != 64 || keys[1].len != 64) wrong(r, "a key has not 64 digits");
  outcome = json_pack("{s:b}", "same", keys[0].len == keys[1].len && memcmp(keys[0].data, keys[1].data, keys[0].len) == 0);
  mp_buf_free(&keys[0]);
  mp_buf_free(&keys[1]);
  return outcome;
}

/* Lets the library sign, and asks another one whose signature it is. */
static json_t *assertion(runner *r, size_t flow) {
  json_t *sign = next_step(r, flow), *send, *outcome;
  const char *input = json_string_value(json_object_get(sign, "signing_input")), *body, *grant;
  mp_buf error = MP_BUF_INIT;
  unsigned char *signature;
  size_t length = 0;

  json_decref(told(r, mp_flow_perform(r->flows[flow].handle, -1, &error), &error));
  send = next_step(r, flow);
  body = json_string_value(json_object_get(send, "body"));
  grant = body ? strstr(body, "assertion=") : NULL;
  if (input == NULL || grant == NULL || strncmp(grant += strlen("assertion="), input, strlen(input)) != 0) {
    json_decref(sign);
    json_decref(send);
    return wrong(r, "what was signed is not what is sent");
  }
  grant += strlen(input) + 1;
  signature = unbase64(grant, strcspn(grant, "&"), &length);
  outcome = json_pack("{s:O, s:s}", "header", json_object_get(sign, "header"), "signed_by",
                      signer(r->keys, json_string_value(json_object_get(sign, "alg")), input, signature, length));
  free(signature);
  json_decref(sign);
  json_decref(send);
  return outcome;
}

/* A member that nobody knows is a failure, never something to skip. */
static void only_known(runner *r, const json_t *object, const char *const *known) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)object, name, value) {
    const char *const *one = known;
    while (*one != NULL && strcmp(*one, name) != 0) one++;
    if (*one == NULL) wrong(r, "nobody knows the member %s", name);
  }
}

static const char *const case_members[] = {"name",  "comment",      "runs_on",    "config",  "request", "config_text",
                                           "other", "request_text", "signatures", "answers", "steps",   "expect",
                                           NULL};
static const char *const line_members[] = {"do", "flow", "bytes", "answer", "answers", "fail", "access_token", "expect", NULL};

static void run_script(runner *r, uint64_t source, const json_t *steps) {
  json_t *line;
  size_t i;
  json_array_foreach((json_t *)steps, i, line) {
    json_t *outcome = script_line(r, source, line);
    char why[sizeof r->why];
    only_known(r, line, line_members);
    match(r, json_object_get(line, "expect"), outcome);
    json_decref(outcome);
    if (r->why[0] == '\0') continue;
    strcpy(why, r->why);
    snprintf(r->why, sizeof r->why, "step %d, %s: %.3900s", (int)i, json_string_value(json_object_get(line, "do")), why);
    return;
  }
}

static json_t *outcome_of(runner *r, const char *operation, const json_t *file, const json_t *test) {
  const json_t *config = of(file, test, "config"), *request = of(file, test, "request");
  size_t flow;
  if (strcmp(operation, "client") == 0) return new_client(r, config, json_object_get(test, "config_text"));
  if (strcmp(operation, "source") == 0) {
    json_decref(new_client(r, config, NULL));
    return new_source(r, r->clients[0], request, json_object_get(test, "request_text"));
  }
  if (strcmp(operation, "cache_key") == 0) return same_key(r, file, test);
  flow = flow_named(r, "a", source_of(r, config, request));
  if (strcmp(operation, "grant") == 0) return next_step(r, flow);
  if (strcmp(operation, "assertion") == 0) return assertion(r, flow);
  if (strcmp(operation, "acquire") == 0)
    return acquire(r, flow, json_object_get(test, "signatures"), json_object_get(test, "answers"));
  return wrong(r, "there is no operation %s", operation);
}

void run_case(runner *r, const char *operation, const json_t *file, const json_t *test) {
  size_t i;
  r->jtis = json_object();
  only_known(r, test, case_members);
  if (strcmp(operation, "flow") == 0) {
    run_script(r, source_of(r, of(file, test, "config"), of(file, test, "request")), json_object_get(test, "steps"));
  } else {
    json_t *outcome = outcome_of(r, operation, file, test);
    match(r, json_object_get(test, "expect"), outcome);
    json_decref(outcome);
  }
  for (i = 0; i < sizeof r->flows / sizeof *r->flows; i++) {
    if (r->flows[i].handle) mp_flow_free(r->flows[i].handle); /* a script may have done so */
    json_decref(r->flows[i].grants);
  }
  for (i = 0; i < sizeof r->sources / sizeof *r->sources; i++) mp_source_free(r->sources[i]);
  for (i = 0; i < sizeof r->clients / sizeof *r->clients; i++) mp_client_free(r->clients[i]);
  json_decref(r->jtis);
}
