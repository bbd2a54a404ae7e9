/* SPDX-License-Identifier: MIT */
#include "tui/session.h"

#include "base/bulk.h"
#include "base/progress.h"

struct session session_of(struct facts *facts, const char *file)
{
	return (struct session){
		.facts = facts, .file = file,
		.window = window_of(&facts->image),
	};
}

void session_close(struct session *session)
{
	window_close(&session->window);
	for (size_t i = 0; i < session->blocks.len; i++)
		type_blocks_free(&session->blocks.at[i]);
	vec_free(&session->blocks);
	waste_free(&session->waste);
	alternatives_close(&session->others);
	bulk_free(session->parents);
	vec_free(&session->marks);
	*session = (struct session){0};
}

static struct type_blocks *find_blocks(struct session *session, uint64_t key)
{
	for (size_t i = 0; i < session->blocks.len; i++) {
		if (session->blocks.at[i].key == key)
			return &session->blocks.at[i];
	}
	return NULL;
}

const struct type_blocks *session_type_blocks(struct session *session,
					      uint64_t key, struct err *err)
{
	const struct heap *heap = &session->facts->heap;
	struct type_blocks *found = find_blocks(session, key), made;
	bool ok;

	if (found)
		return found;
	progress_begin("looking for blocks of the type",
		       (uint64_t)heap->n_blocks * 2);
	ok = type_blocks_build(heap, key, &made, err);
	progress_end();
	if (!ok)
		return NULL;
	if (!vec_push(&session->blocks, made)) {
		type_blocks_free(&made);
		err_nomem(err, "blocks of a type");
		return NULL;
	}
	return &session->blocks.at[session->blocks.len - 1];
}

bool session_waste(struct session *session, struct err *err)
{
	if (!session->has_waste)
		session->has_waste = waste_build(&session->facts->heap,
						 &session->waste, err);
	return session->has_waste;
}

bool session_others(struct session *session, struct err *err)
{
	if (session->has_others)
		return true;
	session->has_others = alternatives_open(&session->facts->heap,
						&session->others, err);
	if (!session->has_others)
		alternatives_close(&session->others);
	return session->has_others;
}

uint32_t session_parent(struct session *session, uint32_t id)
{
	const struct dominators *dom = &session->facts->dom;
	uint32_t p = dom->position[id];

	if (!session->parents)
		session->parents = dom_parents(dom);
	if (!session->parents || p == NODE_NONE || p == 0)
		return dom_idom(dom, id);
	return dom->order[session->parents[p]];
}

uint32_t thousandths(uint64_t part, uint64_t whole)
{
	if (whole == 0)
		return 0;
	return (uint32_t)((double)part * 1000 / (double)whole + 0.5);
}
