/* SPDX-License-Identifier: MIT */
#include "formats/core_memory.h"
#include "formats/snapshot_sections.h"

enum {
	MAPPING_MIN = 8 * 4 + 4 * 4 + 8 * 9 + 8 * 2 + 4 * 2,
	RUN_SIZE = 16,
	TORN_SIZE = 16,
};

static void write_mapping(const struct mapping *m, bool runs,
			  struct blob *blob)
{
	const uint64_t sizes[] = {
		m->rss, m->pss, m->private_dirty, m->private_clean,
		m->shared_dirty, m->shared_clean, m->swap, m->anonymous,
		m->anon_huge,
	};

	blob_u64(blob, m->start);
	blob_u64(blob, m->end);
	blob_u64(blob, m->offset);
	blob_u64(blob, m->inode);
	blob_u32(blob, m->perms);
	blob_u32(blob, m->dev_major);
	blob_u32(blob, m->dev_minor);
	blob_u32(blob, m->has_smaps);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		blob_u64(blob, sizes[i]);
	blob_u64(blob, runs ? m->first_run : 0);
	blob_u64(blob, runs ? m->n_runs : 0);
	blob_text(blob, m->path);
	blob_text(blob, m->vm_flags);
}

void maps_write(const struct image *image, bool runs, struct blob *blob)
{
	uint64_t n_runs = runs ? image->page_runs.len : 0;
	uint64_t n_torn = 0;

	for (size_t i = 0; i < image->ranges.len; i++)
		n_torn += image->ranges.at[i].presence == PRESENCE_TORN;
	blob_u32(blob, SNAPSHOT_VERSION);
	blob_u32(blob, (uint32_t)image->mappings.len);
	blob_u64(blob, n_runs);
	blob_u64(blob, n_torn);
	for (size_t i = 0; i < image->mappings.len; i++)
		write_mapping(&image->mappings.at[i], runs, blob);
	for (uint64_t i = 0; i < n_runs; i++) {
		blob_u64(blob, image->page_runs.at[i].start);
		blob_u32(blob, image->page_runs.at[i].pages);
		blob_u32(blob, image->page_runs.at[i].kind);
	}
	for (size_t i = 0; i < image->ranges.len; i++) {
		if (image->ranges.at[i].presence != PRESENCE_TORN)
			continue;
		blob_u64(blob, image->ranges.at[i].start);
		blob_u64(blob, image->ranges.at[i].end);
	}
}

static struct mapping read_mapping(struct bytes *b, struct image *image)
{
	struct mapping m = {0};
	uint64_t *sizes[] = {
		&m.rss, &m.pss, &m.private_dirty, &m.private_clean,
		&m.shared_dirty, &m.shared_clean, &m.swap, &m.anonymous,
		&m.anon_huge,
	};

	m.start = bytes_u64(b);
	m.end = bytes_u64(b);
	m.offset = bytes_u64(b);
	m.inode = bytes_u64(b);
	m.perms = bytes_u32(b);
	m.dev_major = bytes_u32(b);
	m.dev_minor = bytes_u32(b);
	m.has_smaps = bytes_u32(b) != 0;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		*sizes[i] = bytes_u64(b);
	m.first_run = bytes_u64(b);
	m.n_runs = bytes_u64(b);
	m.path = section_text(b, image);
	m.vm_flags = section_text(b, image);
	return m;
}

/* The tables of a maps section, before they are checked and taken over. */
struct maps {
	VEC(struct mapping) mappings;
	VEC(struct page_run) runs;
	VEC(struct range) torn;
};

static bool maps_parse(struct bytes *b, struct image *image, struct maps *ret,
		       struct err *err)
{
	uint32_t n = bytes_u32(b);
	uint64_t n_runs = bytes_u64(b), n_torn = bytes_u64(b);
	bool ok = true;

	n = (uint32_t)section_count(b, n, MAPPING_MIN);
	for (uint32_t i = 0; ok && !b->broken && i < n; i++)
		ok = vec_push(&ret->mappings, read_mapping(b, image));
	n_runs = section_count(b, n_runs, RUN_SIZE);
	ok = ok && vec_reserve(&ret->runs, (size_t)n_runs);
	for (uint64_t i = 0; ok && i < n_runs; i++) {
		struct page_run run = { .start = bytes_u64(b) };

		run.pages = bytes_u32(b);
		run.kind = bytes_u32(b);
		ok = vec_push(&ret->runs, run);
	}
	n_torn = section_count(b, n_torn, TORN_SIZE);
	ok = ok && vec_reserve(&ret->torn, (size_t)n_torn);
	for (uint64_t i = 0; ok && i < n_torn; i++) {
		struct range torn = { .start = bytes_u64(b) };

		torn.end = bytes_u64(b);
		ok = vec_push(&ret->torn, torn);
	}
	if (!ok)
		return err_nomem(err, "the mappings");
	return bytes_ok(b, SECTION_MAPS, err);
}

static bool maps_check(const struct maps *maps, struct err *err)
{
	uint64_t end = 0, torn_end = 0;

	for (size_t i = 0; i < maps->mappings.len; i++) {
		const struct mapping *m = &maps->mappings.at[i];

		if (m->start < end || m->end <= m->start ||
		    m->end - m->start > image_room(m->start) ||
		    m->first_run > maps->runs.len ||
		    m->n_runs > maps->runs.len - m->first_run)
			return err_set(err, ERR_FORMAT,
				       "mapping %zu contradicts the others", i);
		end = m->end;
	}
	for (size_t i = 0; i < maps->torn.len; i++) {
		const struct range *t = &maps->torn.at[i];

		if (t->start < torn_end || t->end <= t->start)
			return err_set(err, ERR_FORMAT,
				       "torn range %zu contradicts the others",
				       i);
		torn_end = t->end;
	}
	return true;
}

bool maps_read(struct bytes b, struct image *image, struct err *err)
{
	struct maps maps = {0};
	bool ok;

	ok = section_version(&b, SECTION_MAPS, err) &&
	     maps_parse(&b, image, &maps, err) && maps_check(&maps, err) &&
	     (core_ranges_tear(image, maps.torn.at, maps.torn.len) ||
	      err_nomem(err, "the torn ranges"));
	if (ok) {
		vec_free(&image->mappings);
		vec_free(&image->page_runs);
		memcpy(&image->mappings, &maps.mappings,
		       sizeof(image->mappings));
		memcpy(&image->page_runs, &maps.runs,
		       sizeof(image->page_runs));
	} else {
		vec_free(&maps.mappings);
		vec_free(&maps.runs);
	}
	vec_free(&maps.torn);
	return ok;
}
