/* SPDX-License-Identifier: MIT */
#include "formats/elf_note.h"

enum { NOTE_ALIGN = 4 };

bool elf_note_next(struct bytes *segment, struct elf_note *ret)
{
	struct bytes b = *segment;
	uint32_t name_size = bytes_u32(&b), desc_size = bytes_u32(&b);

	ret->type = bytes_u32(&b);
	ret->name = (const char *)bytes_take(&b, name_size);
	ret->name_size = name_size;
	bytes_align(&b, NOTE_ALIGN);
	ret->desc = bytes_sub(&b, desc_size);
	bytes_align(&b, NOTE_ALIGN);
	if (b.broken)
		return false;
	*segment = b;
	return true;
}

bool elf_note_is(const struct elf_note *note, const char *name)
{
	size_t n = strlen(name);

	return note->name_size >= n && memcmp(note->name, name, n) == 0 &&
	       (note->name_size == n || note->name[n] == '\0');
}
