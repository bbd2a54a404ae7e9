/* SPDX-License-Identifier: MIT */
/* Any bytes as an ELF file: sections, symbols, notes, links, all contents. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "formats/debug_find.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_symbol(void *ctx, const struct elf_symbol *s)
{
	*(size_t *)ctx += strlen(s->name) + s->section;
}

static void use(struct elf_file *file)
{
	uint8_t id[BUILD_ID_MAX];
	struct err err = {0};
	struct bytes b;
	uint32_t crc;
	size_t sum = 0;

	for (size_t i = 0; i < elf_file_n_sections(file); i++) {
		sum += strlen(elf_file_section(file, i)->name);
		if (elf_file_data(file, i, &b, &err))
			sum += hash_bytes(b.start, b.size, 0);
	}
	elf_file_symbols(file, false, use_symbol, &sum);
	elf_file_symbols(file, true, use_symbol, &sum);
	elf_file_build_id(file, id);
	elf_file_debuglink(file, &crc);
	(void)debug_state_of(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct elf_file *file;
	struct err err = {0};

	if (fd < 0)
		fd = memfd_create("fuzz", 0);
	if (fd < 0 || ftruncate(fd, 0) != 0 ||
	    pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (elf_file_open(fd, &file, &err)) {
		use(file);
		elf_file_close(file);
	}
	return 0;
}
