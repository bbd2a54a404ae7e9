/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_die.h"

#include "formats/leb.h"

/* Field by field: what is copied right after it was written costs more than
 * all the rest of reading a DIE. */
static inline void cursor(struct bytes *b, const struct die_unit *u, size_t at)
{
	b->start = u->bytes;
	b->size = u->end;
	b->pos = at;
	b->broken = false;
}

static void skip_value(struct bytes *b, const struct die_spec *spec,
		       const struct die_unit *u)
{
	if (spec->size != DIE_VARIES)
		(void)bytes_take(b, spec->size);
	else if (spec->form == DW_FORM_exprloc)
		(void)bytes_take(b, leb_u64(b));
	else
		die_form_skip(b, spec->form, &u->sizes);
}

/* Values of which some vary; false on damage. */
static bool skip_values(const struct die_unit *u, const struct die_abbrev *a,
			struct bytes *b)
{
	if (a->lead < a->n)
		(void)bytes_take(b, a->specs[a->lead].at);
	for (uint32_t i = a->lead; i < a->n && !b->broken; i++)
		skip_value(b, &a->specs[i], u);
	return !b->broken;
}

enum die_step die_read(const struct die_unit *unit, size_t at,
		       struct die *ret)
{
	const struct die_abbrev *a;
	struct bytes b;
	uint64_t code;

	ret->unit = NULL;
	ret->at = at;
	ret->end = unit->end;
	if (at >= unit->end)
		return DIE_NONE;
	cursor(&b, unit, at);
	code = leb_u64(&b);
	if (code == 0) {
		ret->end = b.pos;
		return DIE_NONE;
	}
	a = die_abbrevs_find(unit->abbrevs, code);
	ret->abbrev = a;
	ret->values = b.pos;
	if (!a || b.broken)
		return DIE_DAMAGED;
	if (a->size != DIE_VARIES ? !bytes_take(&b, a->size)
				  : !skip_values(unit, a, &b))
		return DIE_DAMAGED;
	ret->unit = unit;
	ret->end = b.pos;
	return DIE_ONE;
}

/* Where DW_AT_sibling says that the next one is; it must lead forward. */
static bool follow_sibling(const struct die *die, size_t *ret)
{
	const struct die_unit *u = die->unit;
	uint64_t key, at;

	if (die_reference(die, DW_AT_sibling, &key) != DIE_REF_KEY ||
	    key < u->key)
		return false;
	at = u->header + (key - u->key);
	if (at <= die->end || at > u->end)
		return false;
	*ret = (size_t)at;
	return true;
}

size_t die_after(const struct die *die)
{
	size_t at = die->end, depth = 1;
	struct die d;

	if (!die->abbrev->has_children || follow_sibling(die, &at))
		return at;
	while (depth > 0 && at < die->unit->end) {
		switch (die_read(die->unit, at, &d)) {
		case DIE_ONE:
			at = d.end;
			if (d.abbrev->has_children && !follow_sibling(&d, &at))
				depth++;
			break;
		case DIE_NONE:
			at = d.end;
			depth--;
			break;
		case DIE_DAMAGED:
			return die->unit->end;
		}
	}
	return at;
}

bool die_first(const struct die *die, struct die *ret)
{
	return die->abbrev->has_children &&
	       die_read(die->unit, die->end, ret) == DIE_ONE;
}

bool die_next(struct die *die)
{
	const struct die_unit *unit = die->unit;

	return die_read(unit, die_after(die), die) == DIE_ONE;
}

/* --- attributes --- */

/* The spec of @attr, or NULL. */
static inline const struct die_spec *find_spec(const struct die_abbrev *a,
					       unsigned attr)
{
	uint32_t i = a->find[attr & 63];

	if (!(a->has & DIE_BIT(attr)))
		return NULL;
	while (i < a->n && a->specs[i].attr != attr)
		i++;
	return i < a->n ? &a->specs[i] : NULL;
}

/* Where the value of @spec begins: the nearest that is known, and steps from
 * there. */
static size_t find_value(const struct die *die, const struct die_spec *spec)
{
	const struct die_spec *from = spec;
	struct bytes b;

	while (from->at == DIE_VARIES)
		from--;		/* the first is at 0 */
	cursor(&b, die->unit, die->values + from->at);
	for (; from < spec; from++)
		skip_value(&b, from, die->unit);
	return b.pos;
}

static bool value_of(const struct die *die, const struct die_spec *spec,
		     struct die_value *ret)
{
	ret->unit = die->unit;
	ret->form = spec->form;
	ret->constant = spec->constant;
	cursor(&ret->at, die->unit, spec->at != DIE_VARIES ?
	       die->values + spec->at : find_value(die, spec));
	if (ret->form == DW_FORM_indirect)
		ret->form = (unsigned)leb_u64(&ret->at);
	return true;
}

/* The value of @spec, when it has @form and is at a place known beforehand:
 * its bytes were passed when @die was read. */
static inline const uint8_t *plain_value(const struct die *die,
					 const struct die_spec *spec,
					 unsigned form)
{
	return spec && spec->form == form && spec->at != DIE_VARIES ?
	       die->unit->bytes + die->values + spec->at : NULL;
}

static uint32_t u32_at(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

bool die_value(const struct die *die, unsigned attr, struct die_value *ret)
{
	const struct die_spec *spec = find_spec(die->abbrev, attr);

	return spec && value_of(die, spec, ret);
}

bool die_flag(const struct die *die, unsigned attr)
{
	const struct die_spec *spec = find_spec(die->abbrev, attr);
	struct die_value v;

	if (!spec || spec->form == DW_FORM_flag_present)
		return spec != NULL;
	return value_of(die, spec, &v) &&
	       (v.form != DW_FORM_flag || bytes_u8(&v.at));
}

bool die_value_number(struct die_value *v, uint64_t *ret)
{
	switch (v->form) {
	case DW_FORM_data1:
		*ret = bytes_u8(&v->at);
		return true;
	case DW_FORM_data2:
		*ret = bytes_u16(&v->at);
		return true;
	case DW_FORM_data4:
		*ret = bytes_u32(&v->at);
		return true;
	case DW_FORM_data8:
		*ret = bytes_u64(&v->at);
		return true;
	case DW_FORM_udata:
		*ret = leb_u64(&v->at);
		return true;
	case DW_FORM_sdata:
		*ret = (uint64_t)leb_i64(&v->at);
		return true;
	case DW_FORM_implicit_const:
		*ret = (uint64_t)v->constant;
		return true;
	default:
		return false;
	}
}

bool die_number(const struct die *die, unsigned attr, uint64_t *ret)
{
	const struct die_spec *spec = find_spec(die->abbrev, attr);
	const uint8_t *at = plain_value(die, spec, DW_FORM_data1);
	struct die_value v;

	if (at) {
		*ret = *at;
		return true;
	}
	return spec && value_of(die, spec, &v) && die_value_number(&v, ret);
}

bool die_expression(const struct die *die, unsigned attr, struct bytes *ret)
{
	struct die_value v;
	uint64_t n;

	if (!die_value(die, attr, &v)) {
		*ret = bytes_of(NULL, 0);
		return false;
	}
	switch (v.form) {
	case DW_FORM_exprloc:
	case DW_FORM_block:
		n = leb_u64(&v.at);
		break;
	case DW_FORM_block1:
		n = bytes_u8(&v.at);
		break;
	case DW_FORM_block2:
		n = bytes_u16(&v.at);
		break;
	case DW_FORM_block4:
		n = bytes_u32(&v.at);
		break;
	case DW_FORM_data16:
		n = 16;
		break;
	default:
		*ret = bytes_of(NULL, 0);
		return false;
	}
	bytes_cut(&v.at, n, ret);
	return !ret->broken;
}

static uint64_t offset_from(struct bytes *b, const struct die_unit *u)
{
	return u->sizes.offset == 8 ? bytes_u64(b) : bytes_u32(b);
}

static uint64_t int_from(struct bytes *b, size_t width)
{
	const uint8_t *at = bytes_take(b, width);
	uint64_t value = 0;

	if (at)
		memcpy(&value, at, width);
	return value;
}

/* Entry @index of a table of @width bytes each, @base bytes into @section. */
static bool table_entry(struct bytes section, uint64_t base, uint64_t index,
			size_t width, uint64_t *ret)
{
	(void)bytes_take(&section, base);
	if (index > bytes_left(&section) / width)
		return false;
	(void)bytes_take(&section, index * width);
	*ret = int_from(&section, width);
	return !section.broken;
}

bool die_indexed_address(const struct die_unit *unit, uint64_t index,
			 uint64_t *ret)
{
	return table_entry(unit->addr_file->addr, unit->addr_base, index,
			   unit->sizes.address, ret);
}

/* The index that some forms hold. */
static bool index_of(struct die_value *v, uint64_t *ret)
{
	switch (v->form) {
	case DW_FORM_strx1:
	case DW_FORM_addrx1:
		*ret = bytes_u8(&v->at);
		return true;
	case DW_FORM_strx2:
	case DW_FORM_addrx2:
		*ret = bytes_u16(&v->at);
		return true;
	case DW_FORM_strx3:
	case DW_FORM_addrx3:
		*ret = int_from(&v->at, 3);
		return true;
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
		*ret = bytes_u32(&v->at);
		return true;
	case DW_FORM_strx:
	case DW_FORM_addrx:
	case DW_FORM_loclistx:
	case DW_FORM_rnglistx:
	case DW_FORM_GNU_addr_index:
	case DW_FORM_GNU_str_index:
		*ret = leb_u64(&v->at);
		return true;
	default:
		return false;
	}
}

bool die_address(const struct die *die, unsigned attr, uint64_t *ret)
{
	struct die_value v;
	uint64_t index;

	if (!die_value(die, attr, &v))
		return false;
	switch (v.form) {
	case DW_FORM_addr:
		*ret = int_from(&v.at, die->unit->sizes.address);
		return true;
	case DW_FORM_addrx:
	case DW_FORM_addrx1:
	case DW_FORM_addrx2:
	case DW_FORM_addrx3:
	case DW_FORM_addrx4:
	case DW_FORM_GNU_addr_index:
		return index_of(&v, &index) &&
		       die_indexed_address(die->unit, index, ret);
	default:
		return false;
	}
}

/* DWARF 2 and 3 have no form of their own for offsets. */
bool die_offset(const struct die *die, unsigned attr, uint64_t *ret)
{
	struct die_value v;

	if (!die_value(die, attr, &v))
		return false;
	switch (v.form) {
	case DW_FORM_sec_offset:
		*ret = offset_from(&v.at, die->unit);
		return true;
	case DW_FORM_data4:
	case DW_FORM_data8:
		return die_value_number(&v, ret);
	default:
		return false;
	}
}

bool die_list_index(const struct die *die, unsigned attr, uint64_t *ret)
{
	struct die_value v;

	return die_value(die, attr, &v) &&
	       (v.form == DW_FORM_loclistx || v.form == DW_FORM_rnglistx) &&
	       index_of(&v, ret);
}

/* Sections of strings end with a NUL. */
static const char *text_at(struct bytes section, uint64_t offset)
{
	return offset < section.size ? (const char *)section.start + offset
				     : NULL;
}

static const char *indexed_text(struct die_value *v)
{
	const struct die_unit *u = v->unit;
	uint64_t index, offset;

	if (!index_of(v, &index) ||
	    !table_entry(u->file->str_offsets, u->str_offsets_base, index,
			 u->sizes.offset, &offset))
		return NULL;
	return text_at(u->file->str, offset);
}

const char *die_value_text(struct die_value *v)
{
	const struct die_unit *u = v->unit;

	switch (v->form) {
	case DW_FORM_string:
		/* Its end was seen when the value was passed. */
		return (const char *)v->at.start + v->at.pos;
	case DW_FORM_strp:
		return text_at(u->file->str, offset_from(&v->at, u));
	case DW_FORM_line_strp:
		return text_at(u->file->line_str, offset_from(&v->at, u));
	case DW_FORM_strp_sup:
	case DW_FORM_GNU_strp_alt:
		return u->file->alt ? text_at(u->file->alt->str,
					      offset_from(&v->at, u)) : NULL;
	case DW_FORM_strx:
	case DW_FORM_strx1:
	case DW_FORM_strx2:
	case DW_FORM_strx3:
	case DW_FORM_strx4:
	case DW_FORM_GNU_str_index:
		return indexed_text(v);
	default:
		return NULL;
	}
}

const char *die_text(const struct die *die, unsigned attr)
{
	const struct die_spec *spec = find_spec(die->abbrev, attr);
	const struct die_unit *u = die->unit;
	const uint8_t *at = plain_value(die, spec, DW_FORM_strp);
	struct die_value v;

	if (at && u->sizes.offset == 4)
		return text_at(u->file->str, u32_at(at));
	return spec && value_of(die, spec, &v) ? die_value_text(&v) : NULL;
}

static enum die_reference in_alt(const struct die_unit *u, uint64_t offset,
				 uint64_t *ret)
{
	if (!u->file->alt)
		return DIE_REF_MISSING;
	*ret = u->file->alt->info_key + offset;
	return DIE_REF_KEY;
}

enum die_reference die_reference(const struct die *die, unsigned attr,
				 uint64_t *ret)
{
	const struct die_spec *spec = find_spec(die->abbrev, attr);
	const struct die_unit *u = die->unit;
	const uint8_t *at = plain_value(die, spec, DW_FORM_ref4);
	struct die_value v;

	*ret = 0;
	if (at) {
		*ret = u->key + u32_at(at);
		return DIE_REF_KEY;
	}
	if (!spec || !value_of(die, spec, &v))
		return DIE_REF_NONE;
	switch (v.form) {
	case DW_FORM_ref1:
		*ret = u->key + bytes_u8(&v.at);
		return DIE_REF_KEY;
	case DW_FORM_ref2:
		*ret = u->key + bytes_u16(&v.at);
		return DIE_REF_KEY;
	case DW_FORM_ref4:
		*ret = u->key + bytes_u32(&v.at);
		return DIE_REF_KEY;
	case DW_FORM_ref8:
		*ret = u->key + bytes_u64(&v.at);
		return DIE_REF_KEY;
	case DW_FORM_ref_udata:
		*ret = u->key + leb_u64(&v.at);
		return DIE_REF_KEY;
	case DW_FORM_ref_addr:
		*ret = u->file->info_key +
		       int_from(&v.at, u->sizes.version <= 2 ?
				u->sizes.address : u->sizes.offset);
		return DIE_REF_KEY;
	case DW_FORM_ref_sig8:
		*ret = bytes_u64(&v.at);
		return DIE_REF_SIGNATURE;
	case DW_FORM_GNU_ref_alt:
		return in_alt(u, offset_from(&v.at, u), ret);
	case DW_FORM_ref_sup4:
		return in_alt(u, bytes_u32(&v.at), ret);
	case DW_FORM_ref_sup8:
		return in_alt(u, bytes_u64(&v.at), ret);
	default:
		return DIE_REF_NONE;
	}
}
