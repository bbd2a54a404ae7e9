/* SPDX-License-Identifier: MIT */
#include "analyze/pointer_fields.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/union_tags.h"
#include "base/sorted.h"

enum {
	MAX_LEAVES = 1 << 18,	/* each byte of a buffer inside is one, too */
	MAX_CONTEXT = 64,	/* arguments kept of the classes around a pointer */
};

struct collect {
	struct pointer_cache *cache;
	VEC(struct pointer_field) fields, in_union;
	VEC(struct code_field) code;
	VEC(struct raw_range) ranges;
	bool failed;
};

struct context {
	uint32_t types[MAX_CONTEXT];
	uint8_t distance[MAX_CONTEXT];
	uint32_t n;
};

/* Called from the innermost class outwards: the first distance counts. */
static void context_add(struct context *c, uint32_t type, uint8_t distance)
{
	uint32_t at = c->n;

	while (at > 0 && c->types[at - 1] > type)
		at--;
	if ((at > 0 && c->types[at - 1] == type) || c->n == MAX_CONTEXT)
		return;
	memmove(&c->types[at + 1], &c->types[at],
		(c->n - at) * sizeof(c->types[0]));
	memmove(&c->distance[at + 1], &c->distance[at], c->n - at);
	c->types[at] = type;
	c->distance[at] = distance;
	c->n++;
}

/* The instance of a template that pointer type @id points at, or TYPE_NONE. */
static uint32_t node_behind(const struct type_table *types, uint32_t id)
{
	if (types->types.at[id].kind != TYPE_POINTER)
		return TYPE_NONE;
	id = types_strip(types, types->types.at[id].target);
	return id != TYPE_NONE && types_is_record(types, id) &&
	       types->types.at[id].n_args > 0 ? id : TYPE_NONE;
}

/* The types that the records in @leaf->chain are instantiated with. */
static void context_of(const struct type_table *types, const struct leaf *leaf,
		       struct context *ret)
{
	ret->n = 0;
	for (unsigned i = leaf->n_chain; i-- > 0;) {
		uint8_t distance = (uint8_t)(leaf->n_chain - 1 - i);
		const struct type *t;

		if (leaf->chain[i].record == TYPE_NONE)
			continue;
		t = &types->types.at[leaf->chain[i].record];
		for (uint32_t k = 0; k < t->n_args; k++) {
			const struct template_arg *arg =
				&types->args.at[t->first_arg + k];
			uint32_t id = types_strip(types, arg->type);

			if (arg->is_value || id == TYPE_NONE)
				continue;
			context_add(ret, id, distance);
			/* A base of nodes may name them by a pointer. */
			id = node_behind(types, id);
			if (id != TYPE_NONE)
				context_add(ret, id | POINTER_BEHIND,
					    distance);
		}
	}
}

static bool kind_is(const struct pointer_kind *a, const struct pointer_kind *b)
{
	uint32_t n = a->n_context;

	return a->target == b->target && n == b->n_context &&
	       (n == 0 ||
		(memcmp(a->context, b->context, n * sizeof(*a->context)) == 0 &&
		 memcmp(a->distance, b->distance, n) == 0));
}

/** Copy the context of @kind into the arena. */
static bool own(struct pointer_cache *cache, struct pointer_kind *kind)
{
	uint32_t n = kind->n_context;
	uint32_t *context = arena_alloc(&cache->arena,
					(n + 1) * sizeof(*context));
	uint8_t *distance = arena_alloc(&cache->arena, n + 1);

	if (!context || !distance)
		return false;
	if (n > 0) {
		memcpy(context, kind->context, n * sizeof(*context));
		memcpy(distance, kind->distance, n);
	}
	kind->context = context;
	kind->distance = distance;
	return true;
}

/** The index of this kind, which is added when it is new. */
static uint32_t kind_of(struct pointer_cache *cache, struct pointer_kind kind)
{
	uint64_t hash = hash_bytes(kind.context,
				   kind.n_context * sizeof(*kind.context),
				   kind.target);
	uint64_t *slot;
	bool added;

	for (;; hash++) {
		slot = map_slot(&cache->by_kind, hash, &added);
		if (!slot)
			return UINT32_MAX;
		if (added)
			break;
		if (*slot && kind_is(&cache->kinds.at[*slot - 1], &kind))
			return (uint32_t)(*slot - 1);
	}
	if (!own(cache, &kind) || !vec_push(&cache->kinds, kind))
		return UINT32_MAX;
	*slot = cache->kinds.len;
	return (uint32_t)(cache->kinds.len - 1);
}

uint32_t pointer_kind_of_element(struct pointer_cache *cache, uint32_t kind,
				 uint32_t target)
{
	struct pointer_kind k = cache->kinds.at[kind];

	k.target = target;
	return kind_of(cache, k);
}

bool pointer_kind_is_about(const struct pointer_kind *kind, uint32_t type)
{
	for (uint32_t i = 0; i < kind->n_context; i++) {
		if (kind->context[i] == type)
			return true;
	}
	return false;
}

bool pointer_kind_mentions(const struct pointer_kind *kind, uint32_t type,
			   uint8_t *distance)
{
	for (uint32_t i = 0; i < kind->n_context; i++) {
		if ((kind->context[i] & ~POINTER_BEHIND) == type) {
			*distance = kind->distance[i];
			return true;
		}
	}
	return false;
}

static bool same_conditions(const struct conditions *a,
			    const struct conditions *b)
{
	for (unsigned i = 0; i < a->n && a->n == b->n; i++) {
		if (a->at[i].offset != b->at[i].offset ||
		    a->at[i].value != b->at[i].value ||
		    a->at[i].test != b->at[i].test)
			return false;
	}
	return a->n == b->n;
}

/* Where the conditions of the field before are kept, if they are the same. */
static bool keep_conditions(struct collect *c, const struct conditions *when,
			    struct pointer_field *field)
{
	const struct conditions *before = c->fields.len == 0 ? NULL :
		c->fields.at[c->fields.len - 1].when;
	struct conditions *copy;

	if (when->n == 0)
		return true;
	if (before && same_conditions(before, when)) {
		field->when = before;
		return true;
	}
	copy = arena_alloc(&c->cache->arena, sizeof(*copy));
	if (!copy)
		return false;
	*copy = *when;
	field->when = copy;
	return true;
}

/* What the class of a Rust pointer says beyond its declaration. */
static void refine(const struct type_table *types, const struct leaf *leaf,
		   struct pointer_field *field, struct context *context)
{
	rust_pointer_of(types, leaf, &field->rust);
	if (field->rust.element != TYPE_NONE) {
		field->target = field->rust.element;
		context_add(context, field->rust.element, 0);
	}
}

static bool note_code(struct collect *c, const struct leaf *leaf,
		      uint32_t target, bool doubtful)
{
	struct code_field code;

	if (!code_field_of(c->cache->types, leaf, target, &code))
		return true;
	code.doubtful = doubtful;
	c->failed = !vec_push(&c->code, code);
	return !c->failed;
}

static bool note_range(struct collect *c, const struct leaf *leaf)
{
	struct raw_range range;

	c->failed = raw_range_of(c->cache->types, leaf, &range) &&
		    !vec_push(&c->ranges, range);
	return !c->failed;
}

static void note_union(const struct type_table *types, const struct leaf *leaf,
		       struct pointer_field *field)
{
	uint64_t base = 0;

	field->record = union_record_of(types, leaf, &base);
	if (base > UINT32_MAX)
		field->record = TYPE_NONE;
	field->record_at = (uint32_t)base;
}

static bool visit(void *ctx, const struct leaf *leaf)
{
	struct collect *c = ctx;
	const struct type_table *types = c->cache->types;
	struct pointer_field field = {
		.offset = leaf->offset, .record = TYPE_NONE,
	};
	struct pointer_kind kind;
	struct conditions when;
	bool known;
	struct context context;
	const struct type *t;

	if (leaf->type == TYPE_NONE || leaf->offset % 8 ||
	    leaf->flags & (MEMBER_VIRTUAL | MEMBER_VPTR))
		return true;
	t = &types->types.at[leaf->type];
	if (t->kind != TYPE_POINTER && t->kind != TYPE_REFERENCE)
		return t->kind != TYPE_INT || t->size != 8 ||
		       note_range(c, leaf);
	field.target = types_strip(types, t->target);
	if (field.target == TYPE_NONE)
		return note_range(c, leaf);
	known = conditions_of(types, leaf, &when);
	if (!known && leaf->flags & MEMBER_VARIANT)
		return true;
	if (!note_code(c, leaf, field.target, !known))
		return false;
	if (types->types.at[field.target].kind == TYPE_FUNCTION)
		return true;
	context_of(types, leaf, &context);
	refine(types, leaf, &field, &context);
	kind = (struct pointer_kind){
		.target = field.target, .n_context = context.n,
		.context = context.types, .distance = context.distance,
	};
	field.kind = kind_of(c->cache, kind);
	if (!known)
		note_union(types, leaf, &field);
	if (field.kind == UINT32_MAX)
		c->failed = true;
	else if (!known)
		c->failed = !vec_push(&c->in_union, field);
	else
		c->failed = !keep_conditions(c, &when, &field) ||
			    !vec_push(&c->fields, field);
	return !c->failed;
}

/* Alternatives overlap: their fields come one alternative after another. */
static void sort_fields(struct pointer_field *at, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct pointer_field field = at[i];
		size_t k = i;

		for (; k > 0 && at[k - 1].offset > field.offset; k--)
			at[k] = at[k - 1];
		at[k] = field;
	}
}

/* A sorted copy of @at[@n] in the arena, or NULL. */
static const struct pointer_field *keep_fields(struct arena *arena,
					       const struct pointer_field *at,
					       size_t n)
{
	struct pointer_field *copy = arena_alloc(arena, (n + 1) * sizeof(*at));

	if (copy && n > 0) {
		memcpy(copy, at, n * sizeof(*at));
		sort_fields(copy, n);
	}
	return copy;
}

/* Keep what was collected; false when memory is exhausted. */
static bool keep(struct collect *c, struct pointer_fields *ret)
{
	struct arena *arena = &c->cache->arena;
	struct code_field *code =
		arena_alloc(arena, (c->code.len + 1) * sizeof(*code));
	struct raw_range *ranges =
		arena_alloc(arena, (c->ranges.len + 1) * sizeof(*ranges));

	ret->at = keep_fields(arena, c->fields.at, c->fields.len);
	ret->in_union = keep_fields(arena, c->in_union.at, c->in_union.len);
	if (c->failed || !ret->at || !ret->in_union || !code || !ranges)
		return false;
	if (c->code.len > 0)
		memcpy(code, c->code.at, c->code.len * sizeof(*code));
	ret->n = c->fields.len;
	ret->n_union = c->in_union.len;
	ret->n_code = c->code.len;
	ret->code = code;
	if (c->ranges.len > 0)
		memcpy(ranges, c->ranges.at, c->ranges.len * sizeof(*ranges));
	ret->n_ranges = c->ranges.len;
	ret->ranges = ranges;
	return true;
}

const struct pointer_fields *pointer_fields_of(struct pointer_cache *cache,
					       uint32_t type)
{
	uint64_t *slot = map_slot(&cache->by_type, type, NULL);
	struct collect c = { .cache = cache };
	struct pointer_fields *fields;
	bool ok;

	if (!slot)
		return NULL;
	if (*slot)
		return (const struct pointer_fields *)(uintptr_t)*slot;
	types_leaves(cache->types, type, MAX_LEAVES, visit, &c);
	fields = arena_alloc(&cache->arena, sizeof(*fields));
	if (fields)
		fields->stride = cache->types->types.at[type].size;
	ok = fields && keep(&c, fields);
	vec_free(&c.fields);
	vec_free(&c.in_union);
	vec_free(&c.code);
	vec_free(&c.ranges);
	if (!ok)
		return NULL;
	*slot = (uintptr_t)fields;
	return fields;
}

const struct pointer_field *pointer_field_in(const struct pointer_field *at,
					     size_t n, uint64_t offset)
{
	size_t i;

	sorted_skip(i, 0, n, at[i].offset < offset);
	return i < n && at[i].offset == offset ? &at[i] : NULL;
}

void pointer_cache_free(struct pointer_cache *cache)
{
	map_free(&cache->by_type);
	map_free(&cache->by_kind);
	vec_free(&cache->kinds);
	arena_free(&cache->arena);
}
