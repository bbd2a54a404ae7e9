/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Facts made by hand: blocks, roots and leak groups hung into a given tree.
 *
 * Only what digests and reports of names and sizes look at is filled: there is
 * no memory, and references are those that the tree shows, and shared_by.
 * Exhausted memory ends the program.
 */
#ifndef TESTS_AID_FACTS_H
#define TESTS_AID_FACTS_H

#include "analyze/facts.h"

/* One node of the tree; parents stand before their children. */
struct fact_node {
	enum { FACT_BLOCK, FACT_ROOT, FACT_GROUP } kind;
	size_t parent;		/* index, or SIZE_MAX: the virtual root */
	/* Blocks and groups: type name, or "(text)" etc.; roots: their name. */
	const char *name;
	uint64_t addr, size;	/* of blocks: ascending in the array */
	uint64_t count, bytes;	/* of groups, as leaks.h has them */
	bool cycle, stale;	/* of groups */
	size_t shared_by[2];	/* 1 + index of nodes that refer to it, too */
};

/**
 * Facts on @nodes [n]; @type_names [n_types] are numbered in that order.
 * Borrows nothing. Release with made_facts_free().
 */
void make_facts(const struct fact_node *nodes, size_t n,
		const char *const *type_names, size_t n_types,
		struct facts *ret);

void made_facts_free(struct facts *facts);

#endif
