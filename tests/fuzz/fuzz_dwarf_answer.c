/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the answer of a worker, or as what was kept of one: read, and
 * merged into a table that must hold together.
 */
#include <stdint.h>
#include <stdlib.h>

#include "formats/dwarf_worker.h"
#include "formats/types_merge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct type_table *types)
{
	struct type_table merged;
	struct err err = {0};
	uint32_t *map = NULL;
	char buf[200];

	if (!types_init(&merged, &err) ||
	    !types_merge(&merged, types, 0, &map, &err) ||
	    !types_check(&merged, &err))
		abort();
	for (size_t i = 0; i < types->types.len; i++) {
		if (map[i] != TYPE_NONE && map[i] >= merged.types.len)
			abort();
		types_name(&merged, map[i], buf, sizeof(buf));
		types_field_at(&merged, map[i], 8, buf, sizeof(buf));
	}
	free(map);
	types_free(&merged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image image = { .meta = { .pid = 0 } };
	struct type_table types;
	struct err err = {0};

	if (dwarf_answer_read(bytes_of(data, size), &image, &types, &err)) {
		use(&types);
		types_free(&types);
	} else if (image.vars.len != 0) {
		abort();
	}
	vec_free(&image.vars);
	diag_free(&image.diag);
	arena_free(&image.arena);
	return 0;
}
