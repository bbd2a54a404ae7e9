/* SPDX-License-Identifier: MIT */
#include <elf.h>

#include "formats/core_notes_write.h"
#include "formats/seekable_write.h"
#include "formats/snapshot.h"
#include "formats/snapshot_frames.h"
#include "formats/snapshot_writer.h"
#include "formats/types_io.h"

enum { SECTION_ALIGN = 8 };

/* The sections in file order. Section 0 is the empty one that ELF demands. */
enum section_id {
	ID_NULL, ID_META, ID_MAPS, ID_MODULES, ID_SYMBOLS, ID_TYPES, ID_VARS,
	ID_SLOTS, ID_FRAMES, ID_REDACTED, ID_NAMES, N_SECTIONS,
};

static const char *const section_names[N_SECTIONS] = {
	"", SECTION_META, SECTION_MAPS, SECTION_MODULES, SECTION_SYMBOLS,
	SECTION_TYPES, SECTION_VARS, SECTION_SLOTS, SECTION_FRAMES,
	SECTION_REDACTED, ".shstrtab",
};

struct snapshot_writer {
	struct seekable_writer *out;
	uint64_t n_segments;	/* PT_NOTE included */
	uint64_t memory_start, memory_end;	/* in the plain file */
};

/* A captured range, and the zeros behind it that share its segment. */
struct segment {
	uint64_t start, file_size, mem_size, offset;
	uint32_t flags;
};

static uint64_t round_up(uint64_t n, uint64_t align)
{
	return (n + align - 1) / align * align;
}

static bool has_bytes(const struct range *range)
{
	return range->presence == PRESENCE_CAPTURED ||
	       range->presence == PRESENCE_TORN;
}

static uint32_t flags_at(const struct image *image, uint64_t addr)
{
	const struct mapping *m = image_mapping(image, addr);
	uint32_t perms = m ? m->perms : PERM_READ;

	return (perms & PERM_READ ? PF_R : 0u) |
	       (perms & PERM_WRITE ? PF_W : 0u) |
	       (perms & PERM_EXEC ? PF_X : 0u);
}

/* The next segment from range *@i on; false when there is none. */
static bool next_segment(const struct image *image, size_t *i,
			 struct segment *ret)
{
	const struct range *ranges = image->ranges.at;
	size_t n = image->ranges.len;

	while (*i < n && ranges[*i].presence == PRESENCE_ABSENT)
		++*i;
	if (*i >= n)
		return false;
	*ret = (struct segment){
		.start = ranges[*i].start,
		.offset = ranges[*i].offset,
		.mem_size = ranges[*i].end - ranges[*i].start,
		.flags = flags_at(image, ranges[*i].start),
	};
	if (has_bytes(&ranges[*i])) {
		ret->file_size = ret->mem_size;
		if (*i + 1 < n && ranges[*i + 1].presence == PRESENCE_ZERO &&
		    ranges[*i + 1].start == ranges[*i].end) {
			++*i;
			ret->mem_size = ranges[*i].end - ret->start;
		}
	}
	++*i;
	return true;
}

static uint64_t count_segments(const struct image *image)
{
	struct segment segment;
	uint64_t n = 1;		/* PT_NOTE */

	for (size_t i = 0; next_segment(image, &i, &segment);)
		n++;
	return n;
}

/* Give each captured range its place; returns where the memory ends. */
static uint64_t place_ranges(struct image *image, uint64_t offset)
{
	for (size_t i = 0; i < image->ranges.len; i++) {
		struct range *range = &image->ranges.at[i];

		if (!has_bytes(range))
			continue;
		range->offset = offset;
		offset += range->end - range->start;
	}
	return offset;
}

static void put_elf_header(const struct snapshot_writer *w, struct blob *blob)
{
	Elf64_Ehdr header = {
		.e_ident = {
			ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			ELFDATA2LSB, EV_CURRENT, ELFOSABI_NONE,
		},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_shoff = round_up(w->memory_end, SECTION_ALIGN),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = w->n_segments < PN_XNUM ?
			   (Elf64_Half)w->n_segments : PN_XNUM,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = N_SECTIONS,
		.e_shstrndx = ID_NAMES,
	};

	blob_bytes(blob, &header, sizeof(header));
}

static void put_segments(const struct image *image, uint64_t note_offset,
			 uint64_t note_size, struct blob *blob)
{
	Elf64_Phdr note = {
		.p_type = PT_NOTE, .p_flags = PF_R, .p_offset = note_offset,
		.p_filesz = note_size, .p_align = 4,
	};
	struct segment s;

	blob_bytes(blob, &note, sizeof(note));
	for (size_t i = 0; next_segment(image, &i, &s);) {
		Elf64_Phdr load = {
			.p_type = PT_LOAD, .p_flags = s.flags,
			.p_offset = s.file_size > 0 ? s.offset : 0,
			.p_vaddr = s.start, .p_filesz = s.file_size,
			.p_memsz = s.mem_size, .p_align = PAGE_SIZE_X86,
		};

		blob_bytes(blob, &load, sizeof(load));
	}
}

static bool put_padding(struct snapshot_writer *w, uint64_t to,
			struct err *err)
{
	static const uint8_t zeros[PAGE_SIZE_X86];
	uint64_t n = to - seekable_written(w->out);

	return seekable_write(w->out, zeros, (size_t)n, err);
}

/* Everything before the memory. */
static bool write_head(struct snapshot_writer *w, struct image *image,
		       struct err *err)
{
	struct blob notes = {0}, head = {0};
	uint64_t note_offset;
	bool ok = false;

	w->n_segments = count_segments(image);
	if (w->n_segments > UINT32_MAX)
		return err_set(err, ERR_LIMIT, "too many memory ranges");
	note_offset = sizeof(Elf64_Ehdr) + w->n_segments * sizeof(Elf64_Phdr);
	if (!core_notes_write(image, w->n_segments, &notes, err))
		goto out;
	/* Pages then start at pages, and never straddle two frames. */
	w->memory_start = round_up(note_offset + notes.bytes.len,
				   PAGE_SIZE_X86);
	w->memory_end = place_ranges(image, w->memory_start);
	put_elf_header(w, &head);
	put_segments(image, note_offset, notes.bytes.len, &head);
	if (head.failed) {
		err_nomem(err, "the program headers");
		goto out;
	}
	ok = seekable_write(w->out, head.bytes.at, head.bytes.len, err) &&
	     seekable_write(w->out, notes.bytes.at, notes.bytes.len, err) &&
	     put_padding(w, w->memory_start, err);
out:
	blob_free(&head);
	blob_free(&notes);
	return ok;
}

bool snapshot_begin(const struct snapshot_target *target, struct image *image,
		    struct snapshot_writer **ret, struct err *err)
{
	struct snapshot_writer *w = calloc(1, sizeof(*w));

	*ret = NULL;
	if (!w)
		return err_nomem(err, "the snapshot");
	if (!seekable_create(target->path, target->force, target->level,
			     &w->out, err) ||
	    !write_head(w, image, err)) {
		snapshot_abort(w);
		return false;
	}
	*ret = w;
	return true;
}

void snapshot_writer_shape(Elf64_Ehdr *header)
{
	header->e_shnum = N_SECTIONS;
	header->e_shstrndx = ID_NAMES;
}

struct snapshot_writer *snapshot_writer_behind(struct seekable_writer *out,
					       uint64_t n_segments)
{
	struct snapshot_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->out = out;
	w->n_segments = n_segments;
	w->memory_end = seekable_written(out);
	return w;
}

bool snapshot_memory(struct snapshot_writer *w, const void *bytes, size_t n,
		     struct err *err)
{
	if (n > w->memory_end - seekable_written(w->out))
		return err_set(err, ERR_LIMIT,
			       "more memory than the ranges announced");
	return seekable_write(w->out, bytes, n, err);
}

/* Where the parts of the image that are streamed go. */
struct sink {
	struct snapshot_writer *writer;	/* NULL: only count */
	uint64_t n;
};

static bool sink_put(void *ctx, const void *bytes, size_t n, struct err *err)
{
	struct sink *sink = ctx;

	sink->n += n;
	return !sink->writer ||
	       seekable_write(sink->writer->out, bytes, n, err);
}

/* Types and variables are too large for a copy: counted, then written. */
static bool stream_section(enum section_id id, const struct image *image,
			   struct sink *sink, struct err *err)
{
	struct types_sink to = { .put = sink_put, .ctx = sink };

	if (id == ID_TYPES)
		return types_write(&image->types, &to, err);
	return id == ID_SLOTS ? slots_write(&image->slots, &to, err) :
	       vars_write(image->vars.at, image->vars.len, &to, err);
}

struct sections {
	struct blob blobs[N_SECTIONS];	/* empty for those that are streamed */
	uint64_t sizes[N_SECTIONS];
};

static bool build_sections(const struct image *image, struct sections *s,
			   struct err *err)
{
	bool failed = false;

	meta_write(image, &s->blobs[ID_META]);
	maps_write(image, true, &s->blobs[ID_MAPS]);
	modules_write(image, &s->blobs[ID_MODULES]);
	redacted_write(image, &s->blobs[ID_REDACTED]);
	frames_write(&(struct frames_part){
		.frames = image->frames.at, .n_frames = image->frames.len,
		.locals = image->locals.at, .n_locals = image->locals.len,
	}, &s->blobs[ID_FRAMES]);
	if (!symbols_write(image, &s->blobs[ID_SYMBOLS], err))
		return false;
	for (int i = 0; i < N_SECTIONS; i++)
		blob_bytes(&s->blobs[ID_NAMES], section_names[i],
			   strlen(section_names[i]) + 1);
	for (int i = 0; i < N_SECTIONS; i++) {
		failed |= s->blobs[i].failed;
		s->sizes[i] = s->blobs[i].bytes.len;
	}
	if (failed)
		return err_nomem(err, "the sections");
	for (int i = ID_TYPES; i <= ID_SLOTS; i++) {
		struct sink count = {0};

		if (!stream_section((enum section_id)i, image, &count, err))
			return false;
		s->sizes[i] = count.n;
	}
	return true;
}

static bool write_section_headers(struct snapshot_writer *w,
				  const struct sections *s, struct err *err)
{
	Elf64_Shdr headers[N_SECTIONS] = {{0}};
	uint64_t offset = seekable_written(w->out) + sizeof(headers);
	uint32_t name = 1;

	if (w->n_segments >= PN_XNUM)
		headers[ID_NULL].sh_info = (Elf64_Word)w->n_segments;
	for (int i = 1; i < N_SECTIONS; i++) {
		headers[i].sh_name = name;
		headers[i].sh_type = i == ID_NAMES ? SHT_STRTAB : SHT_PROGBITS;
		headers[i].sh_offset = offset;
		headers[i].sh_size = s->sizes[i];
		headers[i].sh_addralign = SECTION_ALIGN;
		name += (uint32_t)strlen(section_names[i]) + 1;
		offset = round_up(offset + s->sizes[i], SECTION_ALIGN);
	}
	return seekable_write(w->out, headers, sizeof(headers), err);
}

static bool write_section(struct snapshot_writer *w, const struct image *image,
			  struct sections *s, enum section_id id,
			  struct err *err)
{
	struct sink sink = { .writer = w };

	if (!put_padding(w, round_up(seekable_written(w->out), SECTION_ALIGN),
			 err))
		return false;
	if (id >= ID_TYPES && id <= ID_SLOTS)
		return stream_section(id, image, &sink, err);
	return seekable_write(w->out, s->blobs[id].bytes.at,
			      s->blobs[id].bytes.len, err);
}

static bool write_tail(struct snapshot_writer *w, const struct image *image,
		       struct err *err)
{
	struct sections s = {0};
	bool ok;

	if (seekable_written(w->out) != w->memory_end)
		return err_set(err, ERR_LIMIT,
			       "less memory than the ranges announced");
	ok = put_padding(w, round_up(w->memory_end, SECTION_ALIGN), err) &&
	     build_sections(image, &s, err) &&
	     write_section_headers(w, &s, err);
	for (int i = 1; ok && i < N_SECTIONS; i++)
		ok = write_section(w, image, &s, (enum section_id)i, err);
	for (int i = 0; i < N_SECTIONS; i++)
		blob_free(&s.blobs[i]);
	return ok;
}

bool snapshot_finish(struct snapshot_writer *w, struct image *image,
		     struct err *err)
{
	bool ok = write_tail(w, image, err);

	if (ok) {
		ok = seekable_finish(w->out, err);
		w->out = NULL;
	}
	snapshot_abort(w);
	return ok;
}

void snapshot_abort(struct snapshot_writer *w)
{
	if (!w)
		return;
	seekable_abort(w->out);
	free(w);
}
