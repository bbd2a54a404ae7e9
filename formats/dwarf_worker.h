/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Reading a module's DWARF in a process of its own.
 *
 * DWARF comes from files that we did not write, through a library with a
 * history of faults. When the worker dies, its module loses its types, and
 * nothing else is lost.
 *
 * The answer: u64 files that were not found, u64 1 where memory did not
 * suffice for slots, u64 findings, each of them u64 count, u64 bytes and the
 * text; then type table and variables as in formats/types_io.h and slots as in
 * formats/slots.h, with addresses of the file and module 0. It depends on the
 * files alone.
 */
#ifndef FORMATS_DWARF_WORKER_H
#define FORMATS_DWARF_WORKER_H

#include "formats/dwarf_companion.h"
#include "formats/image.h"
#include "formats/worker.h"

/* The most that one module may take: 200 MB of DWARF were seen to take 15 s. */
enum { DWARF_WORKER_MS = 120 * 1000 };

/* What dwarf_types_read() is to read; files and strings are borrowed. */
struct dwarf_job {
	struct elf_file *elf, *symbols;
	struct elf_file *code;	/* has the machine code; or NULL */
	struct dwarf_places places;
};

/**
 * Start a worker that has @ms milliseconds. Its answer is for
 * dwarf_answer_read().
 */
bool dwarf_worker_start(const struct dwarf_job *job, uint32_t ms,
			struct worker_process *ret, struct err *err) MUST_CHECK;

/**
 * Take an answer apart.
 *
 * @param image	Variables and slots are appended to its own, with addresses of
 *		the file, module 0 and ids of @types. Findings go to its diag.
 * @param types	As types_read_raw() makes it. Owned by the caller; release
 *		with types_free().
 */
bool dwarf_answer_read(struct bytes answer, struct image *image,
		       struct type_table *types, struct err *err) MUST_CHECK;

/** True when nothing was missing: files that belong to the module's. */
bool dwarf_answer_is_whole(struct bytes answer);

/** True when it would be the same again: whole, and not short of memory. */
bool dwarf_answer_is_final(struct bytes answer);

/** Start a worker, wait for it and read its answer. */
bool dwarf_worker_read(const struct dwarf_job *job, struct image *image,
		       struct type_table *types, struct err *err) MUST_CHECK;

#endif
