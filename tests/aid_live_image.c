/* SPDX-License-Identifier: MIT */
#include "tests/aid_live_image.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PM_PRESENT (UINT64_C(1) << 63)
#define PM_SWAPPED (UINT64_C(1) << 62)

struct live_memory {
	struct image *image;
	int mem, pagemap;
};

static size_t live_read(void *self, uint64_t addr, void *buf, size_t n)
{
	struct live_memory *m = self;
	size_t done = 0;

	while (done < n) {
		uint64_t at = addr + done;
		const struct range *r = image_range(m->image, at);
		size_t want = n - done;
		ssize_t got;

		if (!r || r->presence == PRESENCE_ABSENT)
			break;
		if (want > r->end - at)
			want = (size_t)(r->end - at);
		if (r->presence == PRESENCE_ZERO) {
			memset((char *)buf + done, 0, want);
			done += want;
			continue;
		}
		got = pread(m->mem, (char *)buf + done, want, (off_t)at);
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	return done;
}

static const uint8_t *live_pin(void *self, uint64_t addr, size_t *n,
			       void **token)
{
	size_t want = *n < 65536 ? *n : 65536;
	uint8_t *copy = malloc(want + 1);

	want = copy ? live_read(self, addr, copy, want) : 0;
	if (want == 0) {
		free(copy);
		return NULL;
	}
	*n = want;
	*token = copy;
	return copy;
}

static void live_unpin(void *self, void *token)
{
	(void)self;
	free(token);
}

static void live_close(void *self)
{
	struct live_memory *m = self;

	close(m->mem);
	close(m->pagemap);
	free(m);
}

static const struct memory_ops ops = { live_read, live_pin, live_unpin,
				       live_close };

static uint32_t parse_perms(const char *text)
{
	return (text[0] == 'r' ? PERM_READ : 0u) |
	       (text[1] == 'w' ? PERM_WRITE : 0u) |
	       (text[2] == 'x' ? PERM_EXEC : 0u) |
	       (text[3] == 's' ? PERM_SHARED : 0u);
}

static bool parse_line(struct image *image, char *line)
{
	struct mapping m = { .vm_flags = "", .has_smaps = true };
	struct mapping *last;
	char perms[8] = "", key[64];
	uint64_t value;
	int used = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %x:%x %"
		   SCNu64 " %n", &m.start, &m.end, perms, &m.offset,
		   &m.dev_major, &m.dev_minor, &m.inode, &used) == 7) {
		m.perms = parse_perms(perms);
		m.path = arena_text(&image->arena, line + used,
				    strlen(line + used));
		return vec_push(&image->mappings, m);
	}
	if (image->mappings.len == 0 ||
	    sscanf(line, "%63[^:]: %" SCNu64 " kB", key, &value) != 2)
		return true;
	last = &image->mappings.at[image->mappings.len - 1];
	if (strcmp(key, "Rss") == 0)
		last->rss = value * 1024;
	else if (strcmp(key, "Swap") == 0)
		last->swap = value * 1024;
	else if (strcmp(key, "Anonymous") == 0)
		last->anonymous = value * 1024;
	return true;
}

/* Pages of @m into page_runs and ranges. */
static bool list_pages(struct image *image, int pagemap, struct mapping *m)
{
	m->first_run = image->page_runs.len;
	for (uint64_t at = m->start; at < m->end; at += PAGE_SIZE_X86) {
		uint64_t entry = 0;
		struct range r = { at, at + PAGE_SIZE_X86, 0, PRESENCE_ZERO };
		struct range *last = image->ranges.len == 0 ? NULL :
			&image->ranges.at[image->ranges.len - 1];
		struct page_run run = { at, 1, PAGE_PRESENT };

		if (pread(pagemap, &entry, sizeof(entry),
			  (off_t)(at / PAGE_SIZE_X86 * 8)) != sizeof(entry))
			entry = 0;
		if (entry & (PM_PRESENT | PM_SWAPPED)) {
			r.presence = PRESENCE_CAPTURED;
			run.kind = entry & PM_PRESENT ? PAGE_PRESENT :
							PAGE_SWAPPED;
			if (!vec_push(&image->page_runs, run))
				return false;
		} else if (m->path[0] == '/' || !(m->perms & PERM_READ)) {
			r.presence = PRESENCE_ABSENT;
		}
		if (last && last->end == at && last->presence == r.presence)
			last->end = r.end;
		else if (!vec_push(&image->ranges, r))
			return false;
	}
	m->n_runs = image->page_runs.len - m->first_run;
	return true;
}

static FILE *open_proc(pid_t pid, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	return fopen(path, "r");
}

bool live_image_open(pid_t pid, struct image *ret)
{
	struct live_memory *memory = calloc(1, sizeof(*memory));
	FILE *smaps = open_proc(pid, "smaps");
	char path[64], line[4096];
	bool ok = memory && smaps;

	*ret = (struct image){ .ops = &ops, .memory = memory };
	if (!ok)
		abort();
	memory->image = ret;
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	memory->mem = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pid);
	memory->pagemap = open(path, O_RDONLY | O_CLOEXEC);
	ok = memory->mem >= 0 && memory->pagemap >= 0;
	while (ok && fgets(line, sizeof(line), smaps))
		ok = parse_line(ret, line);
	fclose(smaps);
	for (size_t i = 0; ok && i < ret->mappings.len; i++)
		ok = list_pages(ret, memory->pagemap, &ret->mappings.at[i]);
	if (!ok)
		live_image_close(ret);
	return ok;
}

void live_image_close(struct image *image)
{
	image->ops->close(image->memory);
	vec_free(&image->ranges);
	vec_free(&image->mappings);
	vec_free(&image->page_runs);
	vec_free(&image->threads);
	arena_free(&image->arena);
	*image = (struct image){0};
}
