/* SPDX-License-Identifier: MIT */
#include "formats/elf_file.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/vec.h"
#include "formats/unpack.h"

#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2
#endif

/*
 * zlib cannot do better than 1032:1 (RFC 1951), zstd than a block of 128 KiB
 * from four bytes (RFC 8878, 3.1.1.2); more is an attack.
 */
enum { MAX_RATIO = 1040, MAX_RATIO_ZSTD = 1 << 15, NOTE_HEADER = 12 };

/* What libelf cannot decompress. */
struct plain_section {
	size_t section;		/* index */
	uint8_t *bytes;		/* [size], owned */
	size_t size;
};

struct elf_file {
	int fd;
	Elf *elf;
	GElf_Ehdr header;
	VEC(struct elf_section) sections;
	VEC(struct elf_segment) segments;
	VEC(struct plain_section) plain;
	uint8_t build_id[BUILD_ID_MAX];
	size_t build_id_size;
};

static bool elf_error(struct err *err, const char *what)
{
	return err_set(err, ERR_FORMAT, "%s: %s", what, elf_errmsg(-1));
}

static bool check_header(struct elf_file *f, struct err *err)
{
	if (elf_kind(f->elf) != ELF_K_ELF)
		return err_set(err, ERR_FORMAT, "not an ELF file");
	if (!gelf_getehdr(f->elf, &f->header))
		return elf_error(err, "ELF header");
	if (f->header.e_ident[EI_CLASS] != ELFCLASS64 ||
	    f->header.e_ident[EI_DATA] != ELFDATA2LSB)
		return err_set(err, ERR_UNSUPPORTED,
			       "not a 64-bit little-endian ELF file");
	return true;
}

static bool read_sections(struct elf_file *f, struct err *err)
{
	size_t n, strings;

	if (elf_getshdrnum(f->elf, &n) != 0)
		return elf_error(err, "section headers");
	if (elf_getshdrstrndx(f->elf, &strings) != 0)
		strings = 0;
	for (size_t i = 0; i < n; i++) {
		Elf_Scn *scn = elf_getscn(f->elf, i);
		struct elf_section s = { .name = "" };
		const char *name;
		GElf_Shdr h;

		if (scn && gelf_getshdr(scn, &h)) {
			name = strings ? elf_strptr(f->elf, strings, h.sh_name)
				       : NULL;
			s = (struct elf_section){
				.name = name ? name : "", .type = h.sh_type,
				.link = h.sh_link, .info = h.sh_info,
				.flags = h.sh_flags, .addr = h.sh_addr,
				.size = h.sh_size, .entsize = h.sh_entsize,
			};
		}
		if (!vec_push(&f->sections, s))
			return err_nomem(err, "sections");
	}
	return true;
}

static bool read_segments(struct elf_file *f, struct err *err)
{
	size_t n;

	if (elf_getphdrnum(f->elf, &n) != 0)
		return elf_error(err, "program headers");
	for (int i = 0; (size_t)i < n; i++) {
		struct elf_segment s;
		GElf_Phdr h;

		if (!gelf_getphdr(f->elf, i, &h))
			break;
		s = (struct elf_segment){
			.type = h.p_type, .flags = h.p_flags,
			.offset = h.p_offset, .vaddr = h.p_vaddr,
			.filesz = h.p_filesz, .memsz = h.p_memsz,
			.align = h.p_align,
		};
		if (!vec_push(&f->segments, s))
			return err_nomem(err, "segments");
	}
	return true;
}

/* Notes as in the gABI; GNU pads name and descriptor to four bytes. */
size_t elf_note_build_id(struct bytes notes, uint8_t ret[BUILD_ID_MAX])
{
	while (bytes_left(&notes) >= NOTE_HEADER) {
		uint32_t name_size = bytes_u32(&notes);
		uint32_t size = bytes_u32(&notes), type = bytes_u32(&notes);
		const uint8_t *name = bytes_take(&notes, name_size), *id;

		bytes_align(&notes, 4);
		id = bytes_take(&notes, size);
		bytes_align(&notes, 4);
		if (name && id && type == NT_GNU_BUILD_ID && name_size == 4 &&
		    memcmp(name, "GNU", 4) == 0 && size > 0 &&
		    size <= BUILD_ID_MAX) {
			memcpy(ret, id, size);
			return size;
		}
	}
	return 0;
}

static void read_build_id(struct elf_file *f)
{
	for (size_t i = 1; i < f->sections.len && !f->build_id_size; i++) {
		struct err ignored = {0};
		struct bytes notes;

		if (f->sections.at[i].type == SHT_NOTE &&
		    elf_file_data(f, i, &notes, &ignored))
			f->build_id_size =
				elf_note_build_id(notes, f->build_id);
	}
	/* A file whose section headers were stripped still has its notes. */
	for (size_t i = 0; i < f->segments.len && !f->build_id_size; i++) {
		const struct elf_segment *s = &f->segments.at[i];
		Elf_Data *data;

		if (s->type != PT_NOTE)
			continue;
		data = elf_getdata_rawchunk(f->elf, (int64_t)s->offset,
					    s->filesz, ELF_T_BYTE);
		if (data && data->d_buf)
			f->build_id_size = elf_note_build_id(
				bytes_of(data->d_buf, data->d_size),
				f->build_id);
	}
}

bool elf_file_open(int fd, struct elf_file **ret, struct err *err)
{
	struct elf_file *f = calloc(1, sizeof(*f));

	*ret = NULL;
	if (!f)
		return err_nomem(err, "ELF file");
	(void)elf_version(EV_CURRENT);
	f->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (f->fd < 0) {
		err_errno(err, "ELF file");
		goto fail;
	}
	f->elf = elf_begin(f->fd, ELF_C_READ, NULL);
	if (!f->elf) {
		elf_error(err, "ELF file");
		goto fail;
	}
	if (!check_header(f, err) || !read_sections(f, err) ||
	    !read_segments(f, err))
		goto fail;
	read_build_id(f);
	*ret = f;
	return true;
fail:
	elf_file_close(f);
	return false;
}

void elf_file_close(struct elf_file *file)
{
	if (!file)
		return;
	elf_end(file->elf);
	if (file->fd >= 0)
		close(file->fd);
	vec_free(&file->sections);
	vec_free(&file->segments);
	for (size_t i = 0; i < file->plain.len; i++)
		free(file->plain.at[i].bytes);
	vec_free(&file->plain);
	free(file);
}

int elf_file_dup(const struct elf_file *file)
{
	return fcntl(file->fd, F_DUPFD_CLOEXEC, 3);
}

uint16_t elf_file_machine(const struct elf_file *file)
{
	return file->header.e_machine;
}

uint16_t elf_file_type(const struct elf_file *file)
{
	return file->header.e_type;
}

bool elf_file_stat(const struct elf_file *file, uint64_t *size,
		   uint64_t *changed)
{
	struct stat st;

	if (fstat(file->fd, &st) != 0)
		return false;
	*size = (uint64_t)st.st_size;
	*changed = (uint64_t)st.st_mtim.tv_sec * UINT64_C(1000000000) +
		   (uint64_t)st.st_mtim.tv_nsec;
	return true;
}

size_t elf_file_n_sections(const struct elf_file *file)
{
	return file->sections.len;
}

const struct elf_section *elf_file_section(const struct elf_file *file,
					   size_t i)
{
	return &file->sections.at[i];
}

size_t elf_file_find(const struct elf_file *file, const char *name)
{
	for (size_t i = 1; i < file->sections.len; i++) {
		if (strcmp(file->sections.at[i].name, name) == 0)
			return i;
	}
	return 0;
}

/* All of @from must become exactly @size bytes. */
static bool unpack(struct bytes from, uint8_t *to, size_t size,
		   struct err *err)
{
	void *stream = unpack_zstd.open();
	size_t done = 0;
	bool ok = stream || err_nomem(err, "zstd");

	while (ok && done < size) {
		size_t in = bytes_left(&from), out = size - done;

		ok = unpack_zstd.next(stream, from.start + from.pos, &in,
				      to + done, &out, err);
		if (ok && in == 0 && out == 0)
			ok = err_set(err, ERR_FORMAT, "truncated zstd stream");
		done += out;
		(void)bytes_take(&from, in);
	}
	if (stream)
		unpack_zstd.close(stream);
	return ok;
}

static bool decompress_zstd(struct elf_file *file, size_t i, Elf_Scn *scn,
			    uint64_t size, struct err *err)
{
	const struct elf_section *s = &file->sections.at[i];
	struct plain_section plain = { .section = i, .size = (size_t)size };
	Elf_Data *data = elf_rawdata(scn, NULL);
	struct bytes b = bytes_of(data ? data->d_buf : NULL,
				  data && data->d_buf ? data->d_size : 0);

	(void)bytes_take(&b, sizeof(Elf64_Chdr));
	if (b.broken || size / MAX_RATIO_ZSTD > s->size)
		return err_set(err, ERR_LIMIT, "%s: %llu bytes cannot come "
			       "from %llu", s->name, (unsigned long long)size,
			       (unsigned long long)s->size);
	plain.bytes = malloc(plain.size + 1);
	if (!plain.bytes)
		return err_nomem(err, s->name);
	if (unpack(b, plain.bytes, plain.size, err) &&
	    (vec_push(&file->plain, plain) || err_nomem(err, s->name)))
		return true;
	free(plain.bytes);
	return err_wrap(err, "%s", s->name);
}

static const struct plain_section *find_plain(const struct elf_file *file,
					      size_t i)
{
	for (size_t k = 0; k < file->plain.len; k++) {
		if (file->plain.at[k].section == i)
			return &file->plain.at[k];
	}
	return NULL;
}

static bool decompress(struct elf_file *file, size_t i, Elf_Scn *scn,
		       struct err *err)
{
	const struct elf_section *s = &file->sections.at[i];
	GElf_Chdr h;

	if (!gelf_getchdr(scn, &h))
		return elf_error(err, s->name);
	if (h.ch_type == ELFCOMPRESS_ZSTD)
		return decompress_zstd(file, i, scn, h.ch_size, err);
	if (h.ch_size / MAX_RATIO > s->size)
		return err_set(err, ERR_LIMIT, "%s: %llu bytes cannot come "
			       "from %llu", s->name,
			       (unsigned long long)h.ch_size,
			       (unsigned long long)s->size);
	return elf_compress(scn, 0, 0) >= 0 || elf_error(err, s->name);
}

/* "ZLIB" and the size in eight bytes, big-endian: what GNU tools wrote once. */
static bool decompress_gnu(Elf_Scn *scn, const struct elf_section *s,
			   struct err *err)
{
	Elf_Data *data = elf_rawdata(scn, NULL);
	struct bytes b = bytes_of(data ? data->d_buf : NULL,
				  data && data->d_buf ? data->d_size : 0);
	const uint8_t *magic = bytes_take(&b, 4);
	uint64_t size = __builtin_bswap64(bytes_u64(&b));

	if (!magic || b.broken || memcmp(magic, "ZLIB", 4) != 0)
		return true;
	if (size / MAX_RATIO > s->size)
		return err_set(err, ERR_LIMIT, "%s: %llu bytes cannot come "
			       "from %llu", s->name, (unsigned long long)size,
			       (unsigned long long)s->size);
	return elf_compress_gnu(scn, 0, 0) >= 0 || elf_error(err, s->name);
}

bool elf_file_data(struct elf_file *file, size_t i, struct bytes *ret,
		   struct err *err)
{
	struct elf_section *s = &file->sections.at[i];
	Elf_Scn *scn = elf_getscn(file->elf, i);
	const struct plain_section *plain;
	Elf_Data *data;

	*ret = bytes_of(NULL, 0);
	if (!scn || s->type == SHT_NOBITS || s->type == SHT_NULL ||
	    s->size == 0)
		return true;
	if (s->flags & SHF_COMPRESSED) {
		if (!decompress(file, i, scn, err))
			return false;
		s->flags &= ~(uint64_t)SHF_COMPRESSED;
	} else if (strncmp(s->name, ".zdebug", 7) == 0) {
		if (!decompress_gnu(scn, s, err))
			return false;
	}
	plain = find_plain(file, i);
	if (plain) {
		*ret = bytes_of(plain->bytes, plain->size);
		s->size = plain->size;
		return true;
	}
	data = elf_rawdata(scn, NULL);
	if (!data)
		return elf_error(err, s->name);
	*ret = bytes_of(data->d_buf, data->d_buf ? data->d_size : 0);
	s->size = ret->size;
	return true;
}

size_t elf_file_n_segments(const struct elf_file *file)
{
	return file->segments.len;
}

const struct elf_segment *elf_file_segment(const struct elf_file *file,
					   size_t i)
{
	return &file->segments.at[i];
}

size_t elf_file_build_id(const struct elf_file *file,
			 uint8_t ret[BUILD_ID_MAX])
{
	memcpy(ret, file->build_id, BUILD_ID_MAX);
	return file->build_id_size;
}

/* A name, padding to four bytes, and the CRC at the end of the section. */
const char *elf_file_debuglink(struct elf_file *file, uint32_t *crc)
{
	size_t i = elf_file_find(file, ".gnu_debuglink");
	struct err ignored = {0};
	struct bytes b;
	const char *name;

	if (i == 0 || !elf_file_data(file, i, &b, &ignored) || b.size < 8)
		return NULL;
	name = (const char *)bytes_take(&b, b.size - 4);
	*crc = bytes_u32(&b);
	return memchr(name, '\0', b.size - 4) && *name ? name : NULL;
}

static bool take_symbol(const struct elf_file *f, const GElf_Sym *sym,
			size_t strings, uint32_t section,
			struct elf_symbol *ret)
{
	const char *name = elf_strptr(f->elf, strings, sym->st_name);
	uint8_t type = GELF_ST_TYPE(sym->st_info);

	if (!name || section == SHN_UNDEF || section >= f->sections.len ||
	    type == STT_SECTION || type == STT_FILE)
		return false;
	*ret = (struct elf_symbol){
		.name = name, .value = sym->st_value, .size = sym->st_size,
		.type = type, .bind = GELF_ST_BIND(sym->st_info),
		.section = section,
	};
	return true;
}

size_t elf_file_symbols(struct elf_file *file, bool dynamic,
			void (*visit)(void *ctx, const struct elf_symbol *s),
			void *ctx)
{
	uint32_t want = dynamic ? SHT_DYNSYM : SHT_SYMTAB;
	size_t found = 0;

	for (size_t i = 1; i < file->sections.len; i++) {
		const struct elf_section *s = &file->sections.at[i];
		Elf_Data *data;
		GElf_Sym sym;

		if (s->type != want || s->link >= file->sections.len)
			continue;
		data = elf_getdata(elf_getscn(file->elf, i), NULL);
		for (int k = 0; data && gelf_getsym(data, k, &sym); k++) {
			struct elf_symbol symbol;

			if (take_symbol(file, &sym, s->link, sym.st_shndx,
					&symbol)) {
				visit(ctx, &symbol);
				found++;
			}
		}
		break;
	}
	return found;
}
