/* SPDX-License-Identifier: MIT */
#include "cli/block_target.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#include "analyze/block_key.h"
#include "cli/node_text.h"
#include "base/map.h"

enum { NAME_MAX_BYTES = 4096 };

bool target_address(const char *text, uint64_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	*ret = strtoull(text, &end, 0);
	return *end == '\0';
}

static bool no_block(const struct facts *f, uint64_t addr, struct err *err)
{
	const struct heap *heap = &f->heap;
	const struct mapping *m = image_mapping(&f->image, addr);
	const struct variable *var = image_variable(&f->image, addr);

	for (size_t i = 0; i < heap->n_free; i++) {
		if (addr - heap->free[i].addr < heap->free[i].size)
			return err_at(err, ERR_FAULT, addr,
				      "0x%" PRIx64 " lies in a free chunk of %"
				      PRIu64 " bytes at 0x%" PRIx64, addr,
				      heap->free[i].size, heap->free[i].addr);
	}
	if (var)
		return err_at(err, ERR_FAULT, addr,
			      "0x%" PRIx64 " is no block: it lies in the variable %s",
			      addr, var->name);
	if (m)
		return err_at(err, ERR_FAULT, addr,
			      "0x%" PRIx64 " is no block: it lies in the mapping %s",
			      addr, m->path[0] ? m->path : "(anonymous)");
	return err_at(err, ERR_FAULT, addr,
		      "0x%" PRIx64 " is not mapped in this process", addr);
}

bool target_block(const struct facts *facts, const char *text, uint32_t *ret,
		  struct err *err)
{
	uint64_t addr;

	if (!target_address(text, &addr))
		return err_set(err, ERR_FORMAT,
			       "\"%s\" is no address; write it as 0x...", text);
	*ret = heap_find(&facts->heap, addr);
	return *ret != NODE_NONE || no_block(facts, addr, err);
}

/* Does the key of a block read as @text, in full or as reports shorten it?
 * Answers are kept in @known. */
static bool reads_as(const struct heap *heap, uint64_t key, const char *text,
		     struct map *known, bool *ret)
{
	char name[NAME_MAX_BYTES];
	bool added;
	uint64_t *slot = map_slot(known, key, &added);

	if (!slot)
		return false;
	if (added)
		*slot = !strcmp(text, block_key_label(heap, key, name,
						      sizeof(name))) ||
			!strcmp(text, key_text(heap, key, name));
	*ret = *slot;
	return true;
}

static bool of_type(const struct heap *heap, const char *text, uint32_t **ret,
		    size_t *n, struct err *err)
{
	struct map known = {0};
	VEC(uint32_t) found = {0};
	bool ok = true;

	for (uint32_t i = 0; ok && i < heap->n_blocks; i++) {
		bool is_it = false;

		ok = reads_as(heap, block_key(heap, i, false), text, &known,
			      &is_it) &&
		     (!is_it || vec_push(&found, i));
	}
	map_free(&known);
	if (!ok || found.len == 0) {
		vec_free(&found);
		return ok ? err_set(err, ERR_FORMAT,
				    "no block has the type \"%s\"; "
				    "`holdfast types` lists them", text) :
			    err_nomem(err, "blocks");
	}
	*ret = found.at;
	*n = found.len;
	return true;
}

bool target_blocks(const struct facts *facts, const char *text, uint32_t **ret,
		   size_t *n, struct err *err)
{
	uint64_t addr;

	if (!target_address(text, &addr))
		return of_type(&facts->heap, text, ret, n, err);
	*ret = malloc(sizeof(**ret));
	if (!*ret)
		return err_nomem(err, "a block");
	*n = 1;
	if (target_block(facts, text, *ret, err))
		return true;
	free(*ret);
	return false;
}
