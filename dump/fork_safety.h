/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What forbids to fork a process for a copy, apart from room (headroom.h) and
 * from what its threads do at the moment (inject.h).
 *
 *  - A seccomp filter: it could answer clone() by killing the process.
 *  - A file that is open with O_DIRECT, on kernels before 6.5: a page that is
 *    shared with a copy while the device still writes to it is lost to the
 *    process once that writes to it, too (open(2), notes on O_DIRECT). Since
 *    6.5 such I/O pins its pages, and fork() copies pinned ones at once.
 *  - userfaultfd: its owner may be told of a fork and has to answer.
 */
#ifndef DUMP_FORK_SAFETY_H
#define DUMP_FORK_SAFETY_H

#include "formats/image.h"

/** What can be known before @pid is stopped. Reads a file for each of its
 * threads, and on old kernels for each open file. */
bool fork_safety_process(uint32_t pid, struct err *why);

/** What its mappings tell. */
bool fork_safety_mappings(const struct image *image, struct err *why);

#endif
