/* SPDX-License-Identifier: MIT */
#include "analyze/alloc_probe.h"

#include <stdlib.h>
#include <string.h>

#include "base/progress.h"
#include "base/sorted.h"

enum {
	CHUNK_WORDS = 512,
	TEXT_MAX = 16 << 20,	/* bytes of a module searched for a text */
	TEXT_OVERLAP = 256,
};

static bool push_joined(probe_extents *to, uint64_t start, uint64_t end)
{
	struct extent *last = to->len > 0 ? &to->at[to->len - 1] : NULL;

	if (start >= end)
		return true;
	if (last && last->end == start) {
		last->end = end;
		return true;
	}
	return vec_push(to, ((struct extent){ start, end }));
}

/* Where the module's own memory ends in the anonymous mapping behind it. */
static uint64_t bss_end(const struct image *image, const struct mapping *m)
{
	uint64_t end = 0;

	for (size_t i = 0; i < image->sections.len; i++) {
		const struct section *s = &image->sections.at[i];

		if (s->start < m->end && s->end > m->start && s->end > end)
			end = s->end;
	}
	end = (end + PAGE_SIZE_X86 - 1) & ~(uint64_t)(PAGE_SIZE_X86 - 1);
	return end > m->start && end < m->end ? end : m->end;
}

static bool is_private_writable(const struct mapping *m)
{
	return (m->perms & PERM_WRITE) && (m->perms & PERM_READ) &&
	       !(m->perms & PERM_SHARED);
}

static bool is_anonymous(const struct mapping *m)
{
	return m->path[0] == '\0' || strcmp(m->path, "[heap]") == 0 ||
	       strncmp(m->path, "[anon", 5) == 0;
}

/*
 * A .bss shows as a nameless mapping right behind the file's. The kernel may
 * have joined it with one that the program made, so it counts as both.
 */
static bool add_mapping(struct probe_space *space, const struct mapping *m,
			uint64_t *data_end)
{
	bool follows = m->start == *data_end && m->path[0] == '\0';

	if (!is_private_writable(m))
		return true;
	if (m->path[0] == '/') {
		*data_end = m->end;
		return push_joined(&space->data, m->start, m->end);
	}
	if (!is_anonymous(m))
		return true;
	if (follows && !push_joined(&space->data, m->start,
				    bss_end(space->image, m)))
		return false;
	return push_joined(&space->anon, m->start, m->end);
}

bool probe_space_build(const struct image *image, struct probe_space *ret,
		       struct err *err)
{
	uint64_t data_end = 0;

	*ret = (struct probe_space){ .image = image,
				     .window = window_of(image) };
	for (size_t i = 0; i < image->mappings.len; i++) {
		if (!add_mapping(ret, &image->mappings.at[i], &data_end)) {
			probe_space_free(ret);
			return err_nomem(err, "the list of mappings");
		}
	}
	return true;
}

void probe_space_free(struct probe_space *space)
{
	if (space->window.image)
		window_close(&space->window);
	vec_free(&space->data);
	vec_free(&space->anon);
	*space = (struct probe_space){0};
}

size_t probe_extent_from(const probe_extents *extents, uint64_t addr)
{
	size_t i;

	sorted_skip(i, 0, extents->len, extents->at[i].end <= addr);
	return i;
}

const struct extent *probe_extent(const probe_extents *extents, uint64_t addr)
{
	size_t i = probe_extent_from(extents, addr);

	if (i == extents->len || extents->at[i].start > addr)
		return NULL;
	return &extents->at[i];
}

bool probe_words(struct probe_space *space, uint64_t addr, size_t n,
		 uint64_t *ret)
{
	size_t bytes = n * sizeof(*ret), got;
	const uint8_t *at;

	if (n == 0 || n > CHUNK_WORDS || addr > UINT64_MAX - bytes)
		return false;
	at = window_span(&space->window, addr, bytes, &got);
	if (!at)
		return image_read(space->image, addr, ret, bytes);
	memcpy(ret, at, bytes);
	return true;
}

/* A run of captured words in one pass over module data. */
static bool visit_range(struct probe_space *space, uint64_t start,
			uint64_t end, probe_visit *visit, void *ctx,
			struct err *err)
{
	uint64_t words[CHUNK_WORDS];

	while (start < end) {
		uint64_t n = (end - start) / sizeof(*words);

		if (progress_cancelled()) {
			err_set(err, ERR_CANCELLED, "cancelled");
			return true;
		}
		if (n > CHUNK_WORDS)
			n = CHUNK_WORDS;
		if (n == 0 || !image_read(space->image, start, words,
					  (size_t)n * sizeof(*words)))
			return false;
		for (size_t i = 0; i < n; i++) {
			if (words[i] != 0 &&
			    visit(ctx, start + i * sizeof(*words), words[i]))
				return true;
		}
		start += n * sizeof(*words);
	}
	return false;
}

/* The first range that ends behind @addr; ranges.len when none does. */
static size_t range_from(const struct image *image, uint64_t addr)
{
	size_t i;

	sorted_skip(i, 0, image->ranges.len, image->ranges.at[i].end <= addr);
	return i;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* True when @visit stopped the pass or it was cancelled. */
static bool visit_extent(struct probe_space *space, const struct extent *e,
			 probe_visit *visit, void *ctx, struct err *err)
{
	const struct image *image = space->image;

	for (size_t i = range_from(image, e->start);
	     i < image->ranges.len && image->ranges.at[i].start < e->end; i++) {
		const struct range *r = &image->ranges.at[i];
		uint64_t start = (max_u64(r->start, e->start) + 7) &
				 ~UINT64_C(7);

		if (r->presence != PRESENCE_CAPTURED &&
		    r->presence != PRESENCE_TORN)
			continue;
		if (visit_range(space, start, min_u64(r->end, e->end), visit,
				ctx, err))
			return true;
	}
	return false;
}

bool probe_data_words(struct probe_space *space, probe_visit *visit, void *ctx,
		      struct err *err)
{
	for (size_t i = 0; i < space->data.len; i++) {
		if (visit_extent(space, &space->data.at[i], visit, ctx, err))
			break;
	}
	return err->code == ERR_NONE;
}

struct pointer_filter {
	const struct probe_space *space;
	uint64_t low, high;	/* hull of anonymous memory */
	const struct extent *last;
	probe_visit *visit;
	void *ctx;
};

static bool visit_pointer(void *ctx, uint64_t at, uint64_t word)
{
	struct pointer_filter *f = ctx;

	if (word < f->low || word >= f->high)
		return false;
	if (!f->last || word < f->last->start || word >= f->last->end) {
		const struct extent *e = probe_extent(&f->space->anon, word);

		if (!e)
			return false;
		f->last = e;
	}
	return f->visit(f->ctx, at, word);
}

bool probe_data_pointers(struct probe_space *space, probe_visit *visit,
			 void *ctx, struct err *err)
{
	struct pointer_filter f = { .space = space, .visit = visit,
				    .ctx = ctx };

	if (space->anon.len == 0)
		return true;
	f.low = space->anon.at[0].start;
	f.high = space->anon.at[space->anon.len - 1].end;
	return probe_data_words(space, visit_pointer, &f, err);
}

bool probe_claim(const struct probe_space *space, uint64_t start, uint64_t end,
		 struct allocator_finding *ret, struct err *err)
{
	for (size_t i = probe_extent_from(&space->anon, start);
	     i < space->anon.len && space->anon.at[i].start < end; i++) {
		struct extent e = {
			max_u64(space->anon.at[i].start, start),
			min_u64(space->anon.at[i].end, end),
		};
		struct extent *last = ret->extents.len > 0 ?
			&ret->extents.at[ret->extents.len - 1] : NULL;

		/* Records come mostly in address order: join at once. */
		if (last && e.start >= last->start && e.start <= last->end) {
			last->end = max_u64(last->end, e.end);
			continue;
		}
		if (!vec_push(&ret->extents, e))
			return err_nomem(err, "the extents of an allocator");
	}
	return true;
}

bool probe_keep(uint64_t start, uint64_t end, struct allocator_finding *ret,
		struct err *err)
{
	struct extent *last = ret->metadata.len > 0 ?
		&ret->metadata.at[ret->metadata.len - 1] : NULL;

	if (last && last->end == start) {
		last->end = end;
		return true;
	}
	return vec_push(&ret->metadata, ((struct extent){ start, end })) ||
	       err_nomem(err, "the metadata of an allocator");
}

static int by_start(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

void probe_settle(struct allocator_finding *ret)
{
	size_t n = 0;

	ret->mapped_bytes = 0;
	if (ret->extents.len == 0)
		return;
	qsort(ret->extents.at, ret->extents.len, sizeof(*ret->extents.at),
	      by_start);
	for (size_t i = 1; i < ret->extents.len; i++) {
		struct extent *last = &ret->extents.at[n];
		struct extent e = ret->extents.at[i];

		if (e.start <= last->end)
			last->end = max_u64(last->end, e.end);
		else
			ret->extents.at[++n] = e;
	}
	ret->extents.len = n + 1;
	for (size_t i = 0; i <= n; i++)
		ret->mapped_bytes += ret->extents.at[i].end -
				     ret->extents.at[i].start;
}

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++) {
		if (strcmp(name, *names) == 0)
			return true;
	}
	return false;
}

bool probe_has_symbol(const struct image *image, const char *const *names)
{
	for (size_t i = 0; i < image->symbols.len; i++) {
		if (is_one_of(image->symbols.at[i].name, names))
			return true;
	}
	for (size_t i = 0; i < image->vars.len; i++) {
		if (is_one_of(image->vars.at[i].name, names))
			return true;
	}
	return false;
}

static const char *search_mapping(const struct image *image,
				  const struct mapping *m, uint64_t *budget,
				  size_t (*match)(const uint8_t *, size_t),
				  struct arena *arena)
{
	uint8_t buf[PAGE_SIZE_X86 + TEXT_OVERLAP];

	for (uint64_t at = m->start; at < m->end && *budget > 0;
	     at += PAGE_SIZE_X86) {
		size_t n = image->ops->read(image->memory, at, buf,
					    (size_t)min_u64(sizeof(buf),
							    m->end - at));

		*budget -= min_u64(*budget, PAGE_SIZE_X86);
		for (size_t i = 0; i < n && i < PAGE_SIZE_X86; i++) {
			size_t len = match(buf + i, n - i);
			const char *text = len == 0 ? NULL :
				arena_text(arena, (const char *)buf + i, len);

			if (text)
				return text;
		}
	}
	return NULL;
}

const char *probe_module_text(const struct image *image, uint64_t addr,
			      size_t (*match)(const uint8_t *at, size_t n),
			      struct arena *arena)
{
	const struct mapping *home = image_mapping(image, addr);
	uint64_t budget = TEXT_MAX;
	const char *text = NULL;

	/* A .bss has no name of its own: the file's mapping lies before it. */
	while (home && home > image->mappings.at && home->path[0] != '/' &&
	       home[-1].end == home->start)
		home--;
	if (!home || home->path[0] != '/')
		return "";
	for (size_t i = 0; i < image->mappings.len && !text; i++) {
		const struct mapping *m = &image->mappings.at[i];

		if (!(m->perms & PERM_WRITE) && (m->perms & PERM_READ) &&
		    strcmp(m->path, home->path) == 0)
			text = search_mapping(image, m, &budget, match, arena);
	}
	return text ? text : "";
}
