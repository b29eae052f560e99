/*
 * loopback.c - one request to the sandbox's controls, for the test scripts.
 *
 *   loopback METHOD URL BODY
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "../../examples/c/loopback_http.h"

int main(int argc, char **argv) {
  static char answer[1 << 20];
  int status = argc == 4 ? loopback_http(argv[1], argv[2], "Content-Type: application/json\r\n", argv[3], answer, sizeof answer) : -1;
  printf("%d %s\n", status, answer);
  return status / 100 == 2 ? 0 : 1;
}
