/* SPDX-License-Identifier: MIT */
#include "dump/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/progress.h"
#include "dump/mapped_files.h"
#include "dump/proc_maps.h"

/* include/uapi/linux/fs.h of Linux 6.7; Debian 12 has older headers. */
struct page_region {
	uint64_t start, end, categories;
};

struct pm_scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages,
		 category_inverted, category_mask, category_anyof_mask,
		 return_mask;
};

#define SCAN_REQUEST _IOWR('f', 16, struct pm_scan_arg)

enum {
	IS_FILE = 1 << 2,
	IS_PRESENT = 1 << 3,
	IS_SWAPPED = 1 << 4,
	IS_PFNZERO = 1 << 5,
	IS_GUARD = 1 << 8,	/* Linux 6.16 */
};

enum { ENTRIES = 1 << 16, REGIONS = 4096 };

struct scan {
	int fd;
	bool has_ioctl;
	uint64_t guard;		/* IS_GUARD where the kernel knows it */
	struct image *image;
	uint64_t *entries;	/* [ENTRIES] */
	struct page_region *regions;	/* [REGIONS], in the same memory */
	enum pagemap_part part;
	bool look_at_all;
};

bool pagemap_entry(uint64_t entry, enum page_kind *ret)
{
	const uint64_t present = UINT64_C(1) << 63, swapped = UINT64_C(1) << 62,
		       file = UINT64_C(1) << 61, guard = UINT64_C(1) << 58;

	/* A guard page (MADV_GUARD_INSTALL) looks like a swapped one. */
	if (!(entry & (present | swapped)) || entry & guard)
		return false;
	*ret = entry & file ? PAGE_FILE :
	       entry & present ? PAGE_PRESENT : PAGE_SWAPPED;
	return true;
}

static bool category_kind(uint64_t categories, enum page_kind *ret)
{
	if (!(categories & (IS_PRESENT | IS_SWAPPED)) || categories & IS_GUARD)
		return false;
	*ret = categories & IS_PFNZERO ? PAGE_ZERO :
	       categories & IS_FILE ? PAGE_FILE :
	       categories & IS_PRESENT ? PAGE_PRESENT : PAGE_SWAPPED;
	return true;
}

bool pagemap_add(struct image *image, size_t first, uint64_t start,
		 uint64_t pages, enum page_kind kind)
{
	while (pages > 0) {
		uint64_t n = pages < UINT32_MAX ? pages : UINT32_MAX;
		struct page_run run = { start, (uint32_t)n, kind }, *last;

		last = image->page_runs.len > first ?
		       &image->page_runs.at[image->page_runs.len - 1] : NULL;
		if (last && last->kind == (uint32_t)kind &&
		    last->start + last->pages * UINT64_C(4096) == start &&
		    n <= UINT32_MAX - last->pages)
			last->pages += (uint32_t)n;
		else if (!vec_push(&image->page_runs, run))
			return false;
		start += n * PAGE_SIZE_X86;
		pages -= n;
	}
	return true;
}

/** The regions in [@at, @end), REGIONS at most; -1 when the kernel cannot. */
static int scan_once(struct scan *s, uint64_t at, uint64_t end)
{
	struct pm_scan_arg arg = {
		.size = sizeof(arg), .start = at, .end = end,
		.vec = (uintptr_t)s->regions, .vec_len = REGIONS,
		.category_anyof_mask = IS_PRESENT | IS_SWAPPED,
		.return_mask = IS_PRESENT | IS_SWAPPED | IS_PFNZERO | IS_FILE |
			       s->guard,
	};
	int n = ioctl(s->fd, SCAN_REQUEST, &arg);

	if (n >= 0 || errno != EINVAL || !s->guard)
		return n;
	s->guard = 0;
	return scan_once(s, at, end);
}

/**
 * False when the kernel cannot; the runs of @m are then to be redone.
 *
 * walk_end does not tell where to go on: after more than 512 regions Linux
 * leaves in it where an inner buffer was last full (seen on 6.18; do_
 * pagemap_scan() sets it at the end only when it is 0). But a scan without
 * max_pages ends early for no other reason than a full vector.
 */
static bool scan_mapping(struct scan *s, const struct mapping *m, bool *oom)
{
	uint64_t at = m->start;
	int n = REGIONS;

	while (n == REGIONS && at < m->end && !progress_cancelled()) {
		n = scan_once(s, at, m->end);
		if (n < 0)
			return false;
		for (int i = 0; i < n; i++) {
			const struct page_region *r = &s->regions[i];
			enum page_kind kind;

			if (r->start < at || r->end <= r->start ||
			    r->end > m->end)
				return false;
			if (category_kind(r->categories, &kind) &&
			    !pagemap_add(s->image, m->first_run, r->start,
					 (r->end - r->start) / PAGE_SIZE_X86,
					 kind))
				*oom = true;
			at = r->end;
		}
	}
	return true;
}

static bool read_mapping(struct scan *s, const struct mapping *m,
			 struct err *err)
{
	uint64_t at = m->start;

	while (at < m->end && !progress_cancelled()) {
		uint64_t want = (m->end - at) / PAGE_SIZE_X86;
		ssize_t got;

		if (want > ENTRIES)
			want = ENTRIES;
		got = pread(s->fd, s->entries, want * 8,
			    (off_t)(at / PAGE_SIZE_X86 * 8));
		if (got < 8) {
			diag_add_at(&s->image->diag, at, 1, "/proc/PID/pagemap "
				    "could not be read: pages are missing");
			return true;
		}
		for (size_t i = 0; i < (size_t)got / 8; i++) {
			enum page_kind kind;

			if (pagemap_entry(s->entries[i], &kind) &&
			    !pagemap_add(s->image, m->first_run,
					 at + i * PAGE_SIZE_X86, 1, kind))
				return err_nomem(err, "page runs");
		}
		at += (uint64_t)got / 8 * PAGE_SIZE_X86;
	}
	return true;
}

/** True for memory of which a forked copy has the same pages. */
static bool is_copied(const struct mapping *m)
{
	return mapping_classify(m) == CLASS_PRIVATE && m->inode == 0 &&
	       !mapping_has_flag(m, "dc") && !mapping_has_flag(m, "wf") &&
	       !mapping_has_flag(m, "ht");
}

static bool look_at(struct scan *s, struct mapping *m, struct err *err)
{
	bool oom = false;

	if (s->part != PAGEMAP_ALL &&
	    is_copied(m) != (s->part == PAGEMAP_COPIED))
		return true;
	m->first_run = s->image->page_runs.len;
	/* Pages of hugetlbfs are not part of Rss. */
	if (mapping_classify(m) == CLASS_LEFT_OUT ||
	    (!s->look_at_all && m->has_smaps && m->rss == 0 && m->swap == 0 &&
	     !mapping_has_flag(m, "ht")))
		return true;
	if (s->has_ioctl && !scan_mapping(s, m, &oom)) {
		s->has_ioctl = false;
		s->image->page_runs.len = m->first_run;
	}
	if (oom)
		return err_nomem(err, "page runs");
	if (!s->has_ioctl && !read_mapping(s, m, err))
		return false;
	m->n_runs = s->image->page_runs.len - m->first_run;
	return true;
}

bool pagemap_read(uint32_t pid, struct image *image, struct err *err)
{
	return pagemap_read_part(pid, image, PAGEMAP_ALL, false, err);
}

bool pagemap_read_part(uint32_t pid, struct image *image,
		       enum pagemap_part part, bool look_at_all,
		       struct err *err)
{
	struct scan s = {
		.image = image, .has_ioctl = true, .guard = IS_GUARD,
		.part = part, .look_at_all = look_at_all,
	};
	char path[64];
	bool ok = false;

	snprintf(path, sizeof(path), "/proc/%u/pagemap", pid);
	s.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (s.fd < 0)
		return err_errno(err, "%s", path);
	s.entries = calloc(ENTRIES, sizeof(*s.entries));
	s.regions = calloc(REGIONS, sizeof(*s.regions));
	if (!s.entries || !s.regions) {
		err_nomem(err, "page runs");
		goto out;
	}
	for (size_t i = 0; i < image->mappings.len; i++) {
		if (!look_at(&s, &image->mappings.at[i], err))
			goto out;
	}
	ok = !progress_cancelled() || err_set(err, ERR_CANCELLED, "cancelled");
out:
	free(s.entries);
	free(s.regions);
	close(s.fd);
	return ok;
}

static int by_start(const void *a, const void *b)
{
	const struct page_run *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

void pagemap_join(struct image *image)
{
	size_t first = 0;

	if (image->page_runs.len > 0)
		qsort(image->page_runs.at, image->page_runs.len,
		      sizeof(*image->page_runs.at), by_start);
	for (size_t i = 0; i < image->mappings.len; i++) {
		image->mappings.at[i].first_run = first;
		first += image->mappings.at[i].n_runs;
	}
}
