/* SPDX-License-Identifier: Apache-2.0 */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include "growth.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SAMPLES = 1 << 16, MEASURES = 3 };

static const char *const names[MEASURES] = {"KiB of memory", "threads", "descriptors"};
/* What a measure may go up and down by, besides 5 %: the garbage collector's
 * pace, a thread more that waits in a system call, idle connections. */
static const int noise[MEASURES] = {4096, 4, 16};

static int (*samples)[MEASURES];
static int count;

void growth_begin(void) {
  samples = (int(*)[MEASURES])calloc(MAX_SAMPLES, sizeof *samples);
  count = 0;
}

void growth_sample(void) {
  FILE *status = fopen("/proc/self/status", "r");
  DIR *descriptors = opendir("/proc/self/fd");
  char line[256];
  if (samples != NULL && count < MAX_SAMPLES && status != NULL) {
    while (fgets(line, sizeof line, status)) {
      if (strncmp(line, "VmRSS:", 6) == 0) samples[count][0] = atoi(line + 6);
      if (strncmp(line, "Threads:", 8) == 0) samples[count][1] = atoi(line + 8);
    }
    while (descriptors && readdir(descriptors)) samples[count][2]++;
    count++;
  }
  if (status) fclose(status);
  if (descriptors) closedir(descriptors);
}

static int ascending(const void *a, const void *b) {
  int x = *(const int *)a, y = *(const int *)b;
  return (x > y) - (x < y);
}

/* The median of a measure over some samples. */
static int median(int measure, int from, int to) {
  int *sorted = (int *)malloc((size_t)(to - from + 1) * sizeof *sorted), i, middle;
  if (sorted == NULL) return 0;
  for (i = from; i < to; i++) sorted[i - from] = samples[i][measure];
  qsort(sorted, (size_t)(to - from), sizeof *sorted, ascending);
  middle = sorted[(to - from) / 2];
  free(sorted);
  return middle;
}

int growth_is_flat(void) {
  int measure, flat = count >= 20;
  for (measure = 0; measure < MEASURES && count >= 20; measure++) {
    int warm = count / 4, quarter = (count - warm) / 4, first = median(measure, warm, warm + quarter),
        last = median(measure, count - quarter, count);
    printf("     %s: %d in the first quarter, %d in the last\n", names[measure], first, last);
    flat &= last <= first + first / 20 + noise[measure];
  }
  free(samples);
  samples = NULL;
  return flat;
}
