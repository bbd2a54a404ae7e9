/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_worker.h"

#include "formats/dwarf_types.h"
#include "formats/types_io.h"
#include "formats/worker.h"

/* 200 MB of DWARF were seen to take 1.5 GB. */
enum { LIMIT_GIB = 6, LONGEST_FINDING = 4096 };

static bool put_findings(const struct types_sink *sink,
			 const struct diag *diag, struct err *err)
{
	uint64_t n = diag->len;
	bool ok = sink->put(sink->ctx, &n, sizeof(n), err);

	for (size_t i = 0; ok && i < diag->len; i++) {
		uint64_t length = strlen(diag->at[i].what);

		ok = sink->put(sink->ctx, &diag->at[i].count,
			       sizeof(diag->at[i].count), err) &&
		     sink->put(sink->ctx, &length, sizeof(length), err) &&
		     sink->put(sink->ctx, diag->at[i].what, length, err);
	}
	return ok;
}

/* The last part: variables as the image has them. */
static bool put_vars(const struct types_sink *sink,
		     const struct dwarf_types *types, struct err *err)
{
	struct variable *vars = calloc(types->vars.len + 1, sizeof(*vars));
	bool ok;

	if (!vars)
		return err_nomem(err, "variables");
	for (size_t i = 0; i < types->vars.len; i++) {
		const struct dwarf_variable *v = &types->vars.at[i];
		uint32_t type = types_strip(&types->types, v->type);

		vars[i] = (struct variable){
			.name = types_text(&types->types, v->name),
			.addr = v->addr, .type = v->type, .flags = v->flags,
			.size = type == TYPE_NONE ? 0 :
				types->types.types.at[type].size,
		};
	}
	ok = vars_write(vars, types->vars.len, sink, err);
	free(vars);
	return ok;
}

static bool read_findings(struct bytes *b, struct diag *diag, struct err *err)
{
	uint64_t n = bytes_u64(b);

	for (uint64_t i = 0; i < n && !b->broken; i++) {
		uint64_t count = bytes_u64(b), length = bytes_u64(b);
		const uint8_t *text = bytes_take(b, length);

		if (text)
			diag_add_at(diag, DIAG_NO_PLACE, count, "%.*s",
				    length > LONGEST_FINDING ? LONGEST_FINDING
				    : (int)length, (const char *)text);
	}
	return bytes_ok(b, "findings", err);
}

static bool put_answer(void *ctx, const void *bytes, size_t n, struct err *err)
{
	return worker_answer(ctx, bytes, n) || err_errno(err, "types");
}

/*
 * Runs in the worker. Damage is an answer, the same each time; a lack of
 * memory is not, unless it is of slots alone.
 */
static bool work(void *ctx, struct worker *worker)
{
	struct types_sink sink = { put_answer, worker };
	const struct dwarf_job *job = ctx;
	struct dwarf_types types;
	struct diag diag = {0};
	struct err err = {0};
	uint64_t head[2];

	if (!dwarf_types_read(job->elf, job->symbols, job->code, &job->places,
			      &types, &diag, &err)) {
		if (err.code == ERR_NOMEM)
			return false;
		diag_add(&diag, "%s", err.message);
		err_clear(&err);
		if (!types_init(&types.types, &err))
			return false;
	}
	head[0] = types.n_missing;
	head[1] = types.lacks_slots;
	return put_answer(worker, head, sizeof(head), &err) &&
	       put_findings(&sink, &diag, &err) &&
	       types_write(&types.types, &sink, &err) &&
	       put_vars(&sink, &types, &err) &&
	       slots_write(&types.slots, &sink, &err);
}

bool dwarf_worker_start(const struct dwarf_job *job, uint32_t ms,
			struct worker_process *ret, struct err *err)
{
	struct worker_limits limits = { .ms = ms, .gib = LIMIT_GIB };
	struct dwarf_job copy = *job;

	return worker_start(work, &copy, &limits, ret, err);
}

static bool read_parts(struct bytes *b, struct image *image, struct diag *diag,
		       struct type_table *types, struct err *err)
{
	(void)bytes_u64(b);	/* see dwarf_answer_is_whole() */
	(void)bytes_u64(b);	/* see dwarf_answer_is_final() */
	if (!read_findings(b, diag, err) || !types_read_raw(b, types, err))
		return false;
	if (vars_read(b, types->types.len, 1, image, err) &&
	    slots_read(b, types->types.len, &image->slots, err))
		return true;
	types_free(types);
	return false;
}

bool dwarf_answer_is_whole(struct bytes answer)
{
	return bytes_u64(&answer) == 0;
}

bool dwarf_answer_is_final(struct bytes answer)
{
	bool is_whole = bytes_u64(&answer) == 0;

	return is_whole && bytes_u64(&answer) == 0;
}

bool dwarf_answer_read(struct bytes answer, struct image *image,
		       struct type_table *types, struct err *err)
{
	size_t first = image->vars.len, first_slot = image->slots.len;
	struct diag diag = {0};
	bool ok;

	*types = (struct type_table){0};
	ok = read_parts(&answer, image, &diag, types, err);
	if (ok)
		diag_merge(&image->diag, &diag);
	if (!ok) {
		image->vars.len = first;
		image->slots.len = first_slot;
	}
	diag_free(&diag);
	return ok;
}

bool dwarf_worker_read(const struct dwarf_job *job, struct image *image,
		       struct type_table *types, struct err *err)
{
	struct worker_process process;
	struct bytes answer;
	bool ok;

	*types = (struct type_table){0};
	if (!dwarf_worker_start(job, DWARF_WORKER_MS, &process, err) ||
	    !worker_collect(&process, &answer, err))
		return err_wrap(err, "debug information");
	ok = dwarf_answer_read(answer, image, types, err);
	worker_free(&answer);
	return ok;
}
