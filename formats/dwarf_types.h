/* SPDX-License-Identifier: MIT */
/**
 * @file
 * All types and all global, static and thread-local variables of one module,
 * from its DWARF (versions 2 to 5).
 *
 * One pass over the DIEs of each unit; bodies of functions are entered for
 * the types and statics in them only. What is not understood is counted.
 * Units are read in parts of some MB, by several threads, and joined in their
 * order, so that the result is the same for any number of threads. Files that
 * the DWARF goes on in are read with it: dwz's, .dwo and .dwp.
 *
 * Cost: 90 to 160 MB of .debug_info a second and thread, 60 to 70 where the
 * code of C units is read, too; memory for the sections, and for the
 * descriptions of a part before equal ones are joined.
 */
#ifndef FORMATS_DWARF_TYPES_H
#define FORMATS_DWARF_TYPES_H

#include "base/diag.h"
#include "formats/dwarf_companion.h"
#include "formats/image.h"
#include "formats/slots.h"

struct dwarf_variable {
	uint32_t name;		/* qualified; in the table's strings */
	uint32_t linkage;	/* name in the symbol table, 0 the same */
	uint64_t addr;		/* in the file; VAR_TLS: offset in the block */
	uint32_t type;		/* id in the table, or TYPE_NONE */
	uint32_t flags;		/* enum var_flags */
};

struct dwarf_types {
	struct type_table types;
	VEC(struct dwarf_variable) vars;
	struct slots slots;	/* what void pointers were seen to hold */
	bool lacks_slots;	/* memory did not suffice for them; counted */
	size_t n_missing;	/* files with more DWARF that were not found */
};

/**
 * Read the DWARF in @elf. Variables without a location take it from the
 * symbol table of @symbols (may be @elf, or NULL); what pointers hold is seen
 * in the code of @code (the same). Files that belong to @elf are looked for at
 * @places.
 *
 * @param ret	Owned by the caller; release with dwarf_types_free().
 */
bool dwarf_types_read(struct elf_file *elf, struct elf_file *symbols,
		      struct elf_file *code, const struct dwarf_places *places,
		      struct dwarf_types *ret, struct diag *diag,
		      struct err *err) MUST_CHECK;

void dwarf_types_free(struct dwarf_types *types);

#endif
