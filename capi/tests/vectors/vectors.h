/*
 * vectors.h - the parts of the program that runs the shared test vectors, as
 * core/testdata/vectors/README.md says.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef VECTORS_H
#define VECTORS_H

#include <jansson.h>
#include <maskinporten.h>

/* One case, while it runs. The flows are by name, with the signing inputs that
 * were seen of each. */
typedef struct {
  const json_t *keys; /* keys.json */
  uint64_t clients[4], sources[4];
  struct {
    char name[16];
    uint64_t handle;
    json_t *grants;
  } flows[8];
  json_t *jtis;
  char why[4096]; /* what is wrong, or empty */
} runner;

/* Says what is wrong with the case; the first complaint is kept. Returns NULL. */
json_t *wrong(runner *r, const char *format, ...);

/* Runs one case to its end and frees what it made. The result is in r->why. */
void run_case(runner *r, const char *operation, const json_t *file, const json_t *test);

/* What differs between an expectation and an outcome, said by wrong(). */
void match(runner *r, const json_t *expect, const json_t *outcome);

/* text.c: bytes in their three forms, JSON as text, and base64 in either
 * alphabet. All to be freed. */
char *blob(const json_t *text, size_t *length);
char *compact(const json_t *value, size_t *length);
unsigned char *unbase64(const char *text, size_t text_length, size_t *length);

/* outcome.c: what came of a call, as an outcome. They take the buffers over. */
json_t *told(runner *r, int32_t status, mp_buf *error);
json_t *failure(runner *r, const json_t *error);

/* steps.c: flows. */
json_t *next_step(runner *r, size_t flow);
json_t *acquire(runner *r, size_t flow, const json_t *signatures, const json_t *answers);
json_t *script_line(runner *r, uint64_t source, const json_t *line);
size_t flow_named(runner *r, const char *name, uint64_t source);

/* signature.c: the name of the key in keys.json that made the signature. */
const char *signer(const json_t *keys, const char *alg, const char *signing_input, const unsigned char *signature,
                   size_t length);

#endif
