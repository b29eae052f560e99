/*
 * loopback_http.h - one HTTP/1.1 request to a server on this machine, for the
 * examples and tests. A real program has an HTTP library, with TLS.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LOOPBACK_HTTP_H
#define LOOPBACK_HTTP_H

#include <stddef.h>

/* Sends body (NULL: none) with these header lines (each ended by CR LF, or
 * NULL) to a URL of the form http://127.0.0.1:port/path. The body of the answer
 * goes to answer, cut to capacity - 1 bytes and ended by a NUL. Returns the
 * HTTP status, or -1 if there was none. Waits ten seconds at most. */
int loopback_http(const char *method, const char *url, const char *headers, const char *body, char *answer,
                  size_t capacity);

#endif
