/* SPDX-License-Identifier: MIT */
#include "dump/ranges.h"

#include <errno.h>
#include <unistd.h>

#include "dump/proc_maps.h"

/* A part of a mapping on the way to a range: sorted, without holes. */
enum span_kind { SPAN_MEMORY, SPAN_FILE, SPAN_ZERO, SPAN_ABSENT };

struct span {
	uint64_t start, end;
	enum span_kind kind;
};

struct spans {
	VEC(struct span) list;
	const struct mapping *mapping;
	const struct mapped_file *file;	/* or NULL */
	enum mapping_class class;
	bool oom;
};

static void add_span(struct spans *s, uint64_t start, uint64_t end,
		     enum span_kind kind)
{
	struct span span = { start, end, kind }, *last;

	if (start >= end)
		return;
	last = s->list.len ? &s->list.at[s->list.len - 1] : NULL;
	if (last && last->kind == kind)
		last->end = end;
	else if (!vec_push(&s->list, span))
		s->oom = true;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/** Where the pages of the file end within [start, end) of the mapping. */
static uint64_t file_end(const struct spans *s, uint64_t start, uint64_t end)
{
	const struct mapping *m = s->mapping;
	uint64_t pages = s->file->size / PAGE_SIZE_X86 +
			 (s->file->size % PAGE_SIZE_X86 != 0);
	uint64_t first = m->offset / PAGE_SIZE_X86;
	uint64_t limit = first < pages ?
		m->start + min_u64(pages - first, (m->end - m->start) /
				   PAGE_SIZE_X86) * PAGE_SIZE_X86 : m->start;

	return limit < start ? start : min_u64(limit, end);
}

/** Where the next stretch of data begins (SEEK_DATA) or ends (SEEK_HOLE) in
 * the file, as an address in [at, end]; false when the file cannot tell. */
static bool seek(const struct spans *s, int whence, uint64_t at, uint64_t end,
		 uint64_t *ret)
{
	const struct mapping *m = s->mapping;
	off_t found = lseek(s->file->fd, (off_t)(at - m->start + m->offset),
			    whence);

	if (found < 0) {
		*ret = end;
		return errno == ENXIO;
	}
	*ret = end;
	if ((uint64_t)found < end - m->start + m->offset)
		*ret = ((uint64_t)found - m->offset + m->start) &
		       ~(uint64_t)(PAGE_SIZE_X86 - 1);
	/* The object may shrink meanwhile: go on in any case. */
	if (whence == SEEK_HOLE && *ret <= at)
		*ret = at + PAGE_SIZE_X86;
	return *ret >= at;
}

/** Shared memory that is not mapped here: what the object itself holds. */
static void add_shared_gap(struct spans *s, uint64_t start, uint64_t end)
{
	uint64_t limit = s->file ? file_end(s, start, end) : start;
	uint64_t at = start, data, hole;

	while (at < limit && seek(s, SEEK_DATA, at, limit, &data)) {
		add_span(s, at, data, SPAN_ZERO);
		at = data;
		if (at == limit || !seek(s, SEEK_HOLE, at, limit, &hole))
			break;
		add_span(s, at, hole, SPAN_FILE);
		at = hole;
	}
	add_span(s, at, end, SPAN_ABSENT);
}

static bool is_module_data(const struct spans *s)
{
	return mapped_file_is_module(s->file) &&
	       !(s->mapping->perms & PERM_EXEC);
}

/** True when the page at @addr begins with a module's ELF header. */
static bool has_elf_header(const struct spans *s, uint64_t addr)
{
	return mapped_file_is_module(s->file) && s->mapping->offset == 0 &&
	       addr == s->mapping->start;
}

/** The part of a mapping where no page is in memory. */
static void add_gap(struct spans *s, uint64_t start, uint64_t end)
{
	uint64_t limit = start;

	if (start >= end)
		return;
	switch (s->class) {
	case CLASS_PRIVATE:
		/* A userfaultfd is to bring what is missing: not zeros. */
		add_span(s, start, end, mapping_has_flag(s->mapping, "um") ?
			 SPAN_ABSENT : SPAN_ZERO);
		return;
	case CLASS_KERNEL_CODE:
		add_span(s, start, end, SPAN_MEMORY);
		return;
	case CLASS_SHARED:
		add_shared_gap(s, start, end);
		return;
	case CLASS_FILE:
		if (is_module_data(s))
			limit = file_end(s, start, end);
		else if (has_elf_header(s, start))
			limit = file_end(s, start, start + PAGE_SIZE_X86);
		add_span(s, start, limit, SPAN_FILE);
		break;
	case CLASS_LEFT_OUT:
		break;
	}
	add_span(s, limit, end, SPAN_ABSENT);
}

/** Pages of @run, cut to [start, end), which are in memory. */
static void add_run(struct spans *s, uint64_t start, uint64_t end,
		    enum page_kind kind)
{
	if (kind == PAGE_ZERO) {
		add_span(s, start, end, SPAN_ZERO);
	} else if (kind == PAGE_FILE && s->class == CLASS_FILE &&
		   !is_module_data(s)) {
		uint64_t header = has_elf_header(s, start) ?
				  start + PAGE_SIZE_X86 : start;

		add_span(s, start, header, SPAN_MEMORY);
		add_span(s, header, end, SPAN_ABSENT);
	} else {
		add_span(s, start, end, SPAN_MEMORY);
	}
}

static void build_spans(struct spans *s, const struct image *image)
{
	const struct mapping *m = s->mapping;
	uint64_t at = m->start;

	for (size_t i = 0; i < m->n_runs; i++) {
		const struct page_run *run =
			&image->page_runs.at[m->first_run + i];
		uint64_t end = run->start + run->pages * UINT64_C(4096);

		add_gap(s, at, run->start);
		add_run(s, run->start, end, (enum page_kind)run->kind);
		at = end;
	}
	add_gap(s, at, m->end);
}

static bool is_captured(enum span_kind kind)
{
	return kind == SPAN_MEMORY || kind == SPAN_FILE;
}

/** True for zeros that are captured with what surrounds them. */
static bool is_filler(const struct spans *s, size_t i)
{
	const struct span *span = &s->list.at[i];

	return span->kind == SPAN_ZERO && i > 0 && i + 1 < s->list.len &&
	       span->end - span->start < ZERO_RUN_MERGED &&
	       is_captured(span[-1].kind) && is_captured(span[1].kind);
}

static bool add_piece(struct plan *plan, const struct spans *s,
		      const struct span *span)
{
	struct piece piece = {
		.start = span->start, .end = span->end,
		.from = FROM_ZEROS, .fd = -1,
	};

	if (span->kind == SPAN_MEMORY) {
		piece.from = FROM_MEMORY;
	} else if (span->kind == SPAN_FILE) {
		piece.from = s->class == CLASS_SHARED ? FROM_OBJECT : FROM_FILE;
		piece.fd = s->file->fd;
		piece.offset = span->start - s->mapping->start +
			       s->mapping->offset;
	}
	plan->bytes += span->end - span->start;
	return vec_push(&plan->pieces, piece);
}

/** Memory that other processes map as well may change while it is copied. */
static enum presence presence_of_copy(const struct spans *s)
{
	const struct mapping *m = s->mapping;

	return s->class == CLASS_SHARED && m->has_smaps && m->pss < m->rss ?
	       PRESENCE_TORN : PRESENCE_CAPTURED;
}

/** Turn the spans of one mapping into ranges and pieces. */
static bool add_ranges(struct image *image, const struct spans *s,
		       struct plan *plan)
{
	size_t first = image->ranges.len;

	for (size_t i = 0; i < s->list.len; i++) {
		const struct span *span = &s->list.at[i];
		struct range range = {
			.start = span->start, .end = span->end,
			.presence = span->kind == SPAN_ABSENT ?
				PRESENCE_ABSENT : PRESENCE_ZERO,
		};
		struct range *last = image->ranges.len > first ?
			&image->ranges.at[image->ranges.len - 1] : NULL;

		if (is_captured(span->kind) || is_filler(s, i)) {
			range.presence = presence_of_copy(s);
			if (!add_piece(plan, s, span))
				return false;
		}
		if (last && last->presence == range.presence)
			last->end = range.end;
		else if (!vec_push(&image->ranges, range))
			return false;
	}
	return true;
}

/** Say what was left out, and why, when it is memory of the program. */
static void note_left_out(struct image *image, const struct mapping *m)
{
	if (m->rss == 0 && m->swap == 0)
		return;
	if (mapping_has_flag(m, "dd") && !mapping_has_flag(m, "io") &&
	    !mapping_has_flag(m, "pf"))
		diag_add_at(&image->diag, m->start, 1, "mapping left out: the "
			    "program asked for it (MADV_DONTDUMP)");
	else if (!(m->perms & (PERM_READ | PERM_WRITE | PERM_EXEC)))
		diag_add_at(&image->diag, m->start, 1, "mapping left out: it "
			    "has memory but no access rights (PROT_NONE)");
}

static void note_unknown(struct image *image, const struct spans *s)
{
	for (size_t i = 0; i < s->list.len; i++) {
		if (s->list.at[i].kind == SPAN_ABSENT &&
		    (!s->file || s->file->fd < 0))
			diag_add_at(&image->diag, s->list.at[i].start, 1,
				    "part of shared memory left out: this "
				    "process has not touched it, and the "
				    "object could not be opened (needs "
				    "CAP_CHECKPOINT_RESTORE)");
	}
}

static bool has_child_flags(const struct mapping *m)
{
	return mapping_has_flag(m, "dc") || mapping_has_flag(m, "wf") ||
	       mapping_has_flag(m, "ht");
}

/** Mark what a forked copy lacks: pieces of private or of shared memory. */
static void mark_lacking(const struct image *image, struct plan *plan,
			 bool shared, uint64_t *left)
{
	for (size_t i = 0; i < plan->pieces.len; i++) {
		struct piece *piece = &plan->pieces.at[i];
		const struct mapping *m = image_mapping(image, piece->start);
		uint64_t bytes = piece->end - piece->start;

		if (!piece_is_live(piece) || !m ||
		    shared != (mapping_classify(m) == CLASS_SHARED) ||
		    (!shared && !has_child_flags(m)))
			continue;
		piece->in_pause = bytes <= *left;
		piece->from_running = !piece->in_pause;
		if (piece->in_pause)
			*left -= bytes;
	}
}

bool ranges_plan(struct image *image, const struct mapped_files *files,
		 struct plan *ret, struct err *err)
{
	uint64_t in_pause = IN_PAUSE_MAX;
	struct spans s = {0};
	bool ok = true;

	*ret = (struct plan){0};
	for (size_t i = 0; ok && i < image->mappings.len; i++) {
		s.mapping = &image->mappings.at[i];
		s.class = mapping_classify(s.mapping);
		s.file = mapped_file_of(files, s.mapping);
		s.list.len = 0;
		build_spans(&s, image);
		if (s.class == CLASS_LEFT_OUT)
			note_left_out(image, s.mapping);
		else if (s.class == CLASS_SHARED)
			note_unknown(image, &s);
		ok = !s.oom && add_ranges(image, &s, ret);
	}
	vec_free(&s.list);
	if (!ok) {
		plan_free(ret);
		return err_nomem(err, "ranges");
	}
	mark_lacking(image, ret, false, &in_pause);
	mark_lacking(image, ret, true, &in_pause);
	return true;
}

void ranges_forked(struct image *image, const struct plan *plan)
{
	uint64_t bytes = 0, first = 0;
	size_t r = 0;

	for (size_t i = 0; i < plan->pieces.len; i++) {
		const struct piece *piece = &plan->pieces.at[i];

		if (!piece->from_running)
			continue;
		while (r < image->ranges.len &&
		       image->ranges.at[r].end <= piece->start)
			r++;
		if (r == image->ranges.len)
			break;
		image->ranges.at[r].presence = PRESENCE_TORN;
		first = bytes ? first : piece->start;
		bytes += piece->end - piece->start;
	}
	if (bytes > 0)
		diag_add_at(&image->diag, first, bytes, "bytes that a forked "
			    "copy lacks (shared memory, huge pages, "
			    "MADV_DONTFORK) were read while the process ran");
}

void plan_free(struct plan *plan)
{
	vec_free(&plan->pieces);
	*plan = (struct plan){0};
}
