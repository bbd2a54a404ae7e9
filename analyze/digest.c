/* SPDX-License-Identifier: MIT */
#include "analyze/digest.h"

#include "analyze/node_label.h"
#include "base/progress.h"

enum { NAME_MAX_BYTES = 4096, CANCEL_MASK = (1 << 16) - 1 };

/* Tallies, and up to which tree position each of them has what it retains. */
struct column {
	struct tallies sums;
	VEC(uint32_t) covered;
};

/* A node of the tree with nodes below it. */
struct open_node {
	uint32_t end;		/* position behind its subtree */
	uint32_t path;		/* PATH_NONE for the virtual root */
};

struct builder {
	const struct facts *facts;
	struct digest_names *names;
	struct digest *ret;		/* NULL: only looking for a path */
	uint32_t wanted;		/* that path, or PATH_NONE */
	struct digest_nodes found;	/* on it */
	struct map label_of;		/* block key -> label */
	uint64_t last_key;		/* and its label, if not LABEL_NONE */
	uint32_t last_label;
	uint32_t several_roots;		/* path */
	struct column types, paths;
	VEC(struct open_node) open;
};

/* --- labels --- */

static uint32_t add_label(struct builder *b, uint64_t key, bool cycle)
{
	char text[NAME_MAX_BYTES];
	struct label label = {
		.text = block_key_label(&b->facts->heap, key, text,
					sizeof(text)),
		.typed = block_key_is_typed(key),
		.class = block_key_class(key), .size = block_key_size(key),
		.kind = cycle ? LABEL_CYCLE : LABEL_BLOCK,
	};

	return labels_add(&b->names->labels, &label);
}

static uint32_t add_holder(struct builder *b, const char *text)
{
	struct label label = { .text = text, .kind = LABEL_HOLDER };

	return labels_add(&b->names->labels, &label);
}

static uint32_t label_of_block(struct builder *b, uint32_t node)
{
	uint64_t key = block_key(&b->facts->heap, node, false);
	const uint64_t *known;

	if (key == b->last_key && b->last_label != LABEL_NONE)
		return b->last_label;
	known = map_find(&b->label_of, key);
	b->last_key = key;
	if (known) {
		b->last_label = (uint32_t)*known;
		return b->last_label;
	}
	b->last_label = add_label(b, key, false);
	if (b->last_label != LABEL_NONE &&
	    !map_set(&b->label_of, key, b->last_label))
		b->last_label = LABEL_NONE;
	return b->last_label;
}

/* --- sums --- */

static struct tally *tally_of(struct tallies *tallies, size_t id)
{
	static const struct tally zero;

	while (tallies->len <= id) {
		if (!vec_push(tallies, zero))
			return NULL;
	}
	return &tallies->at[id];
}

/*
 * The tally of @id, with what the node at @position retains added. In
 * preorder a subtree is a range: the node counts unless it lies in that of
 * the last node that counted, which *@counted tells.
 */
static struct tally *add_retained(struct builder *b, struct column *c,
				  uint32_t id, uint32_t position, bool *counted)
{
	const struct dominators *dom = &b->facts->dom;
	struct tally *tally = tally_of(&c->sums, id);

	while (c->covered.len <= id) {
		if (!vec_push(&c->covered, 0))
			return NULL;
	}
	*counted = position >= c->covered.at[id];
	if (tally && *counted) {
		tally->retained += dom->retained[dom->order[position]];
		c->covered.at[id] = dom->end[position];
	}
	return tally;
}

static bool add_to_type(struct builder *b, uint32_t label, uint32_t position)
{
	const struct facts *f = b->facts;
	bool counted;
	struct tally *tally = add_retained(b, &b->types, label, position,
					   &counted);

	if (!tally)
		return false;
	tally->count++;
	tally->bytes += heap_size(&f->heap, f->dom.order[position]);
	return true;
}

/* Below a block there are only blocks. */
static bool add_to_path(struct builder *b, uint32_t path, uint32_t position)
{
	const struct dominators *dom = &b->facts->dom;
	bool block = dom->order[position] < b->facts->heap.n_blocks, counted;
	struct tally *tally = add_retained(b, &b->paths, path, position,
					   &counted);

	if (tally && counted)
		tally->count += dom->end[position] - position - !block;
	if (path == b->wanted &&
	    !vec_push(&b->found, dom->order[position]))
		return false;
	return tally != NULL;
}

/* --- the tree --- */

/* The path of the node at @position; false when memory is exhausted. */
static bool visit_block(struct builder *b, uint32_t position, uint32_t above,
			uint32_t *ret)
{
	uint32_t node = b->facts->dom.order[position];
	uint32_t label = label_of_block(b, node);

	if (label == LABEL_NONE)
		return false;
	if (b->ret && b->facts->heap.type[node] != TYPE_NONE)
		b->ret->label[node] = label;
	if (above == PATH_NONE) {
		above = b->several_roots;
		if (!add_to_path(b, above, position))
			return false;
	}
	*ret = holder_paths_step(&b->names->paths, above, label);
	return *ret != PATH_NONE && add_to_type(b, label, position) &&
	       add_to_path(b, *ret, position);
}

static bool visit_holder(struct builder *b, uint32_t position, uint32_t above,
			 uint32_t *ret)
{
	char text[NAME_MAX_BYTES];
	uint32_t label = add_holder(b, node_label_of(b->facts,
		b->facts->dom.order[position], text, sizeof(text)));

	if (label == LABEL_NONE)
		return false;
	*ret = holder_paths_step(&b->names->paths, above, label);
	return *ret != PATH_NONE && add_to_path(b, *ret, position);
}

static bool visit(struct builder *b, uint32_t position)
{
	const struct dominators *dom = &b->facts->dom;
	struct open_node node = { dom->end[position], PATH_NONE };
	uint32_t id = dom->order[position], above;

	while (b->open.len > 0 &&
	       b->open.at[b->open.len - 1].end <= position)
		b->open.len--;
	above = b->open.len ? b->open.at[b->open.len - 1].path : PATH_NONE;
	if (id < b->facts->heap.n_blocks) {
		if (!visit_block(b, position, above, &node.path))
			return false;
	} else if (id != dom_root(dom) && dom->retained[id] > 0) {
		if (!visit_holder(b, position, above, &node.path))
			return false;
	}
	return node.end == position + 1 || vec_push(&b->open, node);
}

static bool walk_tree(struct builder *b, struct err *err)
{
	const struct dominators *dom = &b->facts->dom;
	uint32_t label = add_holder(b, "(several roots)");

	b->several_roots = label == LABEL_NONE ? PATH_NONE :
		holder_paths_step(&b->names->paths, PATH_NONE, label);
	if (b->several_roots == PATH_NONE)
		return err_nomem(err, "the digest");
	for (uint32_t p = 0; p < dom->n_order; p++) {
		if ((p & CANCEL_MASK) == CANCEL_MASK)
			progress_add(CANCEL_MASK + 1);
		if ((p & CANCEL_MASK) == 0 && progress_cancelled())
			return err_set(err, ERR_CANCELLED, "cancelled");
		if (!visit(b, p))
			return err_nomem(err, "the digest");
	}
	return true;
}

static bool walk(struct builder *b, struct err *err)
{
	bool ok;

	progress_begin("going through all holders", b->facts->dom.n_order);
	ok = walk_tree(b, err);
	progress_end();
	vec_free(&b->types.covered);
	vec_free(&b->paths.covered);
	vec_free(&b->open);
	map_free(&b->label_of);
	return ok;
}

/* --- the rest --- */

static bool sum_leaks(struct builder *b)
{
	const struct leaks *leaks = &b->facts->leaks;

	for (uint32_t g = 0; g < leaks->n_groups; g++) {
		const struct leak_group *group = &leaks->groups[g];
		struct tally *tally;
		uint32_t label;

		if (group->verdict != STATE_LEAKED)
			continue;
		label = add_label(b, group->key, group->cycle);
		tally = label == LABEL_NONE ? NULL :
			tally_of(&b->ret->leaks, label);
		if (!tally)
			return false;
		tally->count += group->count;
		tally->bytes += group->bytes;
		tally->retained += facts_group_retained(b->facts, g);
	}
	return true;
}

static bool copy_blocks(const struct heap *heap, struct digest *ret)
{
	size_t n = heap->n_blocks;

	ret->addr = calloc(n + 1, sizeof(*ret->addr));
	ret->size = calloc(n + 1, sizeof(*ret->size));
	ret->label = calloc(n + 1, sizeof(*ret->label));
	if (!ret->addr || !ret->size || !ret->label)
		return false;
	ret->n_blocks = heap->n_blocks;
	ret->live.count = n;
	for (size_t i = 0; i < n; i++) {
		ret->addr[i] = heap->addr[i];
		ret->size[i] = heap_size(heap, i);
		ret->label[i] = LABEL_NONE;
		ret->live.bytes += heap_size(heap, i);
	}
	return true;
}

bool digest_build(const struct facts *facts, struct digest_names *names,
		  struct digest *ret, struct err *err)
{
	struct builder b = {
		.facts = facts, .names = names, .ret = ret,
		.last_label = LABEL_NONE, .wanted = PATH_NONE,
	};
	bool ok = true;

	*ret = (struct digest){0};
	process_identity_of(&facts->image, &ret->process);
	if (!copy_blocks(&facts->heap, ret) || !sum_leaks(&b))
		ok = err_nomem(err, "the digest");
	ok = ok && walk(&b, err);
	ret->types = b.types.sums;
	ret->paths = b.paths.sums;
	if (!ok)
		digest_free(ret);
	return ok;
}

void digest_free(struct digest *digest)
{
	vec_free(&digest->types);
	vec_free(&digest->leaks);
	vec_free(&digest->paths);
	free(digest->addr);
	free(digest->size);
	free(digest->label);
	*digest = (struct digest){0};
}

bool digest_find(const struct facts *facts, struct digest_names *names,
		 uint32_t path, struct digest_nodes *ret, struct err *err)
{
	struct builder b = {
		.facts = facts, .names = names, .last_label = LABEL_NONE,
		.wanted = path,
	};
	bool ok = walk(&b, err);

	vec_free(&b.types.sums);
	vec_free(&b.paths.sums);
	if (!ok)
		vec_free(&b.found);
	*ret = b.found;
	return ok;
}

void digest_names_free(struct digest_names *names)
{
	labels_free(&names->labels);
	holder_paths_free(&names->paths);
}

const char *digest_path_text(const struct digest_names *names, uint32_t path,
			     struct arena *arena)
{
	uint32_t labels[PATH_STEPS];
	uint32_t n = holder_paths_labels(&names->paths, path, labels);
	const char *text = "";

	for (uint32_t i = 0; text && i < n; i++) {
		const char *step = label_text(&names->labels, labels[i], arena);

		text = step ? arena_printf(arena, "%s%s%s", text,
					   i ? " > " : "", step) : NULL;
	}
	return text;
}
