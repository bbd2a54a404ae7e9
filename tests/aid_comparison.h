/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Images made of a few nodes (tests/aid_facts.h), digested and compared. What
 * cannot be ends the program.
 *
 *     struct comparison c = {0};
 *
 *     comparison_add(&c, old, n_old, types, n_types);
 *     comparison_add(&c, new, n_new, types, n_types);
 *     comparison_make(&c);
 *     ...
 *     comparison_free(&c);
 */
#ifndef TESTS_AID_COMPARISON_H
#define TESTS_AID_COMPARISON_H

#include "analyze/diff.h"
#include "tests/aid_facts.h"

enum { MAX_IMAGES = 4, TEXT = 512 };

struct comparison {
	struct digest_names names;
	struct digest digests[MAX_IMAGES];
	struct diff diff;
	size_t n;
};

/** Add one more image, made of @nodes. */
void comparison_add(struct comparison *c, const struct fact_node *nodes,
		    size_t n, const char *const *types, size_t n_types);

/** Compare all of them. */
void comparison_make(struct comparison *c);

void comparison_free(struct comparison *c);

/** "app:queue>Node>Item": the labels of @path. */
void comparison_path(const struct digest_names *names, uint32_t path,
		     char ret[TEXT]);

/** The row of @rows whose label is @text, or NULL. */
const struct diff_row *comparison_row(const struct comparison *c,
				      const struct diff_rows *rows,
				      const char *text, enum label_kind kind);

#endif
