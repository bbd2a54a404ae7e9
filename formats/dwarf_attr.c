/* SPDX-License-Identifier: MIT */
/* What DIEs refer to, and the raw table's ids for it. */
#include "formats/dwarf_reader.h"

const char *dwarf_name(const struct die *die)
{
	const char *name = die_text(die, DW_AT_name);

	return name && *name ? name : NULL;
}

bool dwarf_die_at(struct reader *r, uint64_t key, struct die *ret)
{
	struct die_unit *unit = dwarf_input_unit(r->input, key);

	return unit && dwarf_input_begin(r->input, unit) &&
	       die_read(unit, unit->header + (size_t)(key - unit->key), ret) ==
	       DIE_ONE;
}

bool dwarf_die_of_signature(struct reader *r, const struct die *die,
			    struct die *ret)
{
	struct die_unit *unit;
	uint64_t signature;

	if (die_reference(die, DW_AT_signature, &signature) !=
	    DIE_REF_SIGNATURE)
		return false;
	unit = dwarf_input_type_unit(r->input, signature);
	return unit && dwarf_die_at(r, unit->key + unit->type_at, ret);
}

/* The DIE that an attribute refers to: its key or the id of its type unit. */
static uint64_t resolve(struct reader *r, const struct die *die, unsigned attr,
			uint32_t *unit)
{
	uint64_t found;

	switch (die_reference(die, attr, &found)) {
	case DIE_REF_KEY:
		return found;
	case DIE_REF_SIGNATURE:
		*unit = dwarf_id_of_signature(r, found);
		return 0;
	case DIE_REF_MISSING:
		diag_add(r->diag, "references into a supplementary debug file "
			 "(dwz), which was not found");
		return 0;
	default:
		return 0;
	}
}

uint64_t dwarf_reference(struct reader *r, const struct die *die,
			 unsigned attr)
{
	uint32_t unit = TYPE_NONE;

	return die->abbrev->has & DIE_BIT(attr) ? resolve(r, die, attr, &unit)
						: 0;
}

static uint32_t new_type(struct reader *r)
{
	static const struct type unknown = {
		.kind = TYPE_VOID, .target = TYPE_NONE, .scope = TYPE_NONE,
	};
	uint32_t id = types_append(&r->raw, &unknown, NULL, NULL);

	if (id == TYPE_NONE)
		r->no_memory = true;
	return id;
}

static uint32_t id_in(struct reader *r, struct map *map, uint64_t key)
{
	uint64_t *slot = map_slot(map, key, NULL);
	uint32_t id;

	if (slot && *slot)
		return (uint32_t)(*slot - 1);
	id = slot ? new_type(r) : TYPE_NONE;
	if (id == TYPE_NONE)
		r->no_memory = true;
	else
		*slot = (uint64_t)id + 1;
	return id;
}

uint32_t dwarf_id(struct reader *r, uint64_t key)
{
	uint32_t *slot;

	if (key - r->local_key >= r->local_ids.len)
		return id_in(r, &r->ids, key);
	slot = &r->local_ids.at[key - r->local_key];
	if (*slot <= r->local_first)
		*slot = new_type(r) + 1;
	return *slot - 1;
}

uint32_t dwarf_type_of(struct reader *r, const struct die *die, unsigned attr)
{
	uint32_t unit = TYPE_NONE;
	uint64_t key;

	if (!(die->abbrev->has & DIE_BIT(attr)))
		return TYPE_NONE;
	if (die_reference(die, attr, &key) != DIE_REF_KEY)
		key = resolve(r, die, attr, &unit);
	return key ? dwarf_id(r, key) : unit;
}

uint32_t dwarf_id_of_signature(struct reader *r, uint64_t signature)
{
	return id_in(r, &r->signatures, signature);
}

void dwarf_fill(struct reader *r, uint32_t id, const struct type *type,
		const struct member *members, const struct template_arg *args)
{
	if (id != TYPE_NONE &&
	    !types_complete(&r->raw, id, type, members, args))
		r->no_memory = true;
}
