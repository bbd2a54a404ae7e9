/* SPDX-License-Identifier: MIT */
#include "analyze/counted.h"

#include <string.h>

#include "base/sorted.h"

enum { MAX_LEAVES = 1 << 14 };

/* More handles than that nobody has: what was read is no count. */
enum { MOST = 1 << 28 };

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static const char *name_of(const struct type_table *types, uint32_t id)
{
	return id < types->types.len ?
	       types_text(types, types->types.at[id].name) : "";
}

enum counted_library counted_type(const struct type_table *types, uint32_t id)
{
	static const struct {
		const char *name;
		enum counted_library library;
	} known[] = {
		{ "std::_Sp_counted_", COUNTED_LIBSTDCXX },
		{ "std::__1::__shared_ptr_pointer<", COUNTED_LIBCXX },
		{ "std::__1::__shared_ptr_emplace<", COUNTED_LIBCXX },
		{ "alloc::rc::RcInner<", COUNTED_RUST },
		{ "alloc::rc::RcBox<", COUNTED_RUST },
		{ "alloc::sync::ArcInner<", COUNTED_RUST },
	};
	const char *name = name_of(types, types_strip(types, id));

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (begins(name, known[i].name))
			return known[i].library;
	}
	return COUNTED_NONE;
}

bool counted_read(struct window *window, uint64_t addr,
		  enum counted_library library, struct counted_value *ret)
{
	uint64_t at = addr + (library == COUNTED_RUST ? 0 : 8), a, b = 0;

	if (image_lost_some(window->image, at, 16) ||
	    !window_u64(window, at, &a) ||
	    (library != COUNTED_LIBSTDCXX && !window_u64(window, at + 8, &b)))
		return false;
	switch (library) {
	case COUNTED_LIBSTDCXX:
		ret->strong = (int32_t)(uint32_t)a;
		ret->weak = (int32_t)(uint32_t)(a >> 32);
		break;
	case COUNTED_LIBCXX:
		if (a + 1 > MOST || b + 1 > MOST)
			return false;
		ret->strong = (int64_t)(a + 1);
		ret->weak = (int64_t)(b + 1);
		break;
	default:
		if (a > MOST || b > MOST)
			return false;
		ret->strong = (int64_t)a;
		ret->weak = (int64_t)b;
	}
	ret->weak -= ret->strong > 0;
	return ret->strong >= 0 && ret->strong <= MOST && ret->weak >= 0 &&
	       ret->weak <= MOST;
}

struct collect {
	const struct type_table *types;
	VEC(struct handle_field) found;
	bool failed;
};

/* What the records around @leaf make of it. */
static bool is_handle(const struct collect *c, const struct leaf *leaf,
		      enum handle_kind *ret)
{
	static const struct {
		const char *name;
		enum handle_kind kind;
	} known[] = {
		{ "std::__shared_count<", HANDLE_STRONG },
		{ "std::__weak_count<", HANDLE_WEAK },
		{ "std::__1::shared_ptr<", HANDLE_STRONG },
		{ "std::__1::weak_ptr<", HANDLE_WEAK },
		{ "alloc::rc::Rc<", HANDLE_STRONG },
		{ "alloc::rc::Weak<", HANDLE_WEAK },
		{ "alloc::sync::Arc<", HANDLE_STRONG },
		{ "alloc::sync::Weak<", HANDLE_WEAK },
	};

	for (unsigned i = leaf->n_chain; i-- > 0;) {
		const char *name = name_of(c->types, leaf->chain[i].record);

		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
			if (!begins(name, known[k].name))
				continue;
			*ret = known[k].kind;
			return true;
		}
	}
	return false;
}

static bool visit(void *ctx, const struct leaf *leaf)
{
	struct collect *c = ctx;
	struct handle_field field = { .offset = leaf->offset };

	if (leaf->type == TYPE_NONE || leaf->offset % 8 != 0 ||
	    c->types->types.at[leaf->type].kind != TYPE_POINTER ||
	    !is_handle(c, leaf, &field.kind))
		return true;
	c->failed = !vec_push(&c->found, field);
	return !c->failed;
}

static int by_offset(const void *a, const void *b)
{
	const struct handle_field *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return (x->kind > y->kind) - (x->kind < y->kind);
}

const struct handle_fields *handle_fields_of(const struct type_table *types,
					     uint32_t type,
					     struct arena *arena)
{
	struct handle_fields *ret = arena_alloc(arena, sizeof(*ret));
	struct collect c = { .types = types };
	uint32_t id = types_strip(types, type);
	struct handle_field *at = NULL;

	if (!ret || id == TYPE_NONE)
		return ret;
	types_leaves(types, id, MAX_LEAVES, visit, &c);
	if (!c.failed && c.found.len > 0)
		at = arena_alloc(arena, c.found.len * sizeof(*at));
	if (c.failed || (c.found.len > 0 && !at)) {
		vec_free(&c.found);
		return NULL;
	}
	if (at) {
		qsort(c.found.at, c.found.len, sizeof(*at), by_offset);
		memcpy(at, c.found.at, c.found.len * sizeof(*at));
	}
	*ret = (struct handle_fields){
		.stride = types->types.at[id].size, .n = c.found.len, .at = at,
	};
	vec_free(&c.found);
	return ret;
}

const struct handle_field *handle_at(const struct handle_fields *fields,
				     uint64_t offset)
{
	size_t i;

	sorted_skip(i, 0, fields->n, fields->at[i].offset < offset);
	return i < fields->n && fields->at[i].offset == offset ?
	       &fields->at[i] : NULL;
}
