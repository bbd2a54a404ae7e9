/* SPDX-License-Identifier: MIT */
#include "formats/unwind_rules.h"

#include <elf.h>

#include "formats/module_layout.h"

enum {
	KEPT_ROWS = 1 << 14,
	MAX_EH_FRAME = 1 << 28,
	HEADER_MIN = 4,		/* version and three encodings */
	PCREL_SDATA4 = 0x1b,	/* DW_EH_PE_*, what every linker writes */
};

static void find_vdso(const struct image *image, struct unwind_rules *rules)
{
	for (size_t i = 0; i < image->mappings.len; i++) {
		const struct mapping *m = &image->mappings.at[i];

		if (strcmp(m->path, "[vdso]") == 0) {
			rules->vdso = m->start;
			rules->vdso_end = m->end;
		}
	}
}

bool unwind_rules_open(struct module_files *files, struct unwind_rules *ret,
		       struct err *err)
{
	const struct image *image = files->image;

	*ret = (struct unwind_rules){
		.files = files,
		.modules = calloc(image->modules.len + 1,
				  sizeof(*ret->modules)),
	};
	if (!ret->modules)
		return err_nomem(err, "unwinding");
	find_vdso(image, ret);
	return true;
}

void unwind_rules_close(struct unwind_rules *rules)
{
	for (size_t i = 0; rules->modules &&
			   i <= rules->files->image->modules.len; i++) {
		struct module_rules *m = &rules->modules[i];

		cfi_free(&m->eh);
		cfi_free(&m->debug);
		cfi_free(&m->debug_file);
		free(m->memory);
	}
	free(rules->modules);
	map_free(&rules->kept);
	vec_free(&rules->rows);
	*rules = (struct unwind_rules){ .vdso = 0 };
}

/* Lack of memory only costs rules. */
static void add_cfi(struct bytes section, uint64_t addr, bool is_eh,
		    struct cfi *ret)
{
	struct err ignored = {0};

	if (!cfi_build(section, addr, is_eh, ret, &ignored))
		*ret = (struct cfi){ .addr = 0 };
}

static void add_section(struct elf_file *file, const char *name,
			struct cfi *ret)
{
	size_t i = file ? elf_file_find(file, name) : 0;
	struct err ignored = {0};
	struct bytes b;

	if (i > 0 && elf_file_data(file, i, &b, &ignored) && b.size > 0)
		add_cfi(b, elf_file_section(file, i)->addr,
			strcmp(name, ".eh_frame") == 0, ret);
}

/* .eh_frame_hdr begins with the address of .eh_frame (LSB 5.0, 10.6.2). */
static bool find_eh_frame(const struct image *image, const struct layout *l,
			  uint64_t bias, uint64_t *addr)
{
	for (size_t i = 0; i < l->n; i++) {
		uint64_t at = bias + l->at[i].vaddr;
		uint8_t header[HEADER_MIN];
		int32_t distance;

		if (l->at[i].type != PT_GNU_EH_FRAME)
			continue;
		if (!image_read(image, at, header, sizeof(header)) ||
		    header[0] != 1 || header[1] != PCREL_SDATA4 ||
		    !image_read(image, at + HEADER_MIN, &distance,
				sizeof(distance)))
			return false;
		*addr = at + HEADER_MIN + (uint64_t)(int64_t)distance;
		return true;
	}
	return false;
}

/* The end of the segment that holds @addr of the process. */
static uint64_t segment_end(const struct layout *l, uint64_t bias,
			    uint64_t addr)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct elf_segment *s = &l->at[i];
		uint64_t offset = addr - bias - s->vaddr;

		if (layout_is_load(s) && offset < s->filesz)
			return s->filesz - offset < MAX_EH_FRAME ?
			       addr + (s->filesz - offset) :
			       addr + MAX_EH_FRAME;
	}
	return addr;
}

/* In memory nothing but an entry of length 0 says where it ends. */
static size_t eh_frame_size(const uint8_t *at, size_t n)
{
	struct bytes b = bytes_of(at, n);
	uint64_t length;

	do {
		length = bytes_u32(&b);
		if (length == UINT32_MAX)
			length = bytes_u64(&b);
	} while (length != 0 && bytes_take(&b, length));
	return b.pos;
}

static size_t read_some(const struct image *image, uint64_t addr, uint8_t *buf,
			size_t n)
{
	size_t done = 0, now;

	while (done < n && (now = image->ops->read(image->memory, addr + done,
						   buf + done, n - done)) > 0)
		done += now;
	return done;
}

/* Take .eh_frame out of the memory of the ELF file mapped at @start. */
static void add_memory(const struct image *image, uint64_t start,
		       const struct mapping *mapping, struct module_rules *m)
{
	struct layout *l = malloc(sizeof(*l));
	uint64_t addr = 0, end;
	size_t n;

	if (!l)
		return;
	if (mapping && layout_in_memory(image, start, l) &&
	    layout_bias(l, mapping, &m->bias) &&
	    find_eh_frame(image, l, m->bias, &addr)) {
		end = segment_end(l, m->bias, addr);
		m->memory = end > addr ? malloc((size_t)(end - addr)) : NULL;
		if (m->memory) {
			n = read_some(image, addr, m->memory,
				      (size_t)(end - addr));
			n = eh_frame_size(m->memory, n);
			add_cfi(bytes_of(m->memory, n), addr - m->bias, true,
				&m->eh);
		}
	}
	free(l);
}

static void open_module(struct unwind_rules *rules, uint32_t i)
{
	const struct image *image = rules->files->image;
	const struct module_file_pair *pair;
	struct module_rules *m = &rules->modules[i];

	m->is_open = true;
	if (module_files_is_broken(rules->files, i))
		return;
	if (i == image->modules.len) {
		add_memory(image, rules->vdso,
			   image_mapping(image, rules->vdso), m);
		return;
	}
	m->bias = image->modules.at[i].bias;
	pair = module_files_of(rules->files, i);
	add_section(pair->own, ".eh_frame", &m->eh);
	add_section(pair->own, ".debug_frame", &m->debug);
	add_section(pair->debug, ".debug_frame", &m->debug_file);
	if (!pair->own)
		add_memory(image, image->modules.at[i].start,
			   image_mapping(image, image->modules.at[i].start), m);
}

static bool read_row(struct unwind_rules *rules, uint32_t i, uint64_t addr,
		     struct cfi_row *ret)
{
	struct module_rules *m = &rules->modules[i];
	uint64_t pc;
	bool found;

	module_files_blame(rules->files, i);
	if (!m->is_open)
		open_module(rules, i);
	pc = addr - m->bias;
	found = cfi_find(&m->eh, pc, ret) || cfi_find(&m->debug, pc, ret) ||
		cfi_find(&m->debug_file, pc, ret);
	module_files_blame(rules->files, RETRY_NONE);
	if (found) {
		ret->start += m->bias;
		ret->end += m->bias;
	}
	return found;
}

/* The index of whose rules are asked for, or UINT32_MAX. */
static uint32_t whose(const struct unwind_rules *rules, uint64_t addr)
{
	const struct image *image = rules->files->image;
	const struct module *m = image_module(image, addr);

	if (m)
		return (uint32_t)(m - image->modules.at);
	if (addr >= rules->vdso && addr < rules->vdso_end)
		return (uint32_t)image->modules.len;
	return UINT32_MAX;
}

const struct cfi_row *unwind_rules_at(struct unwind_rules *rules,
				      uint64_t addr)
{
	const uint64_t *known = map_find(&rules->kept, addr);
	struct cfi_row row;
	uint32_t i;

	if (known)
		return *known ? &rules->rows.at[*known - 1] : NULL;
	if (rules->kept.len >= KEPT_ROWS) {
		map_free(&rules->kept);
		rules->rows.len = 0;
	}
	i = whose(rules, addr);
	if (i == UINT32_MAX || !read_row(rules, i, addr, &row)) {
		(void)map_set(&rules->kept, addr, 0);
		return NULL;
	}
	if (!vec_push(&rules->rows, row))
		return NULL;
	(void)map_set(&rules->kept, addr, rules->rows.len);
	return &rules->rows.at[rules->rows.len - 1];
}
