/* SPDX-License-Identifier: MIT */
/* Symbols, types and variables of all modules. */
#include <stdio.h>

#include "base/progress.h"
#include "formats/debug_find.h"
#include "formats/module_hint.h"
#include "formats/module_symbols.h"
#include "formats/type_loader.h"
#include "formats/types_merge.h"

enum {
	PATH_SIZE = 4096,
	AHEAD = 16,	/* modules that are open at once */
};

/* What is known of one module while its types are read. */
struct task {
	struct elf_file *own, *debug;	/* NULL when not there */
	char debug_path[PATH_SIZE];
	bool is_other_build;
	bool has_dwarf;
	struct type_load types;
	struct diag diag;		/* of the search for files */
};

/* What the image knew of a module before, and whether that goes. */
struct past {
	bool is_known;			/* there were symbols or variables */
	bool is_outdone;
};

struct load {
	struct image *image;
	const struct module_search *search;
	struct type_loader types;
	struct task *tasks;		/* [AHEAD]; module i's is i % AHEAD */
	uint32_t opened;		/* modules that were */
	struct past *past;		/* [modules] */
	size_t old_vars, old_symbols;	/* how many there were */
};

static struct task *task_of(const struct load *l, uint32_t module)
{
	return &l->tasks[module % AHEAD];
}

static bool has_symtab(const struct elf_file *file)
{
	return file && debug_state_of(file) >= DEBUG_SYMBOLS &&
	       elf_file_find(file, ".symtab") != 0;
}

/* Find the files of module @i and begin to read its types. */
static void open_task(struct load *l, uint32_t i)
{
	const struct module *m = &l->image->modules.at[i];
	struct task *t = task_of(l, i);
	struct diag told = {0};		/* by modules_find(), once */
	struct dwarf_job job;

	*t = (struct task){ .own = NULL };
	if (m->debug == DEBUG_FULL)
		return;
	t->own = module_file(l->image, l->search, m, &told);
	t->is_other_build = told.len > 0;
	diag_free(&told);
	if (!t->own || debug_state_of(t->own) != DEBUG_FULL)
		debug_find(l->search, m, t->own, &t->diag, t->debug_path,
			   sizeof(t->debug_path), &t->debug);
	job.elf = t->debug && debug_state_of(t->debug) == DEBUG_FULL ?
		  t->debug : t->own;
	job.symbols = t->debug ? t->debug : t->own;
	job.code = t->own;
	job.places = module_places(l->search, m,
				   t->debug ? t->debug_path : NULL);
	t->has_dwarf = job.elf && debug_state_of(job.elf) == DEBUG_FULL;
	if (t->has_dwarf)
		type_load_begin(&l->types, m, &job, &t->types);
}

static void close_task(struct load *l, uint32_t i)
{
	struct task *t = task_of(l, i);

	type_load_end(&l->types, &t->types);
	diag_free(&t->diag);
	elf_file_close(t->own);
	elf_file_close(t->debug);
}

/* Variables whose place is outside of the module are damage. */
static bool is_inside(const struct module *m, const struct variable *v)
{
	if (v->flags & VAR_TLS)
		return v->addr < m->tls_size && v->size <= m->tls_size - v->addr;
	return v->addr >= m->start && v->addr < m->end &&
	       v->size <= m->end - v->addr;
}

/* From addresses and ids of the file to those of the image. */
static void place_vars(struct image *image, uint32_t module,
		       const uint32_t *map, size_t first)
{
	const struct module *m = &image->modules.at[module];
	size_t kept = first;

	for (size_t i = first; i < image->vars.len; i++) {
		struct variable v = image->vars.at[i];

		v.module = module;
		if (v.type != TYPE_NONE)
			v.type = map[v.type];
		if (!(v.flags & VAR_TLS))
			v.addr += m->bias;
		if (is_inside(m, &v))
			image->vars.at[kept++] = v;
		else
			diag_add(&image->diag, "variables that lie outside of "
				 "%s", path_name(m->path));
	}
	image->vars.len = kept;
}

static bool describe(struct image *image, struct module *m,
		     const struct task *t, struct err *err)
{
	m->debug = DEBUG_NONE;
	if (t->own)
		m->debug = debug_state_of(t->own);
	if (t->debug) {
		m->debug = debug_better(m->debug, debug_state_of(t->debug));
		m->debug_path = arena_text(&image->arena, t->debug_path,
					   strlen(t->debug_path));
		if (!m->debug_path) {
			m->debug_path = "";
			return err_nomem(err, "modules");
		}
	}
	return true;
}

/* The state of a module whose DWARF says nothing. */
static enum debug_state state_without_types(const struct task *t)
{
	return has_symtab(t->own) || has_symtab(t->debug) ? DEBUG_SYMBOLS
							  : DEBUG_NONE;
}

/* From ids of the file to those of the image. */
static void place_slots(struct image *image, const uint32_t *map, size_t first)
{
	size_t kept = first;

	for (size_t i = first; i < image->slots.len; i++) {
		struct mined_slot s = image->slots.at[i];

		s.owner = map[s.owner];
		s.target = map[s.target];
		if (s.owner != TYPE_NONE && s.target != TYPE_NONE)
			image->slots.at[kept++] = s;
	}
	image->slots.len = kept;
}

static bool add_types(struct image *image, uint32_t module,
		      const struct type_table *types, size_t first,
		      size_t first_slot, struct err *err)
{
	uint32_t *map = NULL;
	bool ok = types_merge(&image->types, types, module, &map, err);

	if (ok) {
		place_vars(image, module, map, first);
		place_slots(image, map, first_slot);
	}
	free(map);
	return ok;
}

/* DWARF that cannot be read is told in @failure, and no error. */
static bool load_types(struct load *l, uint32_t i, struct module_evidence *e,
		       struct err *failure, struct err *err)
{
	struct image *image = l->image;
	struct module *m = &image->modules.at[i];
	struct task *t = task_of(l, i);
	size_t first = image->vars.len, first_slot = image->slots.len;
	struct type_table types;
	bool ok;

	if (!t->has_dwarf)
		return true;
	if (!type_load_read(&l->types, &t->types, image, &types, failure)) {
		if (failure->code == ERR_CANCELLED)
			return err_set(err, ERR_CANCELLED, "cancelled");
		diag_add(&image->diag, "no types of %s: %s", m->path,
			 failure->message);
		e->failure = failure->message;
		m->debug = state_without_types(t);
		return true;
	}
	e->lacks_files = !dwarf_answer_is_whole(t->types.answer);
	if (types.types.len == 0) {
		e->has_no_types = true;
		m->debug = DEBUG_LINES;
	}
	ok = add_types(image, i, &types, first, first_slot, err);
	types_free(&types);
	return ok;
}

/* Add what was found about module @i, whose types are there, to the image. */
static bool add_module(struct load *l, uint32_t i, struct err *err)
{
	struct image *image = l->image;
	struct module *m = &image->modules.at[i];
	struct task *t = task_of(l, i);
	struct elf_file *symbols = has_symtab(t->debug) ? t->debug : t->own;
	size_t first = image->vars.len, first_slot = image->slots.len;
	const struct module before = *m;
	struct err failure = {0};
	struct module_evidence e = {
		.is_found = t->own || t->debug,
		.is_other_build = t->is_other_build,
	};
	uint32_t crc;

	if (before.debug == DEBUG_FULL)
		return true;
	diag_merge(&image->diag, &t->diag);
	if (!describe(image, m, t, err) ||
	    !load_types(l, i, &e, &failure, err))
		return false;
	if (t->own && !t->debug)
		e.link = elf_file_debuglink(t->own, &crc);
	m->hint = module_hint(image, m, &e);
	if (l->past[i].is_known && m->debug <= before.debug) {
		*m = before;
		image->vars.len = first;
		image->slots.len = first_slot;
		return true;
	}
	l->past[i].is_outdone = true;
	return !symbols || module_symbols(image, i, symbols, first, err);
}

/*
 * Wait until the types of module @i are there. Meanwhile the modules behind
 * it are begun: workers run at once, but what they say is added in order, so
 * that ids do not depend on who was first.
 */
static bool wait_for(struct load *l, uint32_t i, struct err *err)
{
	do {
		while (l->opened < l->image->modules.len &&
		       l->opened - i < AHEAD &&
		       (l->opened == i || type_loader_has_room(&l->types)))
			open_task(l, l->opened++);
		if (progress_cancelled())
			return err_set(err, ERR_CANCELLED, "cancelled");
	} while (!type_load_is_over(&l->types, &task_of(l, i)->types));
	return true;
}

static bool load_all(struct load *l, struct err *err)
{
	uint32_t n = (uint32_t)l->image->modules.len, i = 0;
	bool ok = true;

	for (; ok && i < n; i++) {
		ok = wait_for(l, i, err) && add_module(l, i, err);
		close_task(l, i);
		progress_add(1);
	}
	while (i < l->opened)
		close_task(l, i++);
	return ok;
}

static int by_addr(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int by_place(const void *a, const void *b)
{
	const struct variable *x = a, *y = b;
	uint32_t tls_x = x->flags & VAR_TLS, tls_y = y->flags & VAR_TLS;

	if (tls_x != tls_y)
		return tls_x < tls_y ? -1 : 1;
	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return (x->module > y->module) - (x->module < y->module);
}

/* A symbol inside of a variable that DWARF describes says nothing new. */
static void drop_covered(struct image *image)
{
	size_t kept = 0;
	uint64_t end = 0;

	for (size_t i = 0; i < image->vars.len; i++) {
		struct variable v = image->vars.at[i];

		if (v.flags & VAR_SYMBOL_ONLY && !(v.flags & VAR_TLS) &&
		    v.addr < end)
			continue;
		if (!(v.flags & (VAR_SYMBOL_ONLY | VAR_TLS)) &&
		    v.addr + v.size > end)
			end = v.addr + v.size;
		image->vars.at[kept++] = v;
	}
	image->vars.len = kept;
}

static bool look_back(struct load *l)
{
	const struct image *image = l->image;

	l->old_vars = image->vars.len;
	l->old_symbols = image->symbols.len;
	l->past = calloc(image->modules.len + 1, sizeof(*l->past));
	for (size_t i = 0; l->past && i < l->old_vars; i++)
		l->past[image->vars.at[i].module].is_known = true;
	for (size_t i = 0; l->past && i < l->old_symbols; i++)
		l->past[image->symbols.at[i].module].is_known = true;
	return l->past != NULL;
}

/* Of modules of which more was found, what was known before goes. */
static void drop_outdone(struct load *l)
{
	struct image *image = l->image;
	size_t kept = 0;

	for (size_t i = 0; i < image->vars.len; i++) {
		const struct variable *v = &image->vars.at[i];

		if (i >= l->old_vars || !l->past[v->module].is_outdone)
			image->vars.at[kept++] = *v;
	}
	image->vars.len = kept;
	kept = 0;
	for (size_t i = 0; i < image->symbols.len; i++) {
		const struct symbol *s = &image->symbols.at[i];

		if (i >= l->old_symbols || !l->past[s->module].is_outdone)
			image->symbols.at[kept++] = *s;
	}
	image->symbols.len = kept;
}

bool modules_load(struct image *image, const struct module_search *search,
		  struct err *err)
{
	struct load l = { .image = image, .search = search };
	bool ok;

	if (image->types.strings.len == 0 && !types_init(&image->types, err))
		return false;
	l.tasks = calloc(AHEAD, sizeof(*l.tasks));
	if (!l.tasks || !look_back(&l)) {
		free(l.tasks);
		return err_nomem(err, "modules");
	}
	progress_begin("reading debug information", image->modules.len);
	type_loader_open(search->types_ms ? search->types_ms :
					    MODULES_TYPES_MS, &l.types);
	ok = load_all(&l, err);
	type_loader_close(&l.types);
	progress_end();
	free(l.tasks);
	drop_outdone(&l);
	free(l.past);
	if (image->symbols.len > 1)
		qsort(image->symbols.at, image->symbols.len,
		      sizeof(*image->symbols.at), by_addr);
	if (image->vars.len > 1)
		qsort(image->vars.at, image->vars.len,
		      sizeof(*image->vars.at), by_place);
	slots_tidy(&image->slots);
	drop_covered(image);
	return ok;
}
