/* SPDX-License-Identifier: MIT */
#include "analyze/memory_report.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/memory_layers.h"
#include "base/progress.h"

enum { OF_ALLOCATOR = MEMORY_OPAQUE + 1, TICK = 1 << 16 };

static const char *const names[N_MEMORY_KINDS] = {
	[MEMORY_LIVE] = "live blocks",
	[MEMORY_FREE] = "free chunks",
	[MEMORY_OVERHEAD] = "overhead",
	[MEMORY_OPAQUE] = "not understood",
	[MEMORY_STACK] = "thread stacks",
	[MEMORY_DEAD_STACK] = "stacks of ended threads",
	[MEMORY_MODULE_DATA] = "module data",
	[MEMORY_MODULE_FILE] = "module code and constants",
	[MEMORY_FILE] = "other mapped files",
	[MEMORY_SHARED] = "shared memory",
	[MEMORY_KERNEL] = "vdso",
	[MEMORY_UNOWNED] = "anonymous mappings without an owner",
	[MEMORY_DIFFERENCE] = "difference between page list and Rss",
};

struct build {
	const struct heap *heap;
	const struct image *image;
	struct memory_report *ret;
	struct memory_layers layers;
	bool by_runs;		/* page runs, not captured ranges */
	size_t range;		/* cursor in image.ranges */
	uint64_t pieces;	/* swept so far */
	bool cancelled;
};

/* Parts stand in a fixed order: those of each allocator, then the others. */
static struct memory_part *part_of(struct memory_report *report,
				   enum memory_kind kind, uint32_t allocator)
{
	size_t n = report->parts.len -
		   (size_t)(N_MEMORY_KINDS - OF_ALLOCATOR);

	if ((int)kind < OF_ALLOCATOR)
		return &report->parts.at[(size_t)allocator * OF_ALLOCATOR +
					 (size_t)kind];
	return &report->parts.at[n + (size_t)kind - OF_ALLOCATOR];
}

static bool add_part(struct memory_report *report, enum memory_kind kind,
		     const struct allocator_summary *a, uint32_t allocator,
		     struct err *err)
{
	struct memory_part part = { .kind = kind, .allocator = allocator,
				    .what = names[kind] };

	if (a)
		part.what = arena_printf(&report->arena, "%s: %s",
					 a->allocator->name, names[kind]);
	if (!part.what || !vec_push(&report->parts, part))
		return err_nomem(err, "the parts of memory");
	return true;
}

static bool make_parts(struct build *b, struct err *err)
{
	for (uint32_t i = 0; i < b->heap->allocators.len; i++) {
		for (int k = 0; k < OF_ALLOCATOR; k++) {
			if (!add_part(b->ret, (enum memory_kind)k,
				      &b->heap->allocators.at[i], i, err))
				return false;
		}
	}
	for (int k = OF_ALLOCATOR; k < N_MEMORY_KINDS; k++) {
		if (!add_part(b->ret, (enum memory_kind)k, NULL, UINT32_MAX,
			      err))
			return false;
	}
	return true;
}

static uint64_t overlap(uint64_t start, uint64_t end, uint64_t from,
			uint64_t to)
{
	uint64_t low = start > from ? start : from;
	uint64_t high = end < to ? end : to;

	return low < high ? high - low : 0;
}

struct resident {
	uint64_t present, swapped;
};

/* Pages of @m in [@from, @to); @run is a cursor that only moves forward. */
static struct resident count_runs(const struct build *b,
				  const struct mapping *m, size_t *run,
				  uint64_t from, uint64_t to)
{
	struct resident r = {0};
	size_t last = m->first_run + m->n_runs;

	for (size_t i = *run; i < last; i++) {
		const struct page_run *p = &b->image->page_runs.at[i];
		uint64_t end = p->start + (uint64_t)p->pages * PAGE_SIZE_X86;
		uint64_t n = overlap(p->start, end, from, to);

		if (p->start >= to)
			break;
		if (p->kind == PAGE_PRESENT)
			r.present += n;
		else if (p->kind == PAGE_SWAPPED)
			r.swapped += n;
		if (end <= to)
			*run = i + 1;
	}
	return r;
}

static struct resident count_captured(struct build *b, uint64_t from,
				      uint64_t to)
{
	struct resident r = {0};

	for (size_t i = b->range; i < b->image->ranges.len; i++) {
		const struct range *range = &b->image->ranges.at[i];

		if (range->start >= to)
			break;
		if (range->presence == PRESENCE_CAPTURED ||
		    range->presence == PRESENCE_TORN)
			r.present += overlap(range->start, range->end, from,
					     to);
		if (range->end <= to)
			b->range = i + 1;
	}
	return r;
}

/* What a mapping's sweep leaves behind. */
struct sweep {
	struct memory_part *only;	/* the part of all of it, or NULL */
	bool mixed;
	uint64_t present;		/* bytes by the page list */
	size_t run;
};

static void add_piece(struct build *b, struct sweep *s,
		      const struct mapping *m, const struct memory_piece *piece)
{
	struct memory_part *part = part_of(b->ret, piece->kind,
					   piece->allocator);
	struct resident r = b->by_runs ?
		count_runs(b, m, &s->run, piece->start, piece->end) :
		count_captured(b, piece->start, piece->end);

	part->bytes += (int64_t)r.present;
	part->swapped += r.swapped;
	part->mapped += piece->end - piece->start;
	s->present += r.present;
	s->mixed |= s->only && s->only != part;
	s->only = part;
}

/*
 * Of a module's pages those that were written are its own, whatever their
 * permissions are by now (.data.rel.ro), the others are the file's. Their
 * addresses go along, so that no part is larger than what is mapped for it.
 */
static void settle_module(struct build *b, const struct mapping *m,
			  struct memory_part *part)
{
	uint64_t own = m->anonymous < m->rss ? m->anonymous : m->rss;
	bool is_data = part->kind == MEMORY_MODULE_DATA;
	struct memory_part *other =
		part_of(b->ret, is_data ? MEMORY_MODULE_FILE :
					  MEMORY_MODULE_DATA, UINT32_MAX);
	uint64_t moved = is_data ? m->rss - own : own;

	part->bytes -= (int64_t)moved;
	other->bytes += (int64_t)moved;
	part->mapped -= moved;
	other->mapped += moved;
	other->mappings += moved > 0;
}

/* Let the parts of @m add up to its Rss. */
static void settle(struct build *b, const struct mapping *m, struct sweep *s)
{
	int64_t differs = (int64_t)(m->rss - s->present);
	struct memory_part *part = s->only;

	if (!m->has_smaps || !part)
		return;
	if (s->mixed)
		part = part_of(b->ret, MEMORY_DIFFERENCE, UINT32_MAX);
	part->bytes += differs;
	if (s->mixed)
		part->mappings += differs != 0;
	else if (m->path[0] == '/' && (part->kind == MEMORY_MODULE_DATA ||
				       part->kind == MEMORY_MODULE_FILE))
		settle_module(b, m, part);
}

static void sweep_mapping(struct build *b, const struct mapping *m,
			  uint64_t *seen, uint64_t stamp)
{
	struct sweep s = { .run = m->first_run };
	struct memory_piece piece = { .end = m->start };

	while (piece.end < m->end && !b->cancelled) {
		struct memory_part *part;

		if (++b->pieces % TICK == 0) {
			progress_add(TICK);
			b->cancelled = progress_cancelled();
		}
		memory_layers_next(&b->layers, m, piece.end, &piece);
		add_piece(b, &s, m, &piece);
		part = s.only;
		if (seen[part - b->ret->parts.at] != stamp)
			part->mappings++;
		seen[part - b->ret->parts.at] = stamp;
	}
	settle(b, m, &s);
	b->ret->rss += m->has_smaps ? m->rss : s.present;
	b->ret->swap += m->swap;
}

static bool sweep(struct build *b, struct err *err)
{
	uint64_t *seen = calloc(b->ret->parts.len + 1, sizeof(*seen));

	if (!seen)
		return err_nomem(err, "the parts of memory");
	for (size_t i = 0; i < b->image->mappings.len; i++)
		sweep_mapping(b, &b->image->mappings.at[i], seen, i + 1);
	free(seen);
	return !b->cancelled || err_set(err, ERR_CANCELLED, "cancelled");
}

/* Parts that say nothing go; what an allocator owns is always said. */
static void drop_empty(struct build *b)
{
	struct memory_report *r = b->ret;
	size_t n = 0;

	for (size_t i = 0; i < r->parts.len; i++) {
		struct memory_part *p = &r->parts.at[i];
		bool of_allocator = p->allocator != UINT32_MAX;
		bool understood = of_allocator &&
			b->heap->allocators.at[p->allocator].understood;
		bool keep = p->bytes != 0 || p->mapped != 0 || p->swapped != 0;

		if (of_allocator)
			keep |= understood == (p->kind != MEMORY_OPAQUE);
		if (keep)
			r->parts.at[n++] = *p;
	}
	r->parts.len = n;
}

static uint64_t status_bytes(const char *status, const char *key)
{
	const char *at = strstr(status, key);

	return at ? strtoull(at + strlen(key), NULL, 10) * 1024 : 0;
}

/*
 * "memory.stat anon 4096" is the value of memory.stat.anon; a path may have
 * blanks in it.
 */
static bool add_fact(struct memory_report *ret, const char *line, size_t len)
{
	const char *blank = strncmp(line, "path ", 5) == 0 ? line + 4 :
			    memrchr(line, ' ', len);
	struct memory_fact fact = {0};
	char *key, *end;

	if (!blank || blank == line)
		return true;
	key = arena_text(&ret->arena, line, (size_t)(blank - line));
	fact.text = arena_text(&ret->arena, blank + 1,
			       len - (size_t)(blank + 1 - line));
	if (!key || !fact.text)
		return false;
	for (char *c = key; *c; c++)
		*c = *c == ' ' ? '.' : *c;
	fact.key = key;
	fact.value = strtoull(fact.text, &end, 10);
	fact.is_number = fact.text[0] >= '0' && fact.text[0] <= '9' && !*end;
	return vec_push(&ret->cgroup, fact);
}

static bool add_facts(struct build *b, struct err *err)
{
	const char *at = b->image->meta.cgroup, *status = b->image->meta.status;

	if (status) {
		b->ret->status_rss = status_bytes(status, "VmRSS:");
		b->ret->page_tables = status_bytes(status, "VmPTE:");
	}
	while (at && *at) {
		size_t len = strcspn(at, "\n");

		if (len > 0 && !add_fact(b->ret, at, len))
			return err_nomem(err, "figures of the cgroup");
		at += len + (at[len] == '\n');
	}
	return true;
}

bool memory_report_build(const struct heap *heap, struct memory_report *ret,
			 struct err *err)
{
	struct build b = { .heap = heap, .image = heap->image, .ret = ret };
	bool ok;

	*ret = (struct memory_report){0};
	for (size_t i = 0; i < b.image->mappings.len; i++)
		ret->rss_known |= b.image->mappings.at[i].has_smaps;
	b.by_runs = ret->rss_known || b.image->page_runs.len > 0;
	ok = memory_layers_build(heap, &b.layers, err) && make_parts(&b, err) &&
	     sweep(&b, err) && add_facts(&b, err);
	if (ok)
		drop_empty(&b);
	else
		memory_report_free(ret);
	memory_layers_free(&b.layers);
	return ok;
}

void memory_report_free(struct memory_report *report)
{
	vec_free(&report->parts);
	vec_free(&report->cgroup);
	arena_free(&report->arena);
	*report = (struct memory_report){0};
}
