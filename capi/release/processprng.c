/*
 * processprng.c - bcryptprimitives.dll for a wine that has none (before 9.0;
 * Debian 12 has 8.0): the random numbers that every Go program on Windows asks
 * for when it starts. For tests only; Windows has its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

/* RtlGenRandom, under the name by which advapi32.dll exports it. */
unsigned char __stdcall SystemFunction036(void *data, unsigned long len);

__declspec(dllexport) int __stdcall ProcessPrng(unsigned char *data, size_t len) {
  return SystemFunction036(data, (unsigned long)len);
}
