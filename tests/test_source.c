/* SPDX-License-Identifier: MIT */
/* Seekable zstd files and random access to whatever holds bytes. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "formats/seekable_write.h"
#include "formats/source.h"
#include "tests/aid_cmocka.h"
#include "tests/aid_files.h"
#include "tests/make_core.h"

enum { MIB = 1 << 20 };

struct file {
	uint8_t *bytes;
	size_t n;
};

/* Text-like: compresses to about a third. */
static struct file plain_bytes(size_t n, uint64_t seed)
{
	struct file f = { .bytes = malloc(n + 1), .n = n };

	for (size_t i = 0; i < n; i++) {
		if (i > 100 && rng_below(&seed, 16) < 15)
			f.bytes[i] = f.bytes[i - 1 - (seed >> 32) % 90];
		else
			f.bytes[i] = (uint8_t)rng_next(&seed);
	}
	return f;
}

/* The file that our writer makes of @plain, given to it in odd pieces. */
static struct file written(const struct file *plain, int level)
{
	const char *dir = getenv("TEST_DIR");
	struct seekable_writer *w;
	struct err err = {0};
	struct file f;
	char path[512];
	uint64_t seed = 5;

	snprintf(path, sizeof(path), "%s/source-%d.zst", dir ? dir : "/tmp",
		 (int)getpid());
	assert_true(seekable_create(path, true, level, &w, &err));
	for (size_t at = 0; at < plain->n;) {
		size_t part = 1 + rng_below(&seed, 3 * MIB);

		if (part > plain->n - at)
			part = plain->n - at;
		assert_true(seekable_write(w, plain->bytes + at, part, &err));
		at += part;
	}
	assert_int_equal(seekable_written(w), plain->n);
	assert_true(seekable_finish(w, &err));
	f.bytes = slurp(path, &f.n);
	unlink(path);
	return f;
}

static uint32_t u32_at(const struct file *f, size_t at)
{
	uint32_t value;

	memcpy(&value, f->bytes + at, sizeof(value));
	return value;
}

static uint64_t said(const struct diag *diag, const char *what)
{
	for (size_t i = 0; i < diag->len; i++) {
		if (strstr(diag->at[i].what, what))
			return diag->at[i].count;
	}
	return 0;
}

static struct source *open_file(const struct file *f, struct diag *diag)
{
	struct source *source;
	struct err err = {0};
	char path[64];
	int fd = make_file(f->bytes, f->n, path);

	if (!source_open(path, diag, &source, &err))
		fail_msg("%s", err.message);
	close(fd);
	return source;
}

/* The format as its specification has it, read by hand. */
static void writes_frames_that_any_zstd_reads(void **state)
{
	struct file plain = plain_bytes(3 * MIB + 777, 1);
	struct file f = written(&plain, 0);
	uint8_t *back = malloc(plain.n);
	size_t table = f.n - 9 - 4 * 12 - 8, at = 0;

	(void)state;
	assert_int_equal(u32_at(&f, f.n - 4), 0x8F92EAB1);
	assert_int_equal(f.bytes[f.n - 5], 0x80);
	assert_int_equal(u32_at(&f, f.n - 9), 4);
	assert_int_equal(u32_at(&f, table), 0x184D2A5E);
	assert_int_equal(u32_at(&f, table + 4), 4 * 12 + 9);
	for (size_t i = 0; i < 4; i++) {
		size_t entry = table + 8 + i * 12;
		size_t size = u32_at(&f, entry);

		assert_int_equal(u32_at(&f, entry + 4), i < 3 ? MIB : 777);
		assert_int_equal(ZSTD_getFrameContentSize(f.bytes + at, size),
				 i < 3 ? MIB : 777);
		assert_int_equal(ZSTD_findFrameCompressedSize(f.bytes + at,
							      f.n - at), size);
		assert_int_equal(u32_at(&f, entry + 8),
				 u32_at(&f, at + size - 4));
		at += size;
	}
	assert_int_equal(at, table);
	assert_int_equal(ZSTD_decompress(back, plain.n, f.bytes, f.n),
			 plain.n);
	assert_memory_equal(back, plain.bytes, plain.n);
	free(back);
	free(f.bytes);
	free(plain.bytes);
}

static void stays_near_the_size_of_one_stream(void **state)
{
	struct file plain = plain_bytes(9 * MIB, 2);
	struct file f = written(&plain, 0);
	size_t room = ZSTD_compressBound(plain.n);
	uint8_t *one = malloc(room);
	size_t n = ZSTD_compress(one, room, plain.bytes, plain.n, 3);

	(void)state;
	assert_true((double)f.n <= 1.1 * (double)n);
	free(one);
	free(f.bytes);
	free(plain.bytes);
}

static void writes_an_empty_file(void **state)
{
	struct file plain = plain_bytes(0, 1), f = written(&plain, 0);
	struct diag diag = {0};
	struct source *source = open_file(&f, &diag);
	size_t n = 1;
	void *token;

	(void)state;
	assert_int_equal(f.n, 17);
	assert_int_equal(source_size(source), 0);
	assert_null(source_pin(source, 0, &n, &token));
	assert_int_equal(diag.len, 0);
	source_close(source);
	free(f.bytes);
	free(plain.bytes);
}

static void reports_a_full_disk(void **state)
{
	struct file plain = plain_bytes(MIB, 3);
	struct seekable_writer *w;
	struct err err = {0};
	bool ok = true;

	(void)state;
	assert_true(seekable_create("/dev/full", true, 0, &w, &err));
	for (int i = 0; ok && i < 40; i++)
		ok = seekable_write(w, plain.bytes, plain.n, &err);
	if (ok)
		ok = seekable_finish(w, &err);
	else
		seekable_abort(w);
	assert_false(ok);
	if (!strstr(err.message, "disk full"))
		fail_msg("unexpected: %s", err.message);
	free(plain.bytes);
}

/* Any reads at any place give what was put in. */
static void check_reads(struct source *source, const struct file *plain,
			uint64_t seed)
{
	uint8_t *buf = malloc(3 * MIB);

	assert_int_equal(source_size(source), plain->n);
	for (int i = 0; i < 60; i++) {
		uint64_t at = rng_below(&seed, plain->n + 10);
		size_t want = rng_below(&seed, i % 2 ? 3 * MIB : 64);
		size_t there = at < plain->n ? plain->n - at : 0, n;

		if (there > want)
			there = want;
		n = source_read(source, at, buf, want);
		assert_int_equal(n, there);
		assert_true(n == 0 ||
			    memcmp(buf, plain->bytes + at, n) == 0);
	}
	free(buf);
}

static struct file one_stream(const struct file *plain)
{
	struct file f = { .n = ZSTD_compressBound(plain->n) };

	f.bytes = malloc(f.n);
	f.n = ZSTD_compress(f.bytes, f.n, plain->bytes, plain->n, 1);
	return f;
}

static struct file gzipped(const struct file *plain)
{
	z_stream z = {0};
	struct file f = {0};

	assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 31, 8, 0), Z_OK);
	f.n = deflateBound(&z, plain->n) + 64;
	f.bytes = malloc(f.n);
	z.next_in = plain->bytes;
	z.avail_in = (unsigned)plain->n;
	z.next_out = f.bytes;
	z.avail_out = (unsigned)f.n;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	f.n -= z.avail_out;
	deflateEnd(&z);
	return f;
}

static void reads_plain_seekable_and_converted_files_alike(void **state)
{
	struct file plain = plain_bytes(5 * MIB + 12345, 4);
	struct file files[] = {
		{ memcpy(malloc(plain.n), plain.bytes, plain.n), plain.n },
		written(&plain, 0), one_stream(&plain), gzipped(&plain),
	};
	uint64_t seed = rng_seed();

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct diag diag = {0};
		struct source *source = open_file(&files[i], &diag);

		check_reads(source, &plain, seed);
		assert_int_equal(diag.len, 0);
		source_close(source);
		free(files[i].bytes);
	}
	free(plain.bytes);
}

/* The only file of @folder, or ""; @name holds NAME_MAX + 1 bytes. */
static void only_file(const char *folder, char *name)
{
	DIR *dir = opendir(folder);
	struct dirent *e;

	name[0] = '\0';
	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		assert_string_equal(name, "");
		snprintf(name, NAME_MAX + 1, "%s", e->d_name);
	}
	if (dir)
		closedir(dir);
}

static void read_at(const char *path, const struct file *plain)
{
	struct diag diag = {0};
	struct err err = {0};
	struct source *source;

	assert_true(source_open(path, &diag, &source, &err));
	check_reads(source, plain, 3);
	assert_int_equal(diag.len, 0);
	source_close(source);
}

/* A cache of its own for each test; @path gets the folder. */
static void make_cache(char path[512])
{
	const char *dir = getenv("TEST_DIR");

	snprintf(path, 512, "%s/cache-XXXXXX", dir ? dir : "/tmp");
	assert_non_null(mkdtemp(path));
	setenv("XDG_CACHE_HOME", path, 1);
}

static void keeps_a_copy_and_follows_no_link_in_its_place(void **state)
{
	struct file plain = plain_bytes(MIB + 99, 8), packed = gzipped(&plain);
	char cache[512], path[600], folder[600], copy[900], victim[600];
	char name[NAME_MAX + 1], before[NAME_MAX + 1];
	struct file kept;
	struct stat st;

	(void)state;
	make_cache(cache);
	snprintf(path, sizeof(path), "%s/core.gz", cache);
	snprintf(victim, sizeof(victim), "%s/victim", cache);
	snprintf(folder, sizeof(folder), "%s/holdfast/converted", cache);
	spill(path, packed.bytes, packed.n);
	spill(victim, "mine", 4);
	read_at(path, &plain);
	only_file(folder, before);
	assert_string_not_equal(before, "");
	snprintf(copy, sizeof(copy), "%s/%s", folder, before);
	assert_int_equal(unlink(copy) | symlink(victim, copy), 0);
	read_at(path, &plain);
	only_file(folder, name);
	assert_string_equal(name, before);
	assert_true(lstat(copy, &st) == 0 && S_ISREG(st.st_mode));
	kept.bytes = slurp(victim, &kept.n);
	assert_int_equal(kept.n, 4);
	assert_memory_equal(kept.bytes, "mine", 4);
	free(kept.bytes);
	free(packed.bytes);
	free(plain.bytes);
}

static void keeps_nothing_when_told_so(void **state)
{
	struct file plain = plain_bytes(MIB + 99, 9), packed = gzipped(&plain);
	char cache[512], path[600], name[NAME_MAX + 1];

	(void)state;
	make_cache(cache);
	snprintf(path, sizeof(path), "%s/core.gz", cache);
	spill(path, packed.bytes, packed.n);
	setenv("HOLDFAST_NO_CACHE", "1", 1);
	setenv("TMPDIR", cache, 1);
	read_at(path, &plain);
	unsetenv("TMPDIR");
	unsetenv("HOLDFAST_NO_CACHE");
	only_file(cache, name);
	assert_string_equal(name, "core.gz");
	free(packed.bytes);
	free(plain.bytes);
}

static void gives_the_front_of_a_stream_that_breaks_off(void **state)
{
	struct file plain = plain_bytes(4 * MIB, 6);
	struct file f = one_stream(&plain);
	uint8_t *buf = malloc(plain.n);

	(void)state;
	for (int damaged = 0; damaged < 2; damaged++) {
		struct diag diag = {0};
		struct source *source;
		size_t n;

		f.n = damaged ? f.n : f.n / 2;
		if (damaged)
			memset(f.bytes + f.n / 2, 0xff, 64);
		source = open_file(&f, &diag);
		n = source_read(source, 0, buf, plain.n);
		assert_true(n > MIB / 2 && n < plain.n);
		assert_memory_equal(buf, plain.bytes, n / 2);
		assert_true(diag.len > 0);
		source_close(source);
		diag_free(&diag);
	}
	free(buf);
	free(f.bytes);
	free(plain.bytes);
}

/* Frames of @size plain bytes and a table without checksums. */
static struct file foreign(const struct file *plain, size_t size)
{
	struct file f = { .bytes = malloc(2 * plain->n + MIB) };
	VEC(uint32_t) table = {0};
	uint32_t n, magic = 0x8F92EAB1, head[2] = { 0x184D2A5E };

	for (size_t at = 0; at < plain->n; at += size) {
		size_t part = plain->n - at < size ? plain->n - at : size;
		size_t made = ZSTD_compress(f.bytes + f.n, plain->n + MIB,
					    plain->bytes + at, part, 1);

		f.n += made;
		assert_true(vec_push(&table, (uint32_t)made) &&
			    vec_push(&table, (uint32_t)part));
	}
	n = (uint32_t)table.len / 2;
	head[1] = n * 8 + 9;
	memcpy(f.bytes + f.n, head, 8);
	memcpy(f.bytes + f.n + 8, table.at, n * 8);
	f.n += 8 + n * 8;
	memcpy(f.bytes + f.n, &n, 4);
	f.bytes[f.n + 4] = 0;
	memcpy(f.bytes + f.n + 5, &magic, 4);
	f.n += 9;
	vec_free(&table);
	return f;
}

static void reads_seekable_files_of_others(void **state)
{
	struct file plain = plain_bytes(3 * MIB + 5, 7);
	size_t sizes[] = { 100000, MIB, 2 * MIB };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct file f = foreign(&plain, sizes[i]);
		struct diag diag = {0};
		struct source *source = open_file(&f, &diag);

		check_reads(source, &plain, 8);
		assert_int_equal(diag.len, 0);
		source_close(source);
		free(f.bytes);
	}
	free(plain.bytes);
}

static void loses_only_the_frame_that_is_damaged(void **state)
{
	struct file plain = plain_bytes(4 * MIB, 9), f = written(&plain, 0);
	size_t first = u32_at(&f, f.n - 9 - 4 * 12);
	struct diag diag = {0};
	struct source *source;
	uint8_t *buf = malloc(plain.n);

	(void)state;
	f.bytes[first + 1000] ^= 1;
	source = open_file(&f, &diag);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(source_read(source, 0, buf, plain.n), MIB);
		assert_int_equal(source_read(source, MIB + 5, buf, 100), 0);
		assert_int_equal(source_read(source, 2 * MIB, buf, plain.n),
				 2 * MIB);
		assert_memory_equal(buf, plain.bytes + 2 * MIB, 2 * MIB);
	}
	assert_int_equal(said(&diag, "frames are damaged"), 1);
	assert_int_equal(diag.len, 1);
	assert_int_equal(diag.at[0].first, MIB);
	source_close(source);
	diag_free(&diag);
	free(buf);
	free(f.bytes);
	free(plain.bytes);
}

/* One frame or many: an entry that lies must not move the others. */
static void does_not_believe_a_seek_table_that_lies(void **state)
{
	(void)state;
	for (size_t frames = 1; frames <= 5; frames++) {
		struct file plain = plain_bytes(frames * MIB - 50000, 10);
		struct file f = written(&plain, 0);
		size_t table = f.n - 9 - frames * 12;

		for (size_t at = table - 8; at < f.n; at++) {
			struct diag diag = {0};
			struct source *source;
			uint8_t old = f.bytes[at];

			f.bytes[at] ^= 0x10;
			source = open_file(&f, &diag);
			check_reads(source, &plain, at);
			/* Two bits of the descriptor mean nothing. */
			assert_true(diag.len > 0 || at == f.n - 5);
			source_close(source);
			diag_free(&diag);
			f.bytes[at] = old;
		}
		free(f.bytes);
		free(plain.bytes);
	}
}

static void keeps_calm_when_the_file_shrinks(void **state)
{
	struct file plain = plain_bytes(3 * MIB, 11);
	struct diag diag = {0};
	struct source *source;
	struct err err = {0};
	uint8_t buf[64];
	char path[64];
	int fd = make_file(plain.bytes, plain.n, path);

	(void)state;
	assert_true(source_open(path, &diag, &source, &err));
	assert_int_equal(ftruncate(fd, MIB + 10), 0);
	assert_int_equal(source_read(source, MIB, buf, 64), 10);
	assert_int_equal(source_read(source, 2 * MIB, buf, 64), 0);
	assert_int_equal(source_read(source, 100, buf, 64), 64);
	assert_int_equal(said(&diag, "could not be read to its end"), 1);
	source_close(source);
	diag_free(&diag);
	close(fd);
	free(plain.bytes);
}

enum { CROWD_MIB = 72, CROWD = 4 };

/* A word that tells its offset. */
static uint64_t word_at(uint64_t offset)
{
	return offset * 3 + 1;
}

static void *read_at_random(void *arg)
{
	struct source *source = arg;
	uint64_t seed = (uint64_t)(uintptr_t)&seed;
	uint64_t wrong = 0;

	for (int i = 0; i < 400; i++) {
		uint64_t at = rng_below(&seed, CROWD_MIB * MIB / 8) * 8, word;
		size_t n = 8;
		void *token;
		const uint8_t *p = source_pin(source, at, &n, &token);

		memset(&word, 0, sizeof(word));
		if (p)
			memcpy(&word, p, n);
		wrong += n != 8 || word != word_at(at);
		source_unpin(source, token);
	}
	return (void *)(uintptr_t)wrong;
}

/* More blocks than the cache holds, and more threads than processors. */
static void serves_threads_that_fight_for_blocks(void **state)
{
	struct file plain = { malloc(CROWD_MIB * MIB), CROWD_MIB * MIB }, f;
	struct diag diag = {0};
	struct source *source;
	pthread_t threads[CROWD];

	(void)state;
	for (uint64_t at = 0; at < plain.n; at += 8) {
		uint64_t word = word_at(at);

		memcpy(plain.bytes + at, &word, 8);
	}
	f = written(&plain, 1);
	free(plain.bytes);
	source = open_file(&f, &diag);
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						read_at_random, source), 0);
	for (int i = 0; i < CROWD; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	assert_int_equal(diag.len, 0);
	source_close(source);
	free(f.bytes);
}

static void lets_one_thread_pin_every_block(void **state)
{
	struct file plain = { calloc(1, 80 * MIB), 80 * MIB };
	struct file f = written(&plain, 1);
	struct diag diag = {0};
	struct source *source = open_file(&f, &diag);
	const uint8_t *at[80];
	void *tokens[80];

	(void)state;
	for (size_t i = 0; i < 80; i++) {
		size_t n = SIZE_MAX;

		at[i] = source_pin(source, i * MIB, &n, &tokens[i]);
		assert_non_null(at[i]);
		assert_int_equal(n, MIB);
	}
	for (size_t i = 0; i < 80; i++) {
		assert_int_equal(at[i][MIB - 1], 0);
		source_unpin(source, tokens[i]);
	}
	source_close(source);
	free(f.bytes);
	free(plain.bytes);
}

int main(void)
{
	const char *dir = getenv("TEST_DIR");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_frames_that_any_zstd_reads),
		cmocka_unit_test(stays_near_the_size_of_one_stream),
		cmocka_unit_test(writes_an_empty_file),
		cmocka_unit_test(reports_a_full_disk),
		cmocka_unit_test(reads_plain_seekable_and_converted_files_alike),
		cmocka_unit_test(keeps_a_copy_and_follows_no_link_in_its_place),
		cmocka_unit_test(keeps_nothing_when_told_so),
		cmocka_unit_test(gives_the_front_of_a_stream_that_breaks_off),
		cmocka_unit_test(reads_seekable_files_of_others),
		cmocka_unit_test(loses_only_the_frame_that_is_damaged),
		cmocka_unit_test(does_not_believe_a_seek_table_that_lies),
		cmocka_unit_test(keeps_calm_when_the_file_shrinks),
		cmocka_unit_test(serves_threads_that_fight_for_blocks),
		cmocka_unit_test(lets_one_thread_pin_every_block),
	};

	/* Converted files are for the length of this run only. */
	if (dir)
		setenv("XDG_CACHE_HOME", dir, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
