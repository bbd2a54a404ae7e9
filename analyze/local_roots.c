/* SPDX-License-Identifier: MIT */
#include "analyze/local_roots.h"

#include <stdlib.h>

#include "analyze/frame_text.h"
#include "analyze/words.h"
#include "base/sorted.h"

enum { WORD = 8, MAX_ROOTS = 1 << 20, NAME_SIZE = 1024, NESTED = 4 };

/* A local that refers to a block. */
struct found {
	uint64_t start, end;	/* in registers: number of thread and register */
	uint32_t thread;
	size_t frame, local;
};

struct search {
	struct heap *heap;
	const struct image *image;
	struct window *window;
	const struct stack_spans *stacks;
	VEC(struct found) stack, registers, chosen;
};

static int by_start(const void *a, const void *b)
{
	const struct stack_span *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static bool is_on_stack(const struct search *s, const struct frame *f,
			const struct local *l)
{
	size_t low;

	sorted_skip(low, 0, s->stacks->at.len,
		    s->stacks->at.at[low].start <= l->addr);
	/* A signal handler's stack may lie inside of a thread's own. */
	for (int i = 0; i < NESTED && low > 0; i++, low--) {
		const struct stack_span *at = &s->stacks->at.at[low - 1];

		if (l->addr < at->end && at->thread == f->thread)
			return l->size <= at->end - l->addr;
	}
	return false;
}

static bool refers_to_block(const struct search *s, const struct local *l)
{
	struct word_walk walk = word_walk_of(s->window, l->addr,
					     l->addr + l->size);
	struct word_run run;
	size_t hint = 0;

	while (word_walk_next(&walk, &run)) {
		for (size_t i = 0; i < run.n; i++) {
			uint64_t to = pointer_decode(word_run_at(&run, i));

			if (to && block_index_near(&s->heap->index, to, &hint) !=
				  NODE_NONE)
				return true;
		}
	}
	return false;
}

static bool look_at(struct search *s, size_t frame, size_t local)
{
	const struct frame *f = &s->image->frames.at[frame];
	const struct local *l = &s->image->locals.at[local];
	struct found found = {
		.thread = f->thread, .frame = frame, .local = local,
	};

	if (l->size < WORD || l->flags & (LOCAL_LOST | LOCAL_VALUE |
					  LOCAL_UNSET))
		return true;
	if (l->flags & LOCAL_REGISTER) {
		uint64_t to = pointer_decode(l->value);

		found.start = f->thread;
		found.end = l->addr;
		return !to || heap_find(s->heap, to) == NODE_NONE ||
		       vec_push(&s->registers, found);
	}
	found.start = l->addr;
	found.end = l->addr + l->size;
	return !is_on_stack(s, f, l) || !refers_to_block(s, l) ||
	       vec_push(&s->stack, found);
}

/* The largest first, and of equal ones that of the outermost frame. */
static int by_place(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end > y->end ? -1 : 1;
	if (x->frame != y->frame)
		return x->frame > y->frame ? -1 : 1;
	return (x->local > y->local) - (x->local < y->local);
}

/* Whole words of the root: others are nobody's but the stack's. */
static bool note_words(struct heap *heap, const struct found *found)
{
	struct extent e = {
		.start = (found->start + WORD - 1) & ~(uint64_t)(WORD - 1),
		.end = found->end & ~(uint64_t)(WORD - 1),
	};

	return e.start >= e.end || vec_push(&heap->locals, e);
}

static bool choose_on_stacks(struct search *s)
{
	uint64_t end = 0;

	if (s->stack.len > 1)
		qsort(s->stack.at, s->stack.len, sizeof(*s->stack.at),
		      by_place);
	for (size_t i = 0; i < s->stack.len && s->chosen.len < MAX_ROOTS;
	     i++) {
		const struct found *found = &s->stack.at[i];

		if (found->start < end)
			continue;
		end = found->end;
		if (!vec_push(&s->chosen, *found) ||
		    !note_words(s->heap, found))
			return false;
	}
	return true;
}

static bool choose_in_registers(struct search *s)
{
	const struct local *locals = s->image->locals.at;
	const struct found *last = NULL;

	if (s->registers.len > 1)
		qsort(s->registers.at, s->registers.len,
		      sizeof(*s->registers.at), by_place);
	for (size_t i = 0; i < s->registers.len && s->chosen.len < MAX_ROOTS;
	     i++) {
		const struct found *found = &s->registers.at[i];

		if (last && last->start == found->start &&
		    last->end == found->end &&
		    locals[last->local].value == locals[found->local].value)
			continue;
		last = found;
		if (!vec_push(&s->chosen, *found))
			return false;
	}
	return true;
}

/* By thread, the outermost frame first: frames stand innermost first. */
static int by_rank(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->thread != y->thread)
		return x->thread < y->thread ? -1 : 1;
	if (x->frame != y->frame)
		return x->frame > y->frame ? -1 : 1;
	return (x->local > y->local) - (x->local < y->local);
}

static bool add_root(struct search *s, const struct found *found,
		     size_t rank, struct local_roots *ret)
{
	const struct frame *f = &s->image->frames.at[found->frame];
	const struct local *l = &s->image->locals.at[found->local];
	bool in_register = l->flags & LOCAL_REGISTER;
	char function[NAME_SIZE];
	struct root root = {
		.addr = in_register ? 0 : l->addr,
		.size = in_register ? 0 : l->size,
		.type = l->type, .thread = f->thread, .kind = ROOT_LOCAL,
		.local = (uint32_t)found->local + 1,
		.rank = (uint8_t)(rank < ROOT_RANKS ? rank : ROOT_RANKS - 1),
	};

	root.name = arena_printf(&s->heap->arena, "thread \"%s\" %s():%s",
				 s->image->threads.at[f->thread].name,
				 frame_function(f, function, sizeof(function)),
				 l->name);
	return root.name && vec_push(&ret->at, root);
}

static bool add_chosen(struct search *s, struct local_roots *ret)
{
	size_t rank = 0;

	if (s->chosen.len > 1)
		qsort(s->chosen.at, s->chosen.len, sizeof(*s->chosen.at),
		      by_rank);
	for (size_t i = 0; i < s->chosen.len; i++) {
		const struct found *found = &s->chosen.at[i];

		if (i > 0 && found->thread != found[-1].thread)
			rank = 0;
		if (!add_root(s, found, rank++, ret))
			return false;
	}
	return true;
}

bool local_roots_build(struct heap *heap, struct window *window,
		       struct stack_spans *stacks, struct local_roots *ret,
		       struct err *err)
{
	struct search s = {
		.heap = heap, .image = heap->image, .window = window,
		.stacks = stacks,
	};
	bool ok = s.image->locals.len < UINT32_MAX;

	*ret = (struct local_roots){0};
	if (stacks->at.len > 1)
		qsort(stacks->at.at, stacks->at.len, sizeof(*stacks->at.at),
		      by_start);
	for (size_t i = 0; ok && i < s.image->frames.len; i++) {
		const struct frame *f = &s.image->frames.at[i];

		for (size_t k = 0; ok && k < f->n_locals; k++)
			ok = look_at(&s, i, f->first_local + k);
	}
	ok = ok && choose_on_stacks(&s) && choose_in_registers(&s) &&
	     add_chosen(&s, ret);
	vec_free(&s.stack);
	vec_free(&s.registers);
	vec_free(&s.chosen);
	return ok || err_nomem(err, "locals");
}

void local_roots_free(struct local_roots *roots)
{
	vec_free(&roots->at);
}

bool local_roots_own(const struct heap *heap, uint64_t addr)
{
	size_t i;

	sorted_skip(i, 0, heap->locals.len, heap->locals.at[i].start <= addr);
	return i > 0 && addr < heap->locals.at[i - 1].end;
}
