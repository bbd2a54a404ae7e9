/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Labels by number: what blocks and holders are called, each text once.
 *
 * Ids of types and nodes mean something in one image only. Two images are
 * compared by what people read: the type name, the class of content of
 * untyped blocks, the name of a root. Equal labels have equal ids, over all
 * images that share the table.
 *
 * Cost: 40 bytes a label, and its text.
 */
#ifndef ANALYZE_LABELS_H
#define ANALYZE_LABELS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"

#define LABEL_NONE UINT32_MAX

enum label_kind {
	LABEL_BLOCK,
	LABEL_CYCLE,		/* a leak group of cycles; text is their type */
	LABEL_HOLDER,		/* a root, a leak group */
};

struct label {
	const char *text;	/* "Account", "(text)", "app:cache" */
	bool typed;		/* the text is the name of a type */
	const char *class;	/* of untyped blocks, a literal; NULL unknown */
	uint64_t size;		/* of untyped blocks told apart by it, else 0 */
	enum label_kind kind;
};

struct labels {
	VEC(struct label) at;	/* texts lie in the arena */
	struct map by_hash;	/* hash, or the next free number -> id */
	struct arena arena;
};

/** The id of @label (text copied); LABEL_NONE when memory is exhausted. */
uint32_t labels_add(struct labels *labels, const struct label *label);

/** The text of label @id for people, arguments of long templates left out; in
 * @arena, NULL: no memory. */
const char *label_text(const struct labels *labels, uint32_t id,
		       struct arena *arena);

void labels_free(struct labels *labels);

#endif
