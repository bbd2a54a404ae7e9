/* SPDX-License-Identifier: MIT */
#include "analyze/shape_tags.h"

#include "analyze/infer.h"
#include "analyze/type_prefix.h"

enum {
	MAX_HEADERS = 64,
	SURE = 80,		/* percent: less is no example */
	MANY = 4,		/* blocks that say what a value means */
};

enum { BEGINS = 1, OTHER = 2 };

struct lessons {
	struct infer *infer;
	struct discriminators *tags;
	uint32_t header[MAX_HEADERS];
	size_t n;
	struct map begins;	/* type and header -> BEGINS or OTHER */
	struct map type;	/* header and value -> type + 1; UINT64_MAX:
				 * several */
	struct map count;	/* ... -> blocks */
};

static uint64_t key_of(uint32_t header, uint64_t tag)
{
	return cluster_key(cluster_key(0, header), tag);
}

static bool is_asked(const struct cluster *c)
{
	return c->header != TYPE_NONE && c->tag != 0;
}

static void collect_headers(const struct clusters *clusters, struct lessons *l)
{
	for (size_t i = 0; i < clusters->all.len && l->n < MAX_HEADERS; i++) {
		const struct cluster *c = &clusters->all.at[i];
		size_t k = 0;

		while (k < l->n && l->header[k] != c->header)
			k++;
		if (is_asked(c) && k == l->n)
			l->header[l->n++] = c->header;
	}
}

static bool begins(struct lessons *l, uint32_t type, uint32_t header, bool *ret)
{
	uint64_t *slot = map_slot(&l->begins,
				  (uint64_t)type << 32 | header, NULL);

	if (slot && *slot == 0)
		*slot = type != header &&
			type_begins_with(&l->infer->heap->image->types, type,
					 header) ? BEGINS : OTHER;
	*ret = slot && *slot == BEGINS;
	return slot != NULL;
}

static bool learn(struct lessons *l, uint32_t node, uint32_t type,
		  uint32_t header)
{
	uint64_t tag, *meant, *n;
	struct block_head head;

	block_head_read(l->infer->heap, &l->infer->window, node, &head);
	if (!discriminators_read(l->tags, header, &head, &tag))
		return false;
	if (tag == 0)
		return true;
	meant = map_slot(&l->type, key_of(header, tag), NULL);
	n = map_slot(&l->count, key_of(header, tag), NULL);
	if (!meant || !n)
		return false;
	*meant = *meant == 0 || *meant == (uint64_t)type + 1 ?
		 (uint64_t)type + 1 : UINT64_MAX;
	++*n;
	return true;
}

static bool learn_all(struct lessons *l)
{
	const struct heap *heap = l->infer->heap;
	bool is_one;

	for (uint32_t i = 0; i < heap->n_blocks; i++) {
		uint32_t type = types_strip(&heap->image->types, heap->type[i]);

		if (type == TYPE_NONE || heap_count(heap, i) != 1 ||
		    heap->confidence[i] < SURE)
			continue;
		for (size_t k = 0; k < l->n; k++) {
			if (!begins(l, type, l->header[k], &is_one) ||
			    (is_one && !learn(l, i, type, l->header[k])))
				return false;
		}
	}
	return true;
}

static void decide(const struct lessons *l, struct cluster *c,
		   uint8_t confidence)
{
	const struct heap *heap = l->infer->heap;
	uint64_t key = key_of(c->header, c->tag);
	uint64_t meant = map_get(&l->type, key, 0);
	uint32_t type = (uint32_t)(meant - 1);

	if (meant == 0 || meant == UINT64_MAX ||
	    map_get(&l->count, key, 0) < MANY || c->type == type)
		return;
	if (c->type != TYPE_NONE) {
		c->type = TYPE_NONE;
	} else if (infer_fits(heap, c->sample[0],
			      heap->image->types.types.at[type].size, false) ||
		   infer_fits_tail(heap, c->sample[0], type)) {
		c->type = type;
		c->confidence = confidence;
	}
}

bool shape_tags_apply(struct infer *infer, struct discriminators *tags,
		      struct clusters *clusters, uint8_t confidence)
{
	struct lessons l = { .infer = infer, .tags = tags };
	bool ok;

	collect_headers(clusters, &l);
	ok = l.n == 0 || learn_all(&l);
	for (size_t i = 0; ok && l.n > 0 && i < clusters->all.len; i++) {
		if (is_asked(&clusters->all.at[i]))
			decide(&l, &clusters->all.at[i], confidence);
	}
	map_free(&l.begins);
	map_free(&l.type);
	map_free(&l.count);
	return ok;
}
