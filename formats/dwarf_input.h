/* SPDX-License-Identifier: MIT */
/**
 * @file
 * All units of the DWARF that describes one module, and the sections that
 * they lie in (DWARF 5, 7.5.1, 7.3).
 *
 * Headers of units are read at once, units when they are opened. A unit stays
 * where it is until the input is closed. Open units may be read by several
 * threads; opening is for one.
 *
 * Cost: about 200 bytes a unit, and its abbreviations.
 */
#ifndef FORMATS_DWARF_INPUT_H
#define FORMATS_DWARF_INPUT_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/map.h"
#include "formats/dwarf_companion.h"
#include "formats/dwarf_die.h"

enum input_kind {
	INPUT_MAIN,
	INPUT_ALT,	/* dwz's supplementary file */
	INPUT_SPLIT,	/* .dwo or .dwp */
};

enum input_also {
	INPUT_PLACES = 1,	/* location lists */
	INPUT_LINES = 2,	/* and which unit an address belongs to */
};

/* Sections of one file, and the abbreviations decoded so far. */
struct input_file {
	enum input_kind kind;
	struct die_sections sections;
	struct bytes aranges;
	uint64_t types_key;		/* of the start of .debug_types */
	struct elf_file *elf;		/* the main one's is borrowed */
	struct map abbrevs;		/* see dwarf_input.c -> struct pointer */
};

struct dwarf_input {
	VEC(struct die_unit *) units;	/* by key; in the arena */
	VEC(struct input_file *) files;	/* the main file first */
	struct map signatures;		/* of a type unit -> index + 1 */
	struct map splits;		/* id of split DWARF -> index + 1 */
	uint64_t next_key;		/* of the next section */
	struct dwarf_places places;
	unsigned also;			/* enum input_also */
	bool has_package;		/* the .dwp file was looked for */
	size_t n_missing;		/* files that were not found */
	struct arena arena;
	struct diag *diag;		/* borrowed */
};

/**
 * Read the headers of all units in @elf, which is borrowed as @places and
 * @diag are, until dwarf_input_close(), and in its supplementary file. Without
 * any DWARF there are no units.
 *
 * @param also	What else will be asked for: of enum input_also.
 */
bool dwarf_input_open(struct elf_file *elf, const struct dwarf_places *places,
		      unsigned also, struct diag *diag,
		      struct dwarf_input **ret, struct err *err) MUST_CHECK;

void dwarf_input_close(struct dwarf_input *input);

/**
 * Make the DIEs of @unit readable. False when its abbreviations or its own
 * DIE are damaged (counted), or memory is exhausted.
 */
bool dwarf_input_begin(struct dwarf_input *input, struct die_unit *unit);

/** The unit that holds @key, or NULL; it may not be open. */
struct die_unit *dwarf_input_unit(const struct dwarf_input *input,
				  uint64_t key);

/**
 * Add the units of @elf, which is taken. NULL when memory is exhausted. For
 * dwarf_split.c.
 */
struct input_file *dwarf_input_add(struct dwarf_input *input,
				   struct elf_file *elf, enum input_kind kind);

/**
 * The unit of split DWARF that @unit, which is open, stands for: opened, and
 * its file with it. @unit itself where it stands for none; NULL where that is
 * not found.
 */
struct die_unit *dwarf_input_split(struct dwarf_input *input,
				   struct die_unit *unit);

/** The type unit with @signature, or NULL; it may not be open. */
struct die_unit *dwarf_input_type_unit(const struct dwarf_input *input,
				       uint64_t signature);

#endif
