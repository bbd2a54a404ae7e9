/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Abbreviations: what the DIEs of a unit are made of (DWARF 5, 7.5.3).
 *
 * A table is decoded once, with a plan for each abbreviation: which value is
 * that of an attribute, where each value lies, as long as all before it are of
 * a fixed size, and how large the values are together. Most DIEs are then
 * read, or passed by, without a look at their forms.
 *
 * Cost: 24 bytes an attribute, 112 an abbreviation.
 */
#ifndef FORMATS_DWARF_ABBREV_H
#define FORMATS_DWARF_ABBREV_H

#include "base/bytes.h"
#include "base/vec.h"

/* In the place of a size that differs from DIE to DIE. */
#define DIE_VARIES UINT32_MAX

/* What sizes of values depend on. */
struct die_sizes {
	uint8_t version;
	uint8_t address, offset;	/* bytes of each */
};

struct die_spec {
	uint16_t attr, form;	/* DW_AT_*, DW_FORM_* */
	uint32_t at;		/* from the first value on, or DIE_VARIES */
	uint32_t size;		/* of the value, or DIE_VARIES */
	int64_t constant;	/* of DW_FORM_implicit_const */
};

struct die_abbrev {
	uint64_t code;
	uint64_t has;		/* DIE_BIT() of its attributes, or-ed */
	uint32_t first, n;	/* in the table's specs */
	uint32_t size;		/* of all values, or DIE_VARIES */
	uint32_t lead;		/* values of a fixed size before the others */
	uint16_t tag;		/* DW_TAG_* */
	bool has_children;
	/* By the low bits of DW_AT_*: the first spec that may be its, when its
	 * bit is set. */
	uint8_t find[64];
	const struct die_spec *specs;	/* [n] in the same table */
};

/* An attribute whose bit is not set is not there. */
#define DIE_BIT(attr) (UINT64_C(1) << ((attr) & 63))

struct die_abbrevs {
	VEC(struct die_abbrev) at;	/* by code */
	VEC(struct die_spec) specs;
	bool refers_elsewhere;	/* some DIE may refer out of its unit */
};

/**
 * Decode the table at @offset of @section. What follows damage is left out.
 *
 * @param ret	Owned by the caller; release with die_abbrevs_free(). False
 *		when memory is exhausted.
 */
bool die_abbrevs_read(struct bytes section, uint64_t offset,
		      const struct die_sizes *sizes, struct die_abbrevs *ret);

void die_abbrevs_free(struct die_abbrevs *table);

/** The abbreviation with @code, or NULL. */
const struct die_abbrev *die_abbrevs_search(const struct die_abbrevs *table,
					    uint64_t code);

static inline const struct die_abbrev *
die_abbrevs_find(const struct die_abbrevs *table, uint64_t code)
{
	/* Compilers number them from 1 on. */
	if (code - 1 < table->at.len && table->at.at[code - 1].code == code)
		return &table->at.at[code - 1];
	return die_abbrevs_search(table, code);
}

/**
 * Step over a value of @form. Breaks @b when it does not end there, or when
 * the form is unknown.
 */
void die_form_skip(struct bytes *b, unsigned form,
		   const struct die_sizes *sizes);

#endif
