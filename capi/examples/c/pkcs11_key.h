/*
 * pkcs11_key.h - an RSA key in an HSM, over PKCS#11 (Cryptoki). The module, which
 * comes with the HSM, is loaded at run time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PKCS11_KEY_H
#define PKCS11_KEY_H

#include <p11-kit/pkcs11.h>

/* One session: for one thread. Another thread opens its own. */
typedef struct {
  void *module;
  CK_FUNCTION_LIST_PTR call;
  CK_SESSION_HANDLE session;
  CK_OBJECT_HANDLE private_key, public_key;
} pkcs11_key;

/* Loads the module, logs in to the token with that label, and finds the key pair
 * with that label. 0 if it worked; else something was printed to stderr, and
 * pkcs11_close may be called all the same. key starts as all zeros. */
int pkcs11_open(pkcs11_key *key, const char *module, const char *token_label, const char *pin, const char *key_label);
void pkcs11_close(pkcs11_key *key);

/* Signs with RSASSA-PKCS1-v1_5 and the hash of alg: RS256, RS384 or RS512. The
 * HSM hashes too. *size is the room at signature, and then the signature's size.
 * 0 if it worked. */
int pkcs11_sign(pkcs11_key *key, const char *alg, const char *text, unsigned char *signature, unsigned long *size);

/* Prints the public key as the JWK that is registered at Maskinporten. 0 if it
 * worked. */
int pkcs11_print_jwk(pkcs11_key *key, const char *kid);

#endif
