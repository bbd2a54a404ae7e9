/* SPDX-License-Identifier: MIT */
#include "analyze/memory_layers.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/alloc_probe.h"
#include "analyze/thread_blocks.h"

/* A stack that no thread descriptor tells of, in a larger mapping than this,
 * is taken to begin at its stack pointer. */
#define STACK_MAPPING_MAX (UINT64_C(64) << 20)

static void block_item(const struct memory_layer *layer, size_t i,
		       struct memory_piece *ret)
{
	const struct heap *heap = layer->items;

	*ret = (struct memory_piece){ heap->addr[i],
				      heap->addr[i] + heap_size(heap, i),
				      MEMORY_LIVE, heap->owner[i] };
}

static void free_item(const struct memory_layer *layer, size_t i,
		      struct memory_piece *ret)
{
	const struct heap *heap = layer->items;
	const struct chunk *chunk = &heap->free[i];

	*ret = (struct memory_piece){ chunk->addr, chunk->addr + chunk->size,
				      MEMORY_FREE, heap->free_owner[i] };
}

static void extent_item(const struct memory_layer *layer, size_t i,
			struct memory_piece *ret)
{
	const struct heap *heap = layer->items;
	const struct owned_extent *e = &heap->extents.at[i];
	bool understood = heap->allocators.at[e->allocator].understood;

	*ret = (struct memory_piece){ e->start, e->end,
				      understood ? MEMORY_OVERHEAD :
						   MEMORY_OPAQUE,
				      e->allocator };
}

static void listed_item(const struct memory_layer *layer, size_t i,
			struct memory_piece *ret)
{
	const struct memory_piece *pieces = layer->items;

	*ret = pieces[i];
}

static int by_start(const void *a, const void *b)
{
	const struct memory_piece *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->end > y->end) - (x->end < y->end);
}

static bool add_stack(struct memory_layers *l, uint64_t start, uint64_t end,
		      enum memory_kind kind)
{
	return vec_push(&l->stacks, ((struct memory_piece){ start, end, kind,
							    UINT32_MAX }));
}

/* The stack of a thread whose descriptor was not found: musl, Go, threads
 * made by hand. The main thread's mapping has a name. */
static bool add_by_sp(struct memory_layers *l, const struct image *image,
		      const struct thread_blocks *blocks, uint64_t sp)
{
	const struct mapping *m = image_mapping(image, sp);

	if (!m || m->path[0] == '[' || m->path[0] == '/' ||
	    thread_blocks_at(blocks, sp))
		return true;
	if (m->end - m->start <= STACK_MAPPING_MAX)
		return add_stack(l, m->start, m->end, MEMORY_STACK);
	return add_stack(l, sp & ~(uint64_t)(PAGE_SIZE_X86 - 1), m->end,
			 MEMORY_STACK);
}

static bool add_stacks(struct memory_layers *l, const struct heap *heap,
		       const struct thread_blocks *blocks)
{
	const struct image *image = heap->image;
	bool ok = true;

	for (size_t i = 0; ok && i < blocks->at.len; i++) {
		const struct thread_block *b = &blocks->at.at[i];

		ok = add_stack(l, b->start, b->end, b->thread == UINT32_MAX ?
			       MEMORY_DEAD_STACK : MEMORY_STACK);
	}
	for (uint32_t i = 0; ok && i < heap->n_roots; i++) {
		const struct root *r = &heap->roots[i];

		if (r->kind == ROOT_DEAD_STACK &&
		    !thread_blocks_at(blocks, r->addr))
			ok = add_stack(l, r->addr, r->addr + r->size,
				       MEMORY_DEAD_STACK);
	}
	for (size_t i = 0; ok && i < image->threads.len; i++)
		ok = add_by_sp(l, image, blocks,
			       image->threads.at[i].regs[X86_RSP]);
	if (ok && l->stacks.len > 1)
		qsort(l->stacks.at, l->stacks.len, sizeof(*l->stacks.at),
		      by_start);
	return ok;
}

static bool list_stacks(struct memory_layers *l, const struct heap *heap,
			struct err *err)
{
	struct thread_blocks blocks;
	bool ok;

	if (!thread_blocks_find(heap->image, &blocks, err))
		return false;
	ok = add_stacks(l, heap, &blocks) || err_nomem(err, "thread stacks");
	thread_blocks_free(&blocks);
	return ok;
}

static bool list_data(struct memory_layers *l, const struct image *image,
		      struct err *err)
{
	struct probe_space space;
	bool ok = true;

	if (!probe_space_build(image, &space, err))
		return false;
	for (size_t i = 0; ok && i < space.data.len; i++)
		ok = vec_push(&l->data, ((struct memory_piece){
			space.data.at[i].start, space.data.at[i].end,
			MEMORY_MODULE_DATA, UINT32_MAX }));
	probe_space_free(&space);
	return ok || err_nomem(err, "module data");
}

static int by_text(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* Modules are files that have been mapped to be run, or are in the table. */
static bool list_modules(struct memory_layers *l, const struct image *image,
			 struct err *err)
{
	bool ok = true;

	for (size_t i = 0; ok && i < image->modules.len; i++)
		ok = vec_push(&l->module_paths, image->modules.at[i].path);
	for (size_t i = 0; ok && i < image->mappings.len; i++) {
		const struct mapping *m = &image->mappings.at[i];

		if (m->path[0] == '/' && (m->perms & PERM_EXEC))
			ok = vec_push(&l->module_paths, m->path);
	}
	if (ok && l->module_paths.len > 1)
		qsort(l->module_paths.at, l->module_paths.len,
		      sizeof(*l->module_paths.at), by_text);
	return ok || err_nomem(err, "the list of modules");
}

static void make_layer(struct memory_layers *l, int i, size_t n,
		       const void *items,
		       void (*item)(const struct memory_layer *, size_t,
				    struct memory_piece *))
{
	l->layer[i] = (struct memory_layer){ .n = n, .item = item,
					     .items = items };
}

bool memory_layers_build(const struct heap *heap, struct memory_layers *ret,
			 struct err *err)
{
	*ret = (struct memory_layers){ .heap = heap };
	if (!list_stacks(ret, heap, err) ||
	    !list_data(ret, heap->image, err) ||
	    !list_modules(ret, heap->image, err)) {
		memory_layers_free(ret);
		return false;
	}
	make_layer(ret, 0, heap->n_blocks, heap, block_item);
	make_layer(ret, 1, heap->n_free, heap, free_item);
	make_layer(ret, 2, heap->extents.len, heap, extent_item);
	make_layer(ret, 3, ret->stacks.len, ret->stacks.at, listed_item);
	make_layer(ret, 4, ret->data.len, ret->data.at, listed_item);
	return true;
}

void memory_layers_free(struct memory_layers *layers)
{
	vec_free(&layers->stacks);
	vec_free(&layers->data);
	vec_free(&layers->module_paths);
	*layers = (struct memory_layers){0};
}

static bool is_shared_memory(const char *path)
{
	return path[0] != '/' || strncmp(path, "/dev/shm/", 9) == 0 ||
	       strncmp(path, "/memfd:", 7) == 0 ||
	       strncmp(path, "/SYSV", 5) == 0 ||
	       strncmp(path, "/dev/zero", 9) == 0;
}

static enum memory_kind kind_of(const struct memory_layers *l,
				const struct mapping *m)
{
	if (m->perms & PERM_SHARED)
		return is_shared_memory(m->path) ? MEMORY_SHARED : MEMORY_FILE;
	if (m->path[0] == '/') {
		if (l->module_paths.len == 0 ||
		    !bsearch(&m->path, l->module_paths.at,
			     l->module_paths.len,
			     sizeof(*l->module_paths.at), by_text))
			return is_shared_memory(m->path) ? MEMORY_SHARED :
							   MEMORY_FILE;
		return m->perms & PERM_WRITE ? MEMORY_MODULE_DATA :
					       MEMORY_MODULE_FILE;
	}
	if (strncmp(m->path, "[stack", 6) == 0)
		return MEMORY_STACK;
	if (strncmp(m->path, "[v", 2) == 0 || strcmp(m->path, "[uprobes]") == 0)
		return MEMORY_KERNEL;
	return MEMORY_UNOWNED;
}

/* Move the cursor to the first item that ends behind @at. */
static void seek(struct memory_layer *layer, uint64_t at)
{
	while (layer->top.end <= at && layer->next < layer->n)
		layer->item(layer, layer->next++, &layer->top);
}

void memory_layers_next(struct memory_layers *layers,
			const struct mapping *mapping, uint64_t start,
			struct memory_piece *ret)
{
	bool file = mapping->path[0] == '/';

	*ret = (struct memory_piece){ start, mapping->end, N_MEMORY_KINDS,
				      UINT32_MAX };
	for (int i = 0; i < N_MEMORY_LAYERS; i++) {
		struct memory_layer *layer = &layers->layer[i];
		const struct memory_piece *top = &layer->top;

		/* A file's own mapping tells more than "writable". */
		if (file && i == N_MEMORY_LAYERS - 1)
			break;
		seek(layer, start);
		if (top->start > start && top->start < ret->end)
			ret->end = top->start;
		if (top->start <= start && start < top->end) {
			if (top->end < ret->end)
				ret->end = top->end;
			ret->kind = top->kind;
			ret->allocator = top->allocator;
			return;
		}
	}
	/* Compares texts: not for each of millions of blocks. */
	ret->kind = kind_of(layers, mapping);
}
