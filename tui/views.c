/* SPDX-License-Identifier: MIT */
/* Which views there are, and which one answers which question. */
#include "tui/views.h"

#include <inttypes.h>
#include <stdio.h>

#include "analyze/node_label.h"
#include "base/short_name.h"
#include "tui/change_rows.h"

const struct tab tabs[] = {
	{ '1', "Overview", view_overview_open, false },
	{ '2', "Types", view_types_open, false },
	{ '3', "Dominators", view_dominators_open, false },
	{ '4', "Leaks", view_leaks_open, false },
	{ '5', "Cycles", view_cycles_open, false },
	{ '6', "Threads", view_threads_open, false },
	{ '7', "Globals", view_globals_open, false },
	{ '8', "Memory", view_memory_open, false },
	{ '9', "Diff", view_diff_open, true },
};

const size_t n_tabs = sizeof(tabs) / sizeof(tabs[0]);

const char *view_label(const struct session *session, uint32_t id, char *buf,
		       size_t size)
{
	node_label_of(session->facts, id, buf, size);
	short_name(buf, LABEL_CELLS);
	return buf;
}

const char *view_node_text(const struct session *session, uint32_t id,
			   char *buf, size_t size)
{
	const struct heap *heap = &session->facts->heap;
	size_t n;

	view_label(session, id, buf, size);
	n = strlen(buf);
	if (id < heap->n_blocks)
		snprintf(buf + n, size - n, "  0x%" PRIx64, heap->addr[id]);
	return buf;
}

size_t view_append(struct cell_out *out, size_t n, const char *text)
{
	int more = snprintf(out->text + n, sizeof(out->text) - n, "%s", text);

	n += more > 0 ? (size_t)more : 0;
	return n < sizeof(out->text) ? n : sizeof(out->text) - 1;
}

size_t view_members(const struct session *session,
		    const struct signatures *signatures, uint32_t i,
		    struct cell_out *out, size_t n)
{
	const struct signature *s = &signatures->at.at[i];
	char label[1024], count[32];

	for (size_t k = 0; k < s->n_members &&
	     n + 1 < sizeof(out->text); k++) {
		const struct signature_member *m =
			&signatures->members.at[s->first_member + k];

		n = view_append(out, n, k ? ", " : "");
		snprintf(count, sizeof(count), "%" PRIu64 " ", m->count);
		if (m->count > 1)
			n = view_append(out, n, count);
		block_key_label(&session->facts->heap, m->key, label,
				sizeof(label));
		if (s->n_members > 1)
			short_name(label, LABEL_CELLS);
		n = view_append(out, n, label);
	}
	return n;
}

void view_share_cell(uint64_t part, uint64_t whole, struct cell_out *out)
{
	uint32_t share = thousandths(part, whole);

	snprintf(out->text, sizeof(out->text), "%u.%u %%", share / 10,
		 share % 10);
}

void view_size_cell(const struct session *session, uint64_t bytes,
		    struct cell_out *out)
{
	session_size(session, bytes, out->text);
}

static struct view *nothing(struct err *err, const char *what)
{
	err_set(err, ERR_FORMAT, "%s", what);
	return NULL;
}

static struct view *ask_node(struct session *session, uint32_t node,
			     enum command command, struct err *err)
{
	const struct heap *heap = &session->facts->heap;
	char title[64];

	switch (command) {
	case CMD_OPEN:
	case CMD_FIELDS:
		return view_fields_open(session, node, err);
	case CMD_HEX:
		return view_hex_open(session, node, err);
	case CMD_DOMINATORS:
		return view_dominator_chain_open(session, node, err);
	default:
		break;
	}
	if (heap_is_root(heap, node))
		return nothing(err, "this is a root: nothing stands above it");
	switch (command) {
	case CMD_REFERRERS:
		return view_referrers_open(session, node, err);
	case CMD_PATH:
		snprintf(title, sizeof(title), "path to 0x%" PRIx64,
			 heap->addr[node]);
		return view_paths_open(session, &node, 1, title, err);
	case CMD_ALL_OF_TYPE:
		return view_type_blocks_open(session,
					     block_key(heap, node, false), err);
	default:
		return view_why_open(session, node, err);
	}
}

static struct view *ask_set(struct session *session, const uint32_t *nodes,
			    uint64_t n, enum command command, struct err *err)
{
	char title[64];

	if (command != CMD_REFERRERS && command != CMD_PATH)
		return nothing(err, "choose one block of it first: press Enter");
	snprintf(title, sizeof(title), "paths to %" PRIu64 " blocks", n);
	return view_paths_open(session, nodes, n, title, err);
}

static struct view *ask_type(struct session *session, uint64_t key,
			     enum command command, struct err *err)
{
	const struct type_blocks *blocks;

	if (command == CMD_OPEN || command == CMD_ALL_OF_TYPE)
		return view_type_blocks_open(session, key, err);
	blocks = session_type_blocks(session, key, err);
	if (!blocks)
		return NULL;
	if (blocks->n == 0)
		return nothing(err, "there are no blocks of this type");
	return ask_set(session, blocks->nodes, blocks->n, command, err);
}

static struct view *ask_group(struct session *session, uint32_t g,
			      enum command command, struct err *err)
{
	const struct leaks *leaks = &session->facts->leaks;

	switch (command) {
	case CMD_OPEN:
	case CMD_ALL_OF_TYPE:
		return view_group_blocks_open(session, g, err);
	case CMD_DOMINATORS:
		return view_dominator_chain_open(
			session, dom_group(&session->facts->dom, g), err);
	default:
		return ask_set(session, leaks->nodes + leaks->rows[g],
			       leaks->rows[g + 1] - leaks->rows[g], command,
			       err);
	}
}

/* Its cycles were there to be asked about, so the facts have them. */
static struct view *ask_cycles(struct session *session, uint32_t g,
			       enum command command, struct err *err)
{
	const struct cycles *cycles = &session->facts->summaries.cycles;

	if (command == CMD_OPEN || command == CMD_ALL_OF_TYPE)
		return view_cycle_blocks_open(session, g, err);
	return ask_set(session, cycles->node + cycles->row[g],
		       cycles->row[g + 1] - cycles->row[g], command, err);
}

static struct view *ask_copies(struct session *session, size_t i,
			       enum command command, struct err *err)
{
	const struct duplicates *d = &session->waste.duplicates;

	if (command == CMD_OPEN || command == CMD_ALL_OF_TYPE)
		return view_copies_open(session, i, err);
	return ask_set(session, d->nodes.at + d->groups.at[i].first,
		       d->groups.at[i].count, command, err);
}

static struct view *ask_change(struct session *session, uint64_t id,
			       enum command command, struct err *err)
{
	struct digest_nodes nodes;
	char title[VIEW_TITLE];
	struct view *v;

	if (!change_nodes(session, id, &nodes, title, sizeof(title), err))
		return NULL;
	if (command == CMD_OPEN || command == CMD_ALL_OF_TYPE)
		v = view_nodes_open(session, nodes.at, nodes.len, title, err);
	else
		v = ask_set(session, nodes.at, nodes.len, command, err);
	free(nodes.at);
	return v;
}

struct view *views_ask(struct session *session, struct subject subject,
		       enum command command, struct err *err)
{
	switch (subject.kind) {
	case SUBJECT_NODE:
		return ask_node(session, (uint32_t)subject.id, command, err);
	case SUBJECT_TYPE:
		return ask_type(session, subject.id, command, err);
	case SUBJECT_GROUP:
		return ask_group(session, (uint32_t)subject.id, command, err);
	case SUBJECT_CYCLES:
		return ask_cycles(session, (uint32_t)subject.id, command, err);
	case SUBJECT_CHANGE:
		return ask_change(session, subject.id, command, err);
	case SUBJECT_COPIES:
		return ask_copies(session, subject.id, command, err);
	case SUBJECT_WASTE:
		return command == CMD_OPEN ? view_waste_open(session, err) :
		       nothing(err, "press Enter for what is wasted");
	case SUBJECT_COUNTS:
		return command == CMD_OPEN ?
		       view_refcounts_open(session, err) :
		       nothing(err, "press Enter for counts of references");
	case SUBJECT_THREAD:
		if (command == CMD_OPEN || command == CMD_FIELDS)
			return view_frames_open(session, (uint32_t)subject.id,
						err);
		return nothing(err, "this is a thread: press Enter for its "
			       "frames, + for its roots");
	default:
		return nothing(err, "there is nothing to open on this row; "
			       "the arrow keys lead to others");
	}
}
