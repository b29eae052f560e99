/*
 * maskinporten.h - access tokens from Maskinporten, for C and whatever loads a
 * C library.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * CONVENTIONS
 *
 * Names           mp_THING_VERB: mp_source_token is the token of a source. The handle
 *                 of the thing comes first, then what goes in, then what comes out.
 * Return codes    Functions that can fail return int32_t: 0 (MP_OK) or one of the
 *                 MP_ERROR_ numbers below, which are never reused. What they return
 *                 in the ABI layer itself (INVALID_ARGUMENT, INVALID_HANDLE, CLOSED,
 *                 FORKED, POISONED, INTERNAL, NO_MEMORY) is not named again at each.
 * Outputs         come last. They are written on success only; `error` is written
 *                 on failure only, and may be NULL. Without memory for an error
 *                 object the number alone comes back.
 * Text            is UTF-8 with an explicit length and needs no NUL at its end.
 *                 Configuration, requests, steps and errors are JSON; unknown
 *                 members in what you pass are refused, and members may be added
 *                 to what is returned within one ABI version.
 * Memory          An mp_buf that the library filled belongs to you until
 *                 mp_buf_free, and to nobody else's free. Its data has a NUL behind
 *                 its last byte, which len does not count. Initialise an mp_buf with
 *                 MP_BUF_INIT, and free it before you use it again: what it held is
 *                 not looked at. Copies of an mp_buf are the same memory: freeing two
 *                 of them is undefined, as free() twice is. What you pass in is
 *                 copied before the call returns, and never kept. A result that
 *                 finds no memory is MP_ERROR_NO_MEMORY and nothing is lost: call
 *                 again. (The Go runtime itself ends a process that can map no more
 *                 memory for its heap, as it does in every Go program.)
 * Limits          No input may be longer than 4 MiB. NULL is refused with
 *                 MP_ERROR_INVALID_ARGUMENT wherever it is not said to be fine.
 * Handles         are numbers, never pointers, never 0, never reused. Any number
 *                 that is not a live handle of the right kind gives
 *                 MP_ERROR_INVALID_HANDLE. Freeing 0 does nothing and succeeds.
 *                 Freeing a client closes its sources and flows: those who wait
 *                 for a token get MP_ERROR_CLOSED at once, as does whoever asks
 *                 later; mp_source_peek finds no token, and the next step of a flow
 *                 is "failed". Their handles are still yours to free, in any order.
 * Threads         Every function may be called from any thread at any time, also
 *                 with the same handle, also while another thread frees it, except
 *                 that one flow belongs to one thread at a time (OUT_OF_ORDER says
 *                 if not). Threads need no preparation and no farewell. 64 KiB of
 *                 stack are enough. A call may come from a stack that is not the
 *                 thread's (coroutines, fibers), but a coroutine must not change
 *                 its thread in the middle of a call.
 * Callbacks       There are none: no function takes a pointer to a function. What the
 *                 library wants of you, it says as a step of a flow; what happened,
 *                 you fetch with mp_client_events.
 * Fork            After fork() without exec the child gets MP_ERROR_FORKED from
 *                 every call but mp_abi_version, mp_version, mp_lease_epoch and
 *                 mp_buf_free, at once and whatever the arguments; it may end as it
 *                 likes. Load the library after the fork; what is kept under a lease
 *                 is not yours there.
 * Panics          A fault inside the library is caught. Where its state is still
 *                 known you get MP_ERROR_INTERNAL and the next call works; where
 *                 it is not, every later call returns MP_ERROR_POISONED: restart.
 * Signals, output The library installs no signal handlers of its own beyond those
 *                 of the Go runtime, writes nothing to stdout or stderr, and reads
 *                 no environment variables but HTTPS_PROXY, HTTP_PROXY, NO_PROXY.
 *                 Handlers that you install after loading must have SA_ONSTACK.
 * The end         exit() and a return from main may come at any time, also while
 *                 the library fetches; free what you like to before.
 * Unloading       is not possible: dlclose leaves the library where it is.
 * Units           Durations are milliseconds in int64_t, or in members that end in
 *                 _ms; grant_life_seconds is in seconds. Points in time are
 *                 milliseconds since 1970-01-01 UTC: requested_at_ms, expires_at_ms,
 *                 usable_until_ms, not_before_ms, not_after_ms, next_attempt_ms.
 * Versions        MP_ABI_VERSION is what you compiled against, mp_abi_version()
 *                 is what you run: refuse to run with less. An ABI version only
 *                 grows; the SONAME has its number.
 *
 * EXAMPLE (examples/c has whole programs)
 *
 *   mp_buf token = MP_BUF_INIT, error = MP_BUF_INIT;
 *   uint64_t client = 0, source = 0;
 *
 *   if (mp_client_new(config, strlen(config), &client, &error) == MP_OK &&
 *       mp_source_new(client, request, strlen(request), &source, &error) == MP_OK &&
 *       mp_source_token(source, 10000, &token, &error) == MP_OK)
 *     use((const char *)token.data);
 *   else
 *     complain((const char *)error.data);
 *   mp_buf_free(&token);
 *   mp_buf_free(&error);
 *   mp_source_free(source);
 *   mp_client_free(client);
 */
#ifndef MASKINPORTEN_H
#define MASKINPORTEN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(MP_API)
/* The library itself, in a build that says how its functions are exported. */
#elif defined(_WIN32)
#define MP_API
#else
#define MP_API __attribute__((visibility("default")))
#endif

#define MP_ABI_VERSION 1
#define MP_VERSION_MAJOR 0
#define MP_VERSION_MINOR 1
#define MP_VERSION_PATCH 0
#define MP_VERSION "0.1.0"

/* Bytes that the library allocated. */
typedef struct mp_buf {
  uint8_t *data;
  size_t len;
} mp_buf;

#define MP_BUF_INIT {NULL, 0}

/* Return codes. Each is also the "number" of an error object, whose "code" is
 * the name in lower case. */
enum {
  MP_OK = 0,
  /* our side */
  MP_ERROR_INVALID_ARGUMENT = 1001,
  MP_ERROR_INVALID_CONFIGURATION = 1002,
  MP_ERROR_INVALID_TOKEN_REQUEST = 1003,
  MP_ERROR_INVALID_KEY = 1004,
  MP_ERROR_INVALID_HANDLE = 1005,
  MP_ERROR_OUT_OF_ORDER = 1006,
  MP_ERROR_NO_TOKEN = 1007,
  MP_ERROR_BUFFER_TOO_SMALL = 1008,
  MP_ERROR_CLOSED = 1009,
  MP_ERROR_FORKED = 1010,
  MP_ERROR_POISONED = 1011,
  MP_ERROR_INTERNAL = 1012,
  MP_ERROR_CANCELLED = 1013,
  MP_ERROR_DEADLINE_EXCEEDED = 1014,
  MP_ERROR_NO_SIGNER = 1015,
  MP_ERROR_NO_TRANSPORT = 1016,
  MP_ERROR_SIGNING_FAILED = 1017,
  MP_ERROR_INVALID_SIGNATURE = 1018,
  MP_ERROR_RANDOM_FAILED = 1019,
  MP_ERROR_NO_MEMORY = 1020,
  MP_ERROR_REENTRANT = 1021,
  /* no answer */
  MP_ERROR_CONNECTION_FAILED = 1101,
  MP_ERROR_TIMEOUT = 1102,
  MP_ERROR_TLS_FAILED = 1103,
  /* the answer was no */
  MP_ERROR_GRANT_MALFORMED = 1201,
  MP_ERROR_GRANT_REUSED = 1202,
  MP_ERROR_CLIENT_UNKNOWN = 1203,
  MP_ERROR_AUDIENCE_WRONG = 1204,
  MP_ERROR_CERTIFICATE_INVALID = 1205,
  MP_ERROR_KEY_EXPIRED = 1206,
  MP_ERROR_ORGANIZATION_MISMATCH = 1207,
  MP_ERROR_X5C_MALFORMED = 1208,
  MP_ERROR_SIGNATURE_REJECTED = 1209,
  MP_ERROR_KID_UNKNOWN = 1210,
  MP_ERROR_KID_REQUIRED = 1211,
  MP_ERROR_GRANT_EXPIRED = 1212,
  MP_ERROR_ISSUED_IN_FUTURE = 1213,
  MP_ERROR_LIFETIME_TOO_LONG = 1214,
  MP_ERROR_CONSUMER_ORG_INVALID = 1215,
  MP_ERROR_SCOPE_NOT_REGISTERED = 1216,
  MP_ERROR_SCOPE_NOT_ALLOWED = 1217,
  MP_ERROR_ACCESS_NOT_GRANTED = 1218,
  MP_ERROR_NOT_DELEGATED = 1219,
  MP_ERROR_AUTHORIZATION_DETAILS_TYPE_UNKNOWN = 1220,
  MP_ERROR_AUTHORIZATION_DETAILS_FIELD_UNKNOWN = 1221,
  MP_ERROR_AUTHORIZATION_DETAILS_INVALID = 1222,
  MP_ERROR_REJECTED = 1223,
  MP_ERROR_SUBJECT_TOKEN_REJECTED = 1224,
  MP_ERROR_RATE_LIMITED = 1225,
  MP_ERROR_SERVER_ERROR = 1226,
  MP_ERROR_REDIRECTED = 1227,
  MP_ERROR_UNEXPECTED_STATUS = 1228,
  MP_ERROR_INVALID_RESPONSE = 1229,
  MP_ERROR_SCOPE_REDUCED = 1230,
  MP_ERROR_RESPONSE_TOO_LARGE = 1231,
  MP_ERROR_METADATA_MISMATCH = 1232
};

/*
 * ERROR OBJECT (what an `error` buffer holds)
 *
 *   {"kind": "local" | "remote" | "transport", "code": "key_expired",
 *    "number": 1206, "message": "...", "remedy": "...", "text": "one line of all",
 *    "problems": [{"field", "message", "remedy"}],
 *    "error", "error_description", "mp_code", "status", "trace_id",
 *    "attempts", "retryable": bool, "next_attempt_ms"}
 *
 * Members that do not apply are absent, except kind, code, number, message,
 * remedy, text and retryable. No member ever holds a token, grant or key.
 *
 * TOKEN OBJECT
 *
 *   {"access_token", "token_type": "Bearer", "scope", "requested_at_ms",
 *    "expires_at_ms", "usable_until_ms"}
 */

/* The ABI version of the library that is loaded. */
MP_API uint32_t mp_abi_version(void);

/* The product version of the library that is loaded, such as "0.1.0". Static. */
MP_API const char *mp_version(void);

/* Frees what the library put into buf and sets it to MP_BUF_INIT. NULL and an
 * empty mp_buf are fine. The bytes are wiped first. */
MP_API void mp_buf_free(mp_buf *buf);

/* The number of live handles in this process: 0 when everything was freed. */
MP_API int32_t mp_live_handles(uint64_t *count);

/*
 * mp_client_new - one client registration at Maskinporten.
 *
 *   {"environment": "test" | "production" | "skyporten-test" | "skyporten" |
 *        {"issuer", "token_endpoint", "metadata_url", "customs_token_endpoint",
 *         "customs_test_auth", "allow_loopback_http": bool},
 *    "client_id": "...",
 *    "key": one of
 *        {"pem": "...", "password", "kid", "alg", "certificate_chain": PEM}
 *        {"jwk": {...}, "kid", "alg"}
 *        {"pkcs12": base64, "password", "kid", "alg"}
 *        {"kid", "alg", "signature_size"}             you sign, registered key
 *        {"x5c": [base64 DER], "alg", "signature_size"} you sign, certificate
 *        the last two may have "not_after_ms": when the key or certificate ends,
 *        for the event key_expiring
 *    "next_keys": [more of the same],
 *    "grant_life_seconds": 60 (at most 120), "cache_limit": 10000,
 *    "eseal": false, "wait_while_failing": false,
 *    "events": 0 (at most 10000), "store_key": base64 of 32 bytes}
 *
 * eseal: a European business without a registration, which signs with its eSeal.
 * The key then has the whole certificate chain and no kid, and client_id is any
 * name for the client.
 *
 * next_keys: used in their order when Maskinporten says that a key is expired or
 * unknown (MP-121), each once.
 * wait_while_failing: a call that has time left waits for the next attempt after
 * a failure that may pass, instead of getting that failure at once.
 * events: how many are kept until mp_client_events takes them.
 * store_key: tokens are shared with other processes through a store of yours;
 * flows then have "load" and "save" steps, and what is stored is encrypted with
 * this key. mp_source_token passes the store by.
 *
 * With a key that has no private part every sign step is yours: use flows.
 * Nothing is sent. Errors: INVALID_CONFIGURATION, INVALID_KEY with every problem.
 */
MP_API int32_t mp_client_new(const char *config, size_t config_len,
                             uint64_t *client, mp_buf *error);

/* Closes the client, its sources and flows, and wipes its key. */
MP_API int32_t mp_client_free(uint64_t client);

/*
 * mp_client_rotate - new keys for the client, from now on.
 *
 * keys: {"key": key, "next_keys": [key, ...] (optional)}, as in the configuration.
 * No token that the old keys got is handed out after the call; who waits for one
 * waits for a new one instead, and no call fails for it.
 */
MP_API int32_t mp_client_rotate(uint64_t client, const char *keys,
                                size_t keys_len, mp_buf *error);

/*
 * mp_client_events - takes the events that the client has kept.
 *
 * Waits at most timeout_ms for the first one (0: not at all; negative: 30 s).
 * events: {"events": [event, ...], "dropped": n}, oldest first; an empty list if
 * nothing happened. dropped: how many older ones there was no room for.
 * event: {"event": "acquisition_started" | "acquisition_ended" | "attempt" |
 *   "retry" | "served_while_failing" | "clock_skew" | "keys_rotated" |
 *   "key_fallback" | "key_expiring" | "store_failed", "time": RFC 3339 UTC,
 *   "request_id", "source": cache key, "scopes", "consumer_org", "exchange",
 *   "kid", "jti", "background": bool, "attempt", "status", "duration_ms",
 *   "wait_ms", "offset_ms", "until": RFC 3339 UTC, "error": error object}, those
 *   that apply, and never a secret.
 * Errors: INVALID_ARGUMENT for a client that keeps none; CLOSED when the client
 * is freed.
 */
MP_API int32_t mp_client_events(uint64_t client, int64_t timeout_ms,
                                mp_buf *events, mp_buf *error);

/*
 * mp_client_status - how the client stands, for health checks.
 *
 * status: {"keys": [{"kid" or "x5t#S256": SHA-256 of the certificate, "alg",
 *   "not_after_ms" if known, "active": bool}], "clock_offset_ms": what is added to
 *   this machine's clock in grants, "tokens": entries in the cache, "cache_limit"}
 */
MP_API int32_t mp_client_status(uint64_t client, mp_buf *status, mp_buf *error);

/*
 * mp_source_new - "a valid token for this, now". Sources of one client with
 * equal requests share one token.
 *
 *   {"scopes": ["toll:movement/road/v2"], "resource": ["https://api.example.no"],
 *    "consumer_org": "910753614", "pid": "...",
 *    "system_user": {"org": "310702641", "external_ref": "..."},
 *    "consent": {"id": UUID, "from": "urn:altinn:person:identifier-no:..." or
 *                "urn:altinn:organization:identifier-no:..."},
 *    "iss_onbehalfof": "..." (deprecated), "extra_claims": {name: any JSON},
 *    "exchanges": [any of
 *        {"type": "customs", "token_endpoint": optional}
 *        {"type": "altinn", "environment": "prod" | "tt02" | "at21" | "at22" |
 *         "at23" | "at24" | "yt01", "test": bool}
 *        {"type": "altinn", "endpoint": "...", "test": bool}
 *        {"type": "token_exchange", "token_endpoint", "audience": [...],
 *         "resource": [...], "scopes": [...], "subject_token_type",
 *         "requested_token_type"}]}
 *
 * All but scopes may be left out. consent excludes system_user, iss_onbehalfof
 * excludes consumer_org. extra_claims are for claims that this library does not
 * know: at most 16 KiB, and none that has a member of its own here. The token
 * goes through the exchanges in their order; each may have a "name" for errors.
 * An altinn exchange with "test" makes the test organization ttd of Digdir's
 * token; a token_exchange is that of RFC 8693 without client authentication.
 *
 * Errors: INVALID_TOKEN_REQUEST with every problem. Nothing is sent.
 */
MP_API int32_t mp_source_new(uint64_t client, const char *request,
                             size_t request_len, uint64_t *source,
                             mp_buf *error);

/* Frees the handle; who waits on it gets MP_ERROR_CLOSED. The cached token stays
 * with the client. */
MP_API int32_t mp_source_free(uint64_t source);

/* Ends every mp_source_token that waits on this handle now, with
 * MP_ERROR_CANCELLED. The fetch goes on, and later calls are not affected. Make a
 * source for each wait that shall be cancelled alone: they share one token. */
MP_API int32_t mp_source_cancel(uint64_t source);

/* The cache key as 64 hexadecimal digits: equal for sources that share one
 * token, and safe to log. */
MP_API int32_t mp_source_key(uint64_t source, mp_buf *key, mp_buf *error);

/*
 * mp_source_token - a token, from the cache or fetched over HTTPS.
 *
 * Blocks at most timeout_ms (0: take what the cache holds, and neither wait nor
 * fetch; negative: 30 s). A timeout ends this wait only; the fetch goes on and
 * serves the next caller. One fetch runs however many callers wait.
 * token: a token object.
 * Errors: any; DEADLINE_EXCEEDED after timeout_ms.
 */
MP_API int32_t mp_source_token(uint64_t source, int64_t timeout_ms,
                               mp_buf *token, mp_buf *error);

/*
 * mp_source_peek - the cached access token, copied into your buffer. Never
 * blocks, allocates or does I/O.
 *
 * access_token gets the token and a NUL if capacity is at least *length + 1;
 * otherwise nothing is written to it, *length is the size needed (NUL not
 * counted) and the result is MP_ERROR_BUFFER_TOO_SMALL, the one failure that has
 * an output. access_token may be NULL if capacity is 0. usable_ms: how long the
 * token may still be handed out. refresh_due: 1 if you should run a flow (or
 * mp_source_token) soon, else 0. lease_ms: for how long this answer may be used
 * again without a call, see mp_lease_epoch; 0 if refresh_due. The last three may
 * be NULL. MP_ERROR_NO_TOKEN if there is none.
 */
MP_API int32_t mp_source_peek(uint64_t source, char *access_token,
                              size_t capacity, size_t *length,
                              int64_t *usable_ms, int32_t *refresh_due,
                              int64_t *lease_ms);

/*
 * mp_lease_epoch - the place of a number that grows whenever a token of this
 * process ends before its time: it was rejected, keys were rotated, a client was
 * freed. The place never changes and may be read at any time.
 *
 * Who cannot afford a call for each use of a token keeps it under a lease: read
 * the epoch, then mp_source_peek; the answer may be used for lease_ms, by the
 * monotonic and by the wall clock, as long as the epoch is the same as before.
 */
MP_API const uint64_t *mp_lease_epoch(void);

/* Drops the cached token if it is the one given: call it after an API answered
 * 401 to this token. At most one forced fetch per 5 s follows. */
MP_API int32_t mp_source_invalidate(uint64_t source, const char *access_token,
                                    size_t access_token_len, mp_buf *error);

/*
 * FLOWS - one acquisition, step by step. Loop: mp_flow_next, do the step, feed
 * it, until the step is "done" or "failed". mp_flow_next repeats its answer
 * until it is fed. A call out of order is MP_ERROR_OUT_OF_ORDER and changes nothing.
 *
 *   {"step": "sign", "alg": "RS256", "signing_input": "..."}
 *        sign these bytes (RFC 7515 §5.1) and call mp_flow_signed; alg names
 *        the signature: RSASSA-PKCS1-v1_5 with SHA-256, SHA-384 or SHA-512
 *   {"step": "send", "method", "url", "headers": {name: value}, "body": "...",
 *    "timeout_ms", "max_body": 1048576}
 *        send it, follow no redirect, call mp_flow_received or mp_flow_failed
 *   {"step": "load", "store_key"}
 *        get what your store has under store_key; call mp_flow_loaded, or
 *        mp_flow_failed. Only with a store_key in the configuration, as "save"
 *   {"step": "save", "store_key", "entry": "...", "life_ms"}
 *        keep entry under store_key for at most life_ms; call mp_flow_saved, or
 *        mp_flow_failed. The token is in the cache already
 *   {"step": "wait", "wait_ms"}
 *        wait and call mp_flow_next again; nothing is fed. It is also the answer
 *        while another flow fetches the same token
 *   {"step": "done", "token": token object}
 *   {"step": "failed", "error": error object}
 *
 * The first step is "done" if the cache holds a token that is not due. A flow
 * that is given up must be freed; after 20 s without an end another flow may
 * take its place.
 */
MP_API int32_t mp_flow_new(uint64_t source, uint64_t *flow, mp_buf *error);
MP_API int32_t mp_flow_next(uint64_t flow, mp_buf *step, mp_buf *error);

/* The raw signature: as long as the key's modulus, big-endian, not encoded. */
MP_API int32_t mp_flow_signed(uint64_t flow, const uint8_t *signature,
                              size_t signature_len, mp_buf *error);

/* head: {"status": 200, "headers": {"content-type": "..." or ["...", "..."]}};
 * body: as received, after content decoding; stop reading behind max_body bytes.
 * It may be NULL if body_len is 0. */
MP_API int32_t mp_flow_received(uint64_t flow, const char *head, size_t head_len,
                                const uint8_t *body, size_t body_len,
                                mp_buf *error);

/* entry: what your store had, as it was saved; NULL and 0 if nothing. A damaged,
 * swapped or forged entry is as good as none. */
MP_API int32_t mp_flow_loaded(uint64_t flow, const uint8_t *entry,
                              size_t entry_len, mp_buf *error);

/* The entry is in your store. */
MP_API int32_t mp_flow_saved(uint64_t flow, mp_buf *error);

/* A store that failed is passed over: the flow goes on.
 * reason: {"code": "signing_failed" | "connection_failed" | "timeout" |
 * "tls_failed" | "cancelled", "message": "...", "retryable": bool (optional)} */
MP_API int32_t mp_flow_failed(uint64_t flow, const char *reason,
                              size_t reason_len, mp_buf *error);

/* Lets the library do the current step, if it is "send" or "wait", or "sign"
 * with a key the library holds; it passes "load" and "save" by. Blocks at most
 * timeout_ms (negative: 30 s). */
MP_API int32_t mp_flow_perform(uint64_t flow, int64_t timeout_ms, mp_buf *error);

/* Frees the handle, and gives the flow up if it has not ended. A step that
 * another thread performs ends at once. */
MP_API int32_t mp_flow_free(uint64_t flow);

/*
 * mp_key_read - checks a private key and takes it apart, for hosts that sign
 * with their own crypto.
 *
 * key: the "key" member of a configuration, with its private part.
 * out: {"alg", "kid" or "x5c": [...], "signature_size", "not_after_ms" if known,
 *       "public_jwk": {"kty", "use", "alg", "kid", "n", "e"},
 *       "pkcs8": base64 DER, secret: import it and wipe it}
 */
MP_API int32_t mp_key_read(const char *key, size_t key_len, mp_buf *out,
                           mp_buf *error);

/*
 * mp_key_generate - a new RSA key.
 *
 * options: {"bits": 2048, "kid": default a random UUID, "alg": "RS256"} or {}.
 * out: {"kid", "public_jwk": {...} to register, "private_jwk": {...}, "pem":
 * PKCS#8}; the last two are secret.
 */
MP_API int32_t mp_key_generate(const char *options, size_t options_len,
                               mp_buf *out, mp_buf *error);

/*
 * mp_certificate_read - whose certificates these are, and how long they hold.
 *
 * certificates: PEM or DER, one or many, at most 1 MiB. A private key beside
 * them in PEM is passed over.
 * out: {"certificates": [{"subject", "issuer", "serial_number": hexadecimal,
 *         "not_before_ms", "not_after_ms",
 *         "organization_number": nine digits, of a Norwegian organization,
 *         "organization_identifier": such as "NTRNO-310702641",
 *         "sha256": of the certificate, hexadecimal, "key_bits"}],
 *       "problems": [{"field": "key.x5c[0]", "message", "remedy"}]}
 *
 * The certificates are in the order of the input. problems is what makes
 * Maskinporten refuse them as the chain of a grant at this time: order, gaps,
 * validity, no organization. organization_number and organization_identifier are
 * absent where a certificate has none.
 *
 * Errors: INVALID_KEY if there is no certificate, or one that cannot be read.
 */
MP_API int32_t mp_certificate_read(const uint8_t *certificates,
                                   size_t certificates_len, mp_buf *out,
                                   mp_buf *error);

/*
 * mp_diagnose - what is wrong with a configuration, what is unusual about it,
 * and what to do. Nothing is sent or signed.
 *
 * config: as for mp_client_new; request: as for mp_source_new, or NULL and 0.
 * report: {"ok": no finding is an error,
 *          "findings": [{"severity": "error" | "warning" | "note", "field",
 *                        "message", "remedy"}],
 *          "environment": {"name" if built in, "issuer", "token_endpoint",
 *                          "metadata_url", "customs_token_endpoint"},
 *          "key": {"kid" or "x5t#S256", "alg", "key_bits", "not_after_ms",
 *                  "organization_number", "signs": it has its private part},
 *          "claims": those of a grant for the request, without iat, exp, jti}
 *
 * Everything that mp_client_new and mp_source_new would refuse is a finding of
 * severity "error"; "warning" is what is probably not meant or will not work for
 * long, such as a certificate that ends soon. Members of environment and key that
 * are not known are absent, key is empty if it cannot be read, and claims is
 * absent if there is no request or none that could be sent. The report holds no
 * secret: in claims, pid and the values of extra claims are redacted.
 *
 * Errors: INVALID_ARGUMENT if an input is not a JSON object.
 */
MP_API int32_t mp_diagnose(const char *config, size_t config_len,
                           const char *request, size_t request_len,
                           mp_buf *report, mp_buf *error);

#ifdef __cplusplus
}
#endif

#endif
