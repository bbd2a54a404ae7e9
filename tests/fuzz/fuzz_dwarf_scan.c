/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the sections that types are read from. The first bytes are
 * the sizes of the pieces that the rest is cut into; they stand in an ELF file in memory, so that
 * units, abbreviations, forms, strings, lists, type units and the index of a
 * package are all reached. What comes out must hold together, whatever it is.
 */
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/pool.h"
#include "formats/dwarf_types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {
	".debug_info", ".debug_abbrev", ".debug_str", ".debug_types",
	".debug_str_offsets", ".debug_addr", ".debug_rnglists",
	".debug_line_str",
};

enum { N = sizeof(names) / sizeof(names[0]), N_HEADERS = N + 2, CUTS = 2 * N };

/* Headers, names of sections, their content: in a file in memory. */
static int make_file(const uint8_t *data, size_t size)
{
	Elf64_Ehdr header = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
		.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = 1,
		.e_ehsize = sizeof(header), .e_shentsize = sizeof(Elf64_Shdr),
		.e_shoff = sizeof(header), .e_shnum = N_HEADERS,
		.e_shstrndx = N_HEADERS - 1,
	};
	Elf64_Shdr at[N_HEADERS] = {{0}};
	char text[256] = "";
	size_t n_text = 1, place = sizeof(header) + sizeof(at), left = size - CUTS;
	const uint8_t *rest = data + CUTS;
	int fd = memfd_create("scan", MFD_CLOEXEC);

	for (int i = 0; i < N; i++) {
		size_t n = data[2 * i] | (size_t)data[2 * i + 1] << 8;

		n = n < left ? n : left;
		at[i + 1] = (Elf64_Shdr){
			.sh_name = (Elf64_Word)n_text, .sh_type = SHT_PROGBITS,
			.sh_offset = place, .sh_size = n,
		};
		n_text += (size_t)snprintf(text + n_text, sizeof(text) - n_text,
					   "%s", names[i]) + 1;
		place += n;
		left -= n;
	}
	at[N_HEADERS - 1] = (Elf64_Shdr){
		.sh_type = SHT_STRTAB, .sh_offset = place + left,
		.sh_size = n_text,
	};
	if (fd < 0 || write(fd, &header, sizeof(header)) < 0 ||
	    write(fd, at, sizeof(at)) < 0 || write(fd, rest, size - CUTS) < 0 ||
	    write(fd, text, sizeof(text)) < 0)
		abort();
	return fd;
}

static void read_file(struct elf_file *file)
{
	struct dwarf_types types;
	struct diag diag = {0};
	struct err err = {0};
	char buf[256];

	if (dwarf_types_read(file, file, file, NULL, &types, &diag, &err)) {
		if (!types_check(&types.types, &err))
			abort();
		for (uint32_t i = 0; i < types.types.types.len; i++) {
			types_name(&types.types, i, buf, sizeof(buf));
			types_field_at(&types.types, i, 4, buf, sizeof(buf));
		}
		for (size_t i = 0; i < types.vars.len; i++) {
			const struct dwarf_variable *v = &types.vars.at[i];

			if (v->type != TYPE_NONE &&
			    v->type >= types.types.types.len)
				abort();
		}
		dwarf_types_free(&types);
	}
	diag_free(&diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_file *file;
	struct err err = {0};
	int fd;

	if (size < CUTS)
		return 0;
	pool_set_threads(1);
	fd = make_file(data, size);
	if (elf_file_open(fd, &file, &err)) {
		read_file(file);
		elf_file_close(file);
	}
	close(fd);
	return 0;
}
