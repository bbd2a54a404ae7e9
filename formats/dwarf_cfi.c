/* SPDX-License-Identifier: MIT */
/* The entries of a section: which FDE is for which addresses. */
#include "formats/dwarf_cfi.h"

#include <dwarf.h>

#include "base/sorted.h"
#include "formats/dwarf_cfi_entry.h"
#include "formats/leb.h"

enum {
	MAX_AUGMENTATION = 16,
	NEIGHBOURS = 16,	/* entries that may overlap */
};

/* The cursor stands behind the length: its end is that of the entry. */
static bool next_entry(struct bytes *b, struct bytes *entry, bool *is_wide)
{
	uint64_t length = bytes_u32(b);

	*is_wide = length == UINT32_MAX;
	if (*is_wide)
		length = bytes_u64(b);
	if (b->broken || length == 0 || length > bytes_left(b))
		return false;
	*entry = *b;
	entry->size = b->pos + (size_t)length;
	(void)bytes_take(b, length);
	return true;
}

static uint64_t read_id(struct bytes *entry, bool is_wide)
{
	return is_wide ? bytes_u64(entry) : bytes_u32(entry);
}

static bool is_cie(uint64_t id, bool is_wide, bool is_eh)
{
	return is_eh ? id == 0 : id == (is_wide ? UINT64_MAX : UINT32_MAX);
}

/* Where an FDE says its CIE begins; UINT64_MAX when that is nowhere. */
static uint64_t cie_of(const struct cfi *cfi, size_t id_at, uint64_t id)
{
	if (!cfi->is_eh)
		return id;
	return id <= id_at ? id_at - id : UINT64_MAX;
}

static bool read_encoded(struct bytes *b, uint8_t encoding, uint64_t base,
			 uint64_t *ret)
{
	uint64_t at = base + b->pos, value;

	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:  value = bytes_u64(b); break;
	case DW_EH_PE_uleb128: value = leb_u64(b); break;
	case DW_EH_PE_sleb128: value = (uint64_t)leb_i64(b); break;
	case DW_EH_PE_udata2:  value = bytes_u16(b); break;
	case DW_EH_PE_sdata2:  value = (uint64_t)(int16_t)bytes_u16(b); break;
	case DW_EH_PE_udata4:  value = bytes_u32(b); break;
	case DW_EH_PE_sdata4:  value = (uint64_t)(int32_t)bytes_u32(b); break;
	default:               return false;
	}
	if ((encoding & 0x70) == DW_EH_PE_pcrel)
		value += at;
	else if ((encoding & 0x70) != 0)
		return false;
	*ret = value;
	return !b->broken && !(encoding & 0x80);
}

/* Text up to its NUL; NULL when it does not end. */
static const char *read_text(struct bytes *b, size_t most)
{
	size_t left = bytes_left(b), n = left < most ? left : most;
	const uint8_t *end = n ? memchr(b->start + b->pos, '\0', n) : NULL;

	if (!end)
		return NULL;
	return (const char *)bytes_take(
		b, (uint64_t)(end - (b->start + b->pos)) + 1);
}

/* What the letters of the augmentation stand for, as far as we need it. */
static bool read_augmentation(struct bytes *b, const char *letters,
			      struct cfi_cie *ret)
{
	if (*letters == '\0')
		return true;
	if (*letters != 'z')
		return false;
	(void)leb_u64(b);
	for (const char *p = letters + 1; *p; p++) {
		uint64_t ignored;
		uint8_t encoding;

		if (*p == 'R') {
			ret->encoding = bytes_u8(b);
		} else if (*p == 'L') {
			(void)bytes_u8(b);
		} else if (*p == 'P') {
			encoding = bytes_u8(b) & 0x7f;
			if (!read_encoded(b, encoding, 0, &ignored))
				return false;
		} else if (*p == 'S') {
			ret->is_signal = true;
		} else if (*p != 'B') {
			/* The rest cannot be told apart. */
			return false;
		}
	}
	return true;
}

bool cfi_read_cie(const struct cfi *cfi, uint64_t at, struct cfi_cie *ret)
{
	struct bytes b = cfi->section, entry;
	const char *letters;
	uint8_t version;
	bool is_wide;

	*ret = (struct cfi_cie){ .encoding = DW_EH_PE_absptr };
	if (!bytes_take(&b, at) || !next_entry(&b, &entry, &is_wide) ||
	    !is_cie(read_id(&entry, is_wide), is_wide, cfi->is_eh))
		return false;
	version = bytes_u8(&entry);
	letters = read_text(&entry, MAX_AUGMENTATION);
	if (!letters || version == 0 || version == 2 || version > 4)
		return false;
	/* The size of addresses, and of selectors, which nobody has. */
	if (version == 4 && (bytes_u8(&entry) != 8 || bytes_u8(&entry) != 0))
		return false;
	(void)leb_u64(&entry);
	(void)leb_i64(&entry);
	ret->return_column = version == 1 ? bytes_u8(&entry) :
					    leb_u64(&entry);
	ret->start = (size_t)at;
	ret->end = b.pos;
	return read_augmentation(&entry, letters, ret) && !entry.broken;
}

bool cfi_read_fde(const struct cfi *cfi, uint64_t at, struct cfi_fde *ret)
{
	struct bytes b = cfi->section, entry;
	uint64_t size;

	if (!bytes_take(&b, at) || !next_entry(&b, &entry, &ret->is_wide))
		return false;
	ret->start = (size_t)at;
	ret->end = b.pos;
	ret->id_at = entry.pos;
	ret->cie_at = cie_of(cfi, ret->id_at, read_id(&entry, ret->is_wide));
	if (ret->cie_at != ret->cie.start || ret->cie.end == 0) {
		if (!cfi_read_cie(cfi, ret->cie_at, &ret->cie)) {
			ret->cie.end = 0;
			return false;
		}
	}
	if (!read_encoded(&entry, ret->cie.encoding, cfi->addr, &ret->pc) ||
	    !read_encoded(&entry, ret->cie.encoding & 0x0f, 0, &size))
		return false;
	ret->pc_end = ret->pc + size;
	return ret->pc_end > ret->pc;
}

static int by_start(const void *a, const void *b)
{
	const struct cfi_entry *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

static bool is_fde(const struct cfi *cfi, struct bytes entry, bool is_wide)
{
	return !is_cie(read_id(&entry, is_wide), is_wide, cfi->is_eh);
}

bool cfi_build(struct bytes section, uint64_t addr, bool is_eh,
	       struct cfi *ret, struct err *err)
{
	struct cfi cfi = { .section = section, .addr = addr, .is_eh = is_eh };
	struct cfi_fde fde = { .cie = { .end = 0 } };
	struct bytes b = section, entry;
	size_t at = 0;
	bool is_wide;

	*ret = (struct cfi){ .is_eh = is_eh };
	for (; next_entry(&b, &entry, &is_wide); at = b.pos) {
		struct cfi_entry e;

		/* The linker sets those of functions that it dropped to 0. */
		if (!is_fde(&cfi, entry, is_wide) ||
		    !cfi_read_fde(&cfi, at, &fde) || fde.pc == 0)
			continue;
		e = (struct cfi_entry){ fde.pc, fde.pc_end, at };
		if (!vec_push(&cfi.entries, e)) {
			cfi_free(&cfi);
			return err_nomem(err, "call frame information");
		}
	}
	if (cfi.entries.len > 1)
		qsort(cfi.entries.at, cfi.entries.len,
		      sizeof(*cfi.entries.at), by_start);
	*ret = cfi;
	return true;
}

void cfi_free(struct cfi *cfi)
{
	vec_free(&cfi->entries);
	arena_free(&cfi->arena);
	*cfi = (struct cfi){ .addr = 0 };
}

static const struct cfi_entry *entry_for(const struct cfi *cfi, uint64_t pc)
{
	size_t at;

	sorted_skip(at, 0, cfi->entries.len, cfi->entries.at[at].start <= pc);
	for (int i = 0; i < NEIGHBOURS && at > 0; i++) {
		if (pc < cfi->entries.at[--at].end)
			return &cfi->entries.at[at];
	}
	return NULL;
}

bool cfi_find(struct cfi *cfi, uint64_t pc, struct cfi_row *ret)
{
	const struct cfi_entry *entry = entry_for(cfi, pc);
	struct cfi_fde fde = { .cie = { .end = 0 } };

	return entry && cfi_read_fde(cfi, entry->at, &fde) &&
	       cfi_read_row(cfi, &fde, pc, ret);
}
