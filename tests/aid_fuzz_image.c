/* SPDX-License-Identifier: MIT */
#include "tests/aid_fuzz_image.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/snapshot.h"
#include "formats/source.h"
#include "tests/make_core.h"
#include "tests/make_image.h"

struct fuzz_base fuzz_base_core(void)
{
	struct make_core core = { .pid = 7, .signal = 11 };
	struct fuzz_base base;

	make_core_map(&core, 0x10000, 0x2000, PERM_READ | PERM_WRITE, "", 0);
	make_core_map(&core, 0x400000, 0x1000, PERM_READ, "/bin/made", 0);
	make_core_map(&core, 0x500000, 0x4000, PERM_READ, "/lib/made", 0)
		->dumped = 0x800;
	make_core_thread(&core, 7, 0x400000, 0x11000);
	make_core_thread(&core, 8, 0x400000, 0x11000);
	make_core_auxv(&core, 3, 0x400040);
	base.bytes = make_core_bytes(&core, &base.n);
	make_core_free(&core);
	return base;
}

/* Large memory only makes the fuzzer slow. */
static void drop_large(struct image *image)
{
	size_t kept = 0;

	for (size_t i = 0; i < image->ranges.len; i++) {
		struct range r = image->ranges.at[i];

		if (r.end - r.start <= 0x8000)
			image->ranges.at[kept++] = r;
	}
	image->ranges.len = kept;
}

/* Save an image and hand over its name. */
static void save(char path[64])
{
	struct image image;
	struct err err = {0};
	int fd;

	snprintf(path, 64, "/tmp/holdfast-fuzz-XXXXXX");
	fd = mkstemp(path);
	make_image(&image);
	drop_large(&image);
	if (fd < 0 || !make_image_save(&image, path, &err))
		abort();
	close(fd);
	image_close(&image);
}

struct fuzz_base fuzz_base_snapshot(void)
{
	struct fuzz_base base;
	char path[64];
	int fd;
	off_t n;

	save(path);
	fd = open(path, O_RDONLY);
	n = lseek(fd, 0, SEEK_END);
	base.n = (size_t)n;
	base.bytes = malloc(base.n + 1);
	if (!base.bytes || pread(fd, base.bytes, base.n, 0) != n)
		abort();
	close(fd);
	unlink(path);
	return base;
}

struct fuzz_base fuzz_base_plain(void)
{
	struct fuzz_base base;
	struct diag diag = {0};
	struct source *source;
	struct err err = {0};
	char path[64];

	save(path);
	if (!source_open(path, &diag, &source, &err))
		abort();
	base.n = (size_t)source_size(source);
	base.bytes = malloc(base.n + 1);
	if (!base.bytes ||
	    source_read(source, 0, base.bytes, base.n) != base.n)
		abort();
	source_close(source);
	diag_free(&diag);
	unlink(path);
	return base;
}

static void check(bool ok)
{
	if (!ok)
		__builtin_trap();
}

/* What the header promises of every image. */
static void check_tables(const struct image *image)
{
	for (size_t i = 0; i < image->ranges.len; i++) {
		check(image->ranges.at[i].start < image->ranges.at[i].end);
		check(i == 0 || image->ranges.at[i - 1].end <=
				image->ranges.at[i].start);
	}
	for (size_t i = 0; i < image->mappings.len; i++) {
		const struct mapping *m = &image->mappings.at[i];

		check(m->start < m->end && m->path && m->vm_flags);
		check(i == 0 || m[-1].end <= m->start);
		check(m->first_run + m->n_runs <= image->page_runs.len);
		check(image_mapping(image, m->end - 1) == m);
	}
	for (size_t i = 0; i < image->modules.len; i++) {
		const struct module *m = &image->modules.at[i];

		check(m->first_section + m->n_sections <= image->sections.len);
		check(m->path && m->hint && m->debug_path);
		check(m->build_id_size <= sizeof(m->build_id));
	}
	for (size_t i = 0; i < image->symbols.len; i++) {
		check(image->symbols.at[i].module < image->modules.len);
		check(strlen(image->symbols.at[i].name) < SIZE_MAX);
		check(i == 0 || image->symbols.at[i - 1].addr <=
				image->symbols.at[i].addr);
	}
	for (size_t i = 0; i < image->vars.len; i++) {
		check(image->vars.at[i].module < image->modules.len);
		check(image->vars.at[i].type == TYPE_NONE ||
		      image->vars.at[i].type < image->types.types.len);
	}
	for (size_t i = 0; i < image->threads.len; i++)
		check(image->threads.at[i].name != NULL);
}

static void look(struct image *image)
{
	struct window w = window_of(image);
	size_t step = image->ranges.len / 16 + 1;

	check_tables(image);
	for (size_t i = 0; i < image->ranges.len; i += step) {
		const struct range *r = &image->ranges.at[i];
		char text[32];
		uint64_t word;
		size_t n;

		check(image_range(image, r->start) == r);
		(void)image_text(image, r->start, text, sizeof(text));
		(void)image_u64(image, r->end - 4, &word);
		(void)window_u64(&w, r->start, &word);
		(void)window_span(&w, r->end - 1, 1, &n);
		(void)image_module(image, r->start);
		(void)image_variable(image, r->start);
		(void)image_symbol(image, r->start, SYMBOL_FUNCTION);
	}
	window_close(&w);
}

void fuzz_raw(const uint8_t *data, size_t n)
{
	struct image image;
	struct err err = {0};
	char path[64];
	int fd = make_file(data, n, path);

	if (image_open(path, &image, &err)) {
		look(&image);
		image_close(&image);
	} else {
		check(err.code != ERR_NONE && err.message[0] != '\0');
	}
	close(fd);
}

void fuzz_edited(const struct fuzz_base *base, const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(base->n + 1);
	size_t size = base->n;

	memcpy(copy, base->bytes, base->n);
	while (n >= 4) {
		size_t at = ((size_t)data[0] | (size_t)data[1] << 8 |
			     (size_t)data[2] << 16) % (base->n + 1);
		size_t len = data[3];

		data += 4;
		n -= 4;
		if (len == 0 && at < size)
			size = at;
		if (len > n)
			len = n;
		if (len > base->n - at)
			len = base->n - at;
		memcpy(copy + at, data, len);
		data += len;
		n -= len;
	}
	fuzz_raw(copy, size);
	free(copy);
}
