/* SPDX-License-Identifier: MIT */
/* Any code, with variables anywhere: what is found is about types that exist,
 * and every instruction makes progress. */
#include <elf.h>
#include <stdlib.h>

#include "formats/slot_walk.h"
#include "formats/types_merge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct type_table raw;

static void add(const struct type *type, const struct member *members)
{
	if (types_append(&raw, type, members, NULL) == TYPE_NONE)
		abort();
}

/* 0 void *, 1 long, 2 node { node *, void *, long, union, void *[2] },
 * 3 node *, 4 the union, 5 the array, 6 node ** */
static void make_types(void)
{
	const struct member node[] = {
		{ .type = 3 }, { .type = 0, .offset = 8 },
		{ .type = 1, .offset = 16 }, { .type = 4, .offset = 24 },
		{ .type = 5, .offset = 32 },
	};
	const struct member parts[] = { { .type = 0 }, { .type = 1 } };
	struct err err = {0};

	if (!types_init(&raw, &err))
		abort();
	add(&(struct type){ .kind = TYPE_POINTER, .size = 8,
			    .target = TYPE_NONE, .scope = TYPE_NONE }, NULL);
	add(&(struct type){ .kind = TYPE_INT, .size = 8,
			    .target = TYPE_NONE, .scope = TYPE_NONE }, NULL);
	add(&(struct type){ .kind = TYPE_STRUCT, .size = 48, .n_members = 5,
			    .target = TYPE_NONE, .scope = TYPE_NONE }, node);
	add(&(struct type){ .kind = TYPE_POINTER, .size = 8, .target = 2,
			    .scope = TYPE_NONE }, NULL);
	add(&(struct type){ .kind = TYPE_UNION, .size = 8, .n_members = 2,
			    .target = TYPE_NONE, .scope = TYPE_NONE }, parts);
	add(&(struct type){ .kind = TYPE_ARRAY, .count = 2, .target = 0,
			    .scope = TYPE_NONE }, NULL);
	add(&(struct type){ .kind = TYPE_POINTER, .size = 8, .target = 3,
			    .scope = TYPE_NONE }, NULL);
}

static void check_end(const struct flow_end *end)
{
	if ((end->kind == FLOW_TYPE || end->kind == FLOW_FIELD) &&
	    end->type >= raw.types.len)
		abort();
}

static bool read_function(struct bytes *b, struct walk_function *f)
{
	size_t n = bytes_u8(b) % 8;

	f->entry = f->low = 0x1000;
	f->result = (struct walk_pointer){ true, TYPE_NONE };
	for (size_t i = 0; i < n; i++) {
		struct walk_place place = {
			.low = 0x1000 + bytes_u8(b), .at = (int8_t)bytes_u8(b),
		};
		struct walk_pointer param = { i % 2, i % 3 ? 2 : TYPE_NONE };

		place.high = place.low + bytes_u8(b);
		place.where = bytes_u8(b) % 3;
		place.pointee = bytes_u8(b) % (uint32_t)raw.types.len;
		if (place.where == WALK_REGISTER)
			place.at &= WALK_REGISTERS - 1;
		if (!vec_push(&f->places, place) ||
		    !vec_push(&f->params, param))
			return false;
	}
	f->code = bytes_sub(b, bytes_left(b));
	return !b->broken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes b = bytes_of(data, size);
	struct slot_walker w = { .fields = { .raw = &raw } };
	struct walk_function f = { .entry = 0 };
	struct slots slots = {0};

	if (raw.types.len == 0)
		make_types();
	w.decode = insn_decoder_of(bytes_u8(&b) % 2 ? EM_AARCH64 : EM_X86_64,
				   &w.abi);
	if (read_function(&b, &f))
		slot_walk(&w, &f);
	for (size_t i = 0; i < w.flows.all.len; i++) {
		check_end(&w.flows.all.at[i].from);
		check_end(&w.flows.all.at[i].to);
	}
	if (!slot_flows_resolve(&w.flows, &slots))
		abort();
	for (size_t i = 0; i < slots.len; i++) {
		if (slots.at[i].owner >= raw.types.len ||
		    slots.at[i].target >= raw.types.len)
			abort();
	}
	vec_free(&slots);
	vec_free(&f.places);
	vec_free(&f.params);
	slot_walker_free(&w);
	return 0;
}
