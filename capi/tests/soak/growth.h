/*
 * growth.h - whether a process grows: its memory, threads and descriptors.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef GROWTH_H
#define GROWTH_H

void growth_begin(void);
void growth_sample(void);

/* Compares the last quarter of the samples with the first, once a quarter of all
 * has been left to warming up; prints both. 0 if something has grown. */
int growth_is_flat(void);

#endif
