/* SPDX-License-Identifier: MIT */
#include "analyze/diff.h"

/* --- rows --- */

enum measure { MEASURE_BYTES, MEASURE_RETAINED };

static uint64_t measured(const struct tally *tally, enum measure measure)
{
	return measure == MEASURE_BYTES ? tally->bytes : tally->retained;
}

/* One column of all digests, side by side. */
struct columns {
	const struct tallies **at;	/* [n] */
	size_t n;
	enum measure measure;
};

static struct diff_row make_row(const struct columns *c, size_t id)
{
	struct diff_row row = {
		.id = (uint32_t)id, .old = digest_tally(c->at[0], id),
		.new = digest_tally(c->at[c->n - 1], id),
		.grew_every_time = true,
	};
	struct tally before = row.old;

	row.growth = (int64_t)(measured(&row.new, c->measure) -
			       measured(&row.old, c->measure));
	for (size_t i = 1; i < c->n; i++) {
		struct tally now = digest_tally(c->at[i], id);

		if (measured(&now, c->measure) <= measured(&before, c->measure))
			row.grew_every_time = false;
		before = now;
	}
	return row;
}

static bool add_all_rows(const struct columns *c, size_t n_ids,
			 struct diff_rows *ret)
{
	for (size_t id = 0; id < n_ids; id++) {
		struct diff_row row = make_row(c, id);

		if (row.old.count == 0 && row.new.count == 0)
			continue;
		if (!vec_push(ret, row))
			return false;
	}
	return true;
}

/*
 * From the last path to the first, so that a path comes after all below it;
 * best[] has the largest growth that is listed below.
 */
static bool add_growing_paths(const struct columns *c,
			      const struct holder_paths *paths,
			      struct diff_rows *ret)
{
	int64_t *best = calloc(paths->at.len + 1, sizeof(*best));
	bool ok = best != NULL;

	for (size_t id = paths->at.len; ok && id-- > 0; ) {
		struct diff_row row = make_row(c, id);
		uint32_t parent = paths->at.at[id].parent;

		if (row.growth > 0 && best[id] < row.growth - row.growth / 10) {
			ok = vec_push(ret, row);
			if (best[id] < row.growth)
				best[id] = row.growth;
		}
		if (parent != PATH_NONE && best[parent] < best[id])
			best[parent] = best[id];
	}
	free(best);
	return ok;
}

/* --- blocks --- */

static void add_to(struct tally *tally, uint64_t bytes)
{
	tally->count++;
	tally->bytes += bytes;
}

static bool has_types(const struct digest *digest)
{
	for (uint32_t i = 0; i < digest->n_blocks; i++) {
		if (digest->label[i] != LABEL_NONE)
			return true;
	}
	return false;
}

static void compare_blocks(const struct digest *old, const struct digest *new,
			   struct diff *ret)
{
	uint32_t i = 0, j = 0;

	ret->blocks.by_type = has_types(old) == has_types(new);
	while (i < old->n_blocks || j < new->n_blocks) {
		bool left = j == new->n_blocks || (i < old->n_blocks &&
			    old->addr[i] <= new->addr[j]);
		bool right = i == old->n_blocks || (j < new->n_blocks &&
			     new->addr[j] <= old->addr[i]);

		if (left && right && old->size[i] == new->size[j] &&
		    (old->label[i] == new->label[j] || !ret->blocks.by_type)) {
			add_to(&ret->blocks.survived, new->size[j]);
		} else {
			if (left)
				add_to(&ret->blocks.gone, old->size[i]);
			if (right)
				add_to(&ret->blocks.new, new->size[j]);
		}
		i += left;
		j += right;
	}
}

/* --- order --- */

/* qsort() has no context argument that ISO C knows. */
static struct {
	const struct labels *labels;
	const struct holder_paths *paths;
	enum diff_order order;
} sorting;

static int compare_texts(uint32_t a, uint32_t b)
{
	const struct label *x = &sorting.labels->at.at[a];
	const struct label *y = &sorting.labels->at.at[b];
	int order = strcmp(x->text, y->text);

	return order ? order : (x->kind > y->kind) - (x->kind < y->kind);
}

static int by_name(const struct diff_row *a, const struct diff_row *b)
{
	uint32_t x[PATH_STEPS], y[PATH_STEPS], n, m;

	if (!sorting.paths)
		return compare_texts(a->id, b->id);
	n = holder_paths_labels(sorting.paths, a->id, x);
	m = holder_paths_labels(sorting.paths, b->id, y);
	for (uint32_t i = 0; i < n && i < m; i++) {
		int order = x[i] == y[i] ? 0 : compare_texts(x[i], y[i]);

		if (order)
			return order;
	}
	return (n > m) - (n < m);
}

static int64_t sort_value(const struct diff_row *row)
{
	switch (sorting.order) {
	case DIFF_BY_GROWTH:
		return row->growth;
	case DIFF_BY_COUNT:
		return (int64_t)(row->new.count - row->old.count);
	case DIFF_BY_SIZE:
		return (int64_t)(sorting.paths ? row->new.retained :
						 row->new.bytes);
	case DIFF_BY_NAME:
		break;
	}
	return 0;
}

static int compare_rows(const void *a, const void *b)
{
	const struct diff_row *x = a, *y = b;
	int64_t left = sort_value(x), right = sort_value(y);
	int order;

	if (left != right)
		return left < right ? 1 : -1;
	order = by_name(x, y);
	return order ? order : (x->id > y->id) - (x->id < y->id);
}

void diff_sort(struct diff_rows *rows, const struct labels *labels,
	       const struct holder_paths *paths, enum diff_order order)
{
	sorting.labels = labels;
	sorting.paths = paths;
	sorting.order = order;
	if (rows->len > 0)
		qsort(rows->at, rows->len, sizeof(*rows->at), compare_rows);
}

/* --- all of it --- */

static bool add_rows(const struct digest_names *names,
		     const struct digest *digests, struct columns *c,
		     struct diff *ret)
{
	size_t n_labels = names->labels.at.len;

	c->measure = MEASURE_BYTES;
	for (size_t i = 0; i < c->n; i++)
		c->at[i] = &digests[i].types;
	if (!add_all_rows(c, n_labels, &ret->types))
		return false;
	for (size_t i = 0; i < c->n; i++)
		c->at[i] = &digests[i].leaks;
	if (!add_all_rows(c, n_labels, &ret->leaks))
		return false;
	c->measure = MEASURE_RETAINED;
	for (size_t i = 0; i < c->n; i++)
		c->at[i] = &digests[i].paths;
	return add_growing_paths(c, &names->paths, &ret->paths);
}

bool diff_build(const struct digest_names *names, const struct digest *digests,
		size_t n, struct diff *ret, struct err *err)
{
	struct columns columns = {
		.at = calloc(n, sizeof(*columns.at)), .n = n,
	};
	bool ok = columns.at != NULL;

	*ret = (struct diff){0};
	ok = ok && add_rows(names, digests, &columns, ret);
	free(columns.at);
	if (!ok) {
		diff_free(ret);
		return err_nomem(err, "the comparison");
	}
	diff_sort(&ret->types, &names->labels, NULL, DIFF_BY_GROWTH);
	diff_sort(&ret->leaks, &names->labels, NULL, DIFF_BY_GROWTH);
	diff_sort(&ret->paths, &names->labels, &names->paths, DIFF_BY_GROWTH);
	ret->blocks.comparable = process_identity_same(&digests[0].process,
		&digests[n - 1].process, &ret->blocks.why);
	if (ret->blocks.comparable)
		compare_blocks(&digests[0], &digests[n - 1], ret);
	return true;
}

void diff_free(struct diff *diff)
{
	vec_free(&diff->types);
	vec_free(&diff->leaks);
	vec_free(&diff->paths);
	*diff = (struct diff){0};
}
