/* SPDX-License-Identifier: MIT */
#include "dump/redact.h"

#include <stdlib.h>

#include "base/sorted.h"

enum {
	WORD = 8,
	PAGE_BITS = PAGE_SIZE_X86 / WORD / 64,
	MIN_TEXT = 4,		/* shorter printable runs are no text */
	SHORT_ADDRESS = 40,	/* bits: below, text is likely to be one */
	FREE_LINKS = 4,		/* fd, bk, fd_nextsize, bk_nextsize */
	LINK_ALIGN = 16,
};

struct redactor {
	struct image *image;
	struct heap_spans spans;
	VEC(struct memory_span) mapped;	/* neighbours joined */
	struct memory_span last;	/* of mapped, hit last */
	size_t metadata, free;		/* the first that may still come */
	const struct mapping *mapping;	/* hit last */
	bool verbatim;			/* it is kept as it is */
};

void heap_spans_free(struct heap_spans *spans)
{
	vec_free(&spans->metadata);
	vec_free(&spans->free);
}

static int by_start(const void *a, const void *b)
{
	const struct memory_span *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/** Sort, and join what overlaps; returns how many are left. */
static size_t settle(struct memory_span *at, size_t n)
{
	size_t kept = 0;
	bool sorted = true;

	for (size_t i = 1; i < n && sorted; i++)
		sorted = at[i - 1].start <= at[i].start;
	if (!sorted)
		qsort(at, n, sizeof(*at), by_start);
	for (size_t i = 0; i < n; i++) {
		if (at[i].start >= at[i].end)
			continue;
		if (kept > 0 && at[i].start < at[kept - 1].end) {
			if (at[i].end > at[kept - 1].end)
				at[kept - 1].end = at[i].end;
		} else {
			at[kept++] = at[i];
		}
	}
	return kept;
}

static bool list_mapped(struct redactor *r)
{
	const struct image *image = r->image;

	for (size_t i = 0; i < image->mappings.len; i++) {
		const struct mapping *m = &image->mappings.at[i];
		struct memory_span span = { m->start, m->end }, *last =
			r->mapped.len ? &r->mapped.at[r->mapped.len - 1] : NULL;

		if (last && last->end == span.start)
			last->end = span.end;
		else if (!vec_push(&r->mapped, span))
			return false;
	}
	return true;
}

bool redactor_build(struct image *image, struct heap_spans *spans,
		    struct redactor **ret, struct err *err)
{
	struct redactor *r = calloc(1, sizeof(*r));

	*ret = NULL;
	if (!r) {
		heap_spans_free(spans);
		return err_nomem(err, "the choice of what is kept");
	}
	r->image = image;
	r->spans = *spans;
	*spans = (struct heap_spans){0};
	r->spans.metadata.len = settle(r->spans.metadata.at,
				       r->spans.metadata.len);
	r->spans.free.len = settle(r->spans.free.at, r->spans.free.len);
	if (!list_mapped(r)) {
		redactor_free(r);
		return err_nomem(err, "the choice of what is kept");
	}
	image->meta.pointers_only = true;
	*ret = r;
	return true;
}

void redactor_free(struct redactor *r)
{
	if (!r)
		return;
	heap_spans_free(&r->spans);
	vec_free(&r->mapped);
	free(r);
}

/** The first of @at that ends behind @addr; @n when none does. */
static size_t span_from(const struct memory_span *at, size_t n, uint64_t addr)
{
	size_t i;

	sorted_skip(i, 0, n, at[i].end <= addr);
	return i;
}

/** In a mapping, or right behind one? */
static bool is_mapped(struct redactor *r, uint64_t addr)
{
	size_t i;

	if (addr >= r->last.start && addr <= r->last.end)
		return r->last.end > 0;
	if (addr >> 47)
		return false;
	i = span_from(r->mapped.at, r->mapped.len, addr);
	if (i > 0 && r->mapped.at[i - 1].end == addr)
		i--;
	else if (i == r->mapped.len || r->mapped.at[i].start > addr)
		return false;
	r->last = r->mapped.at[i];
	return true;
}

/** Nothing but characters, and then nothing but zeros. */
static bool reads_as_text(uint64_t word)
{
	int n = 0;

	for (; word != 0; word >>= 8, n++) {
		if ((word & 0xff) < ' ' || (word & 0xff) > '~')
			return false;
	}
	return n >= MIN_TEXT;
}

/** Blocks of every malloc with headers begin where metadata ends. */
static bool is_block(const struct redactor *r, uint64_t addr)
{
	const struct memory_span *at = r->spans.metadata.at;
	size_t i = span_from(at, r->spans.metadata.len, addr);

	return addr % LINK_ALIGN == 0 && i > 0 && at[i - 1].end == addr;
}

static bool is_pointer(struct redactor *r, uint64_t word)
{
	if (word < PAGE_SIZE_X86 || !is_mapped(r, word))
		return false;
	return word >> SHORT_ADDRESS || !reads_as_text(word) ||
	       is_block(r, word);
}

static bool is_kept(struct redactor *r, uint64_t word)
{
	return word < REDACT_KEPT_BELOW || is_pointer(r, word);
}

/**
 * What glibc writes into free chunks: up to four links; one that is mangled
 * with its own address in fastbins and tcaches; the size in the last word.
 */
static bool is_kept_free(struct redactor *r, const struct memory_span *chunk,
			 uint64_t addr, uint64_t word)
{
	uint64_t offset = addr - chunk->start;
	uint64_t demangled = word ^ addr >> 12;

	if (offset < FREE_LINKS * WORD && is_pointer(r, word))
		return true;
	if (offset == 0 && demangled % LINK_ALIGN == 0 &&
	    (demangled == 0 || is_pointer(r, demangled)))
		return true;
	return chunk->end - addr == WORD &&
	       word == chunk->end - chunk->start + WORD;
}

/* How the words of a stretch of memory are judged. */
enum judge { JUDGE_PLAIN, JUDGE_METADATA, JUDGE_FREE };

/** How the word at @addr is judged, and up to where; addresses ascend. */
static enum judge judge_at(struct redactor *r, uint64_t addr, uint64_t *end)
{
	const struct memory_span *metadata, *free;

	while (r->metadata < r->spans.metadata.len &&
	       r->spans.metadata.at[r->metadata].end <= addr)
		r->metadata++;
	while (r->free < r->spans.free.len &&
	       r->spans.free.at[r->free].end <= addr)
		r->free++;
	if (r->metadata < r->spans.metadata.len) {
		metadata = &r->spans.metadata.at[r->metadata];
		if (metadata->start <= addr) {
			*end = metadata->end;
			return JUDGE_METADATA;
		}
		*end = metadata->start < *end ? metadata->start : *end;
	}
	if (r->free < r->spans.free.len) {
		free = &r->spans.free.at[r->free];
		if (free->start <= addr) {
			*end = free->end < *end ? free->end : *end;
			return JUDGE_FREE;
		}
		*end = free->start < *end ? free->start : *end;
	}
	return JUDGE_PLAIN;
}

static bool judge_word(struct redactor *r, enum judge judge, uint64_t addr,
		       uint64_t word)
{
	switch (judge) {
	case JUDGE_METADATA:
		return true;
	case JUDGE_FREE:
		return is_kept_free(r, &r->spans.free.at[r->free], addr, word);
	default:
		return is_kept(r, word);
	}
}

/** Put the bits of a page that lost some words behind the others. */
static bool note_page(struct redacted *redacted, uint64_t page,
		      const uint64_t bits[PAGE_BITS])
{
	struct redacted_span *last = redacted->spans.len ?
		&redacted->spans.at[redacted->spans.len - 1] : NULL;
	struct redacted_span span = {
		page, page + PAGE_SIZE_X86, redacted->bits.len,
	};

	if (last && last->end > page) {	/* the rest of the last page */
		for (size_t i = 0; i < PAGE_BITS; i++)
			redacted->bits.at[redacted->bits.len - PAGE_BITS + i] |=
				bits[i];
		return true;
	}
	if (!vec_reserve(&redacted->bits, redacted->bits.len + PAGE_BITS))
		return false;
	memcpy(redacted->bits.at + redacted->bits.len, bits,
	       PAGE_BITS * sizeof(*bits));
	redacted->bits.len += PAGE_BITS;
	if (!last || last->end != page)
		return vec_push(&redacted->spans, span);
	last->end = span.end;
	return true;
}

/** @n bytes within one page. */
static bool redact_page(struct redactor *r, uint64_t addr, const uint8_t *from,
			uint8_t *to, size_t n)
{
	uint64_t page = addr & ~(uint64_t)(PAGE_SIZE_X86 - 1);
	uint64_t bits[PAGE_BITS] = {0}, stop = addr + n, word;
	bool lost = false;

	for (uint64_t at = addr; at < stop;) {
		uint64_t end = stop;
		enum judge judge = judge_at(r, at, &end);

		end = end < stop ? end : stop;
		for (; at < end; at += WORD) {
			memcpy(&word, from + (at - addr), WORD);
			if (word != 0 && !judge_word(r, judge, at, word)) {
				size_t i = (size_t)(at - page) / WORD;

				bits[i / 64] |= UINT64_C(1) << i % 64;
				lost = true;
				word = 0;
			}
			memcpy(to + (at - addr), &word, WORD);
		}
	}
	return !lost || note_page(&r->image->redacted, page, bits);
}

/** Code and constants of modules, and the kernel's code. */
static bool is_verbatim(const struct image *image, const struct mapping *m)
{
	if (m->perms & PERM_WRITE)
		return false;
	return strcmp(m->path, "[vdso]") == 0 ||
	       strcmp(m->path, "[vsyscall]") == 0 ||
	       (m->path[0] == '/' && image_module(image, m->start));
}

/** The end of what is treated like @addr: of its mapping. */
static uint64_t enter_mapping(struct redactor *r, uint64_t addr, uint64_t end)
{
	if (!r->mapping || addr < r->mapping->start || addr >= r->mapping->end) {
		r->mapping = image_mapping(r->image, addr);
		r->verbatim = r->mapping &&
			      is_verbatim(r->image, r->mapping);
	}
	if (!r->mapping)
		return (addr | (PAGE_SIZE_X86 - 1)) + 1;
	return r->mapping->end < end ? r->mapping->end : end;
}

bool redact_memory(struct redactor *r, uint64_t addr, const uint8_t *from,
		   uint8_t *to, size_t n, struct err *err)
{
	uint64_t end = addr + n;

	while (addr < end) {
		uint64_t stop = enter_mapping(r, addr, end);
		uint64_t page_end = (addr | (PAGE_SIZE_X86 - 1)) + 1;
		size_t part;

		if (!r->verbatim && page_end < stop)
			stop = page_end;
		part = (size_t)((stop < end ? stop : end) - addr);
		if (r->verbatim)
			memmove(to, from, part);
		else if (!redact_page(r, addr, from, to, part))
			return err_nomem(err, "the list of what is left out");
		addr += part;
		from += part;
		to += part;
	}
	return true;
}

/* --- what stands outside of memory --- */

/** Argument 0 may be rewritten by the program: "postgres: user database". */
static bool redact_command(struct redactor *r)
{
	struct image_meta *meta = &r->image->meta;
	size_t n = strcspn(meta->command, " \t\n");

	if (meta->command[n] == '\0')
		return true;
	meta->command = arena_text(&r->image->arena, meta->command, n);
	return meta->command != NULL;
}

/** Segments, flags and a number of a system call are no data. */
static bool is_control(enum x86_reg reg, uint64_t value)
{
	switch (reg) {
	case X86_ORIG_RAX:
		return value == UINT64_MAX || value < REDACT_KEPT_BELOW;
	case X86_CS: case X86_SS: case X86_DS: case X86_ES: case X86_FS:
	case X86_GS: case X86_EFLAGS:
		return true;
	default:
		return false;
	}
}

static void redact_general(struct redactor *r, struct thread *t)
{
	for (int i = 0; i < X86_N_REGS; i++) {
		if (!is_control((enum x86_reg)i, t->regs[i]) &&
		    !is_pointer(r, t->regs[i]))
			t->regs[i] = 0;
	}
}

/*
 * The layout of FXSAVE (Intel SDM 1, 10.5.1): control words in the first
 * eight bytes, MXCSR at 24; the extended state has the mask of features at
 * 464, where the kernel puts it, and its header at 512.
 */
static bool is_state_control(size_t offset)
{
	return offset == 0 || offset == 24 ||
	       (offset >= 464 && offset < 576);
}

/** Replace *@at by a copy without numbers; @control words stay. */
static bool redact_note(struct redactor *r, const uint8_t **at, size_t n,
			bool (*control)(size_t offset))
{
	uint8_t *copy;

	if (n == 0)
		return true;
	copy = arena_alloc(&r->image->arena, n);
	if (!copy)
		return false;
	for (size_t i = 0; i < n; i += WORD) {
		size_t size = n - i < WORD ? n - i : WORD;
		uint64_t word = 0;

		memcpy(&word, *at + i, size);
		if (!control(i) && (size < WORD || !is_pointer(r, word)))
			word = 0;
		memcpy(copy + i, &word, size);
	}
	*at = copy;
	return true;
}

/** Number of the signal, error, code: the rest is of the sender or the fault. */
static bool is_siginfo_control(size_t offset)
{
	return offset < 16;
}

static bool redact_threads(struct redactor *r)
{
	struct image *image = r->image;
	bool ok = true;

	for (size_t i = 0; ok && i < image->threads.len; i++) {
		struct thread *t = &image->threads.at[i];

		redact_general(r, t);
		ok = redact_note(r, &t->fpregs, t->fpregs_size,
				 is_state_control) &&
		     redact_note(r, &t->xstate, t->xstate_size,
				 is_state_control) &&
		     redact_note(r, &t->siginfo, t->siginfo_size,
				 is_siginfo_control);
	}
	return ok;
}

bool redacted_begin(struct redactor *r, const struct snapshot_target *target,
		    struct image *image, struct snapshot_writer **ret,
		    struct err *err)
{
	size_t bytes = image->threads.len * sizeof(*image->threads.at);
	struct thread *threads;
	bool ok;

	*ret = NULL;
	if (!r)
		return snapshot_begin(target, image, ret, err);
	r->metadata = r->free = 0;
	image->redacted.spans.len = image->redacted.bits.len = 0;
	threads = malloc(bytes ? bytes : 1);
	if (!threads)
		return err_nomem(err, "registers");
	if (bytes > 0)
		memcpy(threads, image->threads.at, bytes);
	ok = (redact_command(r) && redact_threads(r)) ||
	     err_nomem(err, "registers");
	ok = ok && snapshot_begin(target, image, ret, err);
	if (bytes > 0)
		memcpy(image->threads.at, threads, bytes);
	free(threads);
	return ok;
}

void redact_locals(struct redactor *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->image->locals.len; i++) {
		struct local *l = &r->image->locals.at[i];

		if (!(l->flags & (LOCAL_REGISTER | LOCAL_VALUE)) ||
		    is_kept(r, l->value))
			continue;
		l->value = 0;
		l->flags |= LOCAL_LOST | LOCAL_REDACTED;
	}
}
