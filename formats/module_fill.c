/* SPDX-License-Identifier: MIT */
#include "formats/module_fill.h"

#include <elf.h>
#include <unistd.h>

#include "base/file_read.h"
#include "base/sorted.h"
#include "formats/module_file.h"

/* Bytes of a file that stand in for memory. */
struct fill {
	uint64_t start, end;	/* addresses */
	uint64_t offset;	/* in the file */
	int fd;			/* in filled.fds */
};

/* Memory over that of the core, to which all else is passed on. */
struct filled {
	const struct memory_ops *below_ops;
	void *below;
	struct range *old;	/* the core's memory goes on to use them */
	VEC(struct fill) fills;	/* sorted */
	VEC(int) fds;		/* owned */
};

static const struct fill *find_fill(const struct filled *f, uint64_t addr)
{
	size_t i;

	sorted_skip(i, 0, f->fills.len, f->fills.at[i].start <= addr);
	return i > 0 && addr < f->fills.at[i - 1].end ?
	       &f->fills.at[i - 1] : NULL;
}

/** Where the next fill behind @addr begins, at most @end. */
static uint64_t next_fill(const struct filled *f, uint64_t addr, uint64_t end)
{
	for (size_t i = 0; i < f->fills.len; i++) {
		if (f->fills.at[i].start > addr)
			return f->fills.at[i].start < end ?
			       f->fills.at[i].start : end;
	}
	return end;
}

/** Behind its end the last page of a file is zeros. */
static void read_fill(const struct fill *fill, uint64_t addr, uint8_t *to,
		      size_t n)
{
	size_t done = file_read_at(fill->fd, to, n,
				   fill->offset + (addr - fill->start));

	memset(to + done, 0, n - done);
}

static size_t filled_read(void *self, uint64_t addr, void *buf, size_t n)
{
	const struct filled *f = self;
	uint8_t *to = buf;
	size_t done = 0;

	while (done < n && addr <= UINT64_MAX - n) {
		const struct fill *fill = find_fill(f, addr + done);
		size_t part = n - done, got;

		if (fill) {
			if (part > fill->end - (addr + done))
				part = (size_t)(fill->end - (addr + done));
			read_fill(fill, addr + done, to + done, part);
			got = part;
		} else {
			part = (size_t)(next_fill(f, addr + done, addr + n) -
					(addr + done));
			got = f->below_ops->read(f->below, addr + done,
						 to + done, part);
		}
		done += got;
		if (got < part)
			break;
	}
	return done;
}

/* Tells a copy of ours from a pin of the memory below. */
struct filled_pin {
	void *below;
	uint8_t copy[];
};

static const uint8_t *filled_pin(void *self, uint64_t addr, size_t *n,
				 void **token)
{
	const struct filled *f = self;
	const struct fill *fill = find_fill(f, addr);
	size_t want = *n < (1 << 20) ? *n : 1 << 20;
	struct filled_pin *pin;
	const uint8_t *at;

	*token = NULL;
	if (want == 0)
		return NULL;
	if (fill && want > fill->end - addr)
		want = (size_t)(fill->end - addr);
	if (!fill && addr <= UINT64_MAX - want)
		want = (size_t)(next_fill(f, addr, addr + want) - addr);
	pin = malloc(sizeof(*pin) + (fill ? want : 0));
	if (!pin)
		return NULL;
	*pin = (struct filled_pin){ NULL };
	*n = want;
	if (fill) {
		read_fill(fill, addr, pin->copy, want);
		at = pin->copy;
	} else {
		at = f->below_ops->pin(f->below, addr, n, &pin->below);
	}
	if (!at) {
		free(pin);
		return NULL;
	}
	*token = pin;
	return at;
}

static void filled_unpin(void *self, void *token)
{
	const struct filled *f = self;
	struct filled_pin *pin = token;

	if (pin && pin->below)
		f->below_ops->unpin(f->below, pin->below);
	free(pin);
}

static void filled_close(void *self)
{
	struct filled *f = self;

	if (f->below_ops)
		f->below_ops->close(f->below);
	for (size_t i = 0; i < f->fds.len; i++)
		close(f->fds.at[i]);
	vec_free(&f->fds);
	vec_free(&f->fills);
	free(f->old);
	free(f);
}

static const struct memory_ops filled_ops = {
	.read = filled_read,
	.pin = filled_pin,
	.unpin = filled_unpin,
	.close = filled_close,
};

/** Fill what of @range is absent and in the segment at [start, end). */
static bool add_fill(struct filled *f, const struct range *range,
		     uint64_t start, uint64_t end, uint64_t offset, int fd)
{
	struct fill fill = { start, end, offset, fd };

	if (range->presence != PRESENCE_ABSENT)
		return true;
	if (fill.start < range->start) {
		fill.offset += range->start - fill.start;
		fill.start = range->start;
	}
	if (fill.end > range->end)
		fill.end = range->end;
	return fill.start >= fill.end || vec_push(&f->fills, fill);
}

/** True when the core lacks some of @m. */
static bool is_missing(const struct image *image, const struct module *m)
{
	for (size_t i = 0; i < image->ranges.len; i++) {
		const struct range *r = &image->ranges.at[i];

		if (r->presence == PRESENCE_ABSENT && r->start < m->end &&
		    r->end > m->start)
			return true;
	}
	return false;
}

/** The pages of @s in the process; false when it is not data to be read. */
static bool data_pages(const struct module *m, const struct elf_segment *s,
		       uint64_t *start, uint64_t *end)
{
	const uint64_t mask = PAGE_SIZE_X86 - 1;
	uint64_t size = m->end - m->start;

	*start = (m->bias + s->vaddr) & ~mask;
	if (!layout_is_load(s) || s->flags & (PF_W | PF_X) || s->filesz == 0 ||
	    s->filesz > size || (s->offset & mask) != (s->vaddr & mask) ||
	    *start < m->start || *start - m->start > size - s->filesz)
		return false;
	*end = (m->bias + s->vaddr + s->filesz + mask) & ~mask;
	return true;
}

static bool fill_segments(struct filled *f, struct image *image,
			  const struct module *m, const struct elf_file *file,
			  int fd)
{
	for (size_t i = 0; i < elf_file_n_segments(file); i++) {
		const struct elf_segment *s = elf_file_segment(file, i);
		uint64_t start, end, offset;

		if (!data_pages(m, s, &start, &end))
			continue;
		offset = s->offset & ~(uint64_t)(PAGE_SIZE_X86 - 1);
		for (uint64_t at = start; at < end;) {
			const struct range *r = image_range(image, at);

			if (!r)
				break;
			if (!add_fill(f, r, at, end, offset + (at - start),
				      fd))
				return false;
			at = r->end;
		}
	}
	return true;
}

static bool fill_module(struct filled *f, struct image *image,
			const struct module_search *search,
			const struct module *m)
{
	struct diag told = {0};		/* by modules_find(), once */
	struct elf_file *file;
	bool ok = true;
	int fd;

	if (!is_missing(image, m))
		return true;
	file = module_file(image, search, m, &told);
	diag_free(&told);
	fd = file ? elf_file_dup(file) : -1;
	if (fd >= 0) {
		ok = vec_push(&f->fds, fd);
		if (!ok)
			close(fd);
		ok = ok && fill_segments(f, image, m, file, fd);
	}
	elf_file_close(file);
	return ok;
}

static int by_start(const void *a, const void *b)
{
	const struct fill *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/** Segments of a damaged file may overlap. */
static void tidy_fills(struct filled *f)
{
	uint64_t end = 0;
	size_t kept = 0;

	if (f->fills.len > 1)
		qsort(f->fills.at, f->fills.len, sizeof(*f->fills.at),
		      by_start);
	for (size_t i = 0; i < f->fills.len; i++) {
		if (f->fills.at[i].start < end)
			continue;
		end = f->fills.at[i].end;
		f->fills.at[kept++] = f->fills.at[i];
	}
	f->fills.len = kept;
}

/** New ranges for @image, in which fills are captured. */
static bool split_ranges(const struct filled *f, struct image *image)
{
	size_t next = 0;
	struct image cut = {0};
	bool ok = true;

	for (size_t i = 0; ok && i < image->ranges.len; i++) {
		struct range r = image->ranges.at[i], part;

		for (; ok && next < f->fills.len &&
		       f->fills.at[next].start < r.end; next++) {
			part = r;
			part.end = f->fills.at[next].start;
			ok = part.start >= part.end ||
			     vec_push(&cut.ranges, part);
			part.start = f->fills.at[next].start;
			part.end = r.start = f->fills.at[next].end;
			part.presence = PRESENCE_CAPTURED;
			ok = ok && vec_push(&cut.ranges, part);
		}
		ok = ok && (r.start >= r.end || vec_push(&cut.ranges, r));
	}
	if (ok)
		memcpy(&image->ranges, &cut.ranges, sizeof(image->ranges));
	else
		vec_free(&cut.ranges);
	return ok;
}

bool module_fill(struct image *image, const struct module_search *search,
		 struct err *err)
{
	struct filled *f = calloc(1, sizeof(*f));
	struct range *old = image->ranges.at;
	bool ok = f != NULL;

	for (size_t i = 0; ok && i < image->modules.len; i++)
		ok = fill_module(f, image, search, &image->modules.at[i]);
	if (ok)
		tidy_fills(f);
	if (ok && f->fills.len > 0 && split_ranges(f, image)) {
		f->below_ops = image->ops;
		f->below = image->memory;
		f->old = old;
		image->ops = &filled_ops;
		image->memory = f;
		return true;
	}
	ok = ok && f->fills.len == 0;
	if (f)
		filled_close(f);
	return ok || err_nomem(err, "data of modules");
}
