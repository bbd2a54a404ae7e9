/* SPDX-License-Identifier: MIT */
/*
 * Snapshots: the compressed file with edits, any bytes, and each section by
 * itself, behind the checksums. The first byte chooses.
 */
#include <stdlib.h>

#include "formats/snapshot_sections.h"
#include "tests/aid_fuzz_image.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fuzz_base snapshot;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	/* No cache: what would be converted is refused. */
	unsetenv("XDG_CACHE_HOME");
	unsetenv("HOME");
	snapshot = fuzz_base_snapshot();
	return 0;
}

static void read_section(uint8_t which, const uint8_t *data, size_t size)
{
	static bool (*const readers[])(struct bytes, struct image *,
				       struct err *) = {
		meta_read, maps_read, modules_read, symbols_read,
	};
	struct module module = { .path = "", .hint = "", .debug_path = "" };
	struct image image = {0};
	struct err err = {0};

	if (vec_push(&image.modules, module) &&
	    !readers[which % 4](bytes_of(data, size), &image, &err) &&
	    err.code == ERR_NONE)
		__builtin_trap();
	for (size_t i = 0; i < image.symbols.len; i++) {
		if (strlen(image.symbols.at[i].name) > size)
			__builtin_trap();
	}
	image_close(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] < 16)
		fuzz_raw(data + 1, size - 1);
	else if (data[0] < 64)
		fuzz_edited(&snapshot, data + 1, size - 1);
	else
		read_section(data[0], data + 1, size - 1);
	return 0;
}
