/* SPDX-License-Identifier: MIT */
#include "formats/module_file.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

int open_regular_file(const char *path)
{
	/* A fifo in the place of a file must not make us wait. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int open_module(const struct module_search *search, const struct module *module,
		const struct mapping *mapping, bool is_main)
{
	static const char deleted[] = " (deleted)";
	size_t n = strlen(module->path), tail = sizeof(deleted) - 1;
	char path[PATH_SIZE];
	int fd = -1;

	if (is_main && search->exe)
		return open_regular_file(search->exe);
	if (search->open_mapped && mapping)
		fd = search->open_mapped(search->ctx, mapping);
	if (fd >= 0)
		return fd;
	if (n > tail && strcmp(module->path + n - tail, deleted) == 0)
		n -= tail;
	if (snprintf(path, sizeof(path), "%s%.*s",
		     search->sysroot ? search->sysroot : "", (int)n,
		     module->path) >= (int)sizeof(path))
		return -1;
	return open_regular_file(path);
}

static uint64_t auxv_value(const struct image *image, uint64_t type)
{
	for (size_t i = 0; i + 1 < image->auxv.len; i += 2) {
		if (image->auxv.at[i] == type)
			return image->auxv.at[i + 1];
	}
	return 0;
}

bool module_is_main(const struct image *image, const struct module *m)
{
	uint64_t entry = auxv_value(image, AT_ENTRY);

	if (entry)
		return entry >= m->start && entry < m->end;
	return image->meta.exe && strcmp(image->meta.exe, m->path) == 0;
}

struct elf_file *module_file(const struct image *image,
			     const struct module_search *search,
			     const struct module *m, struct diag *diag)
{
	const struct mapping *mapping = image_mapping(image, m->start);
	int fd = open_module(search, m, mapping, module_is_main(image, m));
	struct elf_file *file = NULL;
	struct err err = {0};
	uint8_t id[BUILD_ID_MAX];
	struct layout layout;
	size_t n;

	if (fd < 0)
		return NULL;
	if (!elf_file_open(fd, &file, &err)) {
		close(fd);
		return NULL;
	}
	close(fd);
	n = elf_file_build_id(file, id);
	if (m->build_id_size ? n == m->build_id_size &&
			       memcmp(id, m->build_id, n) == 0 :
	    !layout_in_memory(image, m->start, &layout) ||
	    layout_is_that_of(&layout, file))
		return file;
	diag_add(diag, "%s on disk is another build than in the process, "
		 "not used", m->path);
	elf_file_close(file);
	return NULL;
}
