/* SPDX-License-Identifier: MIT */
/* All units of a module, in parts of a few MB, several parts at once. */
#include "base/pool.h"
#include "formats/dwarf_slots.h"
#include "formats/dwarf_units.h"

/* Bytes of DIEs in a part: what is read of it should stay in the cache. */
enum { PART_BYTES = 2 << 20 };

/* Consecutive units that are read by one reader. */
struct span {
	size_t first, n;
	struct dwarf_part part;
	struct diag diag;
};

struct die_unit_list {
	struct die_unit **at;	/* as VEC() */
	size_t len, cap;
};

struct load {
	struct dwarf_input *input;
	const struct dwarf_code *code;
	VEC(struct span) spans;
	bool is_local;		/* no unit refers to another one */
};

/* Before several threads read them: all units that are known, and those that
 * they stand for. */
static void open_units(struct load *l)
{
	struct dwarf_input *in = l->input;

	for (size_t i = 0, n = in->units.len; i < n; i++) {
		if (dwarf_input_begin(in, in->units.at[i]))
			(void)dwarf_input_split(in, in->units.at[i]);
	}
	l->is_local = true;
	for (size_t i = 0; i < in->units.len; i++) {
		struct die_unit *u = in->units.at[i];

		if (dwarf_input_begin(in, u) && u->abbrevs->refers_elsewhere)
			l->is_local = false;
	}
}

/* In a file that many modules share? */
static bool is_shared(const struct dwarf_input *in, const struct die_unit *u)
{
	return u->file == in->files.at[0]->sections.alt;
}

/* Units say first which other ones they import. */
static bool mark_imports(struct dwarf_input *in, const struct die_unit *u,
			 struct die_unit_list *todo)
{
	struct die die;
	bool more;

	if (!u->abbrevs || !die_of_unit(u, &die))
		return true;
	for (more = die_first(&die, &die);
	     more && die_tag(&die) == DW_TAG_imported_unit;
	     more = die_next(&die)) {
		struct die_unit *to;
		uint64_t key;

		if (die_reference(&die, DW_AT_import, &key) != DIE_REF_KEY)
			continue;
		to = dwarf_input_unit(in, key);
		if (!to || to->is_imported || !is_shared(in, to))
			continue;
		to->is_imported = true;
		if (!vec_push(todo, to))
			return false;
	}
	return true;
}

/* Of a shared file only what the module imports, at any remove, is read. */
static bool find_imports(struct dwarf_input *in)
{
	struct die_unit_list todo = {0};
	bool ok = true;

	for (size_t i = 0; ok && i < in->units.len; i++) {
		if (!is_shared(in, in->units.at[i]))
			ok = mark_imports(in, in->units.at[i], &todo);
	}
	while (ok && todo.len > 0)
		ok = mark_imports(in, vec_pop(&todo), &todo);
	vec_free(&todo);
	return ok;
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

/* What the code of @unit says, when the types that it mentions are known. */
static void mine(const struct load *l, struct slot_miner *miner,
		 const struct die_unit *unit)
{
	if (miner && !unit->is_broken && !is_shared(l->input, unit))
		slot_miner_unit(miner, unit);
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void mine_all(const struct load *l, const struct span *span,
		     struct reader *r, struct slot_miner *miner)
{
	/* Units were read in the order in which others mention them. */
	if (r->functions.len > 1)
		qsort(r->functions.at, r->functions.len,
		      sizeof(*r->functions.at), ascending);
	for (size_t i = 0; i < span->n && !r->no_memory; i++)
		mine(l, miner, l->input->units.at[span->first + i]);
}

static bool read_units(const struct load *l, const struct span *span,
		       struct reader *r, struct slot_miner *miner)
{
	struct map read = {0};

	r->is_local = l->is_local;
	/* What is imported explains what imports it. */
	for (int shared = 1; shared >= 0; shared--) {
		for (size_t i = 0; i < span->n && !r->no_memory; i++) {
			const struct die_unit *u =
				l->input->units.at[span->first + i];

			if (u->is_broken || is_shared(l->input, u) != shared ||
			    (shared && !u->is_imported))
				continue;
			dwarf_read_unit(r, u);
			/* Ids of its types are forgotten with the next. */
			if (l->is_local)
				mine(l, miner, u);
			if (!l->is_local && !map_set(&read, u->key, 1))
				r->no_memory = true;
		}
	}
	if (!l->is_local) {
		dwarf_units_complete(r, &read, SIZE_MAX);
		mine_all(l, span, r, miner);
	}
	map_free(&read);
	return !r->no_memory;
}

static bool read_span(const struct load *l, struct span *span, struct err *err)
{
	struct slot_miner *miner = NULL;
	struct reader *r;
	bool ok;

	if (!dwarf_reader_open(l->input, &span->diag, &r, err))
		return false;
	if (l->code->decode)
		miner = slot_miner_open(l->code, r);
	if (miner)
		r->flows = slot_miner_flows(miner);
	ok = (read_units(l, span, r, miner) || err_nomem(err, "types")) &&
	     dwarf_finish_part(r, &span->part, err);
	if (l->code->decode && !miner)
		slot_flows_drop(&span->part.flows);
	slot_miner_close(miner);
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

static bool read_input(struct dwarf_input *input,
		       const struct dwarf_code *code, struct diag *diag,
		       struct dwarf_part *ret, struct err *err)
{
	struct load l = { .input = input, .code = code };
	bool ok;

	open_units(&l);
	ok = (find_imports(input) && cut(&l)) || err_nomem(err, "DWARF");
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
		      struct elf_file *code, const struct dwarf_places *places,
		      struct dwarf_types *ret, struct diag *diag,
		      struct err *err)
{
	struct dwarf_part part = { .vars = { .len = 0 } };
	struct dwarf_code machine;
	struct dwarf_input *input;
	bool ok;

	memset(ret, 0, sizeof(*ret));
	if (!dwarf_input_open(elf, places, code ? INPUT_PLACES : 0, diag, &input, err))
		return false;
	if (input->units.len == 0)
		symbols = NULL;
	dwarf_code_open(code, &machine);
	ok = read_input(input, &machine, diag, &part, err) &&
	     dwarf_finish_module(&part, symbols, ret, err);
	if (machine.no_memory)
		slot_flows_drop(&part.flows);
	ret->lacks_slots = ok && !slot_flows_resolve(&part.flows, &ret->slots);
	if (ret->lacks_slots)
		diag_add(diag, "slots of a module: not enough memory to see in "
			 "its code what they hold");
	ret->n_missing = input->n_missing;
	dwarf_part_free(&part);
	dwarf_code_close(&machine);
	dwarf_input_close(input);
	return ok;
}

void dwarf_types_free(struct dwarf_types *types)
{
	types_free(&types->types);
	vec_free(&types->vars);
	vec_free(&types->slots);
	*types = (struct dwarf_types){0};
}
