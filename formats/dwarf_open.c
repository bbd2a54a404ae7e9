/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <stdlib.h>

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
	const struct dwarf_section *sections;	/* [n_sections] */
	size_t n_sections;
	Dwarf_Debug debug;
	access_interface interface;
};

/* Number 0 is none, as in a file. */
static size_t count_sections(const struct dwarf_file *f)
{
	return f->n_sections + 1;
}

static uint64_t size_of(const struct dwarf_file *f, size_t i)
{
	return i > 0 ? f->sections[i - 1].bytes.size : 0;
}

static int section_info(void *self, uint64_t i, access_section *ret)
{
	struct dwarf_file *f = self;
	const struct dwarf_section *s;

	if (i >= count_sections(f))
		return DW_DLV_NO_ENTRY;
	memset(ret, 0, sizeof(*ret));
	s = i > 0 ? &f->sections[i - 1] : NULL;
#ifdef DW_LIBDWARF_VERSION
	ret->as_name = s ? s->name : "";
	ret->as_type = s ? SHT_PROGBITS : SHT_NULL;
	ret->as_addr = s ? s->addr : 0;
	ret->as_size = s ? s->bytes.size : 0;
#else
	ret->name = s ? s->name : "";
	ret->type = s ? SHT_PROGBITS : SHT_NULL;
	ret->addr = s ? s->addr : 0;
	ret->size = s ? s->bytes.size : 0;
#endif
	return DW_DLV_OK;
}

static int load_section(void *self, uint64_t i, Dwarf_Small **ret)
{
	const struct dwarf_file *f = self;

	if (i >= count_sections(f) || size_of(f, i) == 0)
		return DW_DLV_NO_ENTRY;
	/* libdwarf reads only; its interface is older than const. */
	memcpy(ret, &f->sections[i - 1].bytes.start, sizeof(*ret));
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

	for (size_t i = 0; i < count_sections(f); i++)
		sum += size_of(f, i);
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
	result = dwarf_object_init_b(&f->interface, NULL, NULL,
				     DW_GROUPNUMBER_ANY, &f->debug, &error);
	if (result == DW_DLV_OK) {
		*ret = f;
		return true;
	}
	if (result == DW_DLV_ERROR)
		dwarf_failed(NULL, error, "DWARF", err);
	free(f);
	return result == DW_DLV_NO_ENTRY;
}

bool dwarf_sections_open(const struct dwarf_section *at, size_t n,
			 struct dwarf_file **ret, struct err *err)
{
	struct dwarf_file *f = malloc(sizeof(*f));

	*ret = NULL;
	if (!f)
		return err_nomem(err, "DWARF");
	*f = (struct dwarf_file){ .sections = at, .n_sections = n };
	return init(f, ret, err);
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
	free(file);
}

Dwarf_Debug dwarf_file_debug(const struct dwarf_file *file)
{
	return file->debug;
}
