/* What no addon can do without: one call that returns a string. set(text) says
 * which, get() returns it. */
#define NAPI_VERSION 8
#include <node_api.h>

static char text[8192];
static size_t length;

static napi_value set(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value value;
  napi_get_cb_info(env, info, &count, &value, NULL, NULL);
  napi_get_value_string_latin1(env, value, text, sizeof text, &length);
  return NULL;
}

static napi_value get(napi_env env, napi_callback_info info) {
  napi_value value;
  (void)info;
  napi_create_string_latin1(env, text, length, &value);
  return value;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"set", NULL, set, NULL, NULL, NULL, napi_enumerable, NULL},
      {"get", NULL, get, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, 2, functions);
  return exports;
}
