/* SPDX-License-Identifier: MIT */
#include "formats/dwarf_companion.h"

#include <stdio.h>
#include <unistd.h>

#include "formats/leb.h"
#include "formats/module_file.h"

/* What a supplementary file is known by. */
struct wanted {
	const char *name;
	const uint8_t *id;	/* [n_id] its build-id or checksum */
	size_t n_id;
};

static const char *text(const char *maybe)
{
	return maybe ? maybe : "";
}

/* Everything up to the last slash, with it. */
static int folder_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (int)(slash - path) + 1 : 0;
}

/* Open the ELF file at @c->path, which was written with @written bytes. */
static bool try_path(struct companion *c, int written)
{
	struct err ignored = {0};
	int fd;

	if (written < 0 || (size_t)written >= sizeof(c->path))
		return false;
	fd = open_regular_file(c->path);
	if (fd < 0)
		return false;
	if (!elf_file_open(fd, &c->elf, &ignored))
		c->elf = NULL;
	close(fd);
	return c->elf != NULL;
}

#define TRY(c, ...) try_path(c, snprintf((c)->path, sizeof((c)->path), \
					 __VA_ARGS__))

/* --- supplementary files --- */

/* A name and, to the end, a build-id. */
static bool read_link(struct bytes b, struct wanted *ret)
{
	const uint8_t *start = b.start + b.pos, *end = bytes_left(&b) ?
		memchr(start, '\0', bytes_left(&b)) : NULL;

	if (!end)
		return false;
	ret->name = (const char *)start;
	(void)bytes_take(&b, (uint64_t)(end - start) + 1);
	ret->n_id = bytes_left(&b);
	ret->id = b.start + b.pos;
	return ret->n_id > 0 && ret->n_id <= BUILD_ID_MAX;
}

/* DWARF 5: version, whether this is such a file, name, length, checksum. */
static bool read_sup(struct bytes b, bool is_supplementary, struct wanted *ret)
{
	const uint8_t *start, *end;

	if (bytes_u16(&b) != 5 || bytes_u8(&b) != is_supplementary)
		return false;
	start = b.start + b.pos;
	end = bytes_left(&b) ? memchr(start, '\0', bytes_left(&b)) : NULL;
	if (!end)
		return false;
	ret->name = (const char *)start;
	(void)bytes_take(&b, (uint64_t)(end - start) + 1);
	ret->n_id = (size_t)leb_u64(&b);
	ret->id = b.start + b.pos;
	return bytes_left(&b) >= ret->n_id && ret->n_id > 0;
}

static bool find_sup(struct elf_file *elf, bool is_supplementary,
		     struct wanted *ret)
{
	size_t i = elf_file_find(elf, ".debug_sup");
	struct err ignored = {0};
	struct bytes b;

	return i > 0 && elf_file_data(elf, i, &b, &ignored) &&
	       read_sup(b, is_supplementary, ret);
}

static bool has_id(struct elf_file *elf, const struct wanted *w)
{
	uint8_t id[BUILD_ID_MAX];
	struct wanted own;

	if (elf_file_build_id(elf, id) == w->n_id &&
	    memcmp(id, w->id, w->n_id) == 0)
		return true;
	return find_sup(elf, true, &own) && own.n_id == w->n_id &&
	       memcmp(own.id, w->id, w->n_id) == 0;
}

/* Keep what try_path() opened when it is the one. */
static bool fits(struct companion *c, const struct wanted *w, bool is_open)
{
	if (is_open && has_id(c->elf, w))
		return true;
	elf_file_close(c->elf);
	c->elf = NULL;
	return false;
}

static bool try_id(struct companion *c, const struct wanted *w,
		   const char *root, const char *folder)
{
	char hex[2 * BUILD_ID_MAX + 1] = "";

	if (w->n_id < 2 || w->n_id > BUILD_ID_MAX)
		return false;
	for (size_t i = 0; i < w->n_id; i++)
		snprintf(hex + 2 * i, 3, "%02x", w->id[i]);
	return fits(c, w, TRY(c, "%s%s/.build-id/%.2s/%s.debug", root, folder,
			      hex, hex + 2));
}

/* A relative name is one beside the file that has it. */
static bool try_name(struct companion *c, const struct wanted *w,
		     const char *root, const char *user)
{
	if (w->name[0] == '/')
		return fits(c, w, TRY(c, "%s%s", root, w->name));
	return fits(c, w, TRY(c, "%s%.*s%s", root, folder_length(user), user,
			      w->name));
}

static void find_alt(const struct dwarf_places *p, const struct wanted *w,
		     struct companion *c)
{
	const char *root = text(p->sysroot), *base = strrchr(w->name, '/');

	base = base ? base + 1 : w->name;
	if (p->debug_dir &&
	    (try_id(c, w, "", p->debug_dir) ||
	     fits(c, w, TRY(c, "%s/%s", p->debug_dir, base)) ||
	     fits(c, w, TRY(c, "%s/.dwz/%s", p->debug_dir, base))))
		return;
	(void)(try_name(c, w, p->debug ? "" : root,
			text(p->debug ? p->debug : p->module)) ||
	       try_name(c, w, root, text(p->module)) ||
	       try_id(c, w, root, "/usr/lib/debug") ||
	       fits(c, w, TRY(c, "%s/usr/lib/debug/.dwz/%s", root, base)));
}

bool companion_alt(struct elf_file *elf, const struct dwarf_places *places,
		   struct companion *ret)
{
	size_t link = elf_file_find(elf, ".gnu_debugaltlink");
	struct err ignored = {0};
	struct wanted wanted;
	struct bytes b;

	ret->elf = NULL;
	memset(&wanted, 0, sizeof(wanted));
	if (!(link && elf_file_data(elf, link, &b, &ignored) &&
	      read_link(b, &wanted)) &&
	    !find_sup(elf, false, &wanted))
		return false;
	find_alt(places, &wanted, ret);
	return true;
}

/* --- split DWARF --- */

void companion_package(const struct dwarf_places *places,
		       struct companion *ret)
{
	const char *root = text(places->sysroot);
	const char *module = text(places->module);
	const char *base = module + folder_length(module);

	ret->elf = NULL;
	(void)((places->debug_dir &&
		TRY(ret, "%s/%s.dwp", places->debug_dir, base)) ||
	       (places->debug && TRY(ret, "%s.dwp", places->debug)) ||
	       TRY(ret, "%s%s.dwp", root, module));
}

void companion_dwo(const struct dwarf_places *places, const char *folder,
		   const char *name, struct companion *ret)
{
	const char *root = text(places->sysroot);
	const char *module = text(places->module);
	const char *base = strrchr(name, '/');

	base = base ? base + 1 : name;
	ret->elf = NULL;
	if (places->debug_dir &&
	    (TRY(ret, "%s/%s", places->debug_dir, name) ||
	     TRY(ret, "%s/%s", places->debug_dir, base)))
		return;
	if (name[0] == '/' ? TRY(ret, "%s%s", root, name)
			   : TRY(ret, "%s%s/%s", root, folder, name))
		return;
	(void)TRY(ret, "%s%.*s%s", root, folder_length(module), module, base);
}
