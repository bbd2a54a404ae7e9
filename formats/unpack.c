/* SPDX-License-Identifier: MIT */
#include "formats/unpack.h"

#include <string.h>

static const struct {
	enum unpack_kind kind;
	const struct unpack_ops *ops;
	size_t n;
	uint8_t magic[UNPACK_MAGIC];
} formats[] = {
	{ UNPACK_ZSTD, &unpack_zstd, 4, { 0x28, 0xb5, 0x2f, 0xfd } },
	{ UNPACK_GZIP, &unpack_gzip, 3, { 0x1f, 0x8b, 8 } },
	{ UNPACK_XZ, &unpack_xz, 6, { 0xfd, '7', 'z', 'X', 'Z', 0 } },
};

enum { N_FORMATS = sizeof(formats) / sizeof(formats[0]) };

enum unpack_kind unpack_kind_of(const uint8_t *start, size_t n)
{
	for (size_t i = 0; i < N_FORMATS; i++) {
		if (n >= formats[i].n &&
		    memcmp(start, formats[i].magic, formats[i].n) == 0)
			return formats[i].kind;
	}
	return UNPACK_NONE;
}

const struct unpack_ops *unpack_ops_of(enum unpack_kind kind)
{
	for (size_t i = 0; i < N_FORMATS; i++) {
		if (formats[i].kind == kind)
			return formats[i].ops;
	}
	return NULL;
}
