/* SPDX-License-Identifier: MIT */
#include "dump/stack_memory.h"

#include <stdlib.h>

#include "base/sorted.h"

enum { RED_ZONE = 128 };

struct stack {
	uint64_t start, end;
	uint8_t *bytes;		/* [end - start] */
};

struct stack_memory {
	VEC(struct stack) list;	/* by address, apart from each other */
};

/** Note [start, end) of what is to be read. */
static bool want(struct stack_memory *s, uint64_t start, uint64_t end)
{
	struct stack stack = { start, end, NULL };

	return start >= end || vec_push(&s->list, stack);
}

static bool want_thread(struct stack_memory *s, const struct image *image,
			const struct thread *t)
{
	uint64_t sp = t->regs[X86_RSP], tls = t->regs[X86_FS_BASE], end;
	const struct mapping *m = image_mapping(image, sp), *own;

	if (!m)
		return true;
	end = m->end - sp > STACK_MAX ? sp + STACK_MAX : m->end;
	sp = sp - m->start < RED_ZONE ? m->start : sp - RED_ZONE;
	if (!want(s, sp, end))
		return false;
	/* glibc keeps a thread's own data at the top of its stack. */
	own = image_mapping(image, tls);
	if (!own || own == m || t->tid == image->meta.pid)
		return true;
	end = tls;
	return want(s, end - own->start > STACK_BELOW_SIGNAL ?
		    end - STACK_BELOW_SIGNAL : own->start, end);
}

/** What the kernel set up, which no thread's registers lead to. */
static bool want_special(struct stack_memory *s, const struct image *image)
{
	for (size_t i = 0; i < image->mappings.len; i++) {
		const struct mapping *m = &image->mappings.at[i];
		uint64_t size = m->end - m->start;
		bool ok = true;

		if (strcmp(m->path, "[vdso]") == 0 && size <= STACK_MAX)
			ok = want(s, m->start, m->end);
		else if (strcmp(m->path, "[stack]") == 0)
			ok = want(s, size > STACK_BELOW_SIGNAL ?
				  m->end - STACK_BELOW_SIGNAL : m->start,
				  m->end);
		if (!ok)
			return false;
	}
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct stack *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static void merge(struct stack_memory *s)
{
	size_t n = 0;

	if (s->list.len > 0)
		qsort(s->list.at, s->list.len, sizeof(*s->list.at), by_start);
	for (size_t i = 0; i < s->list.len; i++) {
		const struct stack *stack = &s->list.at[i];
		struct stack *last = n ? &s->list.at[n - 1] : NULL;

		if (!last || stack->start > last->end)
			s->list.at[n++] = *stack;
		else if (stack->end > last->end)
			last->end = stack->end;
	}
	s->list.len = n;
}

/** Copy what is there; false when memory is exhausted. */
static bool read_all(struct stack_memory *s, const struct image *image,
		     struct diag *diag)
{
	uint64_t left = STACKS_MAX;

	for (size_t i = 0; i < s->list.len; i++) {
		struct stack *stack = &s->list.at[i];
		size_t n = (size_t)(stack->end - stack->start);

		if (n > left) {
			diag_add(diag, "stacks of threads too large to be "
				 "unwound");
			stack->end = stack->start;
			continue;
		}
		stack->bytes = malloc(n);
		if (!stack->bytes)
			return false;
		n = image->ops->read(image->memory, stack->start,
				     stack->bytes, n);
		stack->end = stack->start + n;
		left -= n;
	}
	return true;
}

struct stack_memory *stack_memory_take(const struct image *image,
				       struct diag *diag)
{
	struct stack_memory *s = calloc(1, sizeof(*s));
	bool ok = s && want_special(s, image);

	for (size_t i = 0; ok && i < image->threads.len; i++)
		ok = want_thread(s, image, &image->threads.at[i]);
	if (ok)
		merge(s);
	if (ok && read_all(s, image, diag))
		return s;
	stack_memory_free(s);
	return NULL;
}

void stack_memory_free(struct stack_memory *stacks)
{
	if (!stacks)
		return;
	for (size_t i = 0; i < stacks->list.len; i++)
		free(stacks->list.at[i].bytes);
	vec_free(&stacks->list);
	free(stacks);
}

/** The bytes at @addr, *@n of them; NULL when there are none. */
static const uint8_t *find(const struct stack_memory *s, uint64_t addr,
			   size_t *n)
{
	const struct stack *stack;
	size_t i;

	sorted_skip(i, 0, s->list.len, s->list.at[i].end <= addr);
	if (i == s->list.len || addr < s->list.at[i].start)
		return NULL;
	stack = &s->list.at[i];
	*n = (size_t)(stack->end - addr);
	return stack->bytes + (addr - stack->start);
}

static const uint8_t *stack_pin(void *self, uint64_t addr, size_t *n,
				void **token)
{
	size_t have;
	const uint8_t *at = find(self, addr, &have);

	*token = NULL;
	if (at && *n > have)
		*n = have;
	return at;
}

static void stack_unpin(void *self, void *token)
{
	(void)self;
	(void)token;
}

static size_t stack_read(void *self, uint64_t addr, void *buf, size_t n)
{
	size_t have;
	const uint8_t *at = find(self, addr, &have);

	if (!at)
		return 0;
	n = n < have ? n : have;
	memcpy(buf, at, n);
	return n;
}

static void stack_close(void *self)
{
	stack_memory_free(self);
}

static const struct memory_ops stack_ops = {
	.read = stack_read,
	.pin = stack_pin,
	.unpin = stack_unpin,
	.close = stack_close,
};

void stack_memory_install(struct stack_memory *stacks, struct image *image)
{
	image->ops->close(image->memory);
	image->ops = &stack_ops;
	image->memory = stacks;
}
