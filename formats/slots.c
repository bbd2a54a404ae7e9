/* SPDX-License-Identifier: MIT */
#include "formats/slots.h"

#include <stdlib.h>

#include "base/sorted.h"
#include "formats/types_io.h"

enum { VERSION = 1, RECORD_BYTES = 16 };

static int by_place(const void *a, const void *b)
{
	const struct mined_slot *x = a, *y = b;

	if (x->owner != y->owner)
		return x->owner < y->owner ? -1 : 1;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return (x->target > y->target) - (x->target < y->target);
}

void slots_tidy(struct slots *slots)
{
	size_t kept = 0;

	if (slots->len > 1)
		qsort(slots->at, slots->len, sizeof(*slots->at), by_place);
	for (size_t i = 0; i < slots->len; i++) {
		struct mined_slot *last = kept ? &slots->at[kept - 1] : NULL;
		uint32_t count = slots->at[i].count;

		if (!last || by_place(last, &slots->at[i]) != 0)
			slots->at[kept++] = slots->at[i];
		else if (__builtin_add_overflow(last->count, count,
						&last->count))
			last->count = UINT32_MAX;
	}
	slots->len = kept;
}

const struct mined_slot *slots_find(const struct slots *slots, uint32_t owner,
				    uint64_t offset, size_t *n)
{
	size_t low, high;

	sorted_skip(low, 0, slots->len, slots->at[low].owner < owner ||
		    (slots->at[low].owner == owner &&
		     slots->at[low].offset < offset));
	for (high = low; high < slots->len &&
	     slots->at[high].owner == owner &&
	     slots->at[high].offset == offset; high++)
		;
	*n = high - low;
	return *n ? &slots->at[low] : NULL;
}

static void put(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

bool slots_write(const struct slots *slots, const struct types_sink *sink,
		 struct err *err)
{
	size_t size = 8 + slots->len * RECORD_BYTES;
	uint8_t *bytes;
	bool ok;

	if (slots->len > UINT32_MAX)
		return err_set(err, ERR_LIMIT, "more than 2^32 slots");
	bytes = malloc(size);
	if (!bytes)
		return err_nomem(err, "slots");
	put(bytes, VERSION);
	put(bytes + 4, (uint32_t)slots->len);
	for (size_t i = 0; i < slots->len; i++) {
		uint8_t *at = bytes + 8 + i * RECORD_BYTES;

		put(at, slots->at[i].owner);
		put(at + 4, slots->at[i].offset);
		put(at + 8, slots->at[i].target);
		put(at + 12, slots->at[i].count);
	}
	ok = sink->put(sink->ctx, bytes, size, err);
	free(bytes);
	return ok;
}

bool slots_read(struct bytes *b, size_t n_types, struct slots *slots,
		struct err *err)
{
	uint32_t version = bytes_u32(b), n = bytes_u32(b);

	if (!bytes_ok(b, "slots", err))
		return false;
	if (version != VERSION)
		return err_set(err, ERR_UNSUPPORTED, "slots of version %u, "
			       "this program reads version %d", version,
			       VERSION);
	if (n > bytes_left(b) / RECORD_BYTES)
		return err_set(err, ERR_FORMAT, "truncated slots");
	if (!vec_reserve(slots, slots->len + n))
		return err_nomem(err, "slots");
	for (uint32_t i = 0; i < n; i++) {
		struct mined_slot s = {
			.owner = bytes_u32(b), .offset = bytes_u32(b),
			.target = bytes_u32(b), .count = bytes_u32(b),
		};

		if (s.owner >= n_types || s.target >= n_types)
			return err_set(err, ERR_FORMAT, "slot %u refers out "
				       "of its table", i);
		slots->at[slots->len++] = s;
	}
	return true;
}
