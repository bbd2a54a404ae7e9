/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The files of an image's modules, opened when they are first asked for.
 *
 * For the readers of frames, lines and locals, which want few of many
 * modules. Belongs to one thread. A module that broke a reader is broken: it
 * has no files, and its DWARF in memory is not looked at.
 */
#ifndef FORMATS_MODULE_FILES_H
#define FORMATS_MODULE_FILES_H

#include "formats/elf_file.h"
#include "formats/modules.h"
#include "formats/worker_retry.h"

struct module_files {
	const struct image *image;		/* borrowed */
	const struct module_search *search;	/* borrowed */
	struct retry *retry;			/* borrowed, or NULL */
	struct module_file_pair *at;		/* [modules] */
};

struct module_file_pair {
	bool is_open;			/* was tried */
	struct elf_file *own, *debug;	/* NULL when not there */
};

/** Release with module_files_close(). */
bool module_files_open(const struct image *image,
		       const struct module_search *search, struct retry *retry,
		       struct module_files *ret, struct err *err) MUST_CHECK;

void module_files_close(struct module_files *files);

/** The files of module @i; borrowed until module_files_close(). */
const struct module_file_pair *module_files_of(struct module_files *files,
					       uint32_t i);

/**
 * Copy @n bytes of code or constants at @addr of the process: from the image,
 * or from the file they were mapped from. False when one is in neither.
 */
bool module_files_read(struct module_files *files, uint64_t addr, void *buf,
		       size_t n);

/** True when module @i (one more than there are: the vDSO) is not to be read
 * again. */
bool module_files_is_broken(const struct module_files *files, uint32_t i);

/**
 * Say that what follows works on module @i (UINT32_MAX: on none): should it
 * crash or hang, that module is to blame.
 */
void module_files_blame(const struct module_files *files, uint32_t i);

#endif
