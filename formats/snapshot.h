/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Opening and writing snapshots and cores.
 *
 * A snapshot is an ELF64 core in seekable zstd with sections of its own; its
 * bytes are described in docs/snapshot-format.md. A core is anything else
 * with the ELF type ET_CORE. Both become the same `struct image`.
 */
#ifndef FORMATS_SNAPSHOT_H
#define FORMATS_SNAPSHOT_H

#include "formats/image.h"

/**
 * Open a snapshot or a core, plain or compressed.
 *
 * Whatever is missing (a cut tail, a damaged frame, a lost table) is counted
 * in ret->diag and the rest is read. Fails when the file is no 64-bit
 * little-endian x86-64 ELF core at all.
 *
 * @ret keeps pointers to itself: it must stay where it is until image_close().
 *
 * For a core, mappings come from NT_FILE and the program headers, and there
 * are no types, variables or symbols: modules_load() adds them.
 */
bool image_open(const char *path, struct image *ret, struct err *err)
	MUST_CHECK;

/* Where a snapshot goes. */
struct snapshot_target {
	const char *path;	/* "-" is standard output */
	bool force;		/* replace an existing file */
	int level;		/* of zstd; 0 takes the default, 1 */
};

struct snapshot_writer;

/**
 * Begin a snapshot: writes ELF header, program headers and notes.
 *
 * @image gives meta, threads, mappings, modules, auxv, and ranges, which say
 * what memory follows: CAPTURED and TORN ranges must be written, in order,
 * with snapshot_memory(). Range ends are page aligned. ranges[].offset is set
 * to the place each one gets in the plain file. Types, variables, symbols are
 * not looked at before snapshot_finish(), and may still be missing here.
 *
 * The file is written under a temporary name beside @target->path, mode 0600.
 */
bool snapshot_begin(const struct snapshot_target *target, struct image *image,
		    struct snapshot_writer **ret, struct err *err) MUST_CHECK;

/** Append @n bytes of memory; in all, what the ranges announced. */
bool snapshot_memory(struct snapshot_writer *writer, const void *bytes,
		     size_t n, struct err *err) MUST_CHECK;

/**
 * Write the sections and the seek table, sync, and give the file its name.
 * Releases @writer in any case; on failure the temporary file is removed.
 */
bool snapshot_finish(struct snapshot_writer *writer, struct image *image,
		     struct err *err) MUST_CHECK;

/** Give up: remove the temporary file, release @writer. */
void snapshot_abort(struct snapshot_writer *writer);

#endif
