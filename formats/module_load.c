/* SPDX-License-Identifier: MIT */
/* Symbols, types and variables of all modules. */
#include <stdio.h>

#include "base/progress.h"
#include "formats/debug_find.h"
#include "formats/dwarf_worker.h"
#include "formats/module_symbols.h"
#include "formats/types_merge.h"

enum { PATH_SIZE = 4096 };

/* The files of one module. */
struct files {
	struct elf_file *own, *debug;	/* NULL when not there */
	char debug_path[PATH_SIZE];
};

static void close_files(struct files *f)
{
	elf_file_close(f->own);
	elf_file_close(f->debug);
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

static bool load_types(struct image *image, uint32_t module, struct files *f,
		       struct err *err)
{
	const struct module *m = &image->modules.at[module];
	struct elf_file *dwarf = f->own, *symbols;
	size_t first = image->vars.len;
	struct type_table types;
	struct err failure = {0};
	uint32_t *map = NULL;
	bool ok;

	if (f->debug && debug_state_of(f->debug) == DEBUG_FULL)
		dwarf = f->debug;
	symbols = f->debug ? f->debug : f->own;
	if (!dwarf || debug_state_of(dwarf) != DEBUG_FULL)
		return true;
	if (!dwarf_worker_read(dwarf, symbols, image, &types, &failure)) {
		image->vars.len = first;
		if (failure.code == ERR_CANCELLED)
			return err_set(err, ERR_CANCELLED, "cancelled");
		diag_add(&image->diag, "no types of %s: %s", m->path,
			 failure.message);
		return true;
	}
	ok = types_merge(&image->types, &types, module, &map, err);
	if (ok)
		place_vars(image, module, map, first);
	free(map);
	types_free(&types);
	return ok;
}

static bool has_symtab(const struct elf_file *file)
{
	return file && debug_state_of(file) >= DEBUG_SYMBOLS &&
	       elf_file_find(file, ".symtab") != 0;
}

static const char *hint_for(const struct module *m, const struct files *f)
{
	if (!f->own && !f->debug)
		return "the file was not found; --sysroot or --exe say where "
		       "it is";
	if (m->debug == DEBUG_FULL)
		return "";
	if (strncmp(m->path, "/usr/", 5) == 0 ||
	    strncmp(m->path, "/lib", 4) == 0)
		return "install its debug package (on Debian its name ends in "
		       "-dbgsym or -dbg)";
	return "build it with -g";
}

static bool describe(struct image *image, struct module *m,
		     const struct files *f, struct err *err)
{
	m->debug = DEBUG_NONE;
	if (f->own)
		m->debug = debug_state_of(f->own);
	if (f->debug) {
		m->debug = debug_better(m->debug, debug_state_of(f->debug));
		m->debug_path = arena_text(&image->arena, f->debug_path,
					   strlen(f->debug_path));
		if (!m->debug_path) {
			m->debug_path = "";
			return err_nomem(err, "modules");
		}
	}
	m->hint = hint_for(m, f);
	return true;
}

static bool load_module(struct image *image, const struct module_search *search,
			uint32_t i, struct err *err)
{
	struct module *m = &image->modules.at[i];
	size_t first = image->vars.len;
	struct files f = { .debug = NULL };
	struct elf_file *symbols;
	bool ok;

	f.own = module_file(image, search, m, &image->diag);
	if (!f.own || debug_state_of(f.own) != DEBUG_FULL)
		debug_find(search, m, f.own, &image->diag, f.debug_path,
			   sizeof(f.debug_path), &f.debug);
	symbols = has_symtab(f.debug) ? f.debug : f.own;
	ok = describe(image, m, &f, err) && load_types(image, i, &f, err) &&
	     (!symbols || module_symbols(image, i, symbols, first, err));
	close_files(&f);
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

bool modules_load(struct image *image, const struct module_search *search,
		  struct err *err)
{
	bool ok = true;

	if (image->types.strings.len == 0 && !types_init(&image->types, err))
		return false;
	progress_begin("reading debug information", image->modules.len);
	for (uint32_t i = 0; ok && i < image->modules.len; i++) {
		ok = load_module(image, search, i, err);
		progress_add(1);
		if (ok && progress_cancelled())
			ok = err_set(err, ERR_CANCELLED, "cancelled");
	}
	progress_end();
	if (image->symbols.len > 1)
		qsort(image->symbols.at, image->symbols.len,
		      sizeof(*image->symbols.at), by_addr);
	if (image->vars.len > 1)
		qsort(image->vars.at, image->vars.len,
		      sizeof(*image->vars.at), by_place);
	drop_covered(image);
	return ok;
}
