/*
 * The Node-API skin on libmaskinporten. open(onFailure) gives one function per
 * verb, all of them short and without I/O. Handles are BigInts, text is JSON in
 * strings, and failures are thrown as whatever onFailure makes of the error
 * object: two copies of the package in one program each get their own errors. It
 * keeps no globals, so every worker thread has its own.
 */
#include <stdlib.h>
#include <string.h>

#define NAPI_VERSION 8
#include <node_api.h>

#include "maskinporten.h"

/* What the functions of one open() share. */
typedef struct state {
  napi_ref on_failure; /* makes an Error out of an error object's JSON */
  napi_ref lease_ref;  /* keeps lease alive */
  double *lease;       /* of the last peek: usable_ms, refresh_due */
  char *token;         /* what peek copies into */
  size_t capacity;
  struct state *before; /* of an earlier open(), or NULL */
} state;

static void wipe(void *data, size_t len) {
  volatile unsigned char *p = data;
  while (len--) *p++ = 0;
}

/* ---- arguments ---------------------------------------------------------- */

enum { max_args = 3 };

/* The arguments, and the state of the function; NULL if there are too few. */
static state *args_of(napi_env env, napi_callback_info info, size_t want, napi_value *args) {
  size_t count = max_args;
  void *data = NULL;
  napi_get_cb_info(env, info, &count, args, NULL, &data);
  if (count >= want) return data;
  napi_throw_type_error(env, NULL, "maskinporten.node: an argument is missing");
  return NULL;
}

static bool handle_of(napi_env env, napi_value value, uint64_t *handle) {
  bool lossless;
  if (napi_get_value_bigint_uint64(env, value, handle, &lossless) == napi_ok && lossless) return true;
  napi_throw_type_error(env, NULL, "maskinporten.node: a handle is a BigInt that this library returned");
  return false;
}

typedef struct {
  char *data;
  size_t len;
} text;

/* A copy of a string; text_free wipes it, as it may be a key. */
static bool text_of(napi_env env, napi_value value, text *out) {
  if (napi_get_value_string_utf8(env, value, NULL, 0, &out->len) != napi_ok) {
    napi_throw_type_error(env, NULL, "maskinporten.node: a string is wanted");
    return false;
  }
  out->data = malloc(out->len + 1);
  if (out->data == NULL) {
    napi_throw_error(env, NULL, "maskinporten.node: no memory");
    return false;
  }
  napi_get_value_string_utf8(env, value, out->data, out->len + 1, &out->len);
  return true;
}

static void text_free(text *t) {
  wipe(t->data, t->len);
  free(t->data);
}

/* The bytes of a Uint8Array, in place. */
static bool bytes_of(napi_env env, napi_value value, void **data, size_t *len) {
  static char none[1];
  napi_typedarray_type type;
  if (napi_get_typedarray_info(env, value, &type, len, data, NULL, NULL) == napi_ok && type == napi_uint8_array) {
    if (*data == NULL) *data = none; /* an empty array has no address */
    return true;
  }
  napi_throw_type_error(env, NULL, "maskinporten.node: a Uint8Array is wanted");
  return false;
}

/* ---- results ------------------------------------------------------------ */

static napi_value fail(napi_env env, state *s, mp_buf *error) {
  napi_value make, undefined, json, made;
  napi_get_undefined(env, &undefined);
  if (napi_get_reference_value(env, s->on_failure, &make) == napi_ok && make != NULL &&
      napi_create_string_utf8(env, (const char *)error->data, error->len, &json) == napi_ok &&
      napi_call_function(env, undefined, make, 1, &json, &made) == napi_ok) {
    napi_throw(env, made);
  } else {
    napi_throw_error(env, NULL, "maskinporten.node: onFailure failed");
  }
  mp_buf_free(error);
  return NULL;
}

static napi_value done(napi_env env, state *s, int32_t status, mp_buf *error) {
  return status == MP_OK ? NULL : fail(env, s, error);
}

static napi_value handle_result(napi_env env, state *s, int32_t status, uint64_t handle, mp_buf *error) {
  napi_value value = NULL;
  if (status != MP_OK) return fail(env, s, error);
  napi_create_bigint_uint64(env, handle, &value);
  return value;
}

static napi_value text_result(napi_env env, state *s, int32_t status, mp_buf *out, mp_buf *error) {
  napi_value value = NULL;
  if (status != MP_OK) return fail(env, s, error);
  napi_create_string_utf8(env, (const char *)out->data, out->len, &value);
  mp_buf_free(out);
  return value;
}

/* ---- verbs, by what they take and give ---------------------------------- */

typedef int32_t free_verb(uint64_t);
typedef int32_t open_verb(uint64_t, uint64_t *, mp_buf *);
typedef int32_t read_verb(uint64_t, mp_buf *, mp_buf *);
typedef int32_t tell_verb(uint64_t, const char *, size_t, mp_buf *);
typedef int32_t make_verb(const char *, size_t, mp_buf *, mp_buf *);
typedef int32_t feed_verb(uint64_t, const uint8_t *, size_t, mp_buf *);

static napi_value call_free(napi_env env, napi_callback_info info, free_verb *verb) {
  napi_value args[max_args];
  uint64_t handle;
  if (args_of(env, info, 1, args) != NULL && handle_of(env, args[0], &handle)) verb(handle);
  return NULL;
}

static napi_value call_open(napi_env env, napi_callback_info info, open_verb *verb) {
  napi_value args[max_args];
  uint64_t handle, opened = 0;
  mp_buf error = MP_BUF_INIT;
  state *s = args_of(env, info, 1, args);
  if (s == NULL || !handle_of(env, args[0], &handle)) return NULL;
  int32_t status = verb(handle, &opened, &error);
  return handle_result(env, s, status, opened, &error);
}

static napi_value call_read(napi_env env, napi_callback_info info, read_verb *verb) {
  napi_value args[max_args];
  uint64_t handle;
  mp_buf out = MP_BUF_INIT, error = MP_BUF_INIT;
  state *s = args_of(env, info, 1, args);
  if (s == NULL || !handle_of(env, args[0], &handle)) return NULL;
  int32_t status = verb(handle, &out, &error);
  return text_result(env, s, status, &out, &error);
}

static napi_value call_tell(napi_env env, napi_callback_info info, tell_verb *verb) {
  napi_value args[max_args];
  uint64_t handle;
  text t;
  mp_buf error = MP_BUF_INIT;
  state *s = args_of(env, info, 2, args);
  if (s == NULL || !handle_of(env, args[0], &handle) || !text_of(env, args[1], &t)) return NULL;
  int32_t status = verb(handle, t.data, t.len, &error);
  text_free(&t);
  return done(env, s, status, &error);
}

static napi_value call_make(napi_env env, napi_callback_info info, make_verb *verb) {
  napi_value args[max_args];
  text t;
  mp_buf out = MP_BUF_INIT, error = MP_BUF_INIT;
  state *s = args_of(env, info, 1, args);
  if (s == NULL || !text_of(env, args[0], &t)) return NULL;
  int32_t status = verb(t.data, t.len, &out, &error);
  text_free(&t);
  return text_result(env, s, status, &out, &error);
}

static napi_value call_feed(napi_env env, napi_callback_info info, feed_verb *verb) {
  napi_value args[max_args];
  uint64_t handle;
  void *data;
  size_t len;
  mp_buf error = MP_BUF_INIT;
  state *s = args_of(env, info, 2, args);
  if (s == NULL || !handle_of(env, args[0], &handle) || !bytes_of(env, args[1], &data, &len)) return NULL;
  return done(env, s, verb(handle, data, len, &error), &error);
}

/* Nothing here waits. */
static int32_t events_so_far(uint64_t client, mp_buf *events, mp_buf *error) {
  return mp_client_events(client, 0, events, error);
}

static napi_value client_free(napi_env e, napi_callback_info i) { return call_free(e, i, mp_client_free); }
static napi_value source_free(napi_env e, napi_callback_info i) { return call_free(e, i, mp_source_free); }
static napi_value flow_free(napi_env e, napi_callback_info i) { return call_free(e, i, mp_flow_free); }
static napi_value flow_new(napi_env e, napi_callback_info i) { return call_open(e, i, mp_flow_new); }
static napi_value source_key(napi_env e, napi_callback_info i) { return call_read(e, i, mp_source_key); }
static napi_value flow_next(napi_env e, napi_callback_info i) { return call_read(e, i, mp_flow_next); }
static napi_value invalidate(napi_env e, napi_callback_info i) { return call_tell(e, i, mp_source_invalidate); }
static napi_value flow_failed(napi_env e, napi_callback_info i) { return call_tell(e, i, mp_flow_failed); }
static napi_value flow_signed(napi_env e, napi_callback_info i) { return call_feed(e, i, mp_flow_signed); }
static napi_value flow_loaded(napi_env e, napi_callback_info i) { return call_feed(e, i, mp_flow_loaded); }
static napi_value client_rotate(napi_env e, napi_callback_info i) { return call_tell(e, i, mp_client_rotate); }
static napi_value client_events(napi_env e, napi_callback_info i) { return call_read(e, i, events_so_far); }
static napi_value client_status(napi_env e, napi_callback_info i) { return call_read(e, i, mp_client_status); }
static napi_value key_read(napi_env e, napi_callback_info i) { return call_make(e, i, mp_key_read); }
static napi_value key_generate(napi_env e, napi_callback_info i) { return call_make(e, i, mp_key_generate); }

static napi_value client_new(napi_env env, napi_callback_info info) {
  napi_value args[max_args];
  uint64_t client = 0;
  text t;
  mp_buf error = MP_BUF_INIT;
  state *s = args_of(env, info, 1, args);
  if (s == NULL || !text_of(env, args[0], &t)) return NULL;
  int32_t status = mp_client_new(t.data, t.len, &client, &error);
  text_free(&t);
  return handle_result(env, s, status, client, &error);
}

static napi_value source_new(napi_env env, napi_callback_info info) {
  napi_value args[max_args];
  uint64_t client, source = 0;
  text t;
  mp_buf error = MP_BUF_INIT;
  state *s = args_of(env, info, 2, args);
  if (s == NULL || !handle_of(env, args[0], &client) || !text_of(env, args[1], &t)) return NULL;
  int32_t status = mp_source_new(client, t.data, t.len, &source, &error);
  text_free(&t);
  return handle_result(env, s, status, source, &error);
}

static napi_value flow_saved(napi_env env, napi_callback_info info) {
  napi_value args[max_args];
  uint64_t flow;
  mp_buf error = MP_BUF_INIT;
  state *s = args_of(env, info, 1, args);
  if (s == NULL || !handle_of(env, args[0], &flow)) return NULL;
  return done(env, s, mp_flow_saved(flow, &error), &error);
}

static napi_value flow_received(napi_env env, napi_callback_info info) {
  napi_value args[max_args];
  uint64_t flow;
  text head;
  void *body;
  size_t len;
  mp_buf error = MP_BUF_INIT;
  state *s = args_of(env, info, 3, args);
  if (s == NULL || !handle_of(env, args[0], &flow) || !bytes_of(env, args[2], &body, &len) ||
      !text_of(env, args[1], &head))
    return NULL;
  int32_t status = mp_flow_received(flow, head.data, head.len, body, len, &error);
  text_free(&head);
  return done(env, s, status, &error);
}

static napi_value certificate_read(napi_env env, napi_callback_info info) {
  napi_value args[max_args];
  void *data;
  size_t len;
  mp_buf out = MP_BUF_INIT, error = MP_BUF_INIT;
  state *s = args_of(env, info, 1, args);
  if (s == NULL || !bytes_of(env, args[0], &data, &len)) return NULL;
  int32_t status = mp_certificate_read(data, len, &out, &error);
  return text_result(env, s, status, &out, &error);
}

/* An empty request is none. */
static napi_value diagnose(napi_env env, napi_callback_info info) {
  napi_value args[max_args];
  text config, request;
  mp_buf out = MP_BUF_INIT, error = MP_BUF_INIT;
  state *s = args_of(env, info, 2, args);
  if (s == NULL || !text_of(env, args[0], &config)) return NULL;
  if (!text_of(env, args[1], &request)) {
    text_free(&config);
    return NULL;
  }
  int32_t status = mp_diagnose(config.data, config.len, request.len ? request.data : NULL, request.len, &out, &error);
  text_free(&config);
  text_free(&request);
  return text_result(env, s, status, &out, &error);
}

/* ---- peek, before every call of an API: no allocation but the JS string --- */

static bool grow(state *s, size_t length) {
  char *larger = malloc(length + 1);
  if (larger == NULL) return false;
  wipe(s->token, s->capacity);
  free(s->token);
  s->token = larger;
  s->capacity = length + 1;
  return true;
}

static napi_value peek(napi_env env, napi_callback_info info) {
  napi_value args[max_args], value = NULL;
  uint64_t source;
  state *s = args_of(env, info, 1, args);
  if (s == NULL || !handle_of(env, args[0], &source)) return NULL;
  for (;;) {
    size_t length = 0;
    int64_t usable = 0;
    int32_t due = 0;
    int32_t status = mp_source_peek(source, s->token, s->capacity, &length, &usable, &due, NULL);
    if (status == MP_OK) {
      s->lease[0] = (double)usable;
      s->lease[1] = due;
      napi_create_string_latin1(env, s->token, length, &value); /* a token is ASCII (RFC 6750 §2.1) */
      return value;
    }
    if (status == MP_ERROR_NO_TOKEN) return NULL;
    if (status == MP_ERROR_BUFFER_TOO_SMALL && grow(s, length)) continue;
    /* A peek has no error object; the key of the same source fails the same way. */
    mp_buf key = MP_BUF_INIT, error = MP_BUF_INIT;
    if (mp_source_key(source, &key, &error) != MP_OK) return fail(env, s, &error);
    mp_buf_free(&key);
    napi_throw_error(env, NULL, "maskinporten.node: peek failed");
    return NULL;
  }
}

/* ---- the module --------------------------------------------------------- */

static napi_value abi_version(napi_env env, napi_callback_info info) {
  napi_value value = NULL;
  (void)info;
  napi_create_uint32(env, mp_abi_version(), &value);
  return value;
}

static napi_value live_handles(napi_env env, napi_callback_info info) {
  napi_value value = NULL;
  uint64_t count = 0;
  (void)info;
  mp_live_handles(&count);
  napi_create_double(env, (double)count, &value);
  return value;
}

static void state_free(state *s) {
  if (s->token != NULL) wipe(s->token, s->capacity);
  free(s->token);
  free(s);
}

static void states_free(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  for (state *s = data, *before; s != NULL; s = before) {
    before = s->before;
    state_free(s);
  }
}

#define VERB(name, function) {name, NULL, function, NULL, NULL, NULL, napi_enumerable, s}

static napi_value open_verbs(napi_env env, napi_callback_info info) {
  static const size_t first_capacity = 4096;
  napi_value make, buffer, lease, opened = NULL;
  void *data = NULL;
  size_t count = 1;
  state *s = calloc(1, sizeof *s);
  if (s == NULL || (s->token = malloc(first_capacity)) == NULL) {
    free(s);
    napi_throw_error(env, NULL, "maskinporten.node: no memory");
    return NULL;
  }
  s->capacity = first_capacity;
  const napi_property_descriptor verbs[] = {
      VERB("clientNew", client_new),       VERB("clientFree", client_free),
      VERB("clientRotate", client_rotate), VERB("clientEvents", client_events),
      VERB("clientStatus", client_status), VERB("sourceNew", source_new),
      VERB("sourceFree", source_free),     VERB("sourceKey", source_key),
      VERB("peek", peek),                  VERB("invalidate", invalidate),
      VERB("flowNew", flow_new),           VERB("flowNext", flow_next),
      VERB("flowSigned", flow_signed),     VERB("flowReceived", flow_received),
      VERB("flowLoaded", flow_loaded),     VERB("flowSaved", flow_saved),
      VERB("flowFailed", flow_failed),     VERB("flowFree", flow_free),
      VERB("keyRead", key_read),           VERB("keyGenerate", key_generate),
      VERB("certificateRead", certificate_read),
      VERB("diagnose", diagnose),
      VERB("liveHandles", live_handles),
  };
  napi_get_cb_info(env, info, &count, &make, NULL, NULL);
  if (napi_create_reference(env, make, 1, &s->on_failure) != napi_ok) {
    state_free(s);
    napi_throw_type_error(env, NULL, "maskinporten.node: open() takes a function");
    return NULL;
  }
  napi_create_arraybuffer(env, 2 * sizeof(double), &data, &buffer);
  napi_create_typedarray(env, napi_float64_array, 2, buffer, 0, &lease);
  napi_create_reference(env, buffer, 1, &s->lease_ref);
  s->lease = data;
  napi_create_object(env, &opened);
  napi_define_properties(env, opened, sizeof verbs / sizeof *verbs, verbs);
  napi_set_named_property(env, opened, "lease", lease);
  data = NULL;
  napi_get_instance_data(env, &data);
  s->before = data;
  napi_set_instance_data(env, s, states_free, NULL);
  return opened;
}

#undef VERB
#define VERB(name, function) {name, NULL, function, NULL, NULL, NULL, napi_enumerable, NULL}

NAPI_MODULE_INIT() {
  const napi_property_descriptor verbs[] = {VERB("abiVersion", abi_version), VERB("open", open_verbs)};
  napi_define_properties(env, exports, sizeof verbs / sizeof *verbs, verbs);
  return exports;
}
