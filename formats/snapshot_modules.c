/* SPDX-License-Identifier: MIT */
#include "formats/snapshot_sections.h"

enum {
	BUILD_ID_MAX = 32,
	MODULE_MIN = 8 * 5 + 4 * 2 + BUILD_ID_MAX + 4 * 4,
	SECTION_MIN = 8 * 2 + 4,
	SYMBOL_SIZE = 32,
};

static void write_module(const struct image *image, const struct module *m,
			 struct blob *blob)
{
	uint8_t build_id[BUILD_ID_MAX] = {0};
	uint32_t size = m->build_id_size < BUILD_ID_MAX ? m->build_id_size :
			BUILD_ID_MAX;

	memcpy(build_id, m->build_id, size);
	blob_u64(blob, m->start);
	blob_u64(blob, m->end);
	blob_u64(blob, m->bias);
	blob_u64(blob, m->tls_size);
	blob_u64(blob, m->tls_align);
	blob_u32(blob, (uint32_t)m->debug);
	blob_u32(blob, size);
	blob_bytes(blob, build_id, sizeof(build_id));
	blob_text(blob, m->path);
	blob_text(blob, m->hint);
	blob_text(blob, m->debug_path);
	blob_u32(blob, (uint32_t)m->n_sections);
	for (size_t i = 0; i < m->n_sections; i++) {
		const struct section *s =
			&image->sections.at[m->first_section + i];

		blob_u64(blob, s->start);
		blob_u64(blob, s->end);
		blob_text(blob, s->name);
	}
}

void modules_write(const struct image *image, struct blob *blob)
{
	blob_u32(blob, SNAPSHOT_VERSION);
	blob_u32(blob, (uint32_t)image->modules.len);
	for (size_t i = 0; i < image->modules.len; i++)
		write_module(image, &image->modules.at[i], blob);
}

/* A module and its sections, which are appended to the image's. */
static bool read_module(struct bytes *b, struct image *image,
			struct module *ret)
{
	const uint8_t *build_id;
	uint32_t debug;
	uint64_t n;

	ret->start = bytes_u64(b);
	ret->end = bytes_u64(b);
	ret->bias = bytes_u64(b);
	ret->tls_size = bytes_u64(b);
	ret->tls_align = bytes_u64(b);
	debug = bytes_u32(b);
	ret->debug = debug <= DEBUG_FULL ? (enum debug_state)debug :
		     DEBUG_NONE;
	ret->build_id_size = bytes_u32(b);
	build_id = bytes_take(b, BUILD_ID_MAX);
	ret->path = section_text(b, image);
	ret->hint = section_text(b, image);
	ret->debug_path = section_text(b, image);
	n = section_count(b, bytes_u32(b), SECTION_MIN);
	if (b->broken || ret->build_id_size > BUILD_ID_MAX ||
	    ret->start > ret->end)
		return false;
	memcpy(ret->build_id, build_id, BUILD_ID_MAX);
	ret->first_section = image->sections.len;
	ret->n_sections = (size_t)n;
	for (uint64_t i = 0; i < n; i++) {
		struct section s = { .start = bytes_u64(b) };

		s.end = bytes_u64(b);
		s.name = section_text(b, image);
		if (b->broken || s.start > s.end ||
		    !vec_push(&image->sections, s))
			return false;
	}
	return true;
}

bool modules_read(struct bytes b, struct image *image, struct err *err)
{
	size_t n_sections = image->sections.len;
	VEC(struct module) modules = {0};
	uint64_t n;
	bool ok = true;

	if (!section_version(&b, SECTION_MODULES, err))
		return false;
	n = section_count(&b, bytes_u32(&b), MODULE_MIN);
	for (uint64_t i = 0; ok && i < n; i++) {
		struct module module = {0};

		ok = read_module(&b, image, &module) &&
		     (i == 0 || modules.at[i - 1].start <= module.start) &&
		     vec_push(&modules, module);
	}
	if (!ok || b.broken) {
		image->sections.len = n_sections;
		vec_free(&modules);
		return err_at(err, ERR_FORMAT, b.pos,
			      "damaged section %s", SECTION_MODULES);
	}
	vec_free(&image->modules);
	memcpy(&image->modules, &modules, sizeof(image->modules));
	return true;
}

bool symbols_write(const struct image *image, struct blob *blob,
		   struct err *err)
{
	uint64_t at = 0;

	for (size_t i = 0; i < image->symbols.len; i++)
		at += strlen(image->symbols.at[i].name) + 1;
	if (at > UINT32_MAX)
		return err_set(err, ERR_LIMIT, "4 GiB of symbol names");
	blob_u32(blob, SNAPSHOT_VERSION);
	blob_u32(blob, 0);
	blob_u64(blob, image->symbols.len);
	blob_u64(blob, at);
	at = 0;
	for (size_t i = 0; i < image->symbols.len; i++) {
		const struct symbol *s = &image->symbols.at[i];

		blob_u64(blob, s->addr);
		blob_u64(blob, s->size);
		blob_u32(blob, (uint32_t)at);
		blob_u32(blob, s->module);
		blob_u32(blob, s->kind);
		blob_u32(blob, 0);
		at += strlen(s->name) + 1;
	}
	for (size_t i = 0; i < image->symbols.len; i++)
		blob_bytes(blob, image->symbols.at[i].name,
			   strlen(image->symbols.at[i].name) + 1);
	return true;
}

/* Names are kept as one piece; every symbol points into it. */
static bool read_symbol(struct bytes *b, const char *names, uint64_t size,
			size_t n_modules, struct symbol *ret)
{
	uint32_t name;

	ret->addr = bytes_u64(b);
	ret->size = bytes_u64(b);
	name = bytes_u32(b);
	ret->module = bytes_u32(b);
	ret->kind = bytes_u32(b);
	(void)bytes_u32(b);
	if (b->broken || name >= size || ret->module >= n_modules ||
	    ret->kind > SYMBOL_OBJECT)
		return false;
	ret->name = names + name;
	return true;
}

bool symbols_read(struct bytes b, struct image *image, struct err *err)
{
	uint64_t n, size, last = 0;
	struct bytes records;
	const uint8_t *at;
	const char *names;
	bool ok = true;

	if (!section_version(&b, SECTION_SYMBOLS, err))
		return false;
	(void)bytes_u32(&b);
	n = bytes_u64(&b);
	size = bytes_u64(&b);
	n = section_count(&b, n, SYMBOL_SIZE);
	records = bytes_sub(&b, n * SYMBOL_SIZE);
	at = bytes_take(&b, size);
	if (!bytes_ok(&b, SECTION_SYMBOLS, err))
		return false;
	names = arena_text(&image->arena, (const char *)at, (size_t)size);
	if (!names || !vec_reserve(&image->symbols, (size_t)n))
		return err_nomem(err, "the symbols");
	image->symbols.len = 0;
	for (uint64_t i = 0; ok && i < n; i++) {
		struct symbol symbol;

		ok = read_symbol(&records, names, size, image->modules.len,
				 &symbol) && symbol.addr >= last;
		if (!ok)
			break;
		last = symbol.addr;
		image->symbols.at[image->symbols.len++] = symbol;
	}
	if (!ok)
		image->symbols.len = 0;
	return ok || err_set(err, ERR_FORMAT, "damaged section %s",
			     SECTION_SYMBOLS);
}
