/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The first part of the kernel's core, read from a pipe: ELF header, program
 * headers and notes, before any memory.
 *
 * The notes come first because elf_core_dump() of Linux (fs/binfmt_elf.c)
 * writes them as the first segment. They hold what nobody but the kernel
 * knows of a dying process: the registers of its threads and the signal.
 */
#ifndef DUMP_CORE_HEAD_H
#define DUMP_CORE_HEAD_H

#include "formats/image.h"

/**
 * Copy the head of the core that comes from @in into the file @fd (see
 * core_spool.h); *@ret is its size in bytes. Nothing behind it is read. Fails
 * when that is no core, or one that ends inside its notes.
 */
bool core_head_copy(int in, int fd, uint64_t *ret, struct err *err) MUST_CHECK;

/** Take threads, auxv and signal from the head in the file @fd. */
bool core_head_read(int fd, struct image *image, struct err *err) MUST_CHECK;

#endif
