/* SPDX-License-Identifier: MIT */
/*
 * glibc malloc (ptmalloc), 2.26 to 2.44, without symbols.
 */
#include "analyze/alloc_glibc.h"

#include "analyze/alloc_glibc_release.h"

/* Is @release one of those of @c? */
static bool has_release(const struct glibc_class *c,
			const struct glibc_release *release)
{
	struct glibc_release first, last;

	return glibc_release_parse(c->first, &first) &&
	       glibc_release_parse(c->last, &last) &&
	       glibc_release_compare(&first, release) <= 0 &&
	       glibc_release_compare(release, &last) <= 0;
}

/* "2.36", as libc says of itself, if the facts allow that; else NULL. */
static const char *said_version(const struct image *image,
				const struct glibc_facts *facts,
				struct arena *arena, bool *tested)
{
	struct glibc_release release;

	if (!glibc_release_of(image, &release))
		return NULL;
	for (const struct glibc_class *c = glibc_classes; c->first; c++) {
		if (!glibc_class_fits(c, facts) || !has_release(c, &release))
			continue;
		*tested = c->tested;
		return arena_printf(arena, "%u.%u", release.major,
				    release.minor);
	}
	return NULL;
}

/* "2.35-2.41": the releases that all facts allow; *@tested if all were. */
static const char *version_of(const struct glibc_facts *facts,
			      struct arena *arena, bool *tested)
{
	const char *first = NULL, *last = NULL;

	*tested = true;
	for (const struct glibc_class *c = glibc_classes; c->first; c++) {
		if (!glibc_class_fits(c, facts))
			continue;
		if (!first)
			first = c->first;
		last = c->last;
		*tested &= c->tested;
	}
	*tested &= first != NULL;
	if (!first || strcmp(first, last) == 0)
		return first ? first : "";
	return arena_printf(arena, "%s-%s", first, last);
}

/* Bytes that the arenas got from the kernel, by their own account. */
static uint64_t mapped_bytes(struct glibc_walk *walk,
			     const struct glibc_copy *copy)
{
	uint64_t at = copy->main_arena, sum = copy->par.mmapped_mem, bytes;

	for (uint64_t i = 0; i < copy->arenas; i++) {
		if (glibc_word(walk, at + copy->facts.arena->bins +
			       GLIBC_SYSTEM_MEM, &bytes))
			sum += bytes;
		if (!glibc_next_arena(walk, copy, at, &at))
			break;
	}
	return sum;
}

/* Sizes and counts of main_arena and mp_. */
static bool add_metadata(const struct glibc_copy *copy,
			 struct allocator_finding *ret, struct err *err)
{
	struct extent arena = {
		copy->main_arena, copy->main_arena + copy->facts.arena->size,
	};
	bool ok = vec_push(&ret->metadata, arena);

	if (ok && copy->mp != 0)
		ok = vec_push(&ret->metadata, ((struct extent){
			copy->mp, copy->mp + copy->facts.par->size }));
	return ok || err_nomem(err, "the state of malloc");
}

static bool probe(const struct image *image, struct arena *arena,
		  struct allocator_finding *ret, struct err *err)
{
	struct glibc_found *found = arena_alloc(arena, sizeof(*found));
	struct glibc_walk walk;
	bool ok;

	*ret = (struct allocator_finding){ .version = "" };
	if (!found)
		return err_nomem(err, "the search for glibc malloc");
	if (!glibc_walk_open(image, found, &walk, err))
		return false;
	ok = glibc_find(&walk, err) &&
	     (found->n_copies == 0 || glibc_probe_tcaches(&walk, err));
	if (ok && found->n_copies > 0) {
		ret->found = true;
		ret->state = found;
		ret->version = said_version(image, &found->copies[0].facts,
					    arena, &ret->tested);
		if (!ret->version)
			ret->version = version_of(&found->copies[0].facts,
						  arena, &ret->tested);
		for (size_t i = 0; i < found->n_copies; i++)
			ret->mapped_bytes += mapped_bytes(&walk,
							  &found->copies[i]);
		ok = ret->version || err_nomem(err, "a version");
		for (size_t i = 0; ok && i < found->n_copies; i++)
			ok = add_metadata(&found->copies[i], ret, err);
	}
	glibc_walk_close(&walk);
	return ok;
}

/*
 * Bins and top point at chunk headers, whose first word is the last of the
 * block before: as roots they would hold blocks that nobody uses.
 */
static bool add_state(struct glibc_walk *walk, const struct glibc_copy *copy,
		      struct err *err)
{
	struct extent arena = {
		copy->main_arena, copy->main_arena + copy->facts.arena->size,
	};

	return vec_push(&walk->list->state, arena) ||
	       err_nomem(err, "the state of malloc");
}

/* usable = chunk - 8; a chunk is a multiple of 16, and at least 32. */
static uint64_t usable(uint64_t size)
{
	uint64_t chunk = glibc_chunk_for(size);

	return (chunk < GLIBC_MIN_CHUNK ? GLIBC_MIN_CHUNK : chunk) - 8;
}

static bool walk_copies(struct glibc_walk *walk, struct err *err)
{
	struct glibc_found *found = walk->found;

	for (uint32_t i = 0; i < found->n_copies; i++) {
		if (found->copies[i].mp == 0)
			glibc_note(walk, found->copies[i].main_arena,
				   "copies of malloc whose mp_ was not found");
		if (!add_state(walk, &found->copies[i], err) ||
		    !glibc_walk_arenas(walk, i, err))
			return false;
	}
	if (!glibc_walk_mmaps(walk, err) || !glibc_index(walk, err) ||
	    !glibc_mark_tcaches(walk, err))
		return false;
	for (size_t i = 0; i < found->n_copies; i++)
		glibc_mark_fastbins(walk, &found->copies[i]);
	if (walk->gave_up)
		diag_add(walk->diag,
			 "heaps too damaged to search to the end");
	return glibc_settle(walk, err);
}

static bool walk(const struct image *image,
		 const struct allocator_finding *finding,
		 struct allocation_list *ret, struct diag *diag,
		 struct err *err)
{
	struct glibc_found found = *(const struct glibc_found *)finding->state;
	struct glibc_walk w;
	bool ok;

	*ret = (struct allocation_list){0};
	if (!glibc_walk_open(image, &found, &w, err))
		return false;
	w.list = ret;
	w.diag = diag;
	ok = walk_copies(&w, err);
	glibc_walk_close(&w);
	if (ok && ret->blocks.len == 0 && ret->free.len == 0)
		ok = err_set(err, ERR_FORMAT, "no chunk could be read");
	if (!ok)
		allocation_list_free(ret);
	return ok;
}

const struct allocator alloc_glibc = {
	.name = "glibc",
	.probe = probe,
	.walk = walk,
	.usable = usable,
};
