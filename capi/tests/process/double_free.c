/*
 * double_free.c - F80: what the header forbids, for the address sanitizer to
 * find. Ends badly when it does.
 *
 *   double_free twice | free_it_yourself
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <maskinporten.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
  mp_buf key = MP_BUF_INIT, copy;
  if (argc != 2 || mp_key_generate("{}", 2, &key, NULL) != MP_OK) return 2;
  copy = key;
  if (strcmp(argv[1], "twice") == 0)
    mp_buf_free(&copy);
  else
    free(copy.data);
  puts("freed once");
  fflush(stdout);
  mp_buf_free(&key);
  puts("freed twice, and nobody saw it");
  return 0;
}
