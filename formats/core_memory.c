/* SPDX-License-Identifier: MIT */
#include "formats/core_memory.h"

#include <elf.h>

#include "base/sorted.h"

enum { ZERO_RUN = 1 << 20 };

/* What a pin of zero memory points at; never written. */
static uint8_t zeros[ZERO_RUN];

struct core_memory {
	struct source *source;
	const struct range *ranges;	/* borrowed; [n] */
	size_t n;
};

static const struct range *find(const struct core_memory *m, uint64_t addr)
{
	size_t i;

	sorted_skip(i, 0, m->n, m->ranges[i].start <= addr);
	return i > 0 && addr < m->ranges[i - 1].end ? &m->ranges[i - 1] :
	       NULL;
}

static const uint8_t *memory_pin(void *self, uint64_t addr, size_t *n,
				 void **token)
{
	struct core_memory *m = self;
	const struct range *range = find(m, addr);

	*token = NULL;
	if (!range || range->presence == PRESENCE_ABSENT || *n == 0)
		return NULL;
	if (*n > range->end - addr)
		*n = (size_t)(range->end - addr);
	if (range->presence != PRESENCE_ZERO)
		return source_pin(m->source,
				  range->offset + (addr - range->start), n,
				  token);
	if (*n > ZERO_RUN)
		*n = ZERO_RUN;
	return zeros;
}

static void memory_unpin(void *self, void *token)
{
	struct core_memory *m = self;

	source_unpin(m->source, token);
}

static size_t memory_read(void *self, uint64_t addr, void *buf, size_t n)
{
	size_t done = 0;

	while (done < n && addr <= UINT64_MAX - done) {
		size_t part = n - done;
		void *token;
		const uint8_t *at = memory_pin(self, addr + done, &part,
					       &token);

		if (!at)
			break;
		memcpy((char *)buf + done, at, part);
		memory_unpin(self, token);
		done += part;
	}
	return done;
}

static void memory_close(void *self)
{
	struct core_memory *m = self;

	source_close(m->source);
	free(m);
}

static const struct memory_ops ops = {
	.read = memory_read,
	.pin = memory_pin,
	.unpin = memory_unpin,
	.close = memory_close,
};

bool core_memory_open(struct source *source, struct image *image,
		      struct err *err)
{
	struct core_memory *m = calloc(1, sizeof(*m));

	if (!m) {
		source_close(source);
		return err_nomem(err, "the memory");
	}
	m->source = source;
	m->ranges = image->ranges.at;
	m->n = image->ranges.len;
	image->memory = m;
	image->ops = &ops;
	return true;
}

static bool push_range(struct image *image, uint64_t start, uint64_t end,
		       uint64_t offset, enum presence presence)
{
	struct range range = {
		.start = start, .end = end, .offset = offset,
		.presence = presence,
	};

	return start >= end || vec_push(&image->ranges, range);
}

/* A segment becomes up to three ranges: there, cut off, not dumped or zero. */
static bool add_segment(const struct core_segment *s, uint64_t size,
			bool zero_tails, struct image *image)
{
	uint64_t room = UINT64_MAX - s->addr;
	uint64_t file = s->file_size < room ? s->file_size : room;
	uint64_t mem = s->mem_size < room ? s->mem_size : room;
	uint64_t there = s->offset < size ? size - s->offset : 0;

	if (file < s->file_size || mem < s->mem_size)
		diag_add_at(&image->diag, s->addr, 1,
			    "segments run over the end of the address space");
	if (there > file)
		there = file;
	if (mem < file)
		mem = file;
	if (there < file)
		diag_add_at(&image->diag, s->addr + there, file - there,
			    "bytes of memory are cut off at the end of the "
			    "file");
	return push_range(image, s->addr, s->addr + there, s->offset,
			  PRESENCE_CAPTURED) &&
	       push_range(image, s->addr + there, s->addr + file, 0,
			  PRESENCE_ABSENT) &&
	       push_range(image, s->addr + file, s->addr + mem, 0,
			  zero_tails ? PRESENCE_ZERO : PRESENCE_ABSENT);
}

static int by_start(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->presence != y->presence)
		return x->presence < y->presence ? -1 : 1;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return (x->end > y->end) - (x->end < y->end);
}

/* Where two ranges overlap, the one that starts first keeps its bytes. */
static void drop_overlaps(struct image *image)
{
	uint64_t end = 0;
	size_t kept = 0;

	for (size_t i = 0; i < image->ranges.len; i++) {
		struct range range = image->ranges.at[i];

		if (range.start < end) {
			diag_add_at(&image->diag, range.start, 1,
				    "segments overlap");
			if (range.end <= end)
				continue;
			if (range.presence == PRESENCE_CAPTURED)
				range.offset += end - range.start;
			range.start = end;
		}
		end = range.end;
		image->ranges.at[kept++] = range;
	}
	image->ranges.len = kept;
}

static void sort_ranges(struct image *image)
{
	if (image->ranges.len > 1)
		qsort(image->ranges.at, image->ranges.len,
		      sizeof(*image->ranges.at), by_start);
}

static void drop_empty(struct image *image)
{
	size_t kept = 0;

	for (size_t i = 0; i < image->ranges.len; i++) {
		if (image->ranges.at[i].start < image->ranges.at[i].end)
			image->ranges.at[kept++] = image->ranges.at[i];
	}
	image->ranges.len = kept;
}

bool core_ranges_build(const struct core_elf *elf, struct source *source,
		       bool zero_tails, struct image *image, struct err *err)
{
	for (size_t i = 0; i < elf->segments.len; i++) {
		const struct core_segment *s = &elf->segments.at[i];

		if (s->type == PT_LOAD &&
		    !add_segment(s, source_size(source), zero_tails, image))
			return err_nomem(err, "the memory ranges");
	}
	sort_ranges(image);
	drop_overlaps(image);
	return true;
}

bool core_ranges_fill(struct image *image, struct err *err)
{
	size_t n = image->ranges.len, r = 0;
	bool ok = true;

	for (size_t i = 0; ok && i < image->mappings.len; i++) {
		uint64_t at = image->mappings.at[i].start;
		uint64_t end = image->mappings.at[i].end;

		while (r < n && image->ranges.at[r].end <= at)
			r++;
		for (size_t k = r; ok && k < n; k++) {
			struct range range = image->ranges.at[k];

			if (range.start >= end)
				break;
			if (range.start > at)
				ok = push_range(image, at, range.start, 0,
						PRESENCE_ABSENT);
			at = range.end;
		}
		ok = ok && push_range(image, at, end, 0, PRESENCE_ABSENT);
	}
	sort_ranges(image);
	return ok || err_nomem(err, "the memory ranges");
}

/* Cut what of @range is in @torn out of it; the rest behind it stays. */
static bool tear_range(struct image *image, struct range *range,
		       const struct range *torn)
{
	uint64_t start = torn->start > range->start ? torn->start :
			 range->start;
	uint64_t end = torn->end < range->end ? torn->end : range->end;
	uint64_t offset = range->offset;

	if (start >= end)
		return true;
	if (!push_range(image, range->start, start, offset,
			PRESENCE_CAPTURED) ||
	    !push_range(image, start, end, offset + (start - range->start),
			PRESENCE_TORN))
		return false;
	range->offset += end - range->start;
	range->start = end;
	return true;
}

bool core_ranges_tear(struct image *image, const struct range *torn, size_t n)
{
	size_t n_ranges = image->ranges.len, t = 0;

	for (size_t i = 0; n > 0 && i < n_ranges; i++) {
		struct range range = image->ranges.at[i];

		if (range.presence != PRESENCE_CAPTURED)
			continue;
		while (t < n && torn[t].end <= range.start)
			t++;
		for (size_t k = t; k < n && torn[k].start < range.end; k++) {
			if (!tear_range(image, &range, &torn[k]))
				return false;
		}
		image->ranges.at[i] = range;
	}
	drop_empty(image);
	sort_ranges(image);
	return true;
}
