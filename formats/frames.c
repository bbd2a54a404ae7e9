/* SPDX-License-Identifier: MIT */
#include "formats/frames.h"

#include "base/progress.h"
#include "formats/debug_find.h"
#include "formats/dwarf_frames.h"
#include "formats/snapshot_frames.h"
#include "formats/types_io.h"
#include "formats/types_merge.h"
#include "formats/worker_retry.h"

enum {
	LIMIT_GIB = 4,
	/* Of a deep recursion, its two ends tell what there is to tell. */
	INNER_FRAMES = 512, OUTER_FRAMES = 512,
	ALL_FRAMES = 1 << 20,
};

/* What the caller gives, and what the worker makes of it. */
struct build {
	struct image *image;
	const struct module_search *search;
	struct module_files files;
	struct unwinder *unwinder;
	VEC(struct stack_frame) stacks;	/* all threads */
	struct described *described;	/* [stacks.len] */
	struct described_frames out;
	struct blob types;		/* u32 module and table, of each module */
	uint32_t n_tables, n_types;
	struct diag diag;
};

/* --- in the worker: unwinding --- */

struct walk {
	struct build *build;
	uint32_t thread;
	size_t first;		/* of the thread */
	size_t n;		/* frames seen */
	bool failed;
};

/* Keep the first frames, and behind them the last ones as in a ring. */
static bool keep_frame(void *ctx, const struct unwind_frame *frame)
{
	struct walk *w = ctx;
	struct build *b = w->build;
	struct stack_frame f = {
		.at = *frame, .thread = w->thread,
		.is_innermost = w->n == 0, .has_caller = true,
	};

	if (w->n < INNER_FRAMES + OUTER_FRAMES)
		w->failed = !vec_push(&b->stacks, f);
	else
		b->stacks.at[w->first + INNER_FRAMES +
			     w->n % OUTER_FRAMES] = f;
	w->n++;
	return !w->failed && b->stacks.len < ALL_FRAMES;
}

/* Turn the ring so that its oldest frame comes first. */
static bool straighten(struct stack_frame *ring, size_t n_seen)
{
	size_t shift = n_seen % OUTER_FRAMES;
	struct stack_frame *copy = malloc(OUTER_FRAMES * sizeof(*copy));

	if (!copy)
		return false;
	memcpy(copy, ring, OUTER_FRAMES * sizeof(*copy));
	for (size_t i = 0; i < OUTER_FRAMES; i++)
		ring[i] = copy[(i + shift) % OUTER_FRAMES];
	free(copy);
	return true;
}

static bool walk_thread(struct build *b, uint32_t thread)
{
	const struct thread *t = &b->image->threads.at[thread];
	struct walk w = {
		.build = b, .thread = thread, .first = b->stacks.len,
	};

	(void)unwind_thread(b->unwinder, t, keep_frame, &w);
	if (w.n > INNER_FRAMES + OUTER_FRAMES) {
		struct stack_frame *at = b->stacks.at + w.first;

		diag_add_at(&b->diag, DIAG_NO_PLACE,
			    w.n - INNER_FRAMES - OUTER_FRAMES, "frames in the "
			    "middle of deep stacks, left out");
		at[INNER_FRAMES - 1].has_caller = false;
		w.failed |= !straighten(at + INNER_FRAMES, w.n);
	}
	if (w.n > 0)
		b->stacks.at[b->stacks.len - 1].has_caller = false;
	return !w.failed;
}

static bool walk_threads(struct build *b, struct err *err)
{
	bool ok = unwinder_open(&b->files, &b->unwinder, err);

	for (uint32_t i = 0; ok && i < b->image->threads.len &&
			     b->stacks.len < ALL_FRAMES; i++)
		ok = walk_thread(b, i) || err_nomem(err, "frames");
	unwinder_close(b->unwinder);
	return ok;
}

/* --- in the worker: what DWARF says of them --- */

static bool has_frames(const struct build *b, uint32_t module)
{
	for (size_t i = 0; i < b->stacks.len; i++) {
		if (b->stacks.at[i].at.module == module)
			return true;
	}
	return false;
}

static struct elf_file *dwarf_of(struct build *b, uint32_t module)
{
	const struct module_file_pair *pair = module_files_of(&b->files,
							      module);

	if (pair->debug && debug_state_of(pair->debug) == DEBUG_FULL)
		return pair->debug;
	return pair->own && debug_state_of(pair->own) == DEBUG_FULL ?
	       pair->own : NULL;
}

static bool put_types(void *ctx, const void *bytes, size_t n, struct err *err)
{
	struct blob *blob = ctx;

	blob_bytes(blob, bytes, n);
	return !blob->failed || err_nomem(err, "types");
}

/* DWARF that cannot be read costs the module's part. */
static bool describe_module(struct build *b, uint32_t module, struct err *err)
{
	struct types_sink sink = { .put = put_types, .ctx = &b->types };
	struct dwarf_frames_job job = {
		.image = b->image, .frames = b->stacks.at, .n = b->stacks.len,
		.module = module, .first_type = b->n_types,
	};
	const struct module *m = &b->image->modules.at[module];
	struct dwarf_types types;
	struct err why = {0};
	bool ok;

	job.places = module_places(b->search, m,
				   m->debug_path[0] ? m->debug_path : NULL);
	module_files_blame(&b->files, module);
	job.elf = dwarf_of(b, module);
	if (!job.elf)
		return true;
	ok = dwarf_frames_read(&job, &b->out, b->described, &types, &b->diag,
			       &why);
	if (ok) {
		blob_u32(&b->types, module);
		ok = types_write(&types.types, &sink, &why);
		b->n_types += (uint32_t)types.types.types.len;
		b->n_tables++;
	} else if (why.code != ERR_NOMEM) {
		diag_add(&b->diag, "no locals of %s: %s",
			 b->image->modules.at[module].path, why.message);
		ok = true;
	}
	dwarf_types_free(&types);
	return ok || err_set(err, why.code, "%s", why.message);
}

static bool describe_all(struct build *b, struct err *err)
{
	b->described = calloc(b->stacks.len + 1, sizeof(*b->described));
	if (!b->described)
		return err_nomem(err, "frames");
	for (uint32_t i = 0; i < b->image->modules.len; i++) {
		if (has_frames(b, i) && !module_files_is_broken(&b->files, i) &&
		    !describe_module(b, i, err))
			return false;
	}
	module_files_blame(&b->files, RETRY_NONE);
	return true;
}

/* A frame of which DWARF says nothing. */
static struct frame plain_frame(const struct stack_frame *s)
{
	return (struct frame){
		.thread = s->thread, .module = s->at.module,
		.pc = s->at.regs.at[UNWIND_RA], .cfa = s->at.cfa,
		.flags = s->at.flags, .function = "", .file = "",
	};
}

/* --- in the worker: the answer --- */

struct ordered {
	VEC(struct frame) frames;
	VEC(struct local) locals;
};

/* From the order of modules to that of the stacks. */
static bool put_in_order(const struct build *b, struct ordered *o)
{
	for (size_t i = 0; i < b->stacks.len; i++) {
		const struct described *d = &b->described[i];
		struct frame plain = plain_frame(&b->stacks.at[i]);
		const struct frame *from = b->out.frames.at + d->first;

		if (d->n == 0 && !vec_push(&o->frames, plain))
			return false;
		for (size_t k = 0; k < d->n; k++) {
			struct frame f = from[k];

			f.first_local = o->locals.len;
			if (!vec_reserve(&o->locals, o->locals.len +
						     f.n_locals) ||
			    !vec_push(&o->frames, f))
				return false;
			if (f.n_locals == 0)
				continue;
			memcpy(o->locals.at + o->locals.len,
			       b->out.locals.at + from[k].first_local,
			       f.n_locals * sizeof(*o->locals.at));
			o->locals.len += f.n_locals;
		}
	}
	return true;
}

static void put_findings(const struct diag *diag, struct blob *blob)
{
	blob_u32(blob, (uint32_t)diag->len);
	for (size_t i = 0; i < diag->len; i++) {
		blob_u64(blob, diag->at[i].count);
		blob_text(blob, diag->at[i].what);
	}
}

static bool answer(const struct build *b, struct worker *worker)
{
	struct ordered o = {0};
	struct blob blob = {0};
	struct frames_part part;

	if (!put_in_order(b, &o))
		return false;
	part = (struct frames_part){
		.frames = o.frames.at, .n_frames = o.frames.len,
		.locals = o.locals.at, .n_locals = o.locals.len,
	};
	put_findings(&b->diag, &blob);
	blob_u32(&blob, b->n_tables);
	blob_bytes(&blob, b->types.bytes.at, b->types.bytes.len);
	frames_write(&part, &blob);
	return !blob.failed && !b->types.failed &&
	       worker_answer(worker, blob.bytes.at, blob.bytes.len);
}

/* Nothing is released: the worker ends with its work. */
static bool work(void *ctx, struct worker *worker, struct retry *retry)
{
	struct build *b = ctx;
	struct err err = {0};

	return module_files_open(b->image, b->search, retry, &b->files,
				 &err) &&
	       walk_threads(b, &err) && describe_all(b, &err) &&
	       answer(b, worker);
}

static void report(void *ctx, uint32_t module, const struct err *why)
{
	struct build *b = ctx;

	if (module < b->image->modules.len)
		diag_add(&b->image->diag, "frames in %s have no names: its "
			 "debug information %s",
			 b->image->modules.at[module].path, why->message);
}

/* --- what comes back --- */

/* Types of the tables one after the other, as ids of the image. */
struct type_ids {
	VEC(uint32_t) at;
};

static bool read_findings(struct bytes *b, struct image *image,
			  struct err *err)
{
	uint64_t n = section_count(b, bytes_u32(b), 12);

	for (uint64_t i = 0; i < n && !b->broken; i++) {
		uint64_t count = bytes_u64(b);
		uint32_t length = bytes_u32(b);
		const uint8_t *text = bytes_take(b, length);

		if (text)
			diag_add_at(&image->diag, DIAG_NO_PLACE, count, "%.*s",
				    length < 4096 ? (int)length : 4096,
				    (const char *)text);
	}
	return bytes_ok(b, "findings", err);
}

/* Mentions were counted when the types of the whole module were read. */
static void forget_mentions(struct type_table *table)
{
	for (size_t i = 0; i < table->types.len; i++)
		table->types.at[i].popularity = 0;
}

static bool merge_table(struct bytes *b, struct image *image,
			struct type_ids *ids, struct err *err)
{
	uint32_t module = bytes_u32(b), *map = NULL;
	struct type_table table;
	bool ok;

	if (!types_read_raw(b, &table, err))
		return false;
	forget_mentions(&table);
	ok = module < image->modules.len ?
	     types_merge(&image->types, &table, module, &map, err) :
	     err_set(err, ERR_FORMAT, "types of a module that is not there");
	for (size_t i = 0; ok && i < table.types.len; i++)
		ok = vec_push(&ids->at, map[i]) || err_nomem(err, "types");
	free(map);
	types_free(&table);
	return ok;
}

/* A class may be declared where the frame's function is, and defined where its
 * first virtual function is: its size is known now. */
static void place_type(const struct type_table *types,
		       const struct type_ids *ids, struct local *l)
{
	uint32_t plain;

	l->type = ids->at.at[l->type];
	plain = types_strip(types, l->type);
	if (l->size == 0 && plain != TYPE_NONE && l->addr <= UINT64_MAX -
	    types->types.at[plain].size)
		l->size = types->types.at[plain].size;
}

static bool read_answer(struct bytes b, struct image *image, struct err *err)
{
	struct type_ids ids = {0};
	uint64_t n_tables;
	size_t first = image->locals.len;
	bool ok = read_findings(&b, image, err);

	n_tables = section_count(&b, bytes_u32(&b), 8);
	for (uint64_t i = 0; ok && i < n_tables; i++)
		ok = merge_table(&b, image, &ids, err);
	ok = ok && bytes_ok(&b, "frames", err) &&
	     frames_read(bytes_sub(&b, bytes_left(&b)), ids.at.len, image, err);
	for (size_t i = first; ok && i < image->locals.len; i++) {
		struct local *l = &image->locals.at[i];

		if (l->type != TYPE_NONE)
			place_type(&image->types, &ids, l);
	}
	vec_free(&ids.at);
	return ok;
}

/* Where DWARF has no name for a frame, the symbol table may. */
static void name_by_symbols(struct image *image)
{
	for (size_t i = 0; i < image->frames.len; i++) {
		struct frame *f = &image->frames.at[i];
		bool is_exact = i == 0 || f[-1].thread != f->thread ||
				f[-1].flags & FRAME_SIGNAL ||
				f->flags & FRAME_SIGNAL;
		const struct symbol *s;

		if (f->function[0])
			continue;
		s = image_symbol(image, f->pc - !is_exact, SYMBOL_FUNCTION);
		if (s)
			f->function = s->name;
	}
}

bool frames_build(struct image *image, const struct module_search *search,
		  struct err *err)
{
	const struct worker_limits limits = {
		.ms = FRAMES_MS, .gib = LIMIT_GIB,
	};
	struct build b = { .image = image, .search = search };
	struct err why = {0};
	struct bytes bytes;
	bool ok;

	image->frames.len = image->locals.len = 0;
	if (image->threads.len == 0)
		return true;
	if (image->types.strings.len == 0 && !types_init(&image->types, err))
		return false;
	progress_begin("reading stacks", 0);
	ok = worker_run_retry(work, report, &b,
			      (uint32_t)image->modules.len + 1, &limits,
			      &bytes, &why) &&
	     read_answer(bytes, image, &why);
	worker_free(&bytes);
	progress_end();
	name_by_symbols(image);
	if (!ok && why.code == ERR_CANCELLED)
		return err_set(err, why.code, "%s", why.message);
	if (!ok)
		diag_add(&image->diag, "no frames: %s", why.message);
	return true;
}
