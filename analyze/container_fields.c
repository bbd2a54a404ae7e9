/* SPDX-License-Identifier: MIT */
#include "analyze/container_fields.h"

#include <string.h>

#include "analyze/rust_pointers.h"

/* Leaves of one type that are looked at: arrays of containers inside a type
 * are short. */
enum { MAX_LEAVES = 1 << 14 };

struct collect {
	const struct type_table *types;
	VEC(struct container_field) found;
	bool failed;
};

static const struct type *type_at(const struct collect *c, uint32_t id)
{
	return &c->types->types.at[id];
}

static bool is_record(const struct collect *c, uint32_t id)
{
	return id < c->types->types.len && types_is_record(c->types, id);
}

static const char *name_of(const struct collect *c, uint32_t id)
{
	return types_text(c->types, type_at(c, id)->name);
}

/* The member called @name of @record, or NULL. */
static const struct member *member_called(const struct collect *c,
					  uint32_t record, const char *name)
{
	const struct type *t = type_at(c, record);

	for (uint32_t i = 0; i < t->n_members; i++) {
		const struct member *m =
			&c->types->members.at[t->first_member + i];

		if (!strcmp(types_text(c->types, m->name), name))
			return m;
	}
	return NULL;
}

/* The offset of the member @name in the records around @leaf, the innermost
 * first; UINT64_MAX when none has it. */
static uint64_t offset_around(const struct collect *c, const struct leaf *leaf,
			      const char *name)
{
	for (unsigned i = leaf->n_chain; i-- > 0;) {
		const struct leaf_step *step = &leaf->chain[i];
		const struct member *m;

		if (!is_record(c, step->record))
			continue;
		m = member_called(c, step->record, name);
		if (m)
			return step->base + m->offset;
	}
	return UINT64_MAX;
}

static bool add(struct collect *c, const struct leaf *leaf,
		enum container_kind kind, uint32_t element, uint64_t used_at,
		uint64_t room_at)
{
	struct container_field field = {
		.kind = kind, .element = element, .at = leaf->offset,
		.used_at = used_at, .room_at = room_at,
	};

	if (element == TYPE_NONE || used_at == UINT64_MAX ||
	    room_at == UINT64_MAX)
		return true;
	field.stride = type_at(c, element)->size;
	c->failed = field.stride > 0 && !vec_push(&c->found, field);
	return !c->failed;
}

/* The names of {begin, end, limit} in the vectors of two libraries. */
static const struct {
	const char *begin, *end, *limit;
} ranges[] = {
	{ "_M_start", "_M_finish", "_M_end_of_storage" },
	{ "__begin_", "__end_", "__end_cap_" },
	{ "__begin_", "__end_", "__cap_" },
};

static bool add_range(struct collect *c, const struct leaf *leaf,
		      const char *name, uint32_t element)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		uint64_t end, limit;

		if (strcmp(name, ranges[i].begin) || !is_record(c, leaf->owner))
			continue;
		end = offset_around(c, leaf, ranges[i].end);
		limit = offset_around(c, leaf, ranges[i].limit);
		if (end == leaf->offset + 8 && limit == leaf->offset + 16)
			return add(c, leaf, CONTAINER_RANGE, element, end,
				   limit);
	}
	return true;
}

static bool is_string(const struct collect *c, const struct leaf *leaf)
{
	static const char name[] = "std::__cxx11::basic_string<";

	for (unsigned i = 0; i < leaf->n_chain; i++) {
		const struct leaf_step *step = &leaf->chain[i];

		if (is_record(c, step->record) &&
		    !strncmp(name_of(c, step->record), name, sizeof(name) - 1))
			return true;
	}
	return false;
}

static bool add_rust(struct collect *c, const struct leaf *leaf)
{
	struct rust_pointer rust;

	rust_pointer_of(c->types, leaf, &rust);
	if (rust.what == RUST_TABLE)
		return add(c, leaf, CONTAINER_TABLE, rust.element,
			   offset_around(c, leaf, "items"), rust.number_at);
	if (rust.what == RUST_VEC)
		return add(c, leaf, CONTAINER_VEC, rust.element, rust.number_at,
			   offset_around(c, leaf, "cap"));
	return true;
}

static bool visit(void *ctx, const struct leaf *leaf)
{
	struct collect *c = ctx;
	uint32_t element;
	const char *name;

	if (leaf->type == TYPE_NONE || leaf->in_union ||
	    leaf->flags & (MEMBER_VARIANT | MEMBER_VIRTUAL) ||
	    leaf->member == UINT32_MAX ||
	    type_at(c, leaf->type)->kind != TYPE_POINTER)
		return true;
	name = types_text(c->types, c->types->members.at[leaf->member].name);
	element = types_strip(c->types, type_at(c, leaf->type)->target);
	if (!strcmp(name, "_M_p"))
		return !is_string(c, leaf) ||
		       add(c, leaf, CONTAINER_STRING, element,
			   leaf->offset + 8, leaf->offset + 16);
	return add_range(c, leaf, name, element) && add_rust(c, leaf);
}

bool container_maps_init(const struct type_table *types,
			 struct container_maps *ret, struct err *err)
{
	*ret = (struct container_maps){ .n_types = types->types.len };
	ret->of = calloc(ret->n_types + 1, sizeof(*ret->of));
	return ret->of || err_nomem(err, "containers");
}

/* What lies beyond the type's end cannot be one of its words. */
static void drop_beyond(struct collect *c, uint64_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < c->found.len; i++) {
		const struct container_field *f = &c->found.at[i];

		if (size >= 8 && f->at <= size - 8 && f->used_at <= size - 8 &&
		    f->room_at <= size - 8)
			c->found.at[n++] = *f;
	}
	c->found.len = n;
}

bool container_maps_add(const struct type_table *types, uint32_t type,
			struct container_maps *maps, struct err *err)
{
	uint32_t id = types_strip(types, type);
	struct collect c = { .types = types };
	struct container_fields *fields = NULL;
	struct container_field *at = NULL;
	bool ok = true;

	if (id == TYPE_NONE || type >= maps->n_types || maps->of[type] ||
	    types->types.at[id].size == 0)
		return true;
	types_leaves(types, id, MAX_LEAVES, visit, &c);
	drop_beyond(&c, types->types.at[id].size);
	if (!c.failed && c.found.len > 0) {
		fields = arena_alloc(&maps->arena, sizeof(*fields));
		at = arena_alloc(&maps->arena, c.found.len * sizeof(*at));
	}
	if (c.failed || (c.found.len > 0 && (!fields || !at))) {
		ok = err_nomem(err, "containers");
	} else if (c.found.len > 0) {
		memcpy(at, c.found.at, c.found.len * sizeof(*at));
		*fields = (struct container_fields){
			.stride = types->types.at[id].size, .n = c.found.len,
			.at = at };
		maps->of[type] = fields;
	}
	vec_free(&c.found);
	return ok;
}

void container_maps_free(struct container_maps *maps)
{
	free(maps->of);
	arena_free(&maps->arena);
	*maps = (struct container_maps){0};
}
