/*
 * shim.c - the public functions of maskinporten.h. Each one refuses what can be
 * refused without Go, and then calls its Go counterpart. In a forked child Go
 * must not be entered at all: of its threads only the caller's was copied, and
 * the first call that needs another one would wait for ever.
 */
#include "exports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if !defined(_WIN32)
#include <pthread.h>
#endif

/* The longest input. A configuration with a certificate chain has some 20 KiB,
 * a response at most 1 MiB. */
#define MAX_INPUT ((size_t)4 << 20)

uint64_t mpshim_lease_epoch = 0;

/* MP_OK, or the error that every call gets from now on. */
static int32_t state = MP_OK;

#if !defined(_WIN32)
static void in_forked_child(void) { __atomic_store_n(&state, MP_ERROR_FORKED, __ATOMIC_RELAXED); }

__attribute__((constructor)) static void watch_for_fork(void) {
  pthread_atfork(NULL, NULL, in_forked_child);
}
#endif

/* The errors that are made here, worded as core/codes.go has them. */
static const struct fault {
  int32_t number;
  const char *code, *retryable, *message, *remedy;
} faults[] = {
    {MP_ERROR_INVALID_ARGUMENT, "invalid_argument", "false", "the argument is not valid", "Correct the argument."},
    {MP_ERROR_FORKED, "forked", "false", "this process was forked after the library was loaded",
     "Load the library after the fork: Go cannot run in a forked child (gunicorn: no preload; multiprocessing: spawn)."},
    {MP_ERROR_POISONED, "poisoned", "false", "an earlier internal error left the library in an unknown state",
     "Restart the process and report the first internal error; the state of the library is unknown."},
    {MP_ERROR_INTERNAL, "internal", "false", "the library failed in its own bookkeeping",
     "Report this as a bug of maskinporten-core."},
    {MP_ERROR_NO_MEMORY, "no_memory", "true", "there is no memory for the result", "Free memory and call again."},
};

/* Writes the error object for number and returns number. message may be NULL. */
static int32_t refuse(mp_buf *error, int32_t number, const char *message) {
  static const char format[] =
      "{\"kind\":\"local\",\"code\":\"%s\",\"number\":%d,\"message\":\"%s\",\"remedy\":\"%s\","
      "\"text\":\"maskinporten: %s. %s\",\"retryable\":%s}";
  const struct fault *fault = faults;
  char json[1024];
  int length;

  if (error == NULL) return number;
  while (fault->number != number) fault++;
  if (message == NULL) message = fault->message;
  length = snprintf(json, sizeof json, format, fault->code, (int)number, message, fault->remedy, message,
                    fault->remedy, fault->retryable);
  if (length > 0 && (size_t)length < sizeof json) mpshim_fill(error, json, (size_t)length);
  return number;
}

/* What every call asks first: may Go be entered? */
static int32_t enter(mp_buf *error) {
  int32_t number = __atomic_load_n(&state, __ATOMIC_RELAXED);
  return number == MP_OK ? MP_OK : refuse(error, number, NULL);
}

/* An input that must be there. */
static int32_t input(const char *name, const void *data, size_t len, mp_buf *error) {
  char message[96];
  if (data != NULL && len <= MAX_INPUT) return MP_OK;
  snprintf(message, sizeof message, data == NULL ? "%s is NULL" : "%s is longer than 4 MiB", name);
  return refuse(error, MP_ERROR_INVALID_ARGUMENT, message);
}

/* An input that may be empty, and then NULL. */
static int32_t optional_input(const char *name, const void *data, size_t len, mp_buf *error) {
  return data == NULL && len == 0 ? MP_OK : input(name, data, len, error);
}

/* A place for a result. */
static int32_t output(const char *name, const void *place, mp_buf *error) { return input(name, place, 0, error); }

uint32_t mp_abi_version(void) { return MP_ABI_VERSION; }

const char *mp_version(void) { return MP_VERSION; }

void mp_buf_free(mp_buf *buf) {
  /* Through a volatile pointer, so that the compiler cannot leave out the
   * wiping of memory that is freed next. */
  static void *(*const volatile wipe)(void *, int, size_t) = memset;
  if (buf == NULL) return;
  if (buf->data != NULL) {
    wipe(buf->data, 0, buf->len);
    free(buf->data);
  }
  buf->data = NULL;
  buf->len = 0;
}

int32_t mp_client_new(const char *config, size_t config_len, uint64_t *client, mp_buf *error) {
  int32_t refused;
  if ((refused = enter(error)) || (refused = input("config", config, config_len, error)) ||
      (refused = output("client", client, error)))
    return refused;
  return mpgo_client_new(config, config_len, client, error);
}

int32_t mp_client_free(uint64_t client) {
  int32_t refused = enter(NULL);
  if (refused || client == 0) return refused;
  return mpgo_client_free(client);
}

int32_t mp_client_rotate(uint64_t client, const char *keys, size_t keys_len, mp_buf *error) {
  int32_t refused;
  if ((refused = enter(error)) || (refused = input("keys", keys, keys_len, error))) return refused;
  return mpgo_client_rotate(client, keys, keys_len, error);
}

int32_t mp_client_events(uint64_t client, int64_t timeout_ms, mp_buf *events, mp_buf *error) {
  int32_t refused;
  if ((refused = enter(error)) || (refused = output("events", events, error))) return refused;
  return mpgo_client_events(client, timeout_ms, events, error);
}

int32_t mp_client_status(uint64_t client, mp_buf *status, mp_buf *error) {
  int32_t refused;
  if ((refused = enter(error)) || (refused = output("status", status, error))) return refused;
  return mpgo_client_status(client, status, error);
}

int32_t mp_live_handles(uint64_t *count) {
  int32_t refused;
  if ((refused = enter(NULL)) || (refused = output("count", count, NULL))) return refused;
  return mpgo_live_handles(count);
}

const uint64_t *mp_lease_epoch(void) { return &mpshim_lease_epoch; }

int32_t mp_source_new(uint64_t client, const char *request, size_t request_len, uint64_t *source, mp_buf *error) {
  int32_t refused;
  if ((refused = enter(error)) || (refused = input("request", request, request_len, error)) ||
      (refused = output("source", source, error)))
    return refused;
  return mpgo_source_new(client, request, request_len, source, error);
}

int32_t mp_source_free(uint64_t source) {
  int32_t refused = enter(NULL);
  if (refused || source == 0) return refused;
  return mpgo_source_free(source);
}

int32_t mp_source_cancel(uint64_t source) {
  int32_t refused = enter(NULL);
  return refused ? refused : mpgo_source_cancel(source);
}

int32_t mp_source_key(uint64_t source, mp_buf *key, mp_buf *error) {
  int32_t refused;
  if ((refused = enter(error)) || (refused = output("key", key, error))) return refused;
  return mpgo_source_key(source, key, error);
}

int32_t mp_source_token(uint64_t source, int64_t timeout_ms, mp_buf *token, mp_buf *error) {
  int32_t refused;
  if ((refused = enter(error)) || (refused = output("token", token, error))) return refused;
  return mpgo_source_token(source, timeout_ms, token, error);
}

int32_t mp_source_peek(uint64_t source, char *access_token, size_t capacity, size_t *length, int64_t *usable_ms,
                       int32_t *refresh_due, int64_t *lease_ms) {
  int64_t usable_unasked, lease_unasked;
  int32_t due_unasked;
  int32_t refused = enter(NULL);
  if (refused) return refused;
  if (length == NULL || (access_token == NULL && capacity > 0)) return MP_ERROR_INVALID_ARGUMENT;
  return mpgo_source_peek(source, access_token, capacity, length, usable_ms ? usable_ms : &usable_unasked,
                          refresh_due ? refresh_due : &due_unasked, lease_ms ? lease_ms : &lease_unasked);
}

int32_t mp_source_invalidate(uint64_t source, const char *access_token, size_t access_token_len, mp_buf *error) {
  int32_t refused;
  if ((refused = enter(error)) || (refused = input("access_token", access_token, access_token_len, error)))
    return refused;
  return mpgo_source_invalidate(source, access_token, access_token_len, error);
}

int32_t mp_flow_new(uint64_t source, uint64_t *flow, mp_buf *error) {
  int32_t refused;
  if ((refused = enter(error)) || (refused = output("flow", flow, error))) return refused;
  return mpgo_flow_new(source, flow, error);
}

int32_t mp_flow_next(uint64_t flow, mp_buf *step, mp_buf *error) {
  int32_t refused;
  if ((refused = enter(error)) || (refused = output("step", step, error))) return refused;
  return mpgo_flow_next(flow, step, error);
}

int32_t mp_flow_signed(uint64_t flow, const uint8_t *signature, size_t signature_len, mp_buf *error) {
  int32_t refused;
  if ((refused = enter(error)) || (refused = input("signature", signature, signature_len, error))) return refused;
  return mpgo_flow_signed(flow, signature, signature_len, error);
}

int32_t mp_flow_received(uint64_t flow, const char *head, size_t head_len, const uint8_t *body, size_t body_len,
                         mp_buf *error) {
  int32_t refused;
  if ((refused = enter(error)) || (refused = input("head", head, head_len, error)) ||
      (refused = optional_input("body", body, body_len, error)))
    return refused;
  return mpgo_flow_received(flow, head, head_len, body, body_len, error);
}

int32_t mp_flow_failed(uint64_t flow, const char *reason, size_t reason_len, mp_buf *error) {
  int32_t refused;
  if ((refused = enter(error)) || (refused = input("reason", reason, reason_len, error))) return refused;
  return mpgo_flow_failed(flow, reason, reason_len, error);
}

int32_t mp_flow_loaded(uint64_t flow, const uint8_t *entry, size_t entry_len, mp_buf *error) {
  int32_t refused;
  if ((refused = enter(error)) || (refused = optional_input("entry", entry, entry_len, error))) return refused;
  return mpgo_flow_loaded(flow, entry, entry_len, error);
}

int32_t mp_flow_saved(uint64_t flow, mp_buf *error) {
  int32_t refused = enter(error);
  return refused ? refused : mpgo_flow_saved(flow, error);
}

int32_t mp_flow_perform(uint64_t flow, int64_t timeout_ms, mp_buf *error) {
  int32_t refused = enter(error);
  if (refused) return refused;
  return mpgo_flow_perform(flow, timeout_ms, error);
}

int32_t mp_flow_free(uint64_t flow) {
  int32_t refused = enter(NULL);
  if (refused || flow == 0) return refused;
  return mpgo_flow_free(flow);
}

int32_t mp_key_read(const char *key, size_t key_len, mp_buf *out, mp_buf *error) {
  int32_t refused;
  if ((refused = enter(error)) || (refused = input("key", key, key_len, error)) ||
      (refused = output("out", out, error)))
    return refused;
  return mpgo_key_read(key, key_len, out, error);
}

int32_t mp_key_generate(const char *options, size_t options_len, mp_buf *out, mp_buf *error) {
  int32_t refused;
  if ((refused = enter(error)) || (refused = input("options", options, options_len, error)) ||
      (refused = output("out", out, error)))
    return refused;
  return mpgo_key_generate(options, options_len, out, error);
}

int32_t mp_certificate_read(const uint8_t *certificates, size_t certificates_len, mp_buf *out, mp_buf *error) {
  int32_t refused;
  if ((refused = enter(error)) || (refused = input("certificates", certificates, certificates_len, error)) ||
      (refused = output("out", out, error)))
    return refused;
  return mpgo_certificate_read(certificates, certificates_len, out, error);
}

int32_t mp_diagnose(const char *config, size_t config_len, const char *request, size_t request_len, mp_buf *report,
                    mp_buf *error) {
  int32_t refused;
  if ((refused = enter(error)) || (refused = input("config", config, config_len, error)) ||
      (refused = optional_input("request", request, request_len, error)) ||
      (refused = output("report", report, error)))
    return refused;
  return mpgo_diagnose(config, config_len, request, request_len, report, error);
}

int32_t mpshim_fill(mp_buf *buf, const void *data, size_t len) {
  uint8_t *copy = malloc(len + 1);
  if (copy == NULL) return MP_ERROR_NO_MEMORY;
  if (len > 0) memcpy(copy, data, len);
  copy[len] = 0;
  buf->data = copy;
  buf->len = len;
  return MP_OK;
}

int32_t mpshim_no_memory(mp_buf *error) { return refuse(error, MP_ERROR_NO_MEMORY, NULL); }

int32_t mpshim_poison(mp_buf *error) {
  __atomic_store_n(&state, MP_ERROR_POISONED, __ATOMIC_RELAXED);
  return refuse(error, MP_ERROR_INTERNAL, NULL);
}
