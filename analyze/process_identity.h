/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Do two images show the same process at two moments? Only then do equal
 * addresses mean the same place.
 *
 * The pid must be equal. Pids are used again, and a snapshot does not hold
 * the start time, but something better: at every execve() the kernel puts 16
 * random bytes on the stack, to which AT_RANDOM of the auxiliary vector
 * points (Linux, fs/binfmt_elf.c, create_elf_tables). Where they are not
 * there or redacted, the vector itself decides: it holds the randomized
 * addresses of stack, vdso and program. Where that is missing too, the
 * program has to lie at the same address, with the same build-id.
 */
#ifndef ANALYZE_PROCESS_IDENTITY_H
#define ANALYZE_PROCESS_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/image.h"

/* Hashes are 0 where the image does not tell. */
struct process_identity {
	uint32_t pid;
	uint64_t random[2];	/* both 0: unknown */
	uint64_t auxv;		/* hash of the vector */
	uint64_t program;	/* hash of place and build-id of the program */
	uint64_t kernel;	/* hash of the release */
};

void process_identity_of(const struct image *image,
			 struct process_identity *ret);

/** *@why tells the ground for the answer, as half a sentence; a literal. */
bool process_identity_same(const struct process_identity *a,
			   const struct process_identity *b, const char **why);

#endif
