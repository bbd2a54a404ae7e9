/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_frames.h"

#include "formats/dwarf_frame_value.h"

struct work {
	const struct dwarf_frames_job *job;
	struct described_frames *out;
	struct frame_values values;
	const struct dwarf_types *types;
	/* By file and string of reader.raw: where the text lies in the arena. */
	struct map texts;
};

/* --- addresses --- */

struct address {
	uint64_t addr;
	bool after_call;
};

static int by_addr(const void *a, const void *b)
{
	const struct address *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

struct addresses {
	uint64_t *addrs;
	bool *after_call;
	size_t n;
};

static void addresses_free(struct addresses *a)
{
	free(a->addrs);
	free(a->after_call);
}

/* The places of all frames in the module: each once, ascending. */
static bool collect(const struct dwarf_frames_job *job, struct addresses *ret)
{
	uint64_t bias = job->image->modules.at[job->module].bias;
	VEC(struct address) all = {0};
	bool ok = true;

	for (size_t i = 0; ok && i < job->n; i++) {
		const struct unwind_frame *f = &job->frames[i].at;
		struct address a = {
			.addr = f->place - bias,
			.after_call = f->place != f->regs.at[UNWIND_RA],
		};

		if (f->module == job->module)
			ok = vec_push(&all, a);
	}
	if (all.len > 1)
		qsort(all.at, all.len, sizeof(*all.at), by_addr);
	*ret = (struct addresses){
		.addrs = calloc(all.len + 1, sizeof(*ret->addrs)),
		.after_call = calloc(all.len + 1, sizeof(*ret->after_call)),
	};
	ok = ok && ret->addrs && ret->after_call;
	for (size_t i = 0; ok && i < all.len; i++) {
		if (ret->n == 0 || ret->addrs[ret->n - 1] != all.at[i].addr)
			ret->addrs[ret->n++] = all.at[i].addr;
		ret->after_call[ret->n - 1] |= all.at[i].after_call;
	}
	vec_free(&all);
	return ok;
}

/* --- frames --- */

/* String @id of the reader, copied once. */
static const char *text(struct work *w, uint32_t id)
{
	const struct reader *r = w->values.scopes->reader;
	const char *from = types_text(&r->raw, id);
	uint64_t *slot;
	const char *copy;

	if (id == 0)
		return "";
	slot = map_slot(&w->texts, id, NULL);
	if (!slot)
		return NULL;
	if (*slot == 0) {
		copy = arena_text(&w->out->arena, from, strlen(from));
		*slot = (uint64_t)(uintptr_t)copy;
	}
	return (const char *)(uintptr_t)*slot;
}

static bool add_local(struct work *w, size_t frame, const struct scope *scope,
		      const struct scope_var *var)
{
	const struct type_table *table = &w->types->types;
	uint32_t type = w->values.scopes->reader->wanted.at[var->type];
	uint32_t plain = types_strip(table, type);
	struct local l = {
		.name = text(w, var->name), .flags = var->flags,
		.type = type == TYPE_NONE ? type :
					    type + w->job->first_type,
		.size = plain == TYPE_NONE ? 0 : table->types.at[plain].size,
	};

	frame_value(&w->values, frame, scope, var, &l);
	return l.name && vec_push(&w->out->locals, l);
}

static bool add_function(struct work *w, size_t i, const struct scope *scope,
			 const struct scope_function *function)
{
	const struct stack_frame *s = &w->job->frames[i];
	struct frame f = {
		.thread = s->thread, .module = s->at.module,
		.pc = s->at.regs.at[UNWIND_RA], .cfa = s->at.cfa,
		.function = text(w, function->name),
		.file = text(w, function->file), .line = function->line,
		.flags = function->is_inlined ? FRAME_INLINED : s->at.flags,
		.first_local = w->out->locals.len,
	};

	for (size_t k = 0; k < function->n_vars; k++) {
		if (!add_local(w, i, scope, &w->values.scopes->vars.at[
					function->first_var + k]))
			return false;
	}
	f.n_locals = w->out->locals.len - f.first_local;
	return f.function && f.file && vec_push(&w->out->frames, f);
}

static bool describe(struct work *w, struct described *at)
{
	const struct dwarf_frames_job *job = w->job;

	for (size_t i = 0; i < job->n; i++) {
		const struct scope *scope;

		if (job->frames[i].at.module != job->module)
			continue;
		scope = frame_scope(&w->values, i);
		if (!scope || scope->n_functions == 0)
			continue;
		at[i].first = w->out->frames.len;
		for (size_t k = 0; k < scope->n_functions; k++) {
			if (!add_function(w, i, scope,
					  &w->values.scopes->functions.at[
						scope->first_function + k]))
				return false;
		}
		at[i].n = scope->n_functions;
	}
	return true;
}

static bool read_with(struct reader *r, const struct dwarf_frames_job *job,
		      struct described_frames *ret, struct described *at,
		      struct dwarf_types *types, struct err *err)
{
	struct addresses a;
	struct scopes scopes = {0};
	struct dwarf_part part = { .vars = { .len = 0 } };
	struct work w = {
		.job = job, .out = ret, .types = types,
		.values = { .job = job, .scopes = &scopes },
	};
	bool ok = collect(job, &a) || err_nomem(err, "frames");

	ok = ok && scopes_build(r, a.addrs, a.after_call, a.n, &scopes, err) &&
	     dwarf_finish_part(r, &part, err) &&
	     dwarf_finish_module(&part, NULL, types, err) &&
	     (describe(&w, at) || err_nomem(err, "frames"));
	addresses_free(&a);
	scopes_free(&scopes);
	dwarf_part_free(&part);
	map_free(&w.texts);
	return ok;
}

bool dwarf_frames_read(const struct dwarf_frames_job *job,
		       struct described_frames *ret, struct described *at,
		       struct dwarf_types *types, struct diag *diag,
		       struct err *err)
{
	struct dwarf_input *input;
	struct reader *r = NULL;
	bool ok;

	*types = (struct dwarf_types){0};
	if (!dwarf_input_open(job->elf, &job->places, INPUT_PLACES | INPUT_LINES,
			      diag, &input, err))
		return false;
	ok = input->units.len == 0 ? types_init(&types->types, err) :
	     dwarf_reader_open(input, diag, &r, err) &&
	     read_with(r, job, ret, at, types, err);
	dwarf_reader_close(r);
	dwarf_input_close(input);
	return ok;
}
