/* SPDX-License-Identifier: MIT */
#include "analyze/labels.h"

#include <string.h>

#include "base/short_name.h"

static bool same_label(const struct label *a, const struct label *b)
{
	return a->kind == b->kind && a->typed == b->typed &&
	       !strcmp(a->text, b->text);
}

uint32_t labels_add(struct labels *labels, const struct label *label)
{
	struct label copy = *label;
	size_t n = strlen(label->text);
	uint64_t hash = hash_bytes(label->text, n, label->kind);
	const uint64_t *id;

	for (; (id = map_find(&labels->by_hash, hash)); hash++) {
		if (same_label(&labels->at.at[*id], label))
			return (uint32_t)*id;
	}
	copy.text = arena_text(&labels->arena, label->text, n);
	if (!copy.text || labels->at.len >= LABEL_NONE ||
	    !vec_push(&labels->at, copy))
		return LABEL_NONE;
	if (!map_set(&labels->by_hash, hash, labels->at.len - 1)) {
		labels->at.len--;
		return LABEL_NONE;
	}
	return (uint32_t)(labels->at.len - 1);
}

const char *label_text(const struct labels *labels, uint32_t id,
		       struct arena *arena)
{
	enum { READABLE = 90 };
	const struct label *label = &labels->at.at[id];
	char *text = arena_text(arena, label->text, strlen(label->text));

	if (text)
		short_name(text, READABLE);
	return text;
}

void labels_free(struct labels *labels)
{
	vec_free(&labels->at);
	map_free(&labels->by_hash);
	arena_free(&labels->arena);
}
