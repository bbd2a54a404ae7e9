/* SPDX-License-Identifier: MIT */
/* Variables whose place only the symbol table knows. */
#include <elf.h>

#include "formats/dwarf_reader.h"

/* Symbols of objects by name; a name with two addresses is of no use. */
struct symbols {
	struct elf_file *file;
	struct map by_name;	/* hash of the name -> index + 1 */
	VEC(struct elf_symbol) at;
	bool no_memory;
};

#define AMBIGUOUS UINT64_MAX

/* "cache.lto_priv.3", "cache.llvm.812", "stdout@GLIBC_2.2.5" */
static size_t plain_length(const char *name)
{
	return strcspn(name, ".@");
}

static void add_symbol(void *ctx, const struct elf_symbol *s)
{
	struct symbols *symbols = ctx;
	uint64_t *slot;

	if (s->type != STT_OBJECT && s->type != STT_TLS)
		return;
	slot = map_slot(&symbols->by_name,
			hash_bytes(s->name, plain_length(s->name), 0), NULL);
	if (!slot) {
		symbols->no_memory = true;
	} else if (*slot == 0) {
		*slot = symbols->at.len + 1;
		if (!vec_push(&symbols->at, *s))
			symbols->no_memory = true;
	} else if (*slot != AMBIGUOUS &&
		   symbols->at.at[*slot - 1].value != s->value) {
		*slot = AMBIGUOUS;
	}
}

static const struct elf_symbol *find_symbol(const struct dwarf_part *part,
					    const struct symbols *symbols,
					    const struct dwarf_variable *v)
{
	const char *name = types_text(&part->types, v->linkage ? v->linkage
							  : v->name);
	uint64_t i = map_get(&symbols->by_name,
			     hash_bytes(name, strlen(name), 0), 0);
	const struct elf_symbol *s;

	if (i == 0 || i == AMBIGUOUS)
		return NULL;
	s = &symbols->at.at[i - 1];
	return plain_length(s->name) == strlen(name) &&
	       strncmp(s->name, name, strlen(name)) == 0 ? s : NULL;
}

/* What has no place yet, and a type, gets that of its symbol. */
static bool place(struct dwarf_part *part, const struct symbols *symbols,
		  struct map *taken)
{
	for (size_t i = 0; i < part->unlocated.len; i++) {
		struct dwarf_variable v = part->unlocated.at[i];
		const struct elf_symbol *s = find_symbol(part, symbols, &v);
		bool added = true;

		if (!s || v.type == TYPE_NONE)
			continue;
		v.addr = s->value;
		if (s->type == STT_TLS)
			v.flags |= VAR_TLS;
		if (!map_slot(taken, s->type == STT_TLS ? ~s->value : s->value,
			      &added) ||
		    (added && !vec_push(&part->vars, v)))
			return false;
	}
	return true;
}

bool dwarf_locate_by_symbols(struct dwarf_part *part, struct elf_file *file)
{
	struct symbols symbols = { .file = file };
	struct map taken = {0};		/* addresses of variables */
	bool ok = true;

	if (elf_file_symbols(file, false, add_symbol, &symbols) == 0)
		elf_file_symbols(file, true, add_symbol, &symbols);
	for (size_t i = 0; ok && i < part->vars.len; i++) {
		if (!(part->vars.at[i].flags & VAR_TLS))
			ok = map_set(&taken, part->vars.at[i].addr, 1);
	}
	ok = ok && !symbols.no_memory && place(part, &symbols, &taken);
	map_free(&taken);
	map_free(&symbols.by_name);
	vec_free(&symbols.at);
	return ok;
}
