/* SPDX-License-Identifier: MIT */
#include "formats/module_symbols.h"

#include <elf.h>

struct collector {
	struct image *image;
	const struct module *module;
	uint32_t index;		/* of the module */
	struct elf_file *file;
	size_t first_var;	/* of this module */
	struct map vars;	/* place -> index in image->vars + 1 */
	bool no_memory;
};

/* Offsets of thread-local variables are small; addresses may be, too. */
static uint64_t place(uint64_t addr, bool tls)
{
	return tls ? ~addr : addr;
}

static const char *plain_name(struct collector *c, const char *name)
{
	/* "stdout@@GLIBC_2.2.5" */
	const char *copy = arena_text(&c->image->arena, name,
				      strcspn(name, "@"));

	if (!copy)
		c->no_memory = true;
	return copy;
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Vtables, VTTs, typeinfo and its names: no variables of the program. */
static bool is_rtti(const char *name)
{
	return starts_with(name, "_ZTV") || starts_with(name, "_ZTT") ||
	       starts_with(name, "_ZTI") || starts_with(name, "_ZTS");
}

/* Of aliases the one without underscores in front: environ, not __environ. */
static bool is_better_name(const char *a, const char *b)
{
	size_t x = strspn(a, "_"), y = strspn(b, "_");

	return x != y ? x < y : strcmp(a, b) < 0;
}

static void add_variable(struct collector *c, const struct elf_symbol *s,
			 const char *name, uint64_t addr, bool tls)
{
	struct variable v = {
		.name = name, .addr = addr, .size = s->size,
		.type = TYPE_NONE, .module = c->index,
		.flags = VAR_SYMBOL_ONLY | (tls ? VAR_TLS : 0),
	};
	uint64_t *slot = map_slot(&c->vars, place(addr, tls), NULL);

	if (!slot) {
		c->no_memory = true;
	} else if (*slot == 0) {
		*slot = c->image->vars.len + 1;
		if (!vec_push(&c->image->vars, v))
			c->no_memory = true;
	} else {
		struct variable *old = &c->image->vars.at[*slot - 1];

		if (old->size == 0)
			old->size = s->size;
		if (old->flags & VAR_SYMBOL_ONLY &&
		    is_better_name(name, old->name))
			old->name = name;
	}
}

static void add_object(struct collector *c, const struct elf_symbol *s,
		       const char *name, uint64_t addr)
{
	const struct elf_section *section =
		elf_file_section(c->file, s->section);
	bool tls = s->type == STT_TLS;

	if (s->size == 0 || is_rtti(name))
		return;
	if (tls ? s->value < c->module->tls_size :
	    (section->flags & (SHF_WRITE | SHF_TLS)) == SHF_WRITE)
		add_variable(c, s, name, tls ? s->value : addr, tls);
}

static void visit(void *ctx, const struct elf_symbol *s)
{
	struct collector *c = ctx;
	struct symbol symbol = {
		.addr = c->module->bias + s->value, .size = s->size,
		.module = c->index, .kind = SYMBOL_OBJECT,
	};

	switch (s->type) {
	case STT_FUNC:
	case STT_GNU_IFUNC:
		symbol.kind = SYMBOL_FUNCTION;
		break;
	case STT_OBJECT:
	case STT_TLS:
		break;
	default:
		return;
	}
	if (s->type != STT_TLS && (symbol.addr < c->module->start ||
				   symbol.addr >= c->module->end))
		return;
	symbol.name = plain_name(c, s->name);
	if (!symbol.name || c->no_memory)
		return;
	if (symbol.kind == SYMBOL_OBJECT)
		add_object(c, s, symbol.name, symbol.addr);
	if (s->type != STT_TLS && !vec_push(&c->image->symbols, symbol))
		c->no_memory = true;
}

bool module_symbols(struct image *image, uint32_t module,
		    struct elf_file *file, size_t first_var, struct err *err)
{
	struct collector c = {
		.image = image, .module = &image->modules.at[module],
		.index = module, .file = file, .first_var = first_var,
	};

	for (size_t i = first_var; i < image->vars.len; i++) {
		const struct variable *v = &image->vars.at[i];

		if (!map_set(&c.vars, place(v->addr, v->flags & VAR_TLS),
			     i + 1))
			c.no_memory = true;
	}
	if (elf_file_symbols(file, false, visit, &c) == 0)
		elf_file_symbols(file, true, visit, &c);
	map_free(&c.vars);
	return !c.no_memory || err_nomem(err, "symbols");
}
