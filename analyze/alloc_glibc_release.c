/* SPDX-License-Identifier: MIT */
#include "analyze/alloc_glibc_release.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	PIECE = 16 << 10,	/* bytes looked at in one go */
	BANNER_MAX = 256,	/* longer ones are not glibc's */
	SEARCH_MAX = 64 << 20,	/* bytes of a mapping; libc has 1 MiB */
};

static const char begins[] = "GNU C Library (";
static const char says[] = " release version ";

bool glibc_release_parse(const char *text, struct glibc_release *ret)
{
	char dot;

	return sscanf(text, "%4u%c%4u", &ret->major, &dot, &ret->minor) == 3 &&
	       dot == '.';
}

int glibc_release_compare(const struct glibc_release *a,
			  const struct glibc_release *b)
{
	if (a->major != b->major)
		return a->major < b->major ? -1 : 1;
	return a->minor < b->minor ? -1 : a->minor > b->minor;
}

/* A banner that begins in the first @n of @size bytes at @buf. */
static bool find_banner(const char *buf, size_t n, size_t size,
			struct glibc_release *ret)
{
	const char *at = buf, *end = buf + size;

	while ((at = memmem(at, (size_t)(end - at), begins,
			    sizeof(begins) - 1)) && at < buf + n) {
		char line[BANNER_MAX + 1];
		size_t left = (size_t)(end - at);
		const char *version;

		snprintf(line, sizeof(line), "%.*s",
			 (int)(left < BANNER_MAX ? left : BANNER_MAX), at);
		version = strstr(line, says);
		if (version && glibc_release_parse(version + sizeof(says) - 1,
						   ret))
			return true;
		at++;
	}
	return false;
}

static bool search(const struct image *image, const struct mapping *m,
		   struct glibc_release *ret)
{
	uint64_t end = m->end - m->start > SEARCH_MAX ?
		       m->start + SEARCH_MAX : m->end;
	char buf[PIECE + BANNER_MAX];

	for (uint64_t at = m->start; at < end; at += PIECE) {
		size_t left = end - at < sizeof(buf) ?
			      (size_t)(end - at) : sizeof(buf);
		size_t n = left < PIECE ? left : PIECE;

		if (image_read(image, at, buf, left) &&
		    find_banner(buf, n, left, ret))
			return true;
	}
	return false;
}

/* "libc.so.6", "libc-2.31.so". */
static bool is_libc(const char *path)
{
	const char *name = path_name(path);

	return strncmp(name, "libc.so", 7) == 0 ||
	       strncmp(name, "libc-2.", 7) == 0;
}

bool glibc_release_of(const struct image *image, struct glibc_release *ret)
{
	for (size_t i = 0; i < image->mappings.len; i++) {
		const struct mapping *m = &image->mappings.at[i];

		if (is_libc(m->path) && m->perms & PERM_READ &&
		    !(m->perms & (PERM_WRITE | PERM_EXEC)) &&
		    search(image, m, ret))
			return true;
	}
	return false;
}
