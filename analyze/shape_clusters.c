/* SPDX-License-Identifier: MIT */
#include "analyze/shape_clusters.h"

#include <stdlib.h>

enum {
	MAX_CLUSTERS = 1 << 16,
	MAX_SIGNATURE = 16,	/* places of pointers that tell blocks apart */
};

void clusters_free(struct clusters *clusters)
{
	vec_free(&clusters->all);
	map_free(&clusters->by_key);
}

uint64_t cluster_signature(const struct infer *infer, uint32_t node)
{
	const struct raw_refs *raw = infer->raw;
	const struct heap *heap = infer->heap;
	uint64_t key = cluster_key(heap->owner[node], heap_size(heap, node));
	uint64_t first = raw->row[node], last = raw->row[node + 1];

	if (last - first > MAX_SIGNATURE)
		last = first + MAX_SIGNATURE;
	for (uint64_t e = first; e < last; e++)
		key = cluster_key(key, raw->where[e]);
	return key;
}

uint64_t cluster_texts(const struct infer *infer, uint32_t node)
{
	const struct raw_refs *raw = infer->raw;
	uint64_t first = raw->row[node], last = raw->row[node + 1], bits = 0;

	if (last - first > MAX_SIGNATURE)
		last = first + MAX_SIGNATURE;
	for (uint64_t e = first; e < last; e++)
		bits = bits << 1 | (infer->heap->content[raw->target[e]] ==
				    CONTENT_TEXT);
	return bits;
}

struct cluster *clusters_get(struct clusters *clusters, uint64_t key)
{
	const struct cluster fresh = {
		.type = TYPE_NONE, .module = UINT32_MAX, .step = 1,
		.header = TYPE_NONE,
	};
	uint64_t *slot;
	bool added;

	if (clusters->closed || clusters->all.len >= MAX_CLUSTERS) {
		const uint64_t *found = map_find(&clusters->by_key, key);

		return found ? &clusters->all.at[*found - 1] : NULL;
	}
	slot = map_slot(&clusters->by_key, key, &added);
	if (!slot || (added && !vec_push(&clusters->all, fresh))) {
		clusters->no_memory = true;
		return NULL;
	}
	if (added)
		*slot = clusters->all.len;
	return &clusters->all.at[*slot - 1];
}

enum { AGREED_BY = 4 };	/* blocks of a known type */

/* What is known of a field: a type and how many blocks, or a conflict. */
static bool note_field(const struct cluster *c, struct map *types,
		       struct map *counts)
{
	uint64_t *type = map_slot(types, c->field, NULL);
	uint64_t *n = map_slot(counts, c->field, NULL);

	if (!type || !n)
		return false;
	*n += c->n;
	*type = *type == 0 || *type == (uint64_t)c->type + 1 ?
		(uint64_t)c->type + 1 : UINT64_MAX;
	return true;
}

bool clusters_agree(struct clusters *clusters, uint8_t confidence)
{
	struct map types = {0}, counts = {0};
	bool ok = true;

	for (size_t i = 0; ok && i < clusters->all.len; i++) {
		const struct cluster *c = &clusters->all.at[i];

		if (c->slot && !c->kin && c->type != TYPE_NONE)
			ok = note_field(c, &types, &counts);
	}
	for (size_t i = 0; ok && i < clusters->all.len; i++) {
		struct cluster *c = &clusters->all.at[i];
		uint64_t type = map_get(&types, c->field, 0);

		if (!c->slot || c->kin || c->type != TYPE_NONE || type == 0 ||
		    type == UINT64_MAX ||
		    map_get(&counts, c->field, 0) < AGREED_BY)
			continue;
		c->type = (uint32_t)type - 1;
		c->confidence = confidence;
	}
	map_free(&types);
	map_free(&counts);
	return ok;
}

void cluster_add(struct cluster *c, uint32_t node)
{
	c->grown = true;
	if (c->n++ % c->step != 0)
		return;
	if (c->n_sample == CLUSTER_SAMPLE) {
		for (uint32_t i = 0; i < CLUSTER_SAMPLE / 2; i++)
			c->sample[i] = c->sample[i * 2];
		c->n_sample = CLUSTER_SAMPLE / 2;
		c->step *= 2;
		if ((c->n - 1) % c->step != 0)
			return;
	}
	c->sample[c->n_sample++] = node;
}

struct size_of_cluster {
	uint64_t n;
	uint32_t cluster;
};

static int larger_first(const void *a, const void *b)
{
	const struct size_of_cluster *x = a, *y = b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return x->cluster < y->cluster ? -1 : x->cluster > y->cluster;
}

/* The largest clusters without a type. */
static bool choose(const struct clusters *clusters, bool slots,
		   struct cluster_samples *ret)
{
	struct size_of_cluster *order = calloc(clusters->all.len + 1,
					       sizeof(*order));
	size_t n = 0;

	for (size_t i = 0; order && i < clusters->all.len; i++) {
		if (clusters->all.at[i].type != TYPE_NONE ||
		    !clusters->all.at[i].grown ||
		    clusters->all.at[i].slot != slots)
			continue;
		order[n].n = clusters->all.at[i].n;
		order[n++].cluster = (uint32_t)i;
	}
	if (n > 1)
		qsort(order, n, sizeof(*order), larger_first);
	ret->n = n < CLUSTERS_DECIDED ? n : CLUSTERS_DECIDED;
	ret->cluster = calloc(ret->n + 1, sizeof(*ret->cluster));
	for (size_t i = 0; order && ret->cluster && i < ret->n; i++)
		ret->cluster[i] = order[i].cluster;
	free(order);
	return order && ret->cluster;
}

/* A block that stands for its cluster. */
struct sample {
	uint32_t node, place;	/* in cluster_samples.seen */
};

static int sample_by_node(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	return (x->node > y->node) - (x->node < y->node);
}

bool cluster_samples_read(const struct clusters *clusters, bool slots,
			  struct infer *infer, struct cluster_samples *ret)
{
	VEC(struct sample) all = {0};
	bool ok;

	*ret = (struct cluster_samples){0};
	ok = choose(clusters, slots, ret);
	for (size_t i = 0; ok && i < ret->n; i++) {
		const struct cluster *c = &clusters->all.at[ret->cluster[i]];

		for (uint32_t k = 0; ok && k < c->n_sample; k++) {
			struct sample one = {
				c->sample[k], (uint32_t)i * CLUSTER_SAMPLE + k,
			};

			ok = vec_push(&all, one);
		}
	}
	ret->seen = calloc(ret->n * CLUSTER_SAMPLE + 1, sizeof(*ret->seen));
	if (all.len > 1)
		qsort(all.at, all.len, sizeof(*all.at), sample_by_node);
	ok = ok && ret->seen;
	for (size_t i = 0; ok && i < all.len; i++)
		shape_look(infer->heap, &infer->window, all.at[i].node,
			   &ret->seen[all.at[i].place]);
	vec_free(&all);
	return ok;
}

void cluster_samples_free(struct cluster_samples *samples)
{
	free(samples->cluster);
	free(samples->seen);
	*samples = (struct cluster_samples){0};
}
