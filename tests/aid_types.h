/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Types made by hand in a table of their own, with template arguments; one
 * table at a time.
 */
#ifndef TESTS_AID_TYPES_H
#define TESTS_AID_TYPES_H

#include "tests/aid_cmocka.h"

#include "formats/types.h"

#define N(a) (uint32_t)(sizeof(a) / sizeof((a)[0]))
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* A member or a template argument. */
struct part {
	const char *name;
	uint32_t type;
	uint64_t offset;	/* of an argument: its value */
	uint16_t flags;		/* enum member_flags; argument: is_value */
	uint32_t bit_offset;
};

static struct type_table types;
static uint32_t byte, number, boolean;	/* unsigned char, long, bool */

static inline uint32_t add(enum type_kind kind, const char *name, uint64_t size,
			   uint32_t target, uint64_t count)
{
	struct type t = {
		.name = *name ? types_string(&types, name) : 0,
		.kind = (uint8_t)kind, .size = size, .target = target,
		.count = count, .scope = TYPE_NONE, .module = UINT32_MAX,
	};
	uint32_t id = types_add(&types, &t, NULL, NULL);

	assert_int_not_equal(id, TYPE_NONE);
	return id;
}

static inline uint32_t pointer_to(uint32_t target)
{
	return types_pointer_to(&types, target);
}

static inline uint32_t array_of(uint32_t element, uint64_t count)
{
	return add(TYPE_ARRAY, "", types.types.at[element].size * count,
		   element, count);
}

/* A record with arguments, inside @scope (or TYPE_NONE). */
static inline uint32_t add_record(enum type_kind kind, const char *name,
				  uint64_t size, uint32_t scope,
				  const struct part *members, uint32_t n,
				  const struct part *args, uint32_t n_args)
{
	struct member m[16];
	struct template_arg a[8];
	struct type t = {
		.name = *name ? types_string(&types, name) : 0,
		.kind = (uint8_t)kind, .size = size, .target = TYPE_NONE,
		.scope = scope, .module = UINT32_MAX, .n_members = n,
		.n_args = n_args,
	};
	uint32_t id;

	assert_true(n <= N(m) && n_args <= N(a));
	for (uint32_t i = 0; i < n; i++)
		m[i] = (struct member){
			.name = types_string(&types, members[i].name),
			.type = members[i].type, .offset = members[i].offset,
			.flags = members[i].flags,
			.bit_offset = members[i].bit_offset,
		};
	for (uint32_t i = 0; i < n_args; i++)
		a[i] = (struct template_arg){
			.name = types_string(&types, args[i].name),
			.type = args[i].type, .value = args[i].offset,
			.is_value = args[i].flags,
		};
	id = types_add(&types, &t, m, a);
	assert_int_not_equal(id, TYPE_NONE);
	return id;
}

static inline uint32_t struct_of(const char *name, uint64_t size,
				 const struct part *members, uint32_t n)
{
	return add_record(TYPE_STRUCT, name, size, TYPE_NONE, members, n,
			  NULL, 0);
}

static inline const struct member *member_of(uint32_t id, uint32_t i)
{
	return &types.members.at[types.types.at[id].first_member + i];
}

static inline int set_up(void **state)
{
	struct err err = {0};

	(void)state;
	assert_true(types_init(&types, &err));
	byte = add(TYPE_CHAR, "unsigned char", 1, TYPE_NONE, 0);
	number = add(TYPE_INT, "long", 8, TYPE_NONE, 0);
	boolean = add(TYPE_BOOL, "bool", 1, TYPE_NONE, 0);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	types_free(&types);
	return 0;
}

/* The last leaf at an offset; its chain stays valid. */
struct found_leaf {
	uint64_t offset;
	struct leaf leaf;
	struct leaf_step chain[64];
	bool found;
};

static inline bool keep_leaf(void *ctx, const struct leaf *leaf)
{
	struct found_leaf *f = ctx;

	if (leaf->offset != f->offset || leaf->n_chain > N(f->chain))
		return true;
	f->leaf = *leaf;
	for (unsigned i = 0; i < leaf->n_chain; i++)
		f->chain[i] = leaf->chain[i];
	f->leaf.chain = f->chain;
	f->found = true;
	return true;
}

static inline void leaf_at(uint32_t type, uint64_t offset,
			   struct found_leaf *ret)
{
	*ret = (struct found_leaf){ .offset = offset };
	types_leaves(&types, type, 10000, keep_leaf, ret);
	assert_true(ret->found);
}

#endif
