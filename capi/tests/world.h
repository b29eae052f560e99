/*
 * world.h - the sandbox that the tests talk to, and clients in it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WORLD_H
#define WORLD_H

#include <maskinporten.h>

/* Reads the settings.json of a running sandbox. 0 if it cannot. */
int world_open(const char *settings_file);
void world_close(void);

/* A string of the settings, such as "scopes.plain". Lives as long as the world. */
const char *setting(const char *path);

/* The one object of a key generated for this run, {"kid", "public_jwk", ...}. */
const char *other_key(void);

/* The configuration of the sandbox's client, to be freed; with key as its "key"
 * member, or the client's own key if that is NULL. */
char *configuration(const char *key);

/* Short ways to a client and its sources. They check that it works and return 0
 * if not. `rest` is further members of the request, such as ", \"pid\": ...", or "". */
uint64_t new_client(void);
uint64_t new_client_of(const char *config);
uint64_t new_source(uint64_t client, const char *scope, const char *rest);

/* Frees a client, and the sources that new_source made for it. */
void end_client(uint64_t client);

/* The configuration as above, with further members, such as ", \"events\": 10". */
char *configuration_with(const char *members);

/* What the sandbox saw since the last sandbox_forget. */
int sandbox_count(const char *path);
void sandbox_forget(void);
/* A JSON array of faults, replacing all. */
void sandbox_faults(const char *faults);

/* Registers public keys for the sandbox's client, a JWK set. */
void sandbox_keys(const char *jwk_set);
/* The client's own public key, as a JWK, and the JWK of its private key. */
const char *own_public_key(void);
const char *own_private_key(void);

/* n, or less of it where everything is slow (valgrind): the environment variable
 * CAPI_SLOWDOWN says how much less. At least 1. */
int scaled(int n);

/* Milliseconds by the monotonic clock, and a pause. */
int64_t now_ms(void);
void pause_ms(int ms);

/* Members of a JSON text in a buffer, as in json_member.h. */
int has_text(const mp_buf *buf, const char *path, const char *want);

#endif
