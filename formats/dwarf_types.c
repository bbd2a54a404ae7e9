/* SPDX-License-Identifier: MIT */
/* All units of a module, in parts of a few MB, several parts at once. */
#include "base/pool.h"
#include "formats/dwarf_reader.h"

/* Bytes of DIEs in a part: what is read of it should stay in the cache. */
enum { PART_BYTES = 2 << 20 };

/* Consecutive units that are read by one reader. */
struct span {
	size_t first, n;
	struct dwarf_part part;
	struct diag diag;
};

struct load {
	struct dwarf_input *input;
	VEC(struct span) spans;
	bool is_local;		/* no unit refers to another one */
};

/* Before several threads read them. */
static void open_units(struct load *l)
{
	l->is_local = true;
	for (size_t i = 0; i < l->input->units.len; i++) {
		struct die_unit *u = l->input->units.at[i];

		if (dwarf_input_begin(l->input, u) &&
		    u->abbrevs->refers_elsewhere)
			l->is_local = false;
	}
}

/* Units that refer to each other are read together. */
static bool cut(struct load *l)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < l->input->units.len; i++) {
		const struct die_unit *u = l->input->units.at[i];
		struct span *last;

		if (i == 0 || (l->is_local && bytes >= PART_BYTES)) {
			struct span span = { .first = i };

			if (!vec_push(&l->spans, span))
				return false;
			bytes = 0;
		}
		last = &l->spans.at[l->spans.len - 1];
		last->n++;
		bytes += u->end - u->header;
	}
	return true;
}

static bool read_span(const struct load *l, struct span *span, struct err *err)
{
	struct reader *r;
	bool ok;

	if (!dwarf_reader_open(l->input, &span->diag, &r, err))
		return false;
	r->is_local = l->is_local;
	for (size_t i = 0; i < span->n && !r->no_memory; i++) {
		const struct die_unit *u =
			l->input->units.at[span->first + i];

		if (!u->is_broken)
			dwarf_read_unit(r, u);
	}
	ok = dwarf_finish_part(r, &span->part, err);
	dwarf_reader_close(r);
	return ok;
}

static bool read_spans(void *ctx, size_t chunk, uint64_t begin, uint64_t end,
		       unsigned worker, struct err *err)
{
	struct load *l = ctx;

	(void)chunk;
	(void)worker;
	for (uint64_t i = begin; i < end; i++) {
		if (!read_span(l, &l->spans.at[i], err))
			return false;
	}
	return true;
}

/* In the order of units, so that ids do not depend on who was first. */
static bool join(struct load *l, struct diag *diag, struct dwarf_part *ret,
		 struct err *err)
{
	if (l->spans.len == 1) {
		diag_merge(diag, &l->spans.at[0].diag);
		*ret = l->spans.at[0].part;
		memset(&l->spans.at[0].part, 0, sizeof(*ret));
		return true;
	}
	if (!types_init(&ret->types, err))
		return false;
	for (size_t i = 0; i < l->spans.len; i++) {
		struct span *span = &l->spans.at[i];

		diag_merge(diag, &span->diag);
		if (!dwarf_join_part(ret, &span->part, err))
			return false;
		dwarf_part_free(&span->part);
		memset(&span->part, 0, sizeof(span->part));
	}
	return true;
}

static bool read_input(struct dwarf_input *input, struct diag *diag,
		       struct dwarf_part *ret, struct err *err)
{
	struct load l = { .input = input };
	bool ok;

	open_units(&l);
	ok = cut(&l) || err_nomem(err, "DWARF");
	ok = ok && pool_run(l.spans.len, 1, read_spans, &l, err) &&
	     join(&l, diag, ret, err);
	for (size_t i = 0; i < l.spans.len; i++) {
		dwarf_part_free(&l.spans.at[i].part);
		diag_free(&l.spans.at[i].diag);
	}
	vec_free(&l.spans);
	return ok;
}

bool dwarf_types_read(struct elf_file *elf, struct elf_file *symbols,
		      struct dwarf_types *ret, struct diag *diag,
		      struct err *err)
{
	struct dwarf_part part = { .vars = { .len = 0 } };
	struct dwarf_input *input;
	bool ok;

	memset(ret, 0, sizeof(*ret));
	if (!dwarf_input_open(elf, false, diag, &input, err))
		return false;
	if (input->units.len == 0)
		symbols = NULL;
	ok = read_input(input, diag, &part, err) &&
	     dwarf_finish_module(&part, symbols, ret, err);
	dwarf_part_free(&part);
	dwarf_input_close(input);
	return ok;
}

void dwarf_types_free(struct dwarf_types *types)
{
	types_free(&types->types);
	vec_free(&types->vars);
	*types = (struct dwarf_types){0};
}
