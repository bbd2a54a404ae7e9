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
	type_blocks_free(&session->blocks);
	type_rows_free(&session->types);
	memory_report_free(&session->memory);
	cycles_free(&session->cycles);
	waste_free(&session->waste);
	alternatives_close(&session->others);
	bulk_free(session->parents);
	vec_free(&session->marks);
	*session = (struct session){0};
}

bool session_types(struct session *session, struct err *err)
{
	const struct facts *f = session->facts;

	if (session->has_types)
		return true;
	progress_begin("counting types", (uint64_t)f->heap.n_blocks * 2);
	session->has_types =
		type_rows_build(&f->heap, &f->dom, &session->types, err) &&
		type_blocks_build(&f->heap, &session->types, &session->blocks,
				  err);
	progress_end();
	if (!session->has_types)
		type_rows_free(&session->types);
	return session->has_types;
}

bool session_memory(struct session *session, struct err *err)
{
	if (session->has_memory)
		return true;
	progress_begin("adding up memory", 0);
	session->has_memory = memory_report_build(&session->facts->heap,
						  &session->memory, err);
	progress_end();
	return session->has_memory;
}

bool session_cycles(struct session *session, struct err *err)
{
	const struct facts *f = session->facts;

	if (session->has_cycles)
		return true;
	progress_begin("looking for cycles", 0);
	session->has_cycles = cycles_build(&f->heap, &f->spec, &f->dom,
					   &session->cycles, err);
	progress_end();
	return session->has_cycles;
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

const struct type_row *session_type_row(const struct session *session,
					uint64_t key)
{
	for (size_t i = 0; i < session->types.len; i++) {
		if (session->types.at[i].key == key)
			return &session->types.at[i];
	}
	return NULL;
}

uint32_t thousandths(uint64_t part, uint64_t whole)
{
	if (whole == 0)
		return 0;
	return (uint32_t)((double)part * 1000 / (double)whole + 0.5);
}
