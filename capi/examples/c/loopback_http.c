/* SPDX-License-Identifier: Apache-2.0 */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include "loopback_http.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <unistd.h>

static int dial(const char *host, const char *port) {
  struct addrinfo hints, *found = NULL;
  struct timeval limit = {10, 0};
  int fd;

  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_family = AF_INET;
  if (getaddrinfo(host, port, &hints, &found) != 0) return -1;
  fd = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
  if (fd >= 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
      close(fd);
      fd = -1;
    }
  }
  freeaddrinfo(found);
  return fd;
}

static int send_all(int fd, const char *data, size_t length) {
  while (length > 0) {
    ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);
    if (sent <= 0) return -1;
    data += sent;
    length -= (size_t)sent;
  }
  return 0;
}

/* HTTP/1.0 keeps the answer free of chunks and ends it with the connection. */
int loopback_http(const char *method, const char *url, const char *headers, const char *body, char *answer,
                  size_t capacity) {
  static const char form[] = "%s %s HTTP/1.0\r\nHost: %s:%s\r\nContent-Length: %lu\r\n%s\r\n";
  char host[64], port[8], *head, *received, *split;
  const char *path;
  size_t used = 0, room = capacity + 8192;
  int fd, status = -1, head_length;

  if (sscanf(url, "http://%63[^:/]:%7[0-9]", host, port) != 2) return -1;
  path = strchr(url + strlen("http://"), '/');
  if (path == NULL) path = "/";
  if (headers == NULL) headers = "";
  if (body == NULL) body = "";

  head_length = snprintf(NULL, 0, form, method, path, host, port, (unsigned long)strlen(body), headers);
  head = (char *)malloc((size_t)head_length + 1);
  received = (char *)malloc(room);
  fd = head && received ? dial(host, port) : -1;
  if (fd >= 0) {
    sprintf(head, form, method, path, host, port, (unsigned long)strlen(body), headers);
    if (send_all(fd, head, (size_t)head_length) == 0 && send_all(fd, body, strlen(body)) == 0) {
      ssize_t got;
      while (used < room - 1 && (got = recv(fd, received + used, room - 1 - used, 0)) > 0) used += (size_t)got;
      received[used] = '\0';
      split = strstr(received, "\r\n\r\n");
      if (split != NULL && sscanf(received, "HTTP/1.%*d %d", &status) == 1 && capacity > 0)
        snprintf(answer, capacity, "%s", split + 4);
    }
    close(fd);
  }
  free(head);
  free(received);
  return status;
}
