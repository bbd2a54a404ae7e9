/* SPDX-License-Identifier: MIT */
#include "tui/change_rows.h"

#include <stdio.h>

#include "base/short_name.h"
#include "tui/views.h"

const struct diff_rows *change_rows(const struct comparison *comparison,
				    enum change_part part)
{
	const struct diff *diff = &comparison->diff;
	const struct diff_rows *const rows[N_CHANGES] = {
		[CHANGE_TYPES] = &diff->types, [CHANGE_PATHS] = &diff->paths,
		[CHANGE_LEAKS] = &diff->leaks,
	};

	return rows[part];
}

const struct diff_row *change_row(const struct comparison *comparison,
				  uint64_t id)
{
	enum change_part part = (enum change_part)(id >> 32);

	return &change_rows(comparison, part)->at[(uint32_t)id];
}

bool change_is_shown(enum change_part part, const struct diff_row *row)
{
	switch (part) {
	case CHANGE_TYPES:
		return row->growth != 0 || change_count(row) != 0;
	case CHANGE_LEAKS:
		return row->growth > 0 || change_count(row) > 0;
	default:
		return true;
	}
}

static void holder_path_name(const struct digest_names *names, uint32_t path,
		      struct cell_out *out)
{
	uint32_t labels[PATH_STEPS];
	uint32_t n_labels = holder_paths_labels(&names->paths, path, labels);
	char label[1024];
	size_t n = 0;

	for (uint32_t i = 0; i < n_labels; i++) {
		snprintf(label, sizeof(label), "%s",
			 names->labels.at.at[labels[i]].text);
		if (n_labels > 1)
			short_name(label, LABEL_CELLS);
		n = view_append(out, n, i ? " > " : "");
		n = view_append(out, n, label);
	}
}

void change_name(const struct comparison *comparison, uint64_t id,
		 struct cell_out *out)
{
	const struct digest_names *names = &comparison->names;
	const struct diff_row *row = change_row(comparison, id);
	const struct label *label;
	size_t n;

	if (id >> 32 == CHANGE_PATHS) {
		holder_path_name(names, row->id, out);
		return;
	}
	label = &names->labels.at.at[row->id];
	n = view_append(out, 0, label->text);
	if (label->kind == LABEL_CYCLE)
		view_append(out, n, ", cycles");
}

static bool add_all(struct digest_nodes *ret, const uint32_t *nodes,
		    uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		if (!vec_push(ret, nodes[i]))
			return false;
	}
	return true;
}

static bool is_called(const struct session *session, uint64_t key,
		      const struct label *label)
{
	char text[4096];

	return block_key_is_typed(key) == label->typed &&
	       !strcmp(block_key_label(&session->facts->heap, key, text,
				       sizeof(text)), label->text);
}

static bool add_type(struct session *session, const struct label *label,
		     struct digest_nodes *ret, struct err *err)
{
	const struct type_rows *rows = &session->facts->summaries.types;
	const struct type_blocks *blocks;

	if (!summaries_types(session->facts, err))
		return false;
	for (size_t i = 0; i < rows->len; i++) {
		if (!is_called(session, rows->at[i].key, label))
			continue;
		blocks = session_type_blocks(session, rows->at[i].key, err);
		if (!blocks)
			return false;
		if (!add_all(ret, blocks->nodes, 0, blocks->n))
			return err_nomem(err, "blocks");
	}
	return true;
}

static bool add_leaks(struct session *session, const struct label *label,
		      struct digest_nodes *ret, struct err *err)
{
	const struct leaks *leaks = &session->facts->leaks;

	for (uint32_t g = 0; g < leaks->n_groups; g++) {
		const struct leak_group *group = &leaks->groups[g];

		if (group->verdict == STATE_LEAKED &&
		    group->cycle == (label->kind == LABEL_CYCLE) &&
		    is_called(session, group->key, label) &&
		    !add_all(ret, leaks->nodes, leaks->rows[g],
			     leaks->rows[g + 1]))
			return err_nomem(err, "blocks");
	}
	return true;
}

/* Of a leak group its members: it is no node itself. */
static bool add_path(struct session *session, uint32_t path,
		     struct digest_nodes *ret, struct err *err)
{
	const struct facts *f = session->facts;
	struct digest_nodes found;
	bool ok = true;

	if (!digest_find(f, &session->comparison->names, path, &found, err))
		return false;
	for (size_t i = 0; ok && i < found.len; i++) {
		uint32_t id = found.at[i];
		uint32_t g = id - f->dom.n_nodes - 1;

		ok = id > f->dom.n_nodes ?
		     add_all(ret, f->leaks.nodes, f->leaks.rows[g],
			     f->leaks.rows[g + 1]) :
		     vec_push(ret, id);
	}
	vec_free(&found);
	return ok || err_nomem(err, "blocks");
}

static int by_id(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

bool change_nodes(struct session *session, uint64_t id,
		  struct digest_nodes *ret, char *title, size_t size,
		  struct err *err)
{
	const struct comparison *c = session->comparison;
	uint32_t name = change_row(c, id)->id;
	const struct label *label = &c->names.labels.at.at[name];
	struct cell_out out = { .text = "" };
	bool ok;

	*ret = (struct digest_nodes){0};
	ok = id >> 32 == CHANGE_PATHS ? add_path(session, name, ret, err) :
	     id >> 32 == CHANGE_LEAKS ? add_leaks(session, label, ret, err) :
				      add_type(session, label, ret, err);
	if (ok && ret->len == 0)
		ok = err_set(err, ERR_FORMAT, "%s has none of them any more",
			     session->file);
	if (!ok) {
		vec_free(ret);
		return false;
	}
	qsort(ret->at, ret->len, sizeof(*ret->at), by_id);
	change_name(c, id, &out);
	snprintf(title, size, "%s%s", id >> 32 == CHANGE_PATHS ? "at " :
		 id >> 32 == CHANGE_LEAKS ? "leaked " : "all ", out.text);
	return true;
}
