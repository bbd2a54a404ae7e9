/* SPDX-License-Identifier: MIT */
/* The type table against tables made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "formats/types_io.h"
#include "formats/types_merge.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static uint32_t scalar(struct type_table *t, const char *name,
		       enum type_kind kind, uint64_t size)
{
	struct type type = {
		.name = types_string(t, name), .kind = (uint8_t)kind,
		.size = size, .target = TYPE_NONE, .scope = TYPE_NONE,
	};

	return types_append(t, &type, NULL, NULL);
}

static uint32_t derived(struct type_table *t, enum type_kind kind,
			uint32_t target, uint64_t size, uint64_t count)
{
	struct type type = {
		.kind = (uint8_t)kind, .size = size, .count = count,
		.target = target, .scope = TYPE_NONE,
	};

	return types_append(t, &type, NULL, NULL);
}

static uint32_t record(struct type_table *t, const char *name, uint64_t size,
		       const struct member *members, uint32_t n)
{
	struct type type = {
		.name = types_string(t, name), .kind = TYPE_STRUCT,
		.size = size, .target = TYPE_NONE, .scope = TYPE_NONE,
		.n_members = n,
	};

	return types_append(t, &type, members, NULL);
}

static uint32_t declaration(struct type_table *t, const char *name)
{
	struct type type = {
		.name = types_string(t, name), .kind = TYPE_STRUCT,
		.target = TYPE_NONE, .scope = TYPE_NONE,
		.flags = TYPE_DECLARATION,
	};

	return types_append(t, &type, NULL, NULL);
}

/*
 * struct node { struct node *next; int value; }, its ids shifted by @pad
 * scalars that nothing refers to; returns the id of node.
 */
static uint32_t append_node(struct type_table *t, int pad)
{
	uint32_t integer = scalar(t, "int", TYPE_INT, 4), pointer;

	for (int i = 0; i < pad; i++)
		scalar(t, "long", TYPE_INT, 8);
	pointer = derived(t, TYPE_POINTER, (uint32_t)t->types.len + 1, 8, 0);
	struct member members[] = {
		{ .name = types_string(t, "next"), .type = pointer },
		{ .name = types_string(t, "value"), .type = integer,
		  .offset = 8 },
	};

	return record(t, "node", 16, members, N(members));
}

static uint32_t *merge(struct type_table *into, const struct type_table *from)
{
	struct err err = {0};
	uint32_t *map;

	assert_true(types_merge(into, from, 0, &map, &err));
	assert_true(types_check(into, &err));
	return map;
}

static struct type_table empty(void)
{
	struct type_table table;
	struct err err = {0};

	assert_true(types_init(&table, &err));
	return table;
}

static void two_descriptions_of_a_recursive_type_become_one(void **state)
{
	struct type_table raw = empty(), table = empty();
	uint32_t a = append_node(&raw, 0), b = append_node(&raw, 3);
	uint32_t *map = merge(&table, &raw), next, id = TYPE_NONE;
	const struct type *node;

	(void)state;
	assert_int_equal(map[a], map[b]);
	node = &table.types.at[map[a]];
	next = table.members.at[node->first_member].type;
	assert_int_equal(table.types.at[next].target, map[a]);
	assert_int_equal(types_find(&table, "node", &id), map[a]);
	assert_int_equal(types_find(&table, "node", &id), TYPE_NONE);
	/* int, long, pointer, node */
	assert_int_equal(table.types.len, 4);
	free(map);
	types_free(&raw);
	types_free(&table);
}

static void merging_again_adds_nothing(void **state)
{
	struct type_table raw = empty(), table = empty();
	uint32_t node = append_node(&raw, 1), *first, *second;
	size_t n;

	(void)state;
	first = merge(&table, &raw);
	n = table.types.len;
	second = merge(&table, &raw);
	assert_int_equal(table.types.len, n);
	assert_int_equal(first[node], second[node]);
	free(first);
	free(second);
	types_free(&raw);
	types_free(&table);
}

static void same_name_with_other_members_stays_apart(void **state)
{
	struct type_table raw = empty(), table = empty();
	uint32_t integer = scalar(&raw, "int", TYPE_INT, 4);
	uint32_t real = scalar(&raw, "float", TYPE_FLOAT, 4);
	struct member x = { .name = types_string(&raw, "x"), .type = integer };
	struct member y = { .name = types_string(&raw, "x"), .type = real };
	uint32_t a = record(&raw, "entry", 4, &x, 1);
	uint32_t b = record(&raw, "entry", 4, &y, 1);
	uint32_t pa = derived(&raw, TYPE_POINTER, a, 8, 0);
	uint32_t pb = derived(&raw, TYPE_POINTER, b, 8, 0);
	uint32_t *map = merge(&table, &raw);

	(void)state;
	assert_int_not_equal(map[a], map[b]);
	assert_int_equal(table.types.at[map[pa]].target, map[a]);
	assert_int_equal(table.types.at[map[pb]].target, map[b]);
	free(map);
	types_free(&raw);
	types_free(&table);
}

/* The first module knows only `struct node;`, the second defines it. */
static void a_declaration_becomes_a_definition_merged_later(void **state)
{
	struct type_table first = empty(), second = empty(), table = empty();
	uint32_t declared = declaration(&first, "node");
	uint32_t pointer = derived(&first, TYPE_POINTER, declared, 8, 0);
	uint32_t node = append_node(&second, 0), target;
	uint32_t *map1, *map2;

	(void)state;
	map1 = merge(&table, &first);
	assert_true(table.types.at[map1[declared]].flags & TYPE_DECLARATION);
	map2 = merge(&table, &second);
	target = table.types.at[map1[pointer]].target;
	assert_int_equal(target, map2[node]);
	assert_int_equal(table.types.at[target].size, 16);
	assert_false(table.types.at[target].flags & TYPE_DECLARATION);
	free(map1);
	free(map2);
	types_free(&first);
	types_free(&second);
	types_free(&table);
}

/* A nameless struct is its content: a union of { int } and { float }. */
static void nameless_types_are_compared_by_content(void **state)
{
	struct type_table raw = empty(), table = empty();
	uint32_t integer = scalar(&raw, "int", TYPE_INT, 4);
	uint32_t real = scalar(&raw, "float", TYPE_FLOAT, 4);
	struct member m = { .name = types_string(&raw, "x"), .type = integer };
	uint32_t a = record(&raw, "", 4, &m, 1), b, c, a2, b2;

	(void)state;
	m.type = real;
	b = record(&raw, "", 4, &m, 1);
	m.type = integer;
	c = record(&raw, "", 4, &m, 1);
	m = (struct member){ .type = a };
	a2 = record(&raw, "", 4, &m, 1);
	m.type = b;
	b2 = record(&raw, "", 4, &m, 1);
	uint32_t *map = merge(&table, &raw);

	assert_int_equal(map[a], map[c]);
	assert_int_not_equal(map[a], map[b]);
	assert_int_not_equal(map[a2], map[b2]);
	free(map);
	types_free(&raw);
	types_free(&table);
}

/* Input that no compiler writes: typedefs in a circle, a target of itself. */
static void circles_of_typedefs_end(void **state)
{
	struct type_table raw = empty(), table = empty();
	uint32_t a = derived(&raw, TYPE_TYPEDEF, 1, 0, 0);
	uint32_t b = derived(&raw, TYPE_TYPEDEF, a, 0, 0);
	uint32_t self = derived(&raw, TYPE_POINTER, 2, 8, 0);
	uint32_t *map = merge(&table, &raw);
	char buf[64];

	(void)state;
	assert_int_equal(types_strip(&raw, a), TYPE_NONE);
	assert_int_equal(types_strip(&table, map[b]), TYPE_NONE);
	assert_non_null(types_name(&raw, self, buf, sizeof(buf)));
	free(map);
	types_free(&raw);
	types_free(&table);
}

static void types_add_returns_the_same_id_for_the_same_type(void **state)
{
	struct type_table t = empty();
	struct type named = {
		.name = types_string(&t, "Foo"), .kind = TYPE_CLASS,
		.flags = TYPE_DECLARATION, .target = TYPE_NONE,
		.scope = TYPE_NONE,
	};
	uint32_t declared = types_add(&t, &named, NULL, NULL);
	uint32_t pointer = types_pointer_to(&t, declared);
	struct member m = { .name = types_string(&t, "self"), .type = pointer };

	(void)state;
	named.flags = 0;
	named.size = 8;
	named.n_members = 1;
	assert_int_equal(types_add(&t, &named, &m, NULL), declared);
	assert_int_equal(types_add(&t, &named, &m, NULL), declared);
	assert_int_equal(t.types.at[declared].size, 8);
	assert_int_equal(types_pointer_to(&t, declared), pointer);
	named.flags = TYPE_DECLARATION;
	named.size = named.n_members = 0;
	assert_int_equal(types_add(&t, &named, NULL, NULL), declared);
	assert_int_equal(t.types.len, 2);
	types_free(&t);
}

static void names_are_spelled_as_in_c(void **state)
{
	struct type_table t = empty();
	uint32_t integer = scalar(&t, "int", TYPE_INT, 4);
	uint32_t chars = scalar(&t, "char", TYPE_CHAR, 1);
	struct template_arg args[] = { { .type = integer },
		{ .type = derived(&t, TYPE_POINTER, chars, 8, 0) } };
	struct type function = {
		.kind = TYPE_FUNCTION, .target = TYPE_NONE, .n_args = 2,
		.scope = TYPE_NONE,
	};
	uint32_t f = types_append(&t, &function, NULL, args);
	uint32_t inner = derived(&t, TYPE_ARRAY, integer, 12, 3);
	uint32_t matrix = derived(&t, TYPE_ARRAY, inner, 48, 4);
	uint32_t nameless = record(&t, "", 4, NULL, 0);
	struct { uint32_t id; const char *name; } cases[] = {
		{ integer, "int" },
		{ TYPE_NONE, "void" },
		{ derived(&t, TYPE_POINTER, TYPE_NONE, 8, 0), "void *" },
		{ derived(&t, TYPE_POINTER, args[1].type, 8, 0), "char **" },
		{ inner, "int [3]" },
		{ matrix, "int [4][3]" },
		{ derived(&t, TYPE_POINTER, matrix, 8, 0), "int (*)[4][3]" },
		{ derived(&t, TYPE_POINTER, f, 8, 0), "void (*)(int, char *)" },
		{ derived(&t, TYPE_REFERENCE, integer, 8, 0), "int &" },
		{ nameless, "struct {...}" },
	};
	char buf[80];

	(void)state;
	for (size_t i = 0; i < N(cases); i++)
		assert_string_equal(types_name(&t, cases[i].id, buf,
					       sizeof(buf)), cases[i].name);
	/* A short buffer cuts and is terminated. */
	assert_string_equal(types_name(&t, matrix, buf, 6), "int [");
	types_free(&t);
}

/*
 * struct outer { int id; struct { char *name; short n[2]; } in[2];
 *		  union { int a; float b; }; }
 */
static uint32_t append_outer(struct type_table *t)
{
	uint32_t integer = scalar(t, "int", TYPE_INT, 4);
	uint32_t shorts = derived(t, TYPE_ARRAY,
				  scalar(t, "short", TYPE_INT, 2), 4, 2);
	uint32_t text = derived(t, TYPE_POINTER,
				scalar(t, "char", TYPE_CHAR, 1), 8, 0);
	struct member in[] = {
		{ .name = types_string(t, "name"), .type = text },
		{ .name = types_string(t, "n"), .type = shorts, .offset = 8 },
	};
	struct member either[] = {
		{ .name = types_string(t, "a"), .type = integer },
		{ .name = types_string(t, "b"),
		  .type = scalar(t, "float", TYPE_FLOAT, 4) },
	};
	uint32_t inner = record(t, "", 16, in, N(in));
	uint32_t both = record(t, "", 4, either, N(either));
	struct member out[] = {
		{ .name = types_string(t, "id"), .type = integer },
		{ .name = types_string(t, "in"), .offset = 8,
		  .type = derived(t, TYPE_ARRAY, inner, 32, 2) },
		{ .type = both, .offset = 40 },
	};

	t->types.at[both].kind = TYPE_UNION;
	return record(t, "outer", 48, out, N(out));
}

struct seen {
	uint64_t offsets[16];
	bool in_union[16];
	size_t n;
};

static bool note_leaf(void *ctx, const struct leaf *leaf)
{
	struct seen *seen = ctx;

	seen->in_union[seen->n] = leaf->in_union;
	seen->offsets[seen->n++] = leaf->offset;
	return seen->n < N(seen->offsets);
}

static void leaves_come_in_order_with_arrays_expanded(void **state)
{
	static const uint64_t want[] = { 0, 8, 16, 18, 24, 32, 34, 40, 40 };
	struct type_table t = empty();
	uint32_t outer = append_outer(&t);
	struct seen seen = {0};

	(void)state;
	types_leaves(&t, outer, 100, note_leaf, &seen);
	assert_int_equal(seen.n, N(want));
	for (size_t i = 0; i < N(want); i++) {
		assert_int_equal(seen.offsets[i], want[i]);
		assert_int_equal(seen.in_union[i], i >= 7);
	}
	seen.n = 0;
	types_leaves(&t, outer, 3, note_leaf, &seen);
	assert_int_equal(seen.n, 3);
	types_free(&t);
}

/* 2^60 elements of nothing must not keep anybody waiting. */
static void endless_arrays_of_nothing_end(void **state)
{
	struct type_table t = empty();
	uint32_t none = derived(&t, TYPE_ARRAY, TYPE_NONE, 0, 4);
	struct member m = { .type = none };
	uint32_t hollow = record(&t, "hollow", 0, &m, 1);
	uint32_t many = derived(&t, TYPE_ARRAY, hollow, 0, UINT64_C(1) << 60);
	struct seen seen = {0};

	(void)state;
	types_leaves(&t, many, 1000, note_leaf, &seen);
	assert_int_equal(seen.n, 0);
	/* A struct that holds itself. */
	t.members.at[0].type = hollow;
	types_leaves(&t, hollow, 1000, note_leaf, &seen);
	assert_int_equal(seen.n, 0);
	types_free(&t);
}

static void field_paths_name_members_and_elements(void **state)
{
	static const struct { uint64_t at; const char *path; } cases[] = {
		{ 0, "id" }, { 4, "" }, { 8, "in[0].name" },
		{ 18, "in[0].n[1]" }, { 24, "in[1].name" }, { 40, "a" },
		{ 44, "" }, { 48, "" }, { UINT64_MAX, "" },
	};
	struct type_table t = empty();
	uint32_t outer = append_outer(&t);
	char buf[64];

	(void)state;
	for (size_t i = 0; i < N(cases); i++)
		assert_string_equal(types_field_at(&t, outer, cases[i].at, buf,
						   sizeof(buf)),
				    cases[i].path);
	types_free(&t);
}

/* struct allocator : base {}; struct vector : allocator { int *start; }; */
static void field_paths_look_past_empty_bases(void **state)
{
	struct type_table t = empty();
	uint32_t base = record(&t, "base", 1, NULL, 0);
	struct member inside = { .type = base };
	uint32_t allocator = record(&t, "allocator", 1, &inside, 1);
	struct member members[2] = {
		{ .type = allocator },
		{ .type = derived(&t, TYPE_POINTER, TYPE_NONE, 8, 0) },
	};
	uint32_t vector, tag;
	char buf[64];

	(void)state;
	members[1].name = types_string(&t, "start");
	vector = record(&t, "vector", 8, members, 2);
	assert_string_equal(types_field_at(&t, vector, 0, buf, sizeof(buf)),
			    "start");
	members[0].name = types_string(&t, "tag");
	tag = record(&t, "tagged", 1, members, 1);
	assert_string_equal(types_field_at(&t, tag, 0, buf, sizeof(buf)),
			    "tag");
	types_free(&t);
}

/* D has a virtual base: in E it ends before its size, where B begins. */
static void what_follows_a_base_with_a_virtual_base_has_names(void **state)
{
	struct type_table t = empty();
	uint32_t pointer = derived(&t, TYPE_POINTER, TYPE_NONE, 8, 0);
	struct member d[2] = { { .type = pointer, .flags = MEMBER_VPTR } };
	struct member b = { .type = pointer };
	struct member e[3] = { { .flags = MEMBER_BASE },
			       { .offset = 16, .flags = MEMBER_BASE },
			       { .type = pointer, .offset = 32 } };
	uint32_t whole;
	char buf[64];

	(void)state;
	d[0].name = types_string(&t, "_vptr");
	d[1].type = record(&t, "V", 16, &b, 1);
	d[1].flags = MEMBER_BASE | MEMBER_VIRTUAL;
	e[0].type = record(&t, "D", 32, d, 2);
	b.name = types_string(&t, "buffer");
	e[1].type = record(&t, "B", 8, &b, 1);
	e[2].name = types_string(&t, "next");
	whole = record(&t, "E", 48, e, 3);
	assert_string_equal(types_field_at(&t, whole, 0, buf, sizeof(buf)),
			    "_vptr");
	assert_string_equal(types_field_at(&t, whole, 16, buf, sizeof(buf)),
			    "buffer");
	assert_string_equal(types_field_at(&t, whole, 32, buf, sizeof(buf)),
			    "next");
	types_free(&t);
}

struct image_bytes {
	VEC(uint8_t) v;
};

static bool collect(void *ctx, const void *bytes, size_t n, struct err *err)
{
	struct image_bytes *out = ctx;

	if (!vec_reserve(&out->v, out->v.len + n))
		return err_nomem(err, "test");
	memcpy(out->v.at + out->v.len, bytes, n);
	out->v.len += n;
	return true;
}

static void a_table_survives_being_written_and_read(void **state)
{
	struct type_table t = empty(), back;
	uint32_t outer = append_outer(&t), id = TYPE_NONE;
	struct image_bytes out = {0};
	struct types_sink sink = { collect, &out };
	struct err err = {0};
	struct bytes b;
	char one[64], two[64];

	(void)state;
	assert_true(types_write(&t, &sink, &err));
	b = bytes_of(out.v.at, out.v.len);
	assert_true(types_read(&b, &back, &err));
	assert_int_equal(bytes_left(&b), 0);
	assert_int_equal(back.types.len, t.types.len);
	assert_int_equal(memcmp(back.types.at, t.types.at,
				t.types.len * sizeof(*t.types.at)), 0);
	assert_int_equal(types_find(&back, "outer", &id), outer);
	assert_string_equal(types_field_at(&back, outer, 18, one, sizeof(one)),
			    types_field_at(&t, outer, 18, two, sizeof(two)));
	types_free(&t);
	types_free(&back);
	vec_free(&out.v);
}

/* Every cut and every changed byte: refused, or a table that checks out. */
static void damaged_tables_are_refused_or_sound(void **state)
{
	struct type_table t = empty(), back;
	uint32_t outer = append_outer(&t);
	struct image_bytes out = {0};
	struct types_sink sink = { collect, &out };
	struct err err = {0};
	struct seen seen;
	char buf[64];

	(void)state;
	assert_true(types_write(&t, &sink, &err));
	for (size_t cut = 0; cut < out.v.len; cut++) {
		struct bytes b = bytes_of(out.v.at, cut);

		assert_false(types_read(&b, &back, &err));
	}
	for (size_t i = 0; i < out.v.len; i++) {
		struct bytes b = bytes_of(out.v.at, out.v.len);

		out.v.at[i] ^= 0xff;
		err_clear(&err);
		if (types_read(&b, &back, &err)) {
			seen.n = 0;
			assert_true(types_check(&back, &err));
			types_leaves(&back, outer, 1000, note_leaf, &seen);
			types_field_at(&back, outer, 18, buf, sizeof(buf));
			types_name(&back, outer, buf, sizeof(buf));
			types_free(&back);
		}
		out.v.at[i] ^= 0xff;
	}
	types_free(&t);
	vec_free(&out.v);
}

static void variables_survive_being_written_and_read(void **state)
{
	struct variable vars[] = {
		{ .name = "ns::cache", .addr = 0x4010, .size = 8, .type = 2 },
		{ .name = "", .addr = 16, .size = 4, .type = TYPE_NONE,
		  .module = 1, .flags = VAR_TLS },
	};
	struct image image = {0};
	struct image_bytes out = {0};
	struct types_sink sink = { collect, &out };
	struct err err = {0};
	struct bytes b;

	(void)state;
	assert_true(vars_write(vars, N(vars), &sink, &err));
	b = bytes_of(out.v.at, out.v.len);
	assert_true(vars_read(&b, 3, 2, &image, &err));
	assert_int_equal(image.vars.len, 2);
	assert_string_equal(image.vars.at[0].name, "ns::cache");
	assert_int_equal(image.vars.at[0].addr, 0x4010);
	assert_int_equal(image.vars.at[1].flags, VAR_TLS);
	b = bytes_of(out.v.at, out.v.len);
	assert_false(vars_read(&b, 2, 2, &image, &err));
	vec_free(&image.vars);
	arena_free(&image.arena);
	vec_free(&out.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_descriptions_of_a_recursive_type_become_one),
		cmocka_unit_test(merging_again_adds_nothing),
		cmocka_unit_test(same_name_with_other_members_stays_apart),
		cmocka_unit_test(a_declaration_becomes_a_definition_merged_later),
		cmocka_unit_test(nameless_types_are_compared_by_content),
		cmocka_unit_test(circles_of_typedefs_end),
		cmocka_unit_test(types_add_returns_the_same_id_for_the_same_type),
		cmocka_unit_test(names_are_spelled_as_in_c),
		cmocka_unit_test(leaves_come_in_order_with_arrays_expanded),
		cmocka_unit_test(endless_arrays_of_nothing_end),
		cmocka_unit_test(field_paths_name_members_and_elements),
		cmocka_unit_test(field_paths_look_past_empty_bases),
		cmocka_unit_test(
			what_follows_a_base_with_a_virtual_base_has_names),
		cmocka_unit_test(a_table_survives_being_written_and_read),
		cmocka_unit_test(damaged_tables_are_refused_or_sound),
		cmocka_unit_test(variables_survive_being_written_and_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
