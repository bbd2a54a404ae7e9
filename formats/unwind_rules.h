/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The unwinding rules at an address of the process: from the file of the
 * module that holds it, its debug file, or its memory (which snapshots have:
 * read-only data of modules is captured), and those of the vDSO.
 */
#ifndef FORMATS_UNWIND_RULES_H
#define FORMATS_UNWIND_RULES_H

#include "base/map.h"
#include "formats/dwarf_cfi.h"
#include "formats/module_files.h"

/* Of one module: opened when a pc in it is first asked for. */
struct module_rules {
	bool is_open;
	uint64_t bias;
	uint8_t *memory;		/* .eh_frame taken from there, or NULL */
	struct cfi eh, debug, debug_file;
};

struct unwind_rules {
	struct module_files *files;	/* borrowed */
	struct module_rules *modules;	/* [modules + 1], the last the vDSO's */
	uint64_t vdso, vdso_end;	/* 0 when there is none */
	struct map kept;		/* address -> index in rows + 1, or 0 */
	VEC(struct cfi_row) rows;
};

bool unwind_rules_open(struct module_files *files, struct unwind_rules *ret,
		       struct err *err) MUST_CHECK;

/** Accepts a zeroed struct. */
void unwind_rules_close(struct unwind_rules *rules);

/**
 * The rules at @addr; NULL when there are none. Addresses in them are those
 * of the process. Valid until the next call.
 */
const struct cfi_row *unwind_rules_at(struct unwind_rules *rules,
				      uint64_t addr);

#endif
