/* SPDX-License-Identifier: MIT */
#include "analyze/discriminators.h"

#include <string.h>

enum {
	MAX_DEPTH = 4,
	MAX_ENUM_BYTES = 4,
	MAX_NUMBER_BYTES = 4,
};

/* Is the member called so that it says what something is? */
static bool is_called_so(const struct type_table *types,
			 const struct member *m)
{
	static const char *const names[] = { "type", "kind", "tag", "tt" };
	const char *name = types_text(types, m->name);
	size_t n = strlen(name);

	while (n > 0 && name[n - 1] == '_')
		n--;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t k = strlen(names[i]);

		if (n >= k && (strncmp(name + n - k, names[i], k) == 0 ||
			       (k > 2 && strncmp(name, names[i], k) == 0)))
			return true;
	}
	return false;
}

static bool is_discriminator(const struct type_table *types,
			     const struct member *m, const struct type *t)
{
	switch (t->kind) {
	case TYPE_ENUM:
		return t->size <= MAX_ENUM_BYTES;
	case TYPE_CHAR:
	case TYPE_INT:
		return t->size <= MAX_NUMBER_BYTES && is_called_so(types, m);
	default:
		return false;
	}
}

/* False when the number cannot be read as one, or lies behind a head. */
static bool describe(const struct member *m, const struct type *t,
		     struct discriminator *ret)
{
	const uint64_t head_bits = BLOCK_HEAD_WORDS * 64;
	uint32_t bit = m->flags & MEMBER_BITFIELD ? m->bit_offset : 0;
	uint32_t bits = m->flags & MEMBER_BITFIELD ? m->bit_size :
						     (uint32_t)t->size * 8;

	if (bits == 0 || bits > 32 || m->offset >= head_bits / 8 ||
	    m->offset * 8 + bit + bits > head_bits)
		return false;
	*ret = (struct discriminator){
		.offset = m->offset + bit / 8,
		.shift = (uint8_t)(bit % 8), .bits = (uint8_t)bits,
	};
	return true;
}

static void find(const struct type_table *types, uint32_t type,
		 struct discriminator *ret)
{
	uint64_t n = 0;

	for (int depth = 0; depth < MAX_DEPTH && type != TYPE_NONE; depth++) {
		const struct type *t = &types->types.at[type];
		uint32_t first = TYPE_NONE;

		if (!types_is_record(types, type) || t->kind == TYPE_UNION)
			return;
		for (uint32_t i = 0; i < t->n_members; i++) {
			const struct member *m =
				&types->members.at[t->first_member + i];
			uint32_t id = types_strip(types, m->type);

			if (id == TYPE_NONE)
				continue;
			if (m->offset == 0 && first == TYPE_NONE)
				first = id;
			if (n < MAX_DISCRIMINATORS &&
			    is_discriminator(types, m, &types->types.at[id]) &&
			    describe(m, &types->types.at[id], &ret[n]))
				n++;
		}
		type = first;
	}
}

const struct discriminator *discriminators_of(struct discriminators *d,
					      uint32_t type)
{
	const struct discriminator none = {0};
	uint64_t *slot = map_slot(&d->by_type, type, NULL);

	if (!slot)
		return NULL;
	if (!*slot) {
		uint64_t first = d->all.len;

		for (int i = 0; i < MAX_DISCRIMINATORS; i++) {
			if (!vec_push(&d->all, none))
				return NULL;
		}
		find(d->types, type, &d->all.at[first]);
		*slot = first + 1;
	}
	return &d->all.at[*slot - 1];
}

/* Its bits are within the head. */
static uint64_t value_in(const struct block_head *head,
			 const struct discriminator *d)
{
	uint8_t bytes[sizeof(*head) + 8] = {0};
	uint64_t word;

	memcpy(bytes, head, sizeof(*head));
	memcpy(&word, bytes + d->offset, sizeof(word));
	return word >> d->shift & ((UINT64_C(1) << d->bits) - 1);
}

bool discriminators_read(struct discriminators *d, uint32_t type,
			 const struct block_head *head, uint64_t *ret)
{
	const struct discriminator *all = discriminators_of(d, type);

	*ret = 0;
	for (int i = 0; all && i < MAX_DISCRIMINATORS && all[i].bits > 0; i++)
		*ret = *ret << 32 | (value_in(head, &all[i]) + 1);
	return all != NULL;
}

void discriminators_free(struct discriminators *d)
{
	map_free(&d->by_type);
	vec_free(&d->all);
}
