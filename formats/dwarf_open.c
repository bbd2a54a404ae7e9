/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <stdlib.h>

#include "base/arena.h"
#include "formats/dwarf.h"

#ifdef DW_LIBDWARF_VERSION	/* 0.2 and later */
typedef Dwarf_Obj_Access_Interface_a access_interface;
typedef Dwarf_Obj_Access_Methods_a access_methods;
typedef Dwarf_Obj_Access_Section_a access_section;
typedef Dwarf_Small byte_order;
#define LITTLE_ENDIAN_OBJECT DW_END_little
#else
typedef Dwarf_Obj_Access_Interface access_interface;
typedef Dwarf_Obj_Access_Methods access_methods;
typedef Dwarf_Obj_Access_Section access_section;
typedef Dwarf_Endianness byte_order;
#define LITTLE_ENDIAN_OBJECT DW_OBJECT_LSB
#endif

struct dwarf_file {
	struct elf_file *elf;	/* or NULL: then */
	const struct dwarf_section *sections;	/* [n_sections] */
	size_t n_sections;
	Dwarf_Debug debug;
	access_interface interface;
	struct arena arena;	/* names of sections */
	struct err unreadable;	/* why a section could not be decompressed */
};

static bool is_debug(const struct elf_section *s)
{
	return strncmp(s->name, ".debug_", 7) == 0 ||
	       strncmp(s->name, ".zdebug_", 8) == 0 ||
	       strcmp(s->name, ".eh_frame") == 0;
}

/*
 * libdwarf wants the size before it asks for the bytes; that of a compressed
 * section is known when it is decompressed.
 */
static uint64_t plain_size(struct dwarf_file *f, size_t i,
			   const struct elf_section *s)
{
	struct bytes b;

	if (s->type == SHT_NOBITS || !is_debug(s))
		return 0;
	if (!(s->flags & SHF_COMPRESSED) && s->name[1] != 'z')
		return s->size;
	return elf_file_data(f->elf, i, &b, &f->unreadable) ? b.size : 0;
}

/* Number 0 is none, as in a file. */
static size_t count_sections(const struct dwarf_file *f)
{
	return f->elf ? elf_file_n_sections(f->elf) : f->n_sections + 1;
}

static struct elf_section section_at(const struct dwarf_file *f, size_t i)
{
	struct elf_section s = { .name = "", .type = SHT_NULL };

	if (f->elf)
		return *elf_file_section(f->elf, i);
	if (i == 0)
		return s;
	s.name = f->sections[i - 1].name;
	s.type = SHT_PROGBITS;
	s.addr = f->sections[i - 1].addr;
	s.size = f->sections[i - 1].bytes.size;
	return s;
}

static bool section_bytes(const struct dwarf_file *f, size_t i,
			  struct bytes *ret)
{
	struct err ignored = {0};

	if (f->elf)
		return elf_file_data(f->elf, i, ret, &ignored);
	*ret = i > 0 ? f->sections[i - 1].bytes : bytes_of(NULL, 0);
	return true;
}

static int section_info(void *self, uint64_t i, access_section *ret)
{
	struct dwarf_file *f = self;
	struct elf_section section, *s = &section;
	const char *name;

	if (i >= count_sections(f))
		return DW_DLV_NO_ENTRY;
	section = section_at(f, i);
	name = s->name;
	/* Decompressed by now, so it may bear the plain name. */
	if (strncmp(name, ".zdebug", 7) == 0)
		name = arena_printf(&f->arena, ".%s", name + 2);
	memset(ret, 0, sizeof(*ret));
#ifdef DW_LIBDWARF_VERSION
	ret->as_name = name ? name : "";
	ret->as_type = s->type;
	ret->as_addr = s->addr;
	ret->as_size = plain_size(f, i, s);
	ret->as_link = s->link;
	ret->as_info = s->info;
	ret->as_entrysize = s->entsize;
#else
	ret->name = name ? name : "";
	ret->type = s->type;
	ret->addr = s->addr;
	ret->size = plain_size(f, i, s);
	ret->link = s->link;
	ret->info = s->info;
	ret->entrysize = s->entsize;
#endif
	return DW_DLV_OK;
}

static int load_section(void *self, uint64_t i, Dwarf_Small **ret)
{
	struct dwarf_file *f = self;
	struct bytes b;

	if (i >= count_sections(f) || !section_bytes(f, i, &b) || b.size == 0)
		return DW_DLV_NO_ENTRY;
	/* libdwarf reads only; its interface is older than const. */
	memcpy(ret, &b.start, sizeof(*ret));
	return DW_DLV_OK;
}

/* The type of a section's index grew in the course of libdwarf's releases. */
static int info_half(void *self, Dwarf_Half i, access_section *ret, int *error)
{
	(void)error;
	return section_info(self, i, ret);
}

static int load_half(void *self, Dwarf_Half i, Dwarf_Small **ret, int *error)
{
	(void)error;
	return load_section(self, i, ret);
}

static byte_order get_byte_order(void *self)
{
	(void)self;
	return LITTLE_ENDIAN_OBJECT;
}

/* Offsets in ELF64, and pointers in the process. */
static Dwarf_Small get_word_size(void *self)
{
	(void)self;
	return 8;
}

static Dwarf_Unsigned get_section_count(void *self)
{
	return count_sections(self);
}

#ifdef DW_LIBDWARF_VERSION
static int info_wide(void *self, Dwarf_Unsigned i, access_section *ret,
		     int *error)
{
	(void)error;
	return section_info(self, i, ret);
}

static int load_wide(void *self, Dwarf_Unsigned i, Dwarf_Small **ret,
		     int *error)
{
	(void)error;
	return load_section(self, i, ret);
}

static Dwarf_Unsigned get_file_size(void *self)
{
	struct dwarf_file *f = self;
	Dwarf_Unsigned sum = 0;

	for (size_t i = 0; i < count_sections(f); i++) {
		struct elf_section s = section_at(f, i);

		sum += plain_size(f, i, &s);
	}
	return sum;
}

static const access_methods methods = {
	.om_get_section_info = _Generic(
		((access_methods *)0)->om_get_section_info,
		int (*)(void *, Dwarf_Half, access_section *, int *): info_half,
		default: info_wide),
	.om_get_byte_order = get_byte_order,
	.om_get_length_size = get_word_size,
	.om_get_pointer_size = get_word_size,
	.om_get_filesize = get_file_size,
	.om_get_section_count = get_section_count,
	.om_load_section = _Generic(
		((access_methods *)0)->om_load_section,
		int (*)(void *, Dwarf_Half, Dwarf_Small **, int *): load_half,
		default: load_wide),
};
#else
static const access_methods methods = {
	.get_section_info = info_half,
	.get_byte_order = get_byte_order,
	.get_length_size = get_word_size,
	.get_pointer_size = get_word_size,
	.get_section_count = get_section_count,
	.load_section = load_half,
};
#endif

bool dwarf_failed(Dwarf_Debug debug, Dwarf_Error error, const char *what,
		  struct err *err)
{
	if (!error)
		return err_set(err, ERR_FORMAT, "%s: damaged DWARF", what);
	err_set(err, ERR_FORMAT, "%s: %s", what, dwarf_errmsg(error));
	dwarf_dealloc_error(debug, error);
	return false;
}

/* @f is taken: it goes to @ret, or is released. */
static bool init(struct dwarf_file *f, struct dwarf_file **ret,
		 struct err *err)
{
	Dwarf_Error error = NULL;
	int result;

#ifdef DW_LIBDWARF_VERSION
	f->interface.ai_object = f;
	f->interface.ai_methods = &methods;
#else
	f->interface.object = f;
	f->interface.methods = &methods;
#endif
	/*
	 * We give back what we take; the library's own ledger costs a fifth.
	 * Of a few sections little is taken, under names that changed.
	 */
	(void)dwarf_set_de_alloc_flag(f->elf == NULL);
	result = dwarf_object_init_b(&f->interface, NULL, NULL,
				     DW_GROUPNUMBER_ANY, &f->debug, &error);
	if (result == DW_DLV_OK && !f->unreadable.code) {
		*ret = f;
		return true;
	}
	if (f->unreadable.code)
		err_set(err, f->unreadable.code, "%s", f->unreadable.message);
	else if (result == DW_DLV_ERROR)
		dwarf_failed(NULL, error, "DWARF", err);
	if (result == DW_DLV_OK) {
		dwarf_file_close(f);
		return false;
	}
	arena_free(&f->arena);
	free(f);
	return result == DW_DLV_NO_ENTRY && !err->code;
}

static bool open_new(const struct dwarf_file *from, struct dwarf_file **ret,
		     struct err *err)
{
	struct dwarf_file *f = malloc(sizeof(*f));

	*ret = NULL;
	if (!f)
		return err_nomem(err, "DWARF");
	*f = *from;
	return init(f, ret, err);
}

bool dwarf_file_open(struct elf_file *elf, struct dwarf_file **ret,
		     struct err *err)
{
	struct dwarf_file f = { .elf = elf };

	return open_new(&f, ret, err);
}

bool dwarf_sections_open(const struct dwarf_section *at, size_t n,
			 struct dwarf_file **ret, struct err *err)
{
	struct dwarf_file f = { .sections = at, .n_sections = n };

	return open_new(&f, ret, err);
}

void dwarf_file_close(struct dwarf_file *file)
{
	if (!file)
		return;
#ifdef DW_LIBDWARF_VERSION
	(void)dwarf_object_finish(file->debug);
#else
	{
		Dwarf_Error error = NULL;

		(void)dwarf_object_finish(file->debug, &error);
	}
#endif
	(void)dwarf_set_de_alloc_flag(0);
	arena_free(&file->arena);
	free(file);
}

Dwarf_Debug dwarf_file_debug(const struct dwarf_file *file)
{
	return file->debug;
}
