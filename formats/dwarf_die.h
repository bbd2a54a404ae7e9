/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Units and debugging information entries (DIEs) of DWARF 2 to 5, read in
 * place (DWARF 5, 7.5).
 *
 * A `struct die` is a place in a section and the abbreviation that says what
 * stands there; nothing is allocated, and nothing outside of its unit is
 * touched. DIEs are named by keys: one space of numbers for all sections of
 * all files that belong to a module. In .debug_info of its main file a key is
 * the offset.
 *
 * Sections are borrowed, and must not change: what was checked when a DIE was
 * read is not checked again.
 *
 * Cost: about 20 ns a DIE, 10 an attribute.
 */
#ifndef FORMATS_DWARF_DIE_H
#define FORMATS_DWARF_DIE_H

#include "formats/dwarf.h"
#include "formats/dwarf_abbrev.h"

/* Sections that the DIEs of one file refer to; absent ones are empty. Those of
 * strings end with a NUL. */
struct die_sections {
	struct bytes abbrev, str, line_str, str_offsets, addr;
	struct bytes ranges, rnglists, loc, loclists, line;
	uint64_t info_key;	/* of the start of .debug_info */
	const struct die_sections *alt;	/* dwz's supplementary file, or NULL */
};

/* A unit. Until it is open only what stands in its header is known. */
struct die_unit {
	const struct die_sections *file;
	/* Where indexed addresses are: of split DWARF, in the main file. */
	const struct die_sections *addr_file;
	const uint8_t *bytes;	/* the section that it lies in */
	size_t header, first, end;	/* places there: of its header, its
					 * DIE, behind its last byte */
	uint64_t key;		/* of its header */
	struct die_sizes sizes;
	uint8_t kind;		/* DW_UT_* */
	bool is_split;		/* of a .dwo or .dwp file */
	bool is_indexed;	/* a .dwp file says what is its */
	bool is_imported;	/* of a supplementary file: by a unit that is
				 * read */
	bool is_broken;		/* it could not be opened */
	uint64_t signature;	/* of a type unit; else the id of split DWARF */
	uint64_t type_at;	/* of a type unit: its type, from header on */
	uint64_t abbrev_at;
	const struct die_abbrevs *abbrevs;	/* NULL: not open */
	uint64_t str_offsets_base, addr_base;
	uint64_t ranges_base, locations_base;	/* of indexed lists */
	/* Added to offsets in .debug_ranges and .debug_loc. */
	uint64_t old_ranges, old_locations;
	uint64_t base;		/* DW_AT_low_pc, 0 when there is none */
	uint8_t language;	/* low byte of DW_LANG_* */
};

struct die {
	const struct die_unit *unit;	/* NULL: none */
	const struct die_abbrev *abbrev;
	size_t at, values, end;	/* in the section: its first byte, that of its
				 * values, the one behind them */
};

enum die_step {
	DIE_ONE,
	DIE_NONE,	/* the end of siblings; @end is behind it */
	DIE_DAMAGED,
};

/** Read the DIE at @at, which may be any place. */
enum die_step die_read(const struct die_unit *unit, size_t at,
		       struct die *ret);

/** The DIE of the open unit @unit itself. */
static inline bool die_of_unit(const struct die_unit *unit, struct die *ret)
{
	return die_read(unit, unit->first, ret) == DIE_ONE;
}

/** The first child. False when there is none, or damage. */
bool die_first(const struct die *die, struct die *ret);

/** Step to the next sibling; false when there is none, or damage. */
bool die_next(struct die *die);

/** The place behind @die and all below it; the unit's end on damage. */
size_t die_after(const struct die *die);

static inline unsigned die_tag(const struct die *die)
{
	return die->abbrev->tag;
}

static inline uint64_t die_key(const struct die *die)
{
	return die->unit->key + (die->at - die->unit->header);
}

/* --- attributes: absent ones, and those of another class, are false --- */

/* A value: what its form is, and where it stands. */
struct die_value {
	const struct die_unit *unit;
	unsigned form;		/* never DW_FORM_indirect */
	int64_t constant;	/* of DW_FORM_implicit_const */
	struct bytes at;
};

bool die_value(const struct die *die, unsigned attr, struct die_value *ret);

static inline bool die_has(const struct die *die, unsigned attr)
{
	struct die_value value;

	return die->abbrev->has & DIE_BIT(attr) &&
	       die_value(die, attr, &value);
}

/** True also for what is there and no flag. */
bool die_flag(const struct die *die, unsigned attr);

/** A constant of up to eight bytes. */
bool die_number(const struct die *die, unsigned attr, uint64_t *ret);

/** The bytes of a block or an expression; borrowed from the section. */
bool die_expression(const struct die *die, unsigned attr, struct bytes *ret);

/** An address of the file. */
bool die_address(const struct die *die, unsigned attr, uint64_t *ret);

/** Entry @index of .debug_addr. */
bool die_indexed_address(const struct die_unit *unit, uint64_t index,
			 uint64_t *ret);

/** An offset in another section. */
bool die_offset(const struct die *die, unsigned attr, uint64_t *ret);

/** DW_FORM_loclistx or rnglistx. */
bool die_list_index(const struct die *die, unsigned attr, uint64_t *ret);

/** A string, borrowed from its section; or NULL. */
const char *die_text(const struct die *die, unsigned attr);

/** The same of a value that was found already, and passed once. */
bool die_value_number(struct die_value *value, uint64_t *ret);
const char *die_value_text(struct die_value *value);

enum die_reference {
	DIE_REF_NONE,
	DIE_REF_KEY,
	DIE_REF_SIGNATURE,	/* of a type unit */
	DIE_REF_MISSING,	/* in a supplementary file that is not there */
};

/** What an attribute refers to: *@ret is a key or a signature. */
enum die_reference die_reference(const struct die *die, unsigned attr,
				 uint64_t *ret);

#endif
