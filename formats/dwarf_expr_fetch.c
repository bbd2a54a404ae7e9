/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_expr_fetch.h"

#include <string.h>

/* Copy @n bytes from the byte @from of @place on. */
static bool fetch_place(const struct expr_env *env,
			const struct expr_place *place, uint64_t from,
			void *buf, size_t n)
{
	uint64_t value = place->value;

	switch (place->kind) {
	case EXPR_MEMORY:
		return expr_env_read(env, value + from, buf, n);
	case EXPR_BYTES:
		if (from > place->bytes.size || n > place->bytes.size - from)
			return false;
		memcpy(buf, place->bytes.start + from, n);
		return true;
	case EXPR_REGISTER:
		if (!expr_env_reg(env, place->value, &value))
			return false;
		break;
	case EXPR_VALUE:
		break;
	default:
		return false;
	}
	if (from > sizeof(value) || n > sizeof(value) - from)
		return false;
	memcpy(buf, (const uint8_t *)&value + from, n);
	return true;
}

/* Copy @bits bits of @p to bit @to of @buf, one by one. */
static bool fetch_bits(const struct expr_env *env, const struct expr_piece *p,
		       uint64_t bits, uint8_t *buf, uint64_t to)
{
	for (uint64_t i = 0; i < bits; i++) {
		uint64_t from = p->bit_offset + i;
		uint8_t byte, bit = (uint8_t)(1U << (to + i) % 8);

		if (!fetch_place(env, &p->place, from / 8, &byte, 1))
			return false;
		if (byte >> from % 8 & 1)
			buf[(to + i) / 8] |= bit;
	}
	return true;
}

static bool fetch_pieces(const struct expr_env *env,
			 const struct expr_result *r, uint8_t *buf, size_t size)
{
	uint64_t to = 0, end = (uint64_t)size * 8;

	memset(buf, 0, size);
	for (size_t i = 0; i < r->n_pieces && to < end; i++) {
		const struct expr_piece *p = &r->pieces[i];
		uint64_t bits = p->bits < end - to ? p->bits : end - to;

		if ((to | bits | p->bit_offset) % 8 != 0) {
			if (!fetch_bits(env, p, bits, buf, to))
				return false;
		} else if (!fetch_place(env, &p->place, p->bit_offset / 8,
					buf + to / 8, (size_t)(bits / 8))) {
			return false;
		}
		to += bits;
	}
	return to == end;
}

bool expr_fetch(const struct expr_env *env, const struct expr_result *result,
		void *buf, size_t size)
{
	if (result->place.kind == EXPR_PIECES)
		return fetch_pieces(env, result, buf, size);
	return fetch_place(env, &result->place, 0, buf, size);
}
