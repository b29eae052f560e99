/*
 * main.c - runs the tests of the C ABI against a sandbox.
 *
 *   capi_test settings.json [part of a test's name]
 *   capi_test settings.json --configuration | --public-key
 *
 * The second form prints the client's configuration or its public key, for the
 * examples.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "tests.h"
#include "world.h"

int main(int argc, char **argv) {
  const char *only = argc > 2 ? argv[2] : "";
  if (argc < 2 || !world_open(argv[1])) {
    fprintf(stderr, "usage: capi_test settings.json, as written by: maskinporten sandbox --out DIR\n");
    return 2;
  }
  if (strcmp(only, "--configuration") == 0) {
    char *config = configuration(NULL);
    puts(config ? config : "");
    free(config);
    world_close();
    return config ? 0 : 1;
  }
  if (strcmp(only, "--public-key") == 0) {
    puts(own_public_key());
    world_close();
    return 0;
  }
#define RUN_TEST(test) \
  if (strstr(#test, only)) run(#test, test);
  EVERY_TEST(RUN_TEST)
  world_close();
  return summary();
}
