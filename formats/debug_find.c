/* SPDX-License-Identifier: MIT */
#include "formats/debug_find.h"

#include <elf.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

#include "formats/debuginfod.h"

struct dwarf_places module_places(const struct module_search *search,
				  const struct module *module,
				  const char *debug)
{
	return (struct dwarf_places){
		.sysroot = search->sysroot, .debug_dir = search->debug_dir,
		.module = module->path, .debug = debug,
	};
}

enum debug_state debug_state_of(const struct elf_file *file)
{
	enum debug_state state = DEBUG_NONE;

	for (size_t i = 1; i < elf_file_n_sections(file); i++) {
		const struct elf_section *s = elf_file_section(file, i);

		if (s->size == 0 || s->type == SHT_NOBITS)
			continue;
		if (strcmp(s->name, ".debug_info") == 0 ||
		    strcmp(s->name, ".zdebug_info") == 0)
			return DEBUG_FULL;
		if (strcmp(s->name, ".debug_line") == 0 ||
		    strcmp(s->name, ".zdebug_line") == 0)
			state = debug_better(state, DEBUG_LINES);
		if (strcmp(s->name, ".symtab") == 0)
			state = debug_better(state, DEBUG_SYMBOLS);
	}
	return state;
}

enum debug_state debug_better(enum debug_state a, enum debug_state b)
{
	return a > b ? a : b;
}

bool debug_file_crc(int fd, uint32_t *ret)
{
	uint8_t *buf = malloc(1 << 16);
	uLong crc = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t n = -1;

	while (buf && (n = pread(fd, buf, 1 << 16, at)) > 0) {
		crc = crc32(crc, buf, (uInt)n);
		at += n;
	}
	free(buf);
	*ret = (uint32_t)crc;
	return n == 0;
}

/* One search for one module. */
struct hunt {
	const struct module_search *search;
	const struct module *module;
	struct diag *diag;
	bool check_crc;
	uint32_t crc;
	char *path;
	size_t size;
	struct elf_file *found;
};

/* Without build-ids only the CRC can tell that two files belong together. */
static bool belongs(const struct hunt *h, const struct elf_file *file, int fd)
{
	uint8_t id[BUILD_ID_MAX];
	size_t n = elf_file_build_id(file, id);
	uint32_t crc;

	if (h->module->build_id_size > 0)
		return n == h->module->build_id_size &&
		       memcmp(id, h->module->build_id, n) == 0;
	return h->check_crc && debug_file_crc(fd, &crc) && crc == h->crc;
}

/* Look at the file at h->path; true ends the search. */
static bool try_path(struct hunt *h, int written)
{
	struct elf_file *file;
	struct err err = {0};
	int fd;

	if (written < 0 || (size_t)written >= h->size)
		return false;
	fd = open_regular_file(h->path);
	if (fd < 0)
		return false;
	if (!elf_file_open(fd, &file, &err)) {
		diag_add(h->diag, "%s is damaged: %s", h->path, err.message);
	} else if (!belongs(h, file, fd)) {
		diag_add(h->diag, "%s belongs to another build of %s, not used",
			 h->path, path_name(h->module->path));
		elf_file_close(file);
	} else if (debug_state_of(file) != DEBUG_NONE) {
		h->found = file;
	} else {
		elf_file_close(file);
	}
	close(fd);
	return h->found != NULL;
}

static const char *root_of(const struct hunt *h)
{
	return h->search->sysroot ? h->search->sysroot : "";
}

/* DIR/.build-id/ab/cdef0123.debug */
static bool try_build_id(struct hunt *h, const char *root, const char *dir)
{
	char hex[2 * BUILD_ID_MAX + 1] = "";

	if (h->module->build_id_size < 2)
		return false;
	for (uint32_t i = 0; i < h->module->build_id_size; i++)
		snprintf(hex + 2 * i, 3, "%02x", h->module->build_id[i]);
	return try_path(h, snprintf(h->path, h->size,
				    "%s%s/.build-id/%.2s/%s.debug", root, dir,
				    hex, hex + 2));
}

/* The link names a file: beside the module, below it, or in the tree. */
static bool try_link(struct hunt *h, const char *link)
{
	const char *path = h->module->path, *slash = strrchr(path, '/');
	const char *root = root_of(h), *extra = h->search->debug_dir;
	int dir = slash ? (int)(slash - path) : 0;

	if (strchr(link, '/'))
		return false;
	return (strcmp(link, path_name(path)) != 0 &&
		try_path(h, snprintf(h->path, h->size, "%s%.*s/%s", root, dir,
				     path, link))) ||
	       try_path(h, snprintf(h->path, h->size, "%s%.*s/.debug/%s", root,
				    dir, path, link)) ||
	       (extra &&
		(try_path(h, snprintf(h->path, h->size, "%s%.*s/%s", extra,
				      dir, path, link)) ||
		 try_path(h, snprintf(h->path, h->size, "%s/%s", extra,
				      link)))) ||
	       try_path(h, snprintf(h->path, h->size,
				    "%s/usr/lib/debug%.*s/%s", root, dir, path,
				    link));
}

/* What people keep beside each other: build-ids tell what is what. */
static bool try_name(struct hunt *h)
{
	const char *name = path_name(h->module->path);
	const char *dir = h->search->debug_dir;

	return dir && h->module->build_id_size > 0 &&
	       (try_path(h, snprintf(h->path, h->size, "%s/%s.debug", dir,
				     name)) ||
		try_path(h, snprintf(h->path, h->size, "%s/%s", dir, name)));
}

static bool try_servers(struct hunt *h)
{
	return h->search->debuginfod &&
	       debuginfod_find(h->search->debuginfod, h->module, h->diag,
			       h->path, h->size) &&
	       try_path(h, (int)strlen(h->path));
}

void debug_find(const struct module_search *search, const struct module *module,
		struct elf_file *own, struct diag *diag, char *path,
		size_t size, struct elf_file **ret)
{
	struct hunt h = {
		.search = search, .module = module, .diag = diag,
		.path = path, .size = size,
	};
	const char *link = own ? elf_file_debuglink(own, &h.crc) : NULL;

	*ret = NULL;
	h.check_crc = link != NULL;
	if ((search->debug_dir && try_build_id(&h, "", search->debug_dir)) ||
	    try_build_id(&h, root_of(&h), "/usr/lib/debug") ||
	    (link && try_link(&h, link)) || try_name(&h) || try_servers(&h))
		*ret = h.found;
	else if (size > 0)
		path[0] = '\0';
}
