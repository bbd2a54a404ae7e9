/* SPDX-License-Identifier: MIT */
#include "tests/aid_comparison.h"

#include <stdio.h>

void comparison_add(struct comparison *c, const struct fact_node *nodes,
		    size_t n, const char *const *types, size_t n_types)
{
	struct err err = {0};
	struct facts facts;

	make_facts(nodes, n, types, n_types, &facts);
	if (!digest_build(&facts, &c->names, &c->digests[c->n++], &err))
		abort();
	made_facts_free(&facts);
}

void comparison_make(struct comparison *c)
{
	struct err err = {0};

	if (!diff_build(&c->names, c->digests, c->n, &c->diff, &err))
		abort();
}

void comparison_free(struct comparison *c)
{
	diff_free(&c->diff);
	for (size_t i = 0; i < c->n; i++)
		digest_free(&c->digests[i]);
	digest_names_free(&c->names);
}

void comparison_path(const struct digest_names *names, uint32_t path,
		     char ret[TEXT])
{
	uint32_t labels[PATH_STEPS];
	uint32_t n = holder_paths_labels(&names->paths, path, labels);
	size_t len = 0;

	for (uint32_t i = 0; i < n && len < TEXT; i++)
		len += (size_t)snprintf(ret + len, TEXT - len, "%s%s",
					i ? ">" : "",
					names->labels.at.at[labels[i]].text);
	if (len >= TEXT)
		abort();
}

const struct diff_row *comparison_row(const struct comparison *c,
				      const struct diff_rows *rows,
				      const char *text, enum label_kind kind)
{
	for (size_t i = 0; i < rows->len; i++) {
		const struct label *label =
			&c->names.labels.at.at[rows->at[i].id];

		if (label->kind == kind && !strcmp(label->text, text))
			return &rows->at[i];
	}
	return NULL;
}
