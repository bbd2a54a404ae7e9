/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A sleeping copy of the test program: an image whose truth the test knows.
 */
#ifndef TESTS_AID_FORK_COPY_H
#define TESTS_AID_FORK_COPY_H

#include <sys/types.h>

/** Fork a copy that sleeps until end_copy(), or the death of its parent. */
pid_t fork_copy(void);
void end_copy(pid_t pid);

#endif
