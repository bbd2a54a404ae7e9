/* SPDX-License-Identifier: MIT */
#include "analyze/summaries.h"

#include "analyze/facts.h"
#include "base/pool.h"
#include "base/progress.h"

static bool make_types(struct facts *f, struct err *err)
{
	struct summaries *s = &f->summaries;

	s->has_types = type_rows_build(&f->heap, &f->dom, &s->types, err);
	return s->has_types;
}

static bool make_cycles(struct facts *f, struct err *err)
{
	struct summaries *s = &f->summaries;

	s->has_cycles = cycles_build(&f->heap, &f->spec, &f->dom, &s->cycles,
				     err);
	return s->has_cycles;
}

static bool make_memory(struct facts *f, struct err *err)
{
	struct summaries *s = &f->summaries;

	s->has_memory = memory_report_build(&f->heap, &s->memory, err);
	return s->has_memory;
}

static bool make_once(struct facts *facts, bool has, const char *phase,
		      bool (*make)(struct facts *, struct err *),
		      struct err *err)
{
	bool ok;

	if (has)
		return true;
	progress_begin(phase, 0);
	ok = make(facts, err);
	progress_end();
	return ok;
}

bool summaries_types(struct facts *facts, struct err *err)
{
	return make_once(facts, facts->summaries.has_types, "counting types",
			 make_types, err);
}

bool summaries_cycles(struct facts *facts, struct err *err)
{
	return make_once(facts, facts->summaries.has_cycles, "finding cycles",
			 make_cycles, err);
}

bool summaries_memory(struct facts *facts, struct err *err)
{
	return make_once(facts, facts->summaries.has_memory,
			 "adding up memory", make_memory, err);
}

/* The longest first; those that are there cost nothing. */
static bool make_one(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
		     unsigned worker, struct err *err)
{
	static bool (*const make[])(struct facts *, struct err *) = {
		make_cycles, make_memory, make_types,
	};

	const struct facts *f = ctx;
	const bool has[] = { f->summaries.has_cycles, f->summaries.has_memory,
			     f->summaries.has_types };

	(void)begin;
	(void)end;
	(void)worker;
	return has[chunk] || make[chunk](ctx, err);
}

bool summaries_build(struct facts *facts, struct err *err)
{
	bool ok;

	progress_begin("adding up", 0);
	ok = pool_run(3, 1, make_one, facts, err);
	progress_end();
	return ok;
}

void summaries_free(struct summaries *summaries)
{
	type_rows_free(&summaries->types);
	cycles_free(&summaries->cycles);
	memory_report_free(&summaries->memory);
	*summaries = (struct summaries){0};
}
