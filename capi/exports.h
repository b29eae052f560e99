/*
 * exports.h - what the two sides of the library know of each other. shim.c and
 * the Go files both include it, so a prototype that differs from its Go
 * function is a compile error.
 *
 * The pointers that arrive in mpgo_ functions were checked by shim.c: an input
 * is NULL only if its length is 0, an output is never NULL, except `error` and
 * where it says so.
 */
#ifndef MASKINPORTEN_EXPORTS_H
#define MASKINPORTEN_EXPORTS_H

#if defined(_WIN32)
#define MP_API __declspec(dllexport)
#endif
#include "include/maskinporten.h"

/* cgo cannot write const into the prototypes it generates; through a typedef
 * they agree with these. */
typedef const char mp_text;
typedef const uint8_t mp_bytes;

/* Go, called by shim.c. */
int32_t mpgo_client_new(mp_text *config, size_t config_len, uint64_t *client, mp_buf *error);
int32_t mpgo_client_free(uint64_t client);
int32_t mpgo_client_rotate(uint64_t client, mp_text *keys, size_t keys_len, mp_buf *error);
int32_t mpgo_client_events(uint64_t client, int64_t timeout_ms, mp_buf *events, mp_buf *error);
int32_t mpgo_client_status(uint64_t client, mp_buf *status, mp_buf *error);
int32_t mpgo_live_handles(uint64_t *count);
int32_t mpgo_source_new(uint64_t client, mp_text *request, size_t request_len, uint64_t *source, mp_buf *error);
int32_t mpgo_source_free(uint64_t source);
int32_t mpgo_source_cancel(uint64_t source);
int32_t mpgo_source_key(uint64_t source, mp_buf *key, mp_buf *error);
int32_t mpgo_source_token(uint64_t source, int64_t timeout_ms, mp_buf *token, mp_buf *error);
/* access_token may be NULL if capacity is 0. */
int32_t mpgo_source_peek(uint64_t source, char *access_token, size_t capacity, size_t *length, int64_t *usable_ms,
                         int32_t *refresh_due, int64_t *lease_ms);
int32_t mpgo_source_invalidate(uint64_t source, mp_text *access_token, size_t access_token_len, mp_buf *error);
int32_t mpgo_flow_new(uint64_t source, uint64_t *flow, mp_buf *error);
int32_t mpgo_flow_next(uint64_t flow, mp_buf *step, mp_buf *error);
int32_t mpgo_flow_signed(uint64_t flow, mp_bytes *signature, size_t signature_len, mp_buf *error);
int32_t mpgo_flow_received(uint64_t flow, mp_text *head, size_t head_len, mp_bytes *body, size_t body_len,
                           mp_buf *error);
int32_t mpgo_flow_failed(uint64_t flow, mp_text *reason, size_t reason_len, mp_buf *error);
int32_t mpgo_flow_loaded(uint64_t flow, mp_bytes *entry, size_t entry_len, mp_buf *error);
int32_t mpgo_flow_saved(uint64_t flow, mp_buf *error);
int32_t mpgo_flow_perform(uint64_t flow, int64_t timeout_ms, mp_buf *error);
int32_t mpgo_flow_free(uint64_t flow);
int32_t mpgo_key_read(mp_text *key, size_t key_len, mp_buf *out, mp_buf *error);
int32_t mpgo_key_generate(mp_text *options, size_t options_len, mp_buf *out, mp_buf *error);
int32_t mpgo_certificate_read(mp_bytes *certificates, size_t certificates_len, mp_buf *out, mp_buf *error);
int32_t mpgo_diagnose(mp_text *config, size_t config_len, mp_text *request, size_t request_len, mp_buf *report,
                      mp_buf *error);

/* C, called by Go. */

/* What mp_lease_epoch points at. Go counts it up, with atomic instructions. */
extern uint64_t mpshim_lease_epoch;

/* Puts a copy of data into buf and a NUL behind it. MP_ERROR_NO_MEMORY leaves
 * buf as it was. (Go's own C.malloc ends the process when memory is short.) */
int32_t mpshim_fill(mp_buf *buf, const void *data, size_t len);

/* The same as an error for the caller: MP_ERROR_NO_MEMORY, with a text if there
 * is room for it. */
int32_t mpshim_no_memory(mp_buf *error);

/* Makes every later call answer MP_ERROR_POISONED; returns MP_ERROR_INTERNAL
 * for the call that found out. */
int32_t mpshim_poison(mp_buf *error);

#endif
