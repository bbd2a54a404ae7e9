/* SPDX-License-Identifier: MIT */
#include "analyze/roots.h"

#include <stdlib.h>

#include "analyze/local_roots.h"
#include "analyze/thread_blocks.h"
#include "analyze/tls.h"
#include "analyze/words.h"
#include "base/progress.h"
#include "base/sorted.h"

/* The red zone below the stack pointer (System V ABI, AMD64, 3.2.2). */
enum { RED_ZONE = 128 };

/* In a larger mapping something else lies below the stack as well. */
#define STACK_MAPPING_MAX (UINT64_C(64) << 20)

#define ANONYMOUS_NAME "mapping anon"

/* A piece of the address space that is not scanned as what its mapping is. */
struct taken {
	uint64_t start, end;
};

struct builder {
	struct heap *heap;
	const struct image *image;
	struct window window;
	struct thread_blocks threads;
	VEC(struct taken) taken;	/* settled before use */
	size_t next_taken;	/* the first that ends behind where we are */
	uint64_t covered;	/* end of the last root in the data of modules */
	struct stack_spans stacks;
	VEC(struct root) roots;
	/* Those that come after the data of modules. */
	VEC(struct root) later;
};

static bool add_later(struct builder *b, struct root root, struct err *err)
{
	if (root.size == 0 && root.kind != ROOT_REGISTERS)
		return true;
	if (!root.name || !vec_push(&b->later, root))
		return err_nomem(err, "roots");
	return true;
}

static bool take(struct builder *b, uint64_t start, uint64_t end,
		 struct err *err)
{
	struct taken t = { start, end };

	return start >= end || vec_push(&b->taken, t) ||
	       err_nomem(err, "roots");
}

/* --- data of modules --- */

static const char *data_name(struct builder *b, const struct module *module,
			     uint64_t addr)
{
	struct arena *arena = &b->heap->arena;
	const char *file = path_name(module->path);

	for (size_t i = 0; i < module->n_sections; i++) {
		const struct section *s =
			&b->image->sections.at[module->first_section + i];

		if (addr >= s->start && addr < s->end)
			return arena_printf(arena, "%s:%s+0x%llx", file, s->name,
				(unsigned long long)(addr - s->start));
	}
	return arena_printf(arena, "%s+0x%llx", file,
			    (unsigned long long)(addr - module->start));
}

/* Bytes of @var, as far as it lies in its module. */
static uint64_t size_inside(const struct module *module,
			    const struct variable *var)
{
	uint64_t left = module->end - var->addr;

	return var->size < left ? var->size : left;
}

/* The root that holds the word at @addr, which refers to a block. */
static bool add_data_root(struct builder *b, const struct module *module,
			  uint64_t addr, struct err *err)
{
	const struct variable *var = image_variable(b->image, addr);
	struct root root = {
		.addr = addr, .size = 8, .type = TYPE_NONE,
		.thread = UINT32_MAX, .kind = ROOT_DATA,
	};

	if (var && var->size >= 8) {
		root.addr = var->addr;
		root.size = size_inside(module, var);
		root.type = var->type;
		root.kind = ROOT_VARIABLE;
		root.name = arena_printf(&b->heap->arena, "%s:%s",
					 path_name(module->path), var->name);
	} else {
		root.name = data_name(b, module, addr);
	}
	if (!root.name || !vec_push(&b->roots, root))
		return err_nomem(err, "roots");
	b->covered = root.addr + root.size;
	return true;
}

/* A variable may begin in one mapping of the module and end in the next. */
static bool scan_data(struct builder *b, const struct module *module,
		      uint64_t start, uint64_t end, struct err *err)
{
	struct word_walk walk = word_walk_of(&b->window, start, end);
	struct word_run run;
	size_t hint = 0;

	while (word_walk_next(&walk, &run)) {
		for (size_t i = 0; i < run.n; i++) {
			uint64_t at = run.addr + i * 8;
			uint64_t to = pointer_decode(word_run_at(&run, i));

			if (to == 0 || at < b->covered ||
			    block_index_near(&b->heap->index, to, &hint) ==
			    NODE_NONE)
				continue;
			if (!add_data_root(b, module, at, err))
				return false;
		}
	}
	return true;
}

/* --- thread-local variables --- */

static bool refers_to_block(struct builder *b, uint64_t start, uint64_t size)
{
	struct word_walk walk = word_walk_of(&b->window, start, start + size);
	struct word_run run;
	size_t hint = 0;

	while (word_walk_next(&walk, &run)) {
		for (size_t i = 0; i < run.n; i++) {
			uint64_t to = pointer_decode(word_run_at(&run, i));

			if (to && block_index_near(&b->heap->index, to, &hint) !=
				  NODE_NONE)
				return true;
		}
	}
	return false;
}

/* @base has the address of the thread's block of each module, or 0. */
static bool add_tls_of(struct builder *b, uint32_t thread,
		       const uint64_t *base, struct err *err)
{
	const struct image *image = b->image;

	for (size_t i = image->vars.len; i-- > 0;) {
		const struct variable *v = &image->vars.at[i];
		const struct module *module = &image->modules.at[v->module];
		struct root root = {
			.addr = base[v->module] + v->addr, .size = v->size,
			.type = v->type, .thread = thread, .kind = ROOT_TLS,
		};

		if (!(v->flags & VAR_TLS))
			break;
		if (base[v->module] == 0 || v->size < 8 ||
		    v->addr > module->tls_size ||
		    v->size > module->tls_size - v->addr ||
		    !refers_to_block(b, root.addr, root.size))
			continue;
		root.name = arena_printf(&b->heap->arena, "tls %s:%s",
					 path_name(module->path), v->name);
		if (!add_later(b, root, err))
			return false;
	}
	return true;
}

static bool add_tls(struct builder *b, struct err *err)
{
	size_t n_modules = b->image->modules.len, i = 0;
	uint64_t *base = malloc((n_modules + 1) * sizeof(*base));
	struct tls_blocks blocks = {0};
	bool ok = base ? tls_blocks_find(b->image, &blocks, err) :
			 err_nomem(err, "roots");

	while (ok && i < blocks.at.len) {
		uint32_t thread = blocks.at.at[i].thread;

		memset(base, 0, n_modules * sizeof(*base));
		for (; i < blocks.at.len && blocks.at.at[i].thread == thread;
		     i++)
			base[blocks.at.at[i].module] = blocks.at.at[i].addr;
		ok = add_tls_of(b, thread, base, err);
	}
	tls_blocks_free(&blocks);
	free(base);
	return ok;
}

/* --- threads --- */

static const char *thread_root_name(struct builder *b, uint32_t thread,
				    const char *what)
{
	return arena_printf(&b->heap->arena, "thread \"%s\" %s",
			    b->image->threads.at[thread].name, what);
}

static bool add_stack(struct builder *b, uint32_t thread, uint64_t start,
		      uint64_t end, struct err *err)
{
	struct stack_span span = { start, end, thread };

	if (start < end && !vec_push(&b->stacks.at, span))
		return err_nomem(err, "roots");
	return add_later(b, (struct root){
		.name = thread_root_name(b, thread, "stack"),
		.addr = start, .size = end > start ? end - start : 0,
		.type = TYPE_NONE, .thread = thread, .kind = ROOT_STACK,
	}, err);
}

/* End of the stack in @m that holds @sp: the mapping's, or an allocator's. */
static uint64_t mapping_stack_end(const struct heap *heap,
				  const struct mapping *m, uint64_t sp)
{
	size_t i;
	uint64_t start;

	sorted_skip(i, 0, heap->extents.len, heap->extents.at[i].start <= sp);
	if (i < heap->extents.len) {
		start = heap->extents.at[i].start;
		return start < m->end ? start : m->end;
	}
	return m->end;
}

/*
 * A stack among the data of a module, as for signal handlers. Its variable
 * tells where it ends; without one it counts as data, like all around it.
 */
static bool add_static_stack(struct builder *b, uint32_t thread,
			     const struct module *module, uint64_t sp,
			     uint64_t from, struct err *err)
{
	const struct variable *var = image_variable(b->image, sp);
	uint64_t end;

	if (!var)
		return true;
	end = var->addr + size_inside(module, var);
	if (from < var->addr)
		from = var->addr;
	return add_stack(b, thread, from, end, err) &&
	       take(b, var->addr, end, err);
}

/*
 * The stack that @sp points into: memory that the program gave (a block, or
 * data), the block that glibc mapped, or whatever mapping it is (the first
 * thread's).
 */
static bool add_stack_at(struct builder *b, uint32_t thread, uint64_t sp,
			 struct err *err)
{
	uint32_t node = heap_find(b->heap, sp);
	uint64_t from = sp > RED_ZONE ? sp - RED_ZONE : 0;
	const struct thread_block *block = thread_blocks_at(&b->threads, sp);
	const struct mapping *m = image_mapping(b->image, sp);
	const struct module *module = image_module(b->image, sp);
	uint64_t end;

	if (node != NODE_NONE) {
		const struct heap *heap = b->heap;

		if (from < heap->addr[node])
			from = heap->addr[node];
		return add_stack(b, thread, from,
				 heap->addr[node] + heap_size(heap, node), err);
	}
	if (block) {
		if (from < block->start)
			from = block->start;
		return add_stack(b, thread, from, block->end, err);
	}
	if (!m)
		return true;
	if (module)
		return add_static_stack(b, thread, module, sp, from, err);
	if (from < m->start)
		from = m->start;
	end = mapping_stack_end(b->heap, m, sp);
	return add_stack(b, thread, from, end, err) &&
	       take(b, m->end - m->start > STACK_MAPPING_MAX ? from : m->start,
		    end, err);
}

/*
 * A thread in a signal handler on an alternate stack keeps its own stack,
 * too; how deep it was in use is not known, so all of it counts.
 */
static bool add_own_stack(struct builder *b, uint32_t thread, uint64_t sp,
			  struct err *err)
{
	for (size_t i = 0; i < b->threads.at.len; i++) {
		const struct thread_block *block = &b->threads.at.at[i];

		if (block->thread != thread)
			continue;
		if (sp >= block->start && sp < block->end)
			return true;
		return add_stack(b, thread, block->start, block->end, err);
	}
	if (b->image->threads.at[thread].tid != b->image->meta.pid)
		return true;
	for (size_t i = 0; i < b->image->mappings.len; i++) {
		const struct mapping *m = &b->image->mappings.at[i];

		if (strcmp(m->path, "[stack]") ||
		    (sp >= m->start && sp < m->end))
			continue;
		return add_stack(b, thread, m->start, m->end, err) &&
		       take(b, m->start, m->end, err);
	}
	return true;
}

static bool add_threads(struct builder *b, struct err *err)
{
	for (uint32_t t = 0; t < b->image->threads.len; t++) {
		uint64_t sp = b->image->threads.at[t].regs[X86_RSP];

		if (!add_stack_at(b, t, sp, err) ||
		    !add_own_stack(b, t, sp, err))
			return false;
	}
	for (uint32_t t = 0; t < b->image->threads.len; t++) {
		struct root root = {
			.name = thread_root_name(b, t, "registers"),
			.type = TYPE_NONE, .thread = t, .kind = ROOT_REGISTERS,
		};

		if (!add_later(b, root, err))
			return false;
	}
	return true;
}

/*
 * An ended thread's stack. Only its dtv (the second word of the TCB) still
 * belongs to the C library, which will reuse or free it.
 */
static bool add_ended(struct builder *b, struct err *err)
{
	for (size_t i = 0; i < b->threads.at.len; i++) {
		const struct thread_block *block = &b->threads.at.at[i];
		struct root dead = {
			.name = "ended thread's stack", .addr = block->start,
			.size = block->end - block->start, .type = TYPE_NONE,
			.thread = UINT32_MAX, .kind = ROOT_DEAD_STACK,
		};
		struct root dtv = {
			.name = "glibc's cache of stacks",
			.addr = block->tcb + 8, .size = 8, .type = TYPE_NONE,
			.thread = UINT32_MAX, .kind = ROOT_MAPPING,
		};

		if (!take(b, block->start, block->end, err))
			return false;
		if (block->thread == UINT32_MAX &&
		    (!add_later(b, dead, err) || !add_later(b, dtv, err)))
			return false;
	}
	return true;
}

/* --- everything else that is mapped --- */

/* Memory of an allocator that we cannot walk may hold anything. */
static bool take_extents(struct builder *b, struct err *err)
{
	const struct heap *heap = b->heap;

	for (size_t i = 0; i < heap->extents.len; i++) {
		const struct owned_extent *e = &heap->extents.at[i];
		const struct allocator_summary *a =
			&heap->allocators.at[e->allocator];
		struct root root = {
			.name = a->allocator->name, .addr = e->start,
			.size = e->end - e->start, .type = TYPE_NONE,
			.thread = UINT32_MAX, .kind = ROOT_MAPPING,
		};

		if (!take(b, e->start, e->end, err) ||
		    (!a->understood && !add_later(b, root, err)))
			return false;
	}
	for (size_t i = 0; i < heap->allocator_state.len; i++) {
		const struct extent *e = &heap->allocator_state.at[i];

		if (!take(b, e->start, e->end, err))
			return false;
	}
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct taken *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static const char *mapping_name(struct builder *b, const struct mapping *m)
{
	if (m->path[0] == '\0')
		return ANONYMOUS_NAME;
	return arena_printf(&b->heap->arena, "mapping %s", m->path);
}

static bool add_piece(struct builder *b, const struct mapping *m,
		      const struct module *module, uint64_t start, uint64_t end,
		      struct err *err)
{
	if (start >= end)
		return true;
	if (module)
		return scan_data(b, module, start, end, err);
	return add_later(b, (struct root){
		.name = mapping_name(b, m), .addr = start, .size = end - start,
		.type = TYPE_NONE, .thread = UINT32_MAX, .kind = ROOT_MAPPING,
	}, err);
}

/* Data that the program, or ld.so before it sealed it, may have written. */
static bool may_hold_roots(const struct mapping *m)
{
	if (!strncmp(m->path, "[v", 2))		/* vvar, vdso, vsyscall */
		return false;
	if (m->perms & PERM_WRITE)
		return true;
	return (m->perms & PERM_READ) && !(m->perms & PERM_EXEC) &&
	       m->has_smaps && m->private_dirty > 0;
}

static bool add_mapping(struct builder *b, const struct mapping *m,
			struct err *err)
{
	const struct module *module = image_module(b->image, m->start);
	uint64_t pos = m->start;

	for (; b->next_taken < b->taken.len; b->next_taken++) {
		const struct taken *t = &b->taken.at[b->next_taken];

		if (t->end <= pos)
			continue;
		if (t->start >= m->end)
			break;
		if (!add_piece(b, m, module, pos, t->start, err))
			return false;
		pos = t->end;
		if (pos >= m->end)
			break;	/* it may reach into the next mapping */
	}
	return add_piece(b, m, module, pos, m->end, err);
}

/* Sort what is taken, and join what overlaps. */
static void settle_taken(struct builder *b)
{
	struct taken *at = b->taken.at;
	size_t n = 0;

	if (b->taken.len > 0)
		qsort(at, b->taken.len, sizeof(*at), by_start);
	for (size_t i = 0; i < b->taken.len; i++) {
		if (n > 0 && at[i].start <= at[n - 1].end) {
			if (at[i].end > at[n - 1].end)
				at[n - 1].end = at[i].end;
		} else {
			at[n++] = at[i];
		}
	}
	b->taken.len = n;
}

static bool add_mappings(struct builder *b, struct err *err)
{
	settle_taken(b);
	for (size_t i = 0; i < b->image->mappings.len; i++) {
		const struct mapping *m = &b->image->mappings.at[i];

		if (may_hold_roots(m) && !add_mapping(b, m, err))
			return false;
	}
	return true;
}

static bool store(struct builder *b, struct err *err)
{
	struct heap *heap = b->heap;
	size_t n = b->roots.len + b->later.len;

	if (n >= NODE_NONE - heap->n_blocks)
		return err_set(err, ERR_LIMIT, "%zu roots are too many", n);
	heap->roots = malloc((n + 1) * sizeof(*heap->roots));
	if (!heap->roots)
		return err_nomem(err, "roots");
	if (b->roots.len > 0)
		memcpy(heap->roots, b->roots.at,
		       b->roots.len * sizeof(*heap->roots));
	if (b->later.len > 0)
		memcpy(heap->roots + b->roots.len, b->later.at,
		       b->later.len * sizeof(*heap->roots));
	heap->n_roots = (uint32_t)n;
	heap->n_nodes = heap->n_blocks + heap->n_roots;
	return true;
}

/* Locals of frames, now that it is known where the stacks are. */
static bool add_locals(struct builder *b, struct err *err)
{
	struct local_roots locals;
	bool ok = local_roots_build(b->heap, &b->window, &b->stacks, &locals,
				    err);

	for (size_t i = 0; ok && i < locals.at.len; i++)
		ok = vec_push(&b->later, locals.at.at[i]) ||
		     err_nomem(err, "roots");
	local_roots_free(&locals);
	return ok;
}

bool roots_build(struct heap *heap, struct err *err)
{
	struct builder b = {
		.heap = heap, .image = heap->image,
		.window = window_of(heap->image),
	};
	bool ok;

	progress_begin("looking for roots", 0);
	ok = thread_blocks_find(heap->image, &b.threads, err) &&
	     add_tls(&b, err) && add_threads(&b, err) && add_locals(&b, err) &&
	     add_ended(&b, err) && take_extents(&b, err) &&
	     add_mappings(&b, err) && store(&b, err);
	progress_end();
	window_close(&b.window);
	thread_blocks_free(&b.threads);
	vec_free(&b.taken);
	vec_free(&b.stacks.at);
	vec_free(&b.roots);
	vec_free(&b.later);
	return ok;
}

/* Captured bytes of [@start, @end). */
static uint64_t captured_bytes(const struct image *image, uint64_t start,
			       uint64_t end)
{
	uint64_t sum = 0;

	for (uint64_t at = start; at < end;) {
		const struct range *r = image_range(image, at);
		uint64_t stop = r && r->end < end ? r->end : end;

		/* A hole in the table of ranges is no memory at all. */
		if (!r)
			break;
		if (r->presence == PRESENCE_CAPTURED ||
		    r->presence == PRESENCE_TORN)
			sum += stop - at;
		at = stop;
	}
	return sum;
}

uint64_t roots_unowned(const struct heap *heap)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < heap->n_roots; i++) {
		const struct root *root = &heap->roots[i];

		if (root->kind == ROOT_MAPPING &&
		    !strcmp(root->name, ANONYMOUS_NAME))
			sum += captured_bytes(heap->image, root->addr,
					      root->addr + root->size);
	}
	return sum;
}
