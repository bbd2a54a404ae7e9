/* SPDX-License-Identifier: MIT */
#include "analyze/tls_slots.h"

#include <elf.h>

enum {
	IDS_MAX = 1 << 12,	/* modules with TLS, and holes between them */
	LINK_MAPS_MAX = 1 << 16,
	DATA_MAX = 1 << 16,	/* of ld.so, that is looked through */
};

/* struct link_map, <link.h>: the part that all debuggers rely on. */
enum { LINK_L_LD = 16, LINK_L_NEXT = 24 };

/* struct dtv_slotinfo_list and dtv_slotinfo, the same since glibc 2.3. */
enum { LIST_LEN = 0, LIST_NEXT = 8, LIST_SLOTS = 16,
       SLOT_SIZE = 16, SLOT_GENERATION = 0, SLOT_MAP = 8 };

/* Constants for debuggers. */
struct constants {
	uint64_t rtld_global;	/* address of the variable; 0: not known */
	uint64_t list;		/* offset of the list's address in it */
	/* Of l_tls_offset and l_tls_modid in a link_map; 0: unknown. */
	uint64_t tls_offset, tls_modid;
	uint64_t dtv;		/* of the vector's address in struct pthread */
};

/** The offset that a _thread_db_ variable states of a word: three numbers,
 * size in bits, elements and offset (nptl_db/db-desc.h). */
static bool read_offset(const struct image *image, uint64_t addr,
			uint64_t *ret)
{
	uint32_t desc[3];

	if (!image_read(image, addr, desc, sizeof(desc)) || desc[0] != 64 ||
	    desc[2] == 0 || desc[2] > 1 << 20)
		return false;
	*ret = desc[2];
	return true;
}

static struct constants read_constants(const struct image *image)
{
	static const char prefix[] = "_thread_db_";
	struct constants c = { .dtv = 8 };
	bool has_list = false;

	for (size_t i = 0; i < image->symbols.len; i++) {
		const struct symbol *s = &image->symbols.at[i];
		const char *name = s->name + sizeof(prefix) - 1;

		if (s->kind != SYMBOL_OBJECT || s->name[0] != '_')
			continue;
		if (!strcmp(s->name, "_rtld_global"))
			c.rtld_global = s->addr;
		if (strncmp(s->name, prefix, sizeof(prefix) - 1) != 0)
			continue;
		if (!strcmp(name, "rtld_global__dl_tls_dtv_slotinfo_list"))
			has_list = read_offset(image, s->addr, &c.list);
		else if (!strcmp(name, "link_map_l_tls_offset"))
			(void)read_offset(image, s->addr, &c.tls_offset);
		else if (!strcmp(name, "link_map_l_tls_modid"))
			(void)read_offset(image, s->addr, &c.tls_modid);
		else if (!strcmp(name, "pthread_dtvp"))
			(void)read_offset(image, s->addr, &c.dtv);
	}
	if (!has_list)
		c.rtld_global = 0;
	return c;
}

/** Add what the link_map at @map stands for; false when it is none. Its
 * dynamic section tells which module it is. */
static bool add_slot(const struct image *image, uint64_t map, uint32_t id,
		     uint64_t generation, const struct constants *c,
		     struct tls_slots *ret, bool *oom)
{
	struct tls_slot slot = { .id = id, .generation = generation };
	const struct module *module;
	uint64_t ld, offset, modid;

	if (map % 8 != 0 || !image_u64(image, map + LINK_L_LD, &ld) ||
	    !image_mapping(image, ld))
		return false;
	module = image_module(image, ld);
	if (!module || module->tls_size == 0 ||
	    (c->tls_modid && image_u64(image, map + c->tls_modid, &modid) &&
	     modid != id))
		return true;
	slot.module = (uint32_t)(module - image->modules.at);
	/* 0 and -1 are "not fixed"; what is fixed was reserved at start. */
	if (c->tls_offset &&
	    image_u64(image, map + c->tls_offset, &offset) &&
	    offset < UINT64_C(1) << 32)
		slot.offset = offset;
	if (!vec_push(&ret->at, slot))
		*oom = true;
	return true;
}

/** Read the slots of the list at @list; false when it is none. */
static bool read_list(const struct image *image, uint64_t list,
		      const struct constants *c, struct tls_slots *ret,
		      bool *oom)
{
	uint32_t id = 0;

	while (list) {
		uint64_t len, next;

		if (!image_u64(image, list + LIST_LEN, &len) ||
		    !image_u64(image, list + LIST_NEXT, &next) ||
		    len == 0 || len > IDS_MAX - id)
			return false;
		for (uint32_t i = 0; i < len; i++, id++) {
			uint64_t at = list + LIST_SLOTS + i * SLOT_SIZE;
			uint64_t generation, map;

			if (!image_u64(image, at + SLOT_GENERATION,
				       &generation) ||
			    !image_u64(image, at + SLOT_MAP, &map))
				return false;
			/* Number 0 is nobody's; what ld.so left there at
			 * start stands a second time where it belongs. */
			if (map && id > 0 &&
			    !add_slot(image, map, id, generation, c, ret, oom))
				return false;
		}
		list = next;
	}
	return ret->at.len > 0;
}

static const struct module *find_linker(const struct image *image,
					enum tls_linker *kind)
{
	for (size_t i = 0; i < image->modules.len; i++) {
		const struct module *m = &image->modules.at[i];
		const char *name = path_name(m->path);

		*kind = !strncmp(name, "ld-musl", 7) ||
			!strcmp(name, "libc.so") ? TLS_MUSL :
			!strncmp(name, "ld-linux", 8) ||
			!strncmp(name, "ld-2.", 5) ? TLS_GLIBC : TLS_UNKNOWN;
		if (*kind != TLS_UNKNOWN)
			return m;
	}
	return NULL;
}

/** Look for a list among the words of the data of ld.so. */
static bool search_list(const struct image *image, const struct module *linker,
			const struct constants *c, struct tls_slots *ret,
			bool *oom)
{
	struct window w = window_of(image);
	bool found = false;

	for (size_t i = 0; !found && i < image->mappings.len; i++) {
		const struct mapping *m = &image->mappings.at[i];

		if (m->start < linker->start || m->end > linker->end ||
		    m->perms & PERM_EXEC || m->end - m->start > DATA_MAX)
			continue;
		for (uint64_t at = m->start; !found && at < m->end; at += 8) {
			uint64_t list;

			if (!window_u64(&w, at, &list) || list == 0 ||
			    list % 8 != 0)
				continue;
			ret->at.len = 0;
			found = read_list(image, list, c, ret, oom);
		}
	}
	window_close(&w);
	return found;
}

static void read_glibc(const struct image *image, const struct module *linker,
		       struct tls_slots *ret, bool *oom)
{
	struct constants c = read_constants(image);
	uint64_t list;

	ret->dtv = c.dtv;
	ret->entry = 16;
	if (c.rtld_global &&
	    image_u64(image, c.rtld_global + c.list, &list) &&
	    read_list(image, list, &c, ret, oom))
		return;
	ret->at.len = 0;
	if (!search_list(image, linker, &c, ret, oom))
		ret->at.len = 0;
}

/** The value of @type in the auxiliary vector, or 0. */
static uint64_t auxv_value(const struct image *image, uint64_t type)
{
	for (size_t i = 0; i + 1 < image->auxv.len; i += 2) {
		if (image->auxv.at[i] == type)
			return image->auxv.at[i + 1];
	}
	return 0;
}

/** Where the program's dynamic section is, from its program headers. */
static uint64_t find_dynamic(const struct image *image)
{
	uint64_t at = auxv_value(image, AT_PHDR), n = auxv_value(image, AT_PHNUM);
	uint64_t headers = 0, dynamic = 0;

	for (uint64_t i = 0; at && i < n && i < PN_XNUM; i++) {
		Elf64_Phdr p;

		if (!image_read(image, at + i * sizeof(p), &p, sizeof(p)))
			return 0;
		if (p.p_type == PT_PHDR)
			headers = at - p.p_vaddr;
		else if (p.p_type == PT_DYNAMIC)
			dynamic = p.p_vaddr;
	}
	return dynamic ? headers + dynamic : 0;
}

/** The first link_map, from DT_DEBUG: struct r_debug { version, map, ... }. */
static uint64_t first_link_map(const struct image *image)
{
	uint64_t at = find_dynamic(image), map = 0;
	Elf64_Dyn d;

	for (int i = 0; at && i < 1024; i++, at += sizeof(d)) {
		if (!image_read(image, at, &d, sizeof(d)) || d.d_tag == DT_NULL)
			break;
		if (d.d_tag == DT_DEBUG &&
		    image_u64(image, d.d_un.d_ptr + 8, &map))
			return map;
	}
	return 0;
}

static void read_musl(const struct image *image, struct tls_slots *ret,
		      bool *oom)
{
	const struct constants none = {0};
	uint64_t map = first_link_map(image);
	uint32_t id = 1;

	ret->dtv = 8;
	ret->entry = 8;
	for (int i = 0; map && i < LINK_MAPS_MAX; i++) {
		size_t before = ret->at.len;

		if (!add_slot(image, map, id, 0, &none, ret, oom) ||
		    !image_u64(image, map + LINK_L_NEXT, &map))
			break;
		id += ret->at.len > before;
	}
}

bool tls_slots_read(const struct image *image, struct tls_slots *ret,
		    struct err *err)
{
	const struct module *linker;
	bool oom = false;

	*ret = (struct tls_slots){0};
	linker = find_linker(image, &ret->linker);
	if (linker && ret->linker == TLS_GLIBC)
		read_glibc(image, linker, ret, &oom);
	else if (linker)
		read_musl(image, ret, &oom);
	if (!oom)
		return true;
	tls_slots_free(ret);
	return err_nomem(err, "thread-local storage");
}

void tls_slots_free(struct tls_slots *slots)
{
	vec_free(&slots->at);
}
