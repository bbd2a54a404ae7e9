/* SPDX-License-Identifier: MIT */
/*
 * Types by vtable: the first word of a polymorphic object points behind the
 * header of its class's vtable, where {offset to top, typeinfo} stand, and the
 * typeinfo names the class (Itanium C++ ABI, 2.5.2 and 2.9.5). Works in
 * stripped programs as well.
 *
 * And by code: the first words of a coroutine's frame are the functions that
 * resume it (null when it came to its end) and destroy it.
 */
#include "analyze/infer_state.h"

#include <stdlib.h>

#include "analyze/class_names.h"
#include "analyze/demangle.h"
#include "analyze/words.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/progress.h"
#include "base/sorted.h"

enum { CHUNK = 1 << 16, MAX_NAME = 4096 };

/* A block whose first word points into the read-only part of a module, or at
 * the code of a coroutine. */
struct candidate {
	uint32_t node;
	uint64_t vtable;
};

struct span {
	uint64_t start, end;
};

struct sweep {
	struct heap *heap;
	VEC(struct span) spans;	/* where vtables may lie, by address */
	struct map coroutines;	/* address of code -> type of the frame */
	VEC(struct candidate) *found;	/* [chunks] */
	struct window *windows;	/* [pool_threads()] */
};

/* Vtables lie in .data.rel.ro or .rodata: mapped from a module, not executable. */
static bool find_spans(struct sweep *s, struct err *err)
{
	const struct image *image = s->heap->image;

	for (size_t i = 0; i < image->mappings.len; i++) {
		const struct mapping *m = &image->mappings.at[i];
		struct span span = { m->start, m->end };

		if (m->perms & PERM_EXEC || !(m->perms & PERM_READ) ||
		    m->path[0] != '/' || !image_module(image, m->start))
			continue;
		if (s->spans.len > 0 &&
		    s->spans.at[s->spans.len - 1].end == m->start)
			s->spans.at[s->spans.len - 1].end = m->end;
		else if (!vec_push(&s->spans, span))
			return err_nomem(err, "vtables");
	}
	return true;
}

/* The functions that coroutines' frames begin with. */
static bool find_coroutines(struct sweep *s, struct err *err)
{
	const struct image *image = s->heap->image;

	for (size_t i = 0; i < image->vars.len; i++) {
		const struct variable *v = &image->vars.at[i];

		if (v->flags & VAR_COROUTINE && v->type != TYPE_NONE &&
		    !map_set(&s->coroutines, v->addr, v->type))
			return err_nomem(err, "coroutines");
	}
	return true;
}

static bool in_spans(const struct sweep *s, uint64_t addr)
{
	size_t i;

	sorted_skip(i, 0, s->spans.len, s->spans.at[i].end <= addr);
	return i < s->spans.len && s->spans.at[i].start <= addr;
}

/* Does block @i begin with @*code, or with null and code, of a coroutine? */
static bool is_frame(const struct sweep *s, uint64_t i, struct window *w,
		     uint64_t *code)
{
	if (s->coroutines.len == 0 || heap_size(s->heap, i) < 16 ||
	    (*code == 0 && !window_u64(w, s->heap->addr[i] + 8, code)))
		return false;
	return map_find(&s->coroutines, *code) != NULL;
}

static bool sweep_chunk(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
			unsigned worker, struct err *err)
{
	struct sweep *s = ctx;
	struct window *w = &s->windows[worker];

	for (uint64_t i = begin; i < end; i++) {
		struct candidate c = { .node = (uint32_t)i };

		if (heap_size(s->heap, i) < 8 ||
		    !window_u64(w, s->heap->addr[i], &c.vtable) ||
		    (!is_frame(s, i, w, &c.vtable) &&
		     (c.vtable % 8 != 0 || !in_spans(s, c.vtable))))
			continue;
		if (!vec_push(&s->found[chunk], c))
			return err_nomem(err, "vtables");
	}
	progress_add(end - begin);
	return true;
}

static bool is_code(const struct image *image, uint64_t addr)
{
	const struct mapping *m = image_mapping(image, addr);

	return m && (m->perms & PERM_EXEC);
}

/* Without RTTI: the name of the vtable's own symbol, _ZTV and the class. */
static bool name_by_symbol(const struct image *image, uint64_t vtable,
			   char *buf, size_t size)
{
	const struct symbol *s = image_symbol(image, vtable, SYMBOL_OBJECT);

	return s && s->addr + 16 == vtable && !strncmp(s->name, "_ZTV", 4) &&
	       demangle_type(s->name + 4, buf, size);
}

/* The name of the class whose vtable has its address point at @vtable. */
static bool class_name(const struct image *image, uint64_t vtable, char *buf,
		       size_t size)
{
	char mangled[MAX_NAME];
	uint64_t word[3], info[2];

	if (!image_read(image, vtable - 16, word, sizeof(word)))
		return false;
	/* {0, typeinfo, first virtual function, or 0 when it is pure} */
	if (word[0] != 0 || image_is_redacted(image, vtable - 16) ||
	    image_is_redacted(image, vtable) || (word[2] != 0 && !is_code(image, word[2])))
		return false;
	if (word[1] == 0)
		return name_by_symbol(image, vtable, buf, size);
	if (!image_read(image, word[1], info, sizeof(info)))
		return false;
	if (!pointer_decode(info[0]) ||
	    image_text(image, info[1], mangled, sizeof(mangled)) >=
	    sizeof(mangled) - 1)
		return false;
	return demangle_type(mangled, buf, size);
}

/* The type called @name; one without members when DWARF has none. */
static uint32_t type_called(struct type_table *types, struct class_names *names,
			    const char *name, bool *ok)
{
	struct type t = {
		.kind = TYPE_CLASS, .flags = TYPE_RUNTIME | TYPE_POLYMORPHIC,
		.target = TYPE_NONE, .scope = TYPE_NONE, .module = UINT32_MAX,
	};
	uint32_t id = class_called(names, types, name, ok);

	if (id != TYPE_NONE || !*ok)
		return id;
	t.name = types_string(types, name);
	return t.name ? types_add(types, &t, NULL, NULL) : TYPE_NONE;
}

/* How many objects of @size bytes with this vtable follow one another. */
static uint32_t count_objects(struct infer *infer, uint32_t node,
			      uint64_t vtable, uint64_t size)
{
	const struct heap *heap = infer->heap;
	uint32_t n = 1;
	uint64_t word;

	if (size == 0 || infer_fits(heap, node, size, true))
		return 1;
	while (n < UINT32_MAX && (n + 1) * size <= heap_size(heap, node) &&
	       window_u64(&infer->window, heap->addr[node] + n * size, &word) &&
	       word == vtable)
		n++;
	return n;
}

struct classes {
	struct map by_vtable;	/* type id */
	struct class_names names;
};

static bool claim_object(struct infer *infer, struct classes *classes,
			 const struct candidate *c, struct err *err)
{
	struct type_table *types = &infer->heap->image->types;
	char name[MAX_NAME];
	struct claim claim = {
		.node = c->node, .evidence = EVIDENCE_VTABLE, .confidence = 99,
		.why_node = c->node, .why_offset = 0,
	};
	bool added, ok = true;
	uint64_t *slot = map_slot(&classes->by_vtable, c->vtable, &added);

	if (slot && added)
		*slot = class_name(infer->heap->image, c->vtable, name,
				   sizeof(name)) ?
			type_called(types, &classes->names, name, &ok) :
			TYPE_NONE;
	if (!slot || !ok)
		return err_nomem(err, "vtables");
	claim.type = (uint32_t)*slot;
	if (claim.type == TYPE_NONE ||
	    types->types.at[claim.type].size > heap_size(infer->heap, c->node))
		return true;
	claim.count = count_objects(infer, c->node, c->vtable,
				    types->types.at[claim.type].size);
	if (types->types.at[claim.type].size == 0)
		claim.confidence = SURE_UNSIZED;
	else if (claim.count == 1 &&
		 !infer_fits(infer->heap, c->node,
			     types->types.at[claim.type].size, true))
		claim.confidence = SURE_BEGINS;
	return infer_claim(infer, &claim) || err_nomem(err, "types of blocks");
}

static bool claim_frame(struct infer *infer, const struct sweep *s,
			const struct candidate *c, struct err *err)
{
	struct claim claim = {
		.node = c->node, .count = 1, .why_node = c->node,
		.type = (uint32_t)map_get(&s->coroutines, c->vtable, 0),
		.evidence = EVIDENCE_COROUTINE, .confidence = 99,
	};

	/* The compiler may have put the frame's promise at a stricter place. */
	return infer->heap->image->types.types.at[claim.type].size >
	       heap_size(infer->heap, c->node) ||
	       infer_claim(infer, &claim) || err_nomem(err, "types of blocks");
}

static bool sweep_all(struct sweep *s, struct err *err)
{
	size_t chunks = pool_chunks(s->heap->n_blocks, CHUNK);
	bool ok;

	s->found = calloc(chunks + 1, sizeof(*s->found));
	s->windows = calloc(pool_threads(), sizeof(*s->windows));
	if (!s->found || !s->windows)
		return err_nomem(err, "vtables");
	for (unsigned i = 0; i < pool_threads(); i++)
		s->windows[i] = window_of(s->heap->image);
	progress_begin("looking for vtables", s->heap->n_blocks);
	ok = pool_run(s->heap->n_blocks, CHUNK, sweep_chunk, s, err);
	progress_end();
	for (unsigned i = 0; i < pool_threads(); i++)
		window_close(&s->windows[i]);
	return ok;
}

static void sweep_free(struct sweep *s)
{
	for (size_t i = 0; s->found &&
	     i < pool_chunks(s->heap->n_blocks, CHUNK); i++)
		vec_free(&s->found[i]);
	free(s->found);
	free(s->windows);
	vec_free(&s->spans);
	map_free(&s->coroutines);
}

bool infer_vtables(struct infer *infer, struct err *err)
{
	struct sweep s = { .heap = infer->heap };
	struct classes classes = {0};
	bool ok = find_spans(&s, err) && find_coroutines(&s, err) &&
		  sweep_all(&s, err);

	for (size_t i = 0; ok && i < pool_chunks(s.heap->n_blocks, CHUNK); i++) {
		for (size_t k = 0; ok && k < s.found[i].len; k++) {
			const struct candidate *c = &s.found[i].at[k];

			ok = map_find(&s.coroutines, c->vtable) ?
			     claim_frame(infer, &s, c, err) :
			     claim_object(infer, &classes, c, err);
		}
	}
	sweep_free(&s);
	map_free(&classes.by_vtable);
	class_names_free(&classes.names);
	return ok;
}
