/*
 * signature.c - whose signature it is, by a library that nobody here wrote.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

static BIGNUM *number(const json_t *jwk, const char *member) {
  const json_t *text = json_object_get(jwk, member);
  size_t length = 0;
  unsigned char *bytes = unbase64(json_string_value(text), json_string_length(text), &length);
  BIGNUM *value = BN_bin2bn(bytes, (int)length, NULL);
  free(bytes);
  return value;
}

static EVP_PKEY *public_key(const json_t *jwk) {
  BIGNUM *n = number(jwk, "n"), *e = number(jwk, "e");
  OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
  OSSL_PARAM *parameters = NULL;
  EVP_PKEY *key = NULL;
  if (OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) &&
      (parameters = OSSL_PARAM_BLD_to_param(build)) != NULL && EVP_PKEY_fromdata_init(context) > 0)
    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
  OSSL_PARAM_free(parameters);
  OSSL_PARAM_BLD_free(build);
  EVP_PKEY_CTX_free(context);
  BN_free(n);
  BN_free(e);
  return key;
}

const char *signer(const json_t *keys, const char *alg, const char *signing_input, const unsigned char *signature,
                   size_t length) {
  const char *hash = strcmp(alg, "RS256") == 0 ? "SHA256" : strcmp(alg, "RS384") == 0 ? "SHA384" : "SHA512";
  const char *name = "nobody";
  json_t *key;
  size_t i;
  json_array_foreach(json_object_get(keys, "keys"), i, key) {
    EVP_PKEY *verifier = public_key(json_object_get(key, "public_jwk"));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (verifier && EVP_DigestVerifyInit_ex(context, NULL, hash, NULL, NULL, verifier, NULL) > 0 &&
        EVP_DigestVerify(context, signature, length, (const unsigned char *)signing_input, strlen(signing_input)) == 1)
      name = json_string_value(json_object_get(key, "name"));
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(verifier);
  }
  return name;
}
