/* SPDX-License-Identifier: MIT */
#include "formats/module_files.h"

#include <elf.h>

#include "formats/debug_find.h"

bool module_files_open(const struct image *image,
		       const struct module_search *search, struct retry *retry,
		       struct module_files *ret, struct err *err)
{
	*ret = (struct module_files){
		.image = image, .search = search, .retry = retry,
		.at = calloc(image->modules.len + 1, sizeof(*ret->at)),
	};
	return ret->at || err_nomem(err, "modules");
}

void module_files_close(struct module_files *files)
{
	for (size_t i = 0; files->at && i < files->image->modules.len; i++) {
		elf_file_close(files->at[i].own);
		elf_file_close(files->at[i].debug);
	}
	free(files->at);
	*files = (struct module_files){ .at = NULL };
}

const struct module_file_pair *module_files_of(struct module_files *files,
					       uint32_t i)
{
	const struct module *m = &files->image->modules.at[i];
	struct module_file_pair *pair = &files->at[i];
	struct diag told = {0};		/* by modules_load(), once */
	char path[4096];

	if (pair->is_open)
		return pair;
	pair->is_open = true;
	if (module_files_is_broken(files, i))
		return pair;
	pair->own = module_file(files->image, files->search, m, &told);
	if (!pair->own || debug_state_of(pair->own) != DEBUG_FULL)
		debug_find(files->search, m, pair->own, &told, path,
			   sizeof(path), &pair->debug);
	diag_free(&told);
	return pair;
}

bool module_files_is_broken(const struct module_files *files, uint32_t i)
{
	return files->retry && retry_is_broken(files->retry, i);
}

void module_files_blame(const struct module_files *files, uint32_t i)
{
	if (files->retry)
		files->retry->busy_with = i;
}

/* Bytes that were loaded from the file and cannot have changed. */
static bool read_file(struct elf_file *file, uint64_t addr, void *buf,
		      size_t n)
{
	for (size_t i = 1; i < elf_file_n_sections(file); i++) {
		const struct elf_section *s = elf_file_section(file, i);
		struct err ignored = {0};
		struct bytes b;

		if ((s->flags & (SHF_ALLOC | SHF_WRITE)) != SHF_ALLOC ||
		    s->type == SHT_NOBITS || addr < s->addr ||
		    addr - s->addr >= s->size)
			continue;
		if (!elf_file_data(file, i, &b, &ignored) ||
		    !bytes_take(&b, addr - s->addr) || bytes_left(&b) < n)
			return false;
		memcpy(buf, b.start + b.pos, n);
		return true;
	}
	return false;
}

bool module_files_read(struct module_files *files, uint64_t addr, void *buf,
		       size_t n)
{
	const struct module *m;
	struct elf_file *own;

	if (image_read(files->image, addr, buf, n))
		return true;
	m = image_module(files->image, addr);
	if (!m)
		return false;
	own = module_files_of(files,
			      (uint32_t)(m - files->image->modules.at))->own;
	return own && read_file(own, addr - m->bias, buf, n);
}
