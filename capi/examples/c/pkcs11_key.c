/* SPDX-License-Identifier: Apache-2.0 */
#include "pkcs11_key.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* 0, or 1 after saying what did not work. */
static int complain(const char *doing, CK_RV result) {
  if (result == CKR_OK) return 0;
  fprintf(stderr, "%s: PKCS#11 error 0x%lx\n", doing, (unsigned long)result);
  return 1;
}

static int load(pkcs11_key *key, const char *module) {
  CK_C_GetFunctionList get_function_list;
  void *symbol;
  key->module = dlopen(module, RTLD_NOW | RTLD_LOCAL);
  symbol = key->module ? dlsym(key->module, "C_GetFunctionList") : NULL;
  if (symbol == NULL) {
    fprintf(stderr, "the PKCS#11 module: %s\n", dlerror());
    return 1;
  }
  memcpy(&get_function_list, &symbol, sizeof symbol); /* C has no cast for this */
  if (complain("C_GetFunctionList", get_function_list(&key->call))) return 1;
  return complain("C_Initialize", key->call->C_Initialize(NULL));
}

/* Labels of tokens are 32 bytes, filled up with spaces. */
static int has_label(const CK_TOKEN_INFO *token, const char *label) {
  size_t length = strlen(label), i;
  if (length > sizeof token->label || memcmp(token->label, label, length) != 0) return 0;
  for (i = length; i < sizeof token->label; i++)
    if (token->label[i] != ' ') return 0;
  return 1;
}

static int find_token(pkcs11_key *key, const char *label, CK_SLOT_ID *slot) {
  CK_SLOT_ID slots[64];
  CK_ULONG count = sizeof slots / sizeof *slots, i;
  CK_TOKEN_INFO token;
  if (complain("C_GetSlotList", key->call->C_GetSlotList(CK_TRUE, slots, &count))) return 1;
  for (i = 0; i < count; i++) {
    if (key->call->C_GetTokenInfo(slots[i], &token) != CKR_OK || !has_label(&token, label)) continue;
    *slot = slots[i];
    return 0;
  }
  fprintf(stderr, "no token is called %s\n", label);
  return 1;
}

static int find_key(pkcs11_key *key, CK_OBJECT_CLASS kind, const char *label, CK_OBJECT_HANDLE *found) {
  CK_KEY_TYPE type = CKK_RSA;
  CK_ATTRIBUTE wanted[3];
  CK_ULONG count = 0;
  memset(wanted, 0, sizeof wanted);
  wanted[0].type = CKA_CLASS, wanted[0].pValue = &kind, wanted[0].ulValueLen = sizeof kind;
  wanted[1].type = CKA_KEY_TYPE, wanted[1].pValue = &type, wanted[1].ulValueLen = sizeof type;
  wanted[2].type = CKA_LABEL, wanted[2].pValue = (void *)label, wanted[2].ulValueLen = (CK_ULONG)strlen(label);
  if (complain("C_FindObjectsInit", key->call->C_FindObjectsInit(key->session, wanted, 3))) return 1;
  if (complain("C_FindObjects", key->call->C_FindObjects(key->session, found, 1, &count))) return 1;
  if (complain("C_FindObjectsFinal", key->call->C_FindObjectsFinal(key->session))) return 1;
  if (count == 1) return 0;
  fprintf(stderr, "the token has no RSA key called %s\n", label);
  return 1;
}

int pkcs11_open(pkcs11_key *key, const char *module, const char *token_label, const char *pin, const char *key_label) {
  CK_SLOT_ID slot = 0;
  if (load(key, module) || find_token(key, token_label, &slot)) return 1;
  if (complain("C_OpenSession", key->call->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &key->session)))
    return 1;
  if (complain("C_Login", key->call->C_Login(key->session, CKU_USER, (unsigned char *)pin, (CK_ULONG)strlen(pin))))
    return 1;
  return find_key(key, CKO_PRIVATE_KEY, key_label, &key->private_key) ||
         find_key(key, CKO_PUBLIC_KEY, key_label, &key->public_key);
}

void pkcs11_close(pkcs11_key *key) {
  if (key->call != NULL) key->call->C_Finalize(NULL); /* ends the session too */
  if (key->module != NULL) dlclose(key->module);
  memset(key, 0, sizeof *key);
}

int pkcs11_sign(pkcs11_key *key, const char *alg, const char *text, unsigned char *signature, unsigned long *size) {
  CK_MECHANISM mechanism;
  memset(&mechanism, 0, sizeof mechanism);
  if (strcmp(alg, "RS256") == 0)
    mechanism.mechanism = CKM_SHA256_RSA_PKCS;
  else if (strcmp(alg, "RS384") == 0)
    mechanism.mechanism = CKM_SHA384_RSA_PKCS;
  else if (strcmp(alg, "RS512") == 0)
    mechanism.mechanism = CKM_SHA512_RSA_PKCS;
  else
    return complain(alg, CKR_MECHANISM_INVALID);
  if (complain("C_SignInit", key->call->C_SignInit(key->session, &mechanism, key->private_key))) return 1;
  return complain("C_Sign", key->call->C_Sign(key->session, (unsigned char *)text, (CK_ULONG)strlen(text), signature, size));
}

static void print_base64url(const unsigned char *bytes, size_t length) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  unsigned long bits = 0;
  int count = 0;
  size_t i;
  for (i = 0; i < length; i++) {
    bits = (bits << 8 | bytes[i]) & 0xffff;
    for (count += 8; count >= 6; count -= 6) putchar(digits[bits >> (count - 6) & 63]);
  }
  if (count > 0) putchar(digits[bits << (6 - count) & 63]);
}

int pkcs11_print_jwk(pkcs11_key *key, const char *kid) {
  unsigned char modulus[1024], exponent[16];
  CK_ATTRIBUTE parts[2];
  memset(parts, 0, sizeof parts);
  parts[0].type = CKA_MODULUS, parts[0].pValue = modulus, parts[0].ulValueLen = sizeof modulus;
  parts[1].type = CKA_PUBLIC_EXPONENT, parts[1].pValue = exponent, parts[1].ulValueLen = sizeof exponent;
  if (complain("C_GetAttributeValue", key->call->C_GetAttributeValue(key->session, key->public_key, parts, 2))) return 1;
  printf("{\"kty\":\"RSA\",\"use\":\"sig\",\"alg\":\"RS256\",\"kid\":\"%s\",\"n\":\"", kid);
  print_base64url(modulus, parts[0].ulValueLen);
  printf("\",\"e\":\"");
  print_base64url(exponent, parts[1].ulValueLen);
  printf("\"}\n");
  return 0;
}
