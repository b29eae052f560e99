/*
 * diagnose.c - what is said about configurations and certificates.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../examples/c/json_member.h"
#include "check.h"
#include "tests.h"
#include "world.h"

static int says(const mp_buf *buf, const char *text) { return buf->data && strstr((const char *)buf->data, text) != NULL; }

/* A boolean member is `true`. */
static int holds(const mp_buf *buf, const char *path) {
  size_t length = 0;
  const char *value = buf->data ? json_value((const char *)buf->data, path, &length) : NULL;
  return value != NULL && length == 4 && strncmp(value, "true", 4) == 0;
}

/* The client of the sandbox is well, and its request too. Nothing is sent. */
void test_diagnose_healthy(void) {
  char request[256], *config = configuration(NULL);
  mp_buf report = MP_BUF_INIT, e = MP_BUF_INIT;

  sandbox_forget();
  snprintf(request, sizeof request, "{\"scopes\": [\"%s\"], \"exchanges\": [{\"type\": \"customs\"}]}", setting("scopes.customs"));
  CHECK_ERROR(MP_OK, mp_diagnose(config, strlen(config), request, strlen(request), &report, &e), &e);
  CHECK(holds(&report, "ok") && says(&report, "\"findings\":[]"));
  CHECK(has_text(&report, "environment.issuer", setting("issuer")));
  CHECK(has_text(&report, "key.kid", setting("kid")) && holds(&report, "key.signs"));
  CHECK(has_text(&report, "claims.iss", setting("client_id")) && has_text(&report, "claims.scope", setting("scopes.customs")));
  CHECK(!says(&report, "\"jti\"") && !says(&report, "\"exp\"") && !says(&report, "\"d\":"));
  mp_buf_free(&report);

  CHECK_ERROR(MP_OK, mp_diagnose(config, strlen(config), NULL, 0, &report, &e), &e);
  CHECK(holds(&report, "ok") && !says(&report, "\"claims\""));
  mp_buf_free(&report);
  CHECK(sandbox_count("/token") == 0);
  free(config);
}

/* What mp_client_new and mp_source_new refuse is a finding, all of it at once. */
void test_diagnose_findings(void) {
  static const char config[] =
      "{\"environment\": {\"issuer\": \"https://test.maskinporten.no\", \"token_endpoint\": \"https://test.maskinporten.no/token\"},"
      " \"key\": {\"pem\": \"c4n4rY\"}, \"nonsense\": 1}";
  static const char request[] = "{\"scopes\": [\"a:b c:d\"], \"consumer_org\": \"910753615\", \"iss_onbehalfof\": \"x\"}";
  static const char *const fields[] = {"environment.issuer", "client_id", "key", "nonsense", "scopes[0]", "consumer_org"};
  mp_buf report = MP_BUF_INIT, e = MP_BUF_INIT;
  char finding[64];
  size_t i;

  CHECK_ERROR(MP_OK, mp_diagnose(config, strlen(config), request, strlen(request), &report, &e), &e);
  for (i = 0; i < sizeof fields / sizeof *fields; i++) {
    snprintf(finding, sizeof finding, "{\"severity\":\"error\",\"field\":\"%s\"", fields[i]);
    if (!CHECK(says(&report, finding))) printf("    %s\n", fields[i]);
  }
  CHECK(says(&report, "{\"severity\":\"warning\",\"field\":\"iss_onbehalfof\""));
  CHECK(!holds(&report, "ok") && !says(&report, "claims") && !says(&report, "c4n4rY"));
  mp_buf_free(&report);
  CHECK_ERROR(MP_OK, mp_diagnose("{}", 2, NULL, 0, &report, &e), &e);
  CHECK(!holds(&report, "ok") && says(&report, "\"key\":{}"));
  mp_buf_free(&report);
}

/* Only what is no JSON object is an error. */
void test_diagnose_refuses(void) {
  mp_buf report = MP_BUF_INIT, e = MP_BUF_INIT;
  CHECK_ERROR(MP_ERROR_INVALID_ARGUMENT, mp_diagnose("[]", 2, NULL, 0, &report, &e), &e);
  CHECK_ERROR(MP_ERROR_INVALID_ARGUMENT, mp_diagnose("{}", 2, "7", 1, &report, &e), &e);
  CHECK_ERROR(MP_ERROR_INVALID_ARGUMENT, mp_diagnose("", 0, NULL, 0, &report, &e), &e);
  CHECK(report.data == NULL);
}

/* The certificate of the sandbox's other client, which stands beside its key. */
void test_certificate_read(void) {
  char *pem = read_file(setting("certificate_pem")), *certificate = pem ? strstr(pem, "-----BEGIN CERTIFICATE") : NULL;
  mp_buf out = MP_BUF_INIT, again = MP_BUF_INIT, e = MP_BUF_INIT;
  char number[128];

  if (!CHECK(certificate != NULL)) return;
  CHECK_ERROR(MP_OK, mp_certificate_read((const uint8_t *)pem, strlen(pem), &out, &e), &e);
  snprintf(number, sizeof number, "\"organization_number\":\"%s\",\"organization_identifier\":\"NTRNO-%s\"", setting("organization"),
           setting("organization"));
  CHECK(says(&out, number));
  CHECK(says(&out, "\"problems\":[]") && says(&out, "\"key_bits\":2048"));
  CHECK(!says(&out, "PRIVATE") && !says(&out, "MII"));
  CHECK_ERROR(MP_OK, mp_certificate_read((const uint8_t *)certificate, strlen(certificate), &again, &e), &e);
  CHECK(out.data && again.data && strcmp((char *)out.data, (char *)again.data) == 0);
  mp_buf_free(&out);
  mp_buf_free(&again);

  CHECK_ERROR(MP_ERROR_INVALID_KEY, mp_certificate_read((const uint8_t *)pem, 400, &out, &e), &e);
  CHECK_ERROR(MP_ERROR_INVALID_KEY, mp_certificate_read((const uint8_t *)"certificate", 11, &out, &e), &e);
  CHECK(out.data == NULL);
  free(pem);
}
