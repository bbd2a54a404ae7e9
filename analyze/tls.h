/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Where each thread has the thread-local variables of each module.
 *
 * glibc numbers the modules that have a PT_TLS segment. A list of slots in
 * ld.so (_dl_tls_dtv_slotinfo_list) has for each number the link_map of the
 * module and the generation in which it got the number; each thread has a
 * vector (dtv) with the address of its block of each module, of a generation
 * of its own: entries for slots that are younger are left over from modules
 * that are gone. Blocks that were there before the thread lie at a fixed
 * distance below the thread pointer (l_tls_offset); others are made when they
 * are first used. (elf/dl-tls.c, nptl_db/td_thr_tlsbase.c, structs.def; U.
 * Drepper, "ELF handling for thread-local storage", 2013.)
 *
 * The list is found as debuggers find it, by offsets that libc states for
 * them in variables named _thread_db_*; without those, by its shape among the
 * data of ld.so, and then blocks that were there before the thread are taken
 * from its vector, too. musl numbers the modules in the order of its link
 * maps, and its vectors (ldso/dynlink.c) are complete.
 *
 * Else the block of the program itself is known: it ends at the thread
 * pointer, its size rounded up to its alignment (variant II, section 3.4.6).
 * That is all of it in a static program.
 */
#ifndef ANALYZE_TLS_H
#define ANALYZE_TLS_H

#include "base/vec.h"
#include "formats/image.h"

struct tls_block {
	uint64_t addr;		/* of its first byte */
	uint32_t thread;	/* index in image.threads */
	uint32_t module;	/* index in image.modules */
};

struct tls_blocks {
	VEC(struct tls_block) at;	/* by thread, then module */
};

/**
 * Find those that exist. Modules without TLS, and blocks that a thread has
 * not used yet, have none. Release with tls_blocks_free().
 *
 * Cost: a few reads for each module and thread.
 */
bool tls_blocks_find(const struct image *image, struct tls_blocks *ret,
		     struct err *err) MUST_CHECK;

void tls_blocks_free(struct tls_blocks *blocks);

#endif
