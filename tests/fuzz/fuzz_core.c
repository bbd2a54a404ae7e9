/* SPDX-License-Identifier: MIT */
/*
 * Plain ELF cores: any bytes, a core with edits, a decompressed snapshot with
 * edits. The first byte chooses.
 */
#include <stdlib.h>

#include "tests/aid_fuzz_image.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fuzz_base core, plain;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	/* No cache: what would be converted is refused. */
	unsetenv("XDG_CACHE_HOME");
	unsetenv("HOME");
	core = fuzz_base_core();
	plain = fuzz_base_plain();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] < 16)
		fuzz_raw(data + 1, size - 1);
	else if (data[0] < 192)
		fuzz_edited(&core, data + 1, size - 1);
	else
		fuzz_edited(&plain, data + 1, size - 1);
	return 0;
}
