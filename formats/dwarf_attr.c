/* SPDX-License-Identifier: MIT */
/* Attributes of DIEs, and the raw table's ids for the DIEs they refer to. */
#include "formats/dwarf_reader.h"

/* Offsets in .debug_types, so that they differ from those in .debug_info. */
#define IN_TYPES (UINT64_C(1) << 63)

static void forget(struct reader *r, Dwarf_Error error)
{
	if (error)
		dwarf_dealloc_error(r->dbg, error);
}

static Dwarf_Attribute attribute(struct reader *r, Dwarf_Die die,
				 Dwarf_Half which)
{
	Dwarf_Attribute attr = NULL;
	Dwarf_Error error = NULL;

	switch (dwarf_attr(die, which, &attr, &error)) {
	case DW_DLV_OK:
		return attr;
	case DW_DLV_ERROR:
		forget(r, error);
		diag_add(r->diag, "damaged attributes in DWARF");
		return NULL;
	default:
		return NULL;
	}
}

static void release(Dwarf_Attribute attr)
{
	dwarf_dealloc_attribute(attr);
}

static Dwarf_Half form_of(struct reader *r, Dwarf_Attribute attr)
{
	Dwarf_Error error = NULL;
	Dwarf_Half form = 0;

	if (dwarf_whatform(attr, &form, &error) != DW_DLV_OK)
		forget(r, error);
	return form;
}

bool dwarf_flag(struct reader *r, Dwarf_Die die, Dwarf_Half which)
{
	Dwarf_Attribute attr = attribute(r, die, which);
	Dwarf_Error error = NULL;
	Dwarf_Bool value = 0;

	if (!attr)
		return false;
	if (dwarf_formflag(attr, &value, &error) != DW_DLV_OK) {
		forget(r, error);
		value = 1;	/* present, and no flag: DW_AT_virtuality, say */
	}
	release(attr);
	return value;
}

bool dwarf_number(struct reader *r, Dwarf_Die die, Dwarf_Half which,
		  uint64_t *ret)
{
	Dwarf_Attribute attr = attribute(r, die, which);
	Dwarf_Error error = NULL;
	Dwarf_Unsigned value = 0;
	Dwarf_Signed sign = 0;
	bool ok = true;

	if (!attr)
		return false;
	if (form_of(r, attr) != DW_FORM_sdata &&
	    dwarf_formudata(attr, &value, &error) == DW_DLV_OK) {
		*ret = value;
	} else {
		forget(r, error);
		error = NULL;
		ok = dwarf_formsdata(attr, &sign, &error) == DW_DLV_OK;
		if (ok)
			*ret = (uint64_t)sign;
		else
			forget(r, error);
	}
	release(attr);
	return ok;
}

bool dwarf_address(struct reader *r, Dwarf_Die die, Dwarf_Half which,
		   uint64_t *ret)
{
	Dwarf_Attribute attr = attribute(r, die, which);
	Dwarf_Error error = NULL;
	Dwarf_Addr addr = 0;
	bool ok;

	if (!attr)
		return false;
	ok = dwarf_formaddr(attr, &addr, &error) == DW_DLV_OK;
	forget(r, error);
	release(attr);
	*ret = addr;
	return ok;
}

/* DWARF 2 and 3 have no form of their own for offsets. */
bool dwarf_offset(struct reader *r, Dwarf_Die die, Dwarf_Half which,
		  uint64_t *ret)
{
	Dwarf_Attribute attr = attribute(r, die, which);
	Dwarf_Error error = NULL;
	Dwarf_Off offset = 0;
	bool ok = false;

	if (!attr)
		return false;
	switch (form_of(r, attr)) {
	case DW_FORM_data4:
	case DW_FORM_data8:
	case DW_FORM_sec_offset:
		ok = dwarf_global_formref(attr, &offset, &error) == DW_DLV_OK;
		break;
	default:
		break;
	}
	forget(r, error);
	release(attr);
	*ret = offset;
	return ok;
}

bool dwarf_list_index(struct reader *r, Dwarf_Die die, Dwarf_Half which,
		      uint64_t *ret)
{
	Dwarf_Attribute attr = attribute(r, die, which);
	Dwarf_Error error = NULL;
	Dwarf_Unsigned index = 0;
	Dwarf_Half form;
	bool ok = false;

	if (!attr)
		return false;
	form = form_of(r, attr);
	if (form == DW_FORM_loclistx || form == DW_FORM_rnglistx)
		ok = dwarf_formudata(attr, &index, &error) == DW_DLV_OK;
	forget(r, error);
	release(attr);
	*ret = index;
	return ok;
}

bool dwarf_has(struct reader *r, Dwarf_Die die, Dwarf_Half which)
{
	Dwarf_Error error = NULL;
	Dwarf_Bool has = 0;

	if (dwarf_hasattr(die, which, &has, &error) != DW_DLV_OK)
		forget(r, error);
	return has;
}

bool dwarf_expression(struct reader *r, Dwarf_Die die, Dwarf_Half which,
		      struct bytes *ret)
{
	Dwarf_Attribute attr = attribute(r, die, which);
	Dwarf_Error error = NULL;
	Dwarf_Unsigned n = 0;
	Dwarf_Ptr at = NULL;
	Dwarf_Block *block = NULL;
	bool ok = false;

	if (!attr)
		return false;
	switch (form_of(r, attr)) {
	case DW_FORM_exprloc:
		ok = dwarf_formexprloc(attr, &n, &at, &error) == DW_DLV_OK;
		break;
	case DW_FORM_block:
	case DW_FORM_block1:
	case DW_FORM_block2:
	case DW_FORM_block4:
		ok = dwarf_formblock(attr, &block, &error) == DW_DLV_OK;
		if (ok) {
			n = block->bl_len;
			at = block->bl_data;
			dwarf_dealloc(r->dbg, block, DW_DLA_BLOCK);
		}
		break;
	default:
		break;
	}
	forget(r, error);
	release(attr);
	*ret = bytes_of(at, ok ? n : 0);
	return ok;
}

/* What libdwarf says in place of a string in a file that it has not got. */
static bool is_substitute(const char *text)
{
	return strncmp(text, "<DW_FORM", 8) == 0;
}

const char *dwarf_text(struct reader *r, Dwarf_Die die, Dwarf_Half which)
{
	Dwarf_Attribute attr = attribute(r, die, which);
	Dwarf_Error error = NULL;
	char *text = NULL;

	if (!attr)
		return NULL;
	if (dwarf_formstring(attr, &text, &error) != DW_DLV_OK)
		forget(r, error);
	release(attr);
	return text && !is_substitute(text) ? text : NULL;
}

const char *dwarf_name(struct reader *r, Dwarf_Die die)
{
	Dwarf_Error error = NULL;
	char *text = NULL;

	if (dwarf_diename(die, &text, &error) != DW_DLV_OK) {
		forget(r, error);
		return NULL;
	}
	return *text && !is_substitute(text) ? text : NULL;
}

static uint64_t key_of(uint64_t offset, bool is_info)
{
	return is_info ? offset : offset | IN_TYPES;
}

uint64_t dwarf_key(struct reader *r, Dwarf_Die die)
{
	Dwarf_Error error = NULL;
	Dwarf_Off offset = 0;

	if (dwarf_dieoffset(die, &offset, &error) != DW_DLV_OK) {
		forget(r, error);
		return 0;
	}
	return key_of(offset, r->is_info);
}

Dwarf_Die dwarf_die_at(struct reader *r, uint64_t key)
{
	Dwarf_Error error = NULL;
	Dwarf_Die die = NULL;

	if (dwarf_offdie_b(r->dbg, key & ~IN_TYPES, !(key & IN_TYPES), &die,
			   &error) != DW_DLV_OK) {
		forget(r, error);
		return NULL;
	}
	return die;
}

Dwarf_Die dwarf_die_of_signature(struct reader *r, Dwarf_Die die)
{
	Dwarf_Attribute attr = attribute(r, die, DW_AT_signature);
	Dwarf_Error error = NULL;
	Dwarf_Sig8 signature;
	Dwarf_Die found = NULL;
	Dwarf_Bool is_info = 0;

	if (!attr)
		return NULL;
	if (dwarf_formsig8(attr, &signature, &error) != DW_DLV_OK ||
	    dwarf_find_die_given_sig8(r->dbg, &signature, &found, &is_info,
				      &error) != DW_DLV_OK)
		found = NULL;
	forget(r, error);
	release(attr);
	return found;
}

/* The DIE that an attribute refers to: its key or the id of its type unit. */
static uint64_t resolve(struct reader *r, Dwarf_Attribute attr, uint32_t *unit)
{
	Dwarf_Half form = form_of(r, attr);
	Dwarf_Error error = NULL;
	Dwarf_Sig8 signature;
	Dwarf_Off offset = 0;

	switch (form) {
	case DW_FORM_ref_sig8:
		if (dwarf_formsig8(attr, &signature, &error) == DW_DLV_OK)
			*unit = dwarf_id_of_signature(r, &signature);
		break;
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_ref_sup4:
	case DW_FORM_ref_sup8:
		diag_add(r->diag, "references into a supplementary debug file "
			 "(dwz), which is not read");
		break;
	default:
		if (dwarf_global_formref(attr, &offset, &error) == DW_DLV_OK)
			return key_of(offset, r->is_info ||
				      form == DW_FORM_ref_addr);
		break;
	}
	forget(r, error);
	return 0;
}

uint64_t dwarf_reference(struct reader *r, Dwarf_Die die, Dwarf_Half which)
{
	Dwarf_Attribute attr = attribute(r, die, which);
	uint32_t unit = TYPE_NONE;
	uint64_t key;

	if (!attr)
		return 0;
	key = resolve(r, attr, &unit);
	release(attr);
	return key;
}

uint32_t dwarf_type_of(struct reader *r, Dwarf_Die die, Dwarf_Half which)
{
	Dwarf_Attribute attr = attribute(r, die, which);
	uint32_t unit = TYPE_NONE;
	uint64_t key;

	if (!attr)
		return TYPE_NONE;
	key = resolve(r, attr, &unit);
	release(attr);
	return key ? dwarf_id(r, key) : unit;
}

static uint32_t id_in(struct reader *r, struct map *map, uint64_t key)
{
	static const struct type unknown = {
		.kind = TYPE_VOID, .target = TYPE_NONE, .scope = TYPE_NONE,
	};
	uint64_t *slot = map_slot(map, key, NULL);
	uint32_t id;

	if (slot && *slot)
		return (uint32_t)(*slot - 1);
	id = slot ? types_append(&r->raw, &unknown, NULL, NULL) : TYPE_NONE;
	if (id == TYPE_NONE)
		r->no_memory = true;
	else
		*slot = (uint64_t)id + 1;
	return id;
}

uint32_t dwarf_id(struct reader *r, uint64_t key)
{
	return id_in(r, &r->ids, key);
}

uint32_t dwarf_id_of_signature(struct reader *r, const Dwarf_Sig8 *signature)
{
	uint64_t key;

	memcpy(&key, signature->signature, sizeof(key));
	return id_in(r, &r->signatures, key);
}

void dwarf_fill(struct reader *r, uint32_t id, const struct type *type,
		const struct member *members, const struct template_arg *args)
{
	uint32_t popularity, at;

	if (id == TYPE_NONE)
		return;
	at = types_append(&r->raw, type, members, args);
	if (at == TYPE_NONE) {
		r->no_memory = true;
		return;
	}
	popularity = r->raw.types.at[id].popularity;
	r->raw.types.at[id] = r->raw.types.at[at];
	r->raw.types.at[id].popularity += popularity;
	r->raw.types.len--;
}
