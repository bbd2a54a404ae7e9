/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A snapshot whose head and memory are in place already: what
 * formats/snapshot_renew.c needs of formats/snapshot_write.c.
 */
#ifndef FORMATS_SNAPSHOT_WRITER_H
#define FORMATS_SNAPSHOT_WRITER_H

#include <elf.h>

#include "formats/seekable_write.h"
#include "formats/snapshot.h"

/** Set the fields of an ELF header that count and name sections. */
void snapshot_writer_shape(Elf64_Ehdr *header);

/**
 * A writer for the sections behind what was written to @out, which it owns
 * then. @n_segments counts PT_NOTE, too. To be ended by snapshot_finish() or
 * snapshot_abort(). NULL on no memory.
 */
struct snapshot_writer *snapshot_writer_behind(struct seekable_writer *out,
					       uint64_t n_segments);

#endif
