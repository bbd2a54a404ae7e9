/* SPDX-License-Identifier: MIT */
#include "tests/aid_index_file.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cache.h"

enum { WORDS = INDEX_TRAILER_BYTES / 8 };

const struct index_key made_index_key = { .file = 0xf11e, .program = 0x9a3 };

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "index file: %s\n", what);
	exit(1);
}

void make_index_file(struct facts *facts, struct index_file *ret)
{
	char path[] = "/tmp/index_file.XXXXXX";
	int fd = mkstemp(path);
	uint64_t counts[N_INDEX_COUNTS] = {0};
	const uint8_t *tables_at = NULL;
	struct blob tables = {0};
	struct outfile of;
	struct err err = {0};
	FILE *in;

	must(fd >= 0 && outfile_open(path, true, &of, &err), "no file");
	close(fd);
	must(index_tables_write(facts, &tables, counts, &err) &&
	     index_layout(facts, &tables_at, counts, &ret->layout),
	     err.message);
	tables_at = tables.bytes.at;
	must(index_write(&ret->layout, &made_index_key, &of, &err) &&
	     outfile_commit(&of, &err), err.message);
	blob_free(&tables);
	ret->size = (size_t)ret->layout.size;
	ret->bytes = malloc(ret->size);
	in = fopen(path, "rb");
	must(in && ret->bytes &&
	     fread(ret->bytes, 1, ret->size, in) == ret->size &&
	     fgetc(in) == EOF, "not as large as it should be");
	fclose(in);
	unlink(path);
}

bool sign_index_file(uint8_t *bytes, size_t size)
{
	struct facts facts = {0};
	const uint8_t *tables;
	uint64_t trailer[WORDS], n = 0, sum, seed;
	struct index_layout layout;

	if (size < sizeof(trailer))
		return false;
	memcpy(trailer, bytes + size - sizeof(trailer), sizeof(trailer));
	if (!index_layout(&facts, &tables, trailer + 3, &layout) ||
	    layout.size != size)
		return false;
	for (int i = 0; i < N_INDEX_COLUMNS; i++) {
		const struct index_column *c = &layout.columns[i];
		uint64_t left = c->n * c->width, at = layout.offsets[i];

		while (left > 0) {
			uint64_t part = left < INDEX_SUM_BYTES ? left :
					INDEX_SUM_BYTES;

			sum = cache_sum(bytes + at, (size_t)part, 0);
			memcpy(bytes + layout.sums_offset + 8 * n++, &sum, 8);
			at += part;
			left -= part;
		}
	}
	seed = cache_sum(bytes + layout.sums_offset, (size_t)n * 8, n);
	sum = cache_sum(trailer, sizeof(trailer) - 8, seed);
	memcpy(bytes + size - 8, &sum, 8);
	return true;
}

bool read_index_file(const uint8_t *bytes, size_t size, struct facts *facts,
		     struct index_mapping *ret, struct err *err)
{
	int fd = memfd_create("index", MFD_CLOEXEC);
	bool ok;

	must(fd >= 0 && write(fd, bytes, size) == (ssize_t)size, "no memory");
	ok = index_read(fd, &made_index_key, facts, ret, err);
	close(fd);
	return ok;
}
