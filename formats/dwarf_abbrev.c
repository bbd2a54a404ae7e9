/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_abbrev.h"

#include "base/sorted.h"
#include "formats/dwarf.h"
#include "formats/leb.h"

/* What a small unit of C has. */
enum { FIRST_ABBREVS = 32, FIRST_SPECS = 128 };

/* Size of a value of @form; DIE_VARIES also where the form is unknown. */
static uint32_t form_size(unsigned form, const struct die_sizes *sizes)
{
	switch (form) {
	case DW_FORM_flag_present:
	case DW_FORM_implicit_const:
		return 0;
	case DW_FORM_data1:
	case DW_FORM_flag:
	case DW_FORM_ref1:
	case DW_FORM_strx1:
	case DW_FORM_addrx1:
		return 1;
	case DW_FORM_data2:
	case DW_FORM_ref2:
	case DW_FORM_strx2:
	case DW_FORM_addrx2:
		return 2;
	case DW_FORM_strx3:
	case DW_FORM_addrx3:
		return 3;
	case DW_FORM_data4:
	case DW_FORM_ref4:
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
	case DW_FORM_ref_sup4:
		return 4;
	case DW_FORM_data8:
	case DW_FORM_ref8:
	case DW_FORM_ref_sig8:
	case DW_FORM_ref_sup8:
		return 8;
	case DW_FORM_data16:
		return 16;
	case DW_FORM_addr:
		return sizes->address;
	case DW_FORM_ref_addr:
		return sizes->version <= 2 ? sizes->address : sizes->offset;
	case DW_FORM_strp:
	case DW_FORM_sec_offset:
	case DW_FORM_line_strp:
	case DW_FORM_strp_sup:
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt:
		return sizes->offset;
	default:
		return DIE_VARIES;
	}
}

static void skip_string(struct bytes *b)
{
	const uint8_t *at = b->start + b->pos;
	const uint8_t *end = bytes_left(b) ?
		memchr(at, '\0', bytes_left(b)) : NULL;

	if (end)
		(void)bytes_take(b, (uint64_t)(end - at) + 1);
	else
		b->broken = true;
}

void die_form_skip(struct bytes *b, unsigned form,
		   const struct die_sizes *sizes)
{
	uint32_t size = form_size(form, sizes);

	if (size != DIE_VARIES) {
		(void)bytes_take(b, size);
		return;
	}
	switch (form) {
	case DW_FORM_block1:
		(void)bytes_take(b, bytes_u8(b));
		break;
	case DW_FORM_block2:
		(void)bytes_take(b, bytes_u16(b));
		break;
	case DW_FORM_block4:
		(void)bytes_take(b, bytes_u32(b));
		break;
	case DW_FORM_block:
	case DW_FORM_exprloc:
		(void)bytes_take(b, leb_u64(b));
		break;
	case DW_FORM_string:
		skip_string(b);
		break;
	case DW_FORM_sdata:
	case DW_FORM_udata:
	case DW_FORM_ref_udata:
	case DW_FORM_strx:
	case DW_FORM_addrx:
	case DW_FORM_loclistx:
	case DW_FORM_rnglistx:
	case DW_FORM_GNU_addr_index:
	case DW_FORM_GNU_str_index:
		(void)leb_u64(b);
		break;
	case DW_FORM_indirect: {
		uint64_t real = leb_u64(b);

		/* Neither has a value of its own here. */
		if (real == DW_FORM_indirect || real == DW_FORM_implicit_const)
			b->broken = true;
		else
			die_form_skip(b, real > UINT16_MAX ? 0 :
				      (unsigned)real, sizes);
		break;
	}
	default:
		b->broken = true;
		break;
	}
}

static bool refers_elsewhere(uint64_t form)
{
	switch (form) {
	case DW_FORM_ref_addr:
	case DW_FORM_ref_sig8:
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_ref_sup4:
	case DW_FORM_ref_sup8:
	case DW_FORM_indirect:
		return true;
	default:
		return false;
	}
}

/* What reading a DIE wants to know of the attribute that is added next. */
static void plan(struct die_abbrev *a, uint32_t i, const struct die_spec *spec)
{
	uint64_t bit = DIE_BIT(spec->attr);

	if (!(a->has & bit))
		a->find[spec->attr & 63] = i > UINT8_MAX ? UINT8_MAX
							 : (uint8_t)i;
	a->has |= bit;
	if (a->lead == i && spec->size != DIE_VARIES)
		a->lead++;
}

static uint32_t add_sizes(uint32_t a, uint32_t b)
{
	return a == DIE_VARIES || b == DIE_VARIES || a > DIE_VARIES / 2 ?
	       DIE_VARIES : a + b;
}

/* The attributes of one abbreviation. False when memory is exhausted. */
static bool read_specs(struct bytes *b, const struct die_sizes *sizes,
		       struct die_abbrevs *table, struct die_abbrev *a)
{
	a->first = (uint32_t)table->specs.len;
	while (!b->broken) {
		uint64_t attr = leb_u64(b), form = leb_u64(b);
		struct die_spec spec = { .at = a->size };

		if (form == DW_FORM_implicit_const)
			spec.constant = leb_i64(b);
		if (attr == 0 && form == 0)
			break;
		spec.attr = attr > UINT16_MAX ? 0 : (uint16_t)attr;
		spec.form = form > UINT16_MAX ? 0 : (uint16_t)form;
		spec.size = form_size(spec.form, sizes);
		a->size = add_sizes(a->size, spec.size);
		plan(a, (uint32_t)table->specs.len - a->first, &spec);
		table->refers_elsewhere |= refers_elsewhere(form);
		if (!vec_push(&table->specs, spec))
			return false;
	}
	a->n = (uint32_t)table->specs.len - a->first;
	return true;
}

static int by_code(const void *a, const void *b)
{
	const struct die_abbrev *x = a, *y = b;

	return (x->code > y->code) - (x->code < y->code);
}

bool die_abbrevs_read(struct bytes section, uint64_t offset,
		      const struct die_sizes *sizes, struct die_abbrevs *ret)
{
	bool ascends = true;

	*ret = (struct die_abbrevs){ .refers_elsewhere = false };
	if (!vec_reserve(&ret->at, FIRST_ABBREVS) ||
	    !vec_reserve(&ret->specs, FIRST_SPECS))
		return false;
	(void)bytes_take(&section, offset);
	for (;;) {
		struct die_abbrev a = { .code = leb_u64(&section) };
		uint64_t tag = leb_u64(&section);

		if (a.code == 0 || section.broken ||
		    ret->specs.len > UINT32_MAX / 2)
			break;
		a.tag = tag > UINT16_MAX ? 0 : (uint16_t)tag;
		a.has_children = bytes_u8(&section);
		if (!read_specs(&section, sizes, ret, &a))
			return false;
		if (section.broken)
			break;
		if (ret->at.len > 0 &&
		    ret->at.at[ret->at.len - 1].code >= a.code)
			ascends = false;
		if (!vec_push(&ret->at, a))
			return false;
	}
	if (!ascends)
		qsort(ret->at.at, ret->at.len, sizeof(*ret->at.at), by_code);
	for (size_t i = 0; i < ret->at.len; i++)
		ret->at.at[i].specs = vec_from(&ret->specs, ret->at.at[i].first);
	return true;
}

void die_abbrevs_free(struct die_abbrevs *table)
{
	vec_free(&table->at);
	vec_free(&table->specs);
}

const struct die_abbrev *die_abbrevs_search(const struct die_abbrevs *table,
					    uint64_t code)
{
	size_t i;

	sorted_skip(i, 0, table->at.len, table->at.at[i].code < code);
	return i < table->at.len && table->at.at[i].code == code ?
	       &table->at.at[i] : NULL;
}
