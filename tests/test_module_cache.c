/* SPDX-License-Identifier: MIT */
/*
 * Types of this very program, read and taken from the cache: both must give
 * the same bytes. To see whether the cache was used, some tests plant content
 * there that no file has.
 */
#include "tests/aid_cmocka.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cache.h"
#include "base/pool.h"
#include "formats/modules.h"
#include "formats/types_io.h"
#include "tests/aid_fork_copy.h"
#include "tests/aid_maps_image.h"

struct planted_type {
	struct planted_type *next;
	int value;
};

struct planted_type planted_variable;

static const char real[] = "planted_variable";
static const char fake[] = "PLANTED_variable";

static pid_t copy;
static char home[64];
static char folder[160];
static char program[160];	/* a copy of this one */
static char own_path[4096];
static bool with_libraries;	/* theirs may be ten times as much DWARF */

/* All that modules_load() found out, as bytes. */
struct result {
	VEC(uint8_t) bytes;
	bool has_real, has_fake;
	unsigned n_full, n_failed;
};

static bool append(void *ctx, const void *bytes, size_t n, struct err *err)
{
	struct result *r = ctx;

	if (!vec_reserve(&r->bytes, r->bytes.len + n))
		return err_nomem(err, "a test");
	memcpy(r->bytes.at + r->bytes.len, bytes, n);
	r->bytes.len += n;
	return true;
}

static bool describe(const struct image *image, struct result *r)
{
	struct types_sink sink = { append, r };
	struct err err = {0};
	bool ok = types_write(&image->types, &sink, &err) &&
		  vars_write(image->vars.at, image->vars.len, &sink, &err);

	for (size_t i = 0; i < image->modules.len; i++) {
		const struct module *m = &image->modules.at[i];

		ok = ok && append(r, &m->debug, sizeof(m->debug), &err) &&
		     append(r, m->hint, strlen(m->hint), &err);
		r->n_full += m->debug == DEBUG_FULL;
	}
	for (size_t i = 0; i < image->diag.len; i++) {
		const struct diag_entry *e = &image->diag.at[i];

		ok = ok && append(r, e->what, strlen(e->what), &err) &&
		     append(r, &e->count, sizeof(e->count), &err);
		r->n_failed += strncmp(e->what, "no types of ", 12) == 0;
	}
	for (size_t i = 0; i < image->vars.len; i++) {
		const struct variable *v = &image->vars.at[i];

		r->has_real |= v->type != TYPE_NONE &&
			       strcmp(v->name, real) == 0;
		r->has_fake |= strcmp(v->name, fake) == 0;
	}
	return ok;
}

static bool load(uint32_t ms, struct result *ret)
{
	struct module_search search = {
		.exe = program, .types_ms = ms,
		.sysroot = with_libraries ? NULL : home,
	};
	struct image image;
	struct err err = {0};
	bool ok;

	*ret = (struct result){ .n_full = 0 };
	ok = maps_image_open(copy, &image);
	image.meta.exe = own_path;	/* search.exe stands for this */
	ok = ok && modules_find(&image, &search, &err) &&
	     modules_load(&image, &search, &err) && describe(&image, ret);
	image_close(&image);
	return ok;
}

static struct result loaded(void)
{
	struct result r;

	assert_true(load(0, &r));
	assert_true(r.n_full > 0);
	assert_int_equal(r.n_failed, 0);
	return r;
}

static void assert_same(struct result *a, struct result *b)
{
	assert_int_equal(a->bytes.len, b->bytes.len);
	assert_memory_equal(a->bytes.at, b->bytes.at, a->bytes.len);
	vec_free(&b->bytes);
}

static bool copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	static uint8_t buf[1 << 16];
	ssize_t n = -1;

	while (in >= 0 && out >= 0 && (n = read(in, buf, sizeof(buf))) > 0) {
		if (write(out, buf, (size_t)n) != n)
			break;
	}
	close(in);
	close(out);
	return n == 0;
}

static int make_home(void **state)
{
	(void)state;
	strcpy(home, "/tmp/test_module_cache.XXXXXX");
	if (!mkdtemp(home))
		return 1;
	snprintf(folder, sizeof(folder), "%s/holdfast/types", home);
	snprintf(program, sizeof(program), "%s/program", home);
	unsetenv("HOLDFAST_NO_CACHE");
	setenv("XDG_CACHE_HOME", home, 1);
	pool_set_threads(2);
	with_libraries = false;
	return !copy_file("/proc/self/exe", program);
}

static int remove_home(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", home);
	return system(command);
}

static struct result loaded_without_cache(void)
{
	struct result r;

	setenv("HOLDFAST_NO_CACHE", "1", 1);
	r = loaded();
	unsetenv("HOLDFAST_NO_CACHE");
	return r;
}

/*
 * Call @change for every file of the cache; returns how many there are. The
 * names are collected first: a folder that changes may skip some.
 */
static unsigned for_each_kept(void (*change)(const char *name))
{
	struct dirent **found;
	int n = scandir(folder, &found, NULL, alphasort);
	unsigned kept = 0;

	for (int i = 0; i < n; i++) {
		if (found[i]->d_name[0] != '.') {
			kept++;
			if (change)
				change(found[i]->d_name);
		}
		free(found[i]);
	}
	if (n >= 0)
		free(found);
	return kept;
}

static void the_second_load_gives_the_same_bytes(void **state)
{
	struct result expected, r;

	(void)state;
	with_libraries = true;
	expected = loaded_without_cache();
	assert_int_equal(for_each_kept(NULL), 0);
	assert_true(expected.has_real);
	for (unsigned threads = 1; threads <= 5; threads += 2) {
		pool_set_threads(threads);
		r = loaded();
		assert_same(&expected, &r);
	}
	assert_int_equal(for_each_kept(NULL), expected.n_full);
	vec_free(&expected.bytes);
}

static void parallel_reading_gives_the_same_bytes(void **state)
{
	struct result expected, r;

	(void)state;
	with_libraries = true;
	pool_set_threads(1);
	expected = loaded_without_cache();
	pool_set_threads(8);
	r = loaded_without_cache();
	assert_same(&expected, &r);
	vec_free(&expected.bytes);
}

static uint64_t seed;

static void flip_a_bit(const char *name)
{
	char path[512];
	struct stat st;
	uint8_t byte;
	off_t at;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	at = (off_t)rng_below(&seed, (uint64_t)st.st_size);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= (uint8_t)(1u << rng_below(&seed, 8));
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void a_damaged_cache_gives_the_same_bytes(void **state)
{
	struct result expected = loaded(), r;

	(void)state;
	seed = rng_seed();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(for_each_kept(flip_a_bit), expected.n_full);
		r = loaded();
		assert_same(&expected, &r);
	}
	vec_free(&expected.bytes);
}

/* Keep other content under the name and tag of a file. */
static void plant(const char *name, void (*change)(uint8_t *content, size_t n))
{
	static uint8_t file[16 << 20];
	struct cache cache;
	char path[512];
	struct bytes b;
	uint64_t n_tag, n_content;
	const uint8_t *tag;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, file, sizeof(file));
	assert_true(fd >= 0 && n > 0 && n < (ssize_t)sizeof(file));
	close(fd);
	b = bytes_of(file, (size_t)n);
	(void)bytes_u64(&b);
	(void)bytes_u64(&b);
	n_tag = bytes_u64(&b);
	n_content = bytes_u64(&b);
	tag = bytes_take(&b, n_tag);
	assert_int_equal(bytes_left(&b), n_content);
	change(file + b.pos, (size_t)n_content);
	cache_open("types", UINT64_C(1) << 28, &cache);
	cache_put(&cache, name, tag, n_tag,
		  bytes_of(file + b.pos, (size_t)n_content));
	cache_close(&cache);
}

static void rename_variable(uint8_t *content, size_t n)
{
	for (size_t i = 0; i + sizeof(real) <= n; i++) {
		if (memcmp(content + i, real, sizeof(real)) == 0)
			memcpy(content + i, fake, sizeof(fake));
	}
}

static void make_nonsense(uint8_t *content, size_t n)
{
	for (size_t i = 0; i < n; i++)
		content[i] = (uint8_t)rng_next(&seed);
}

static void plant_fake(const char *name)
{
	plant(name, rename_variable);
}

static void plant_nonsense(const char *name)
{
	plant(name, make_nonsense);
}

static void what_is_kept_is_used_while_the_file_is_the_same(void **state)
{
	struct result expected = loaded(), r;

	(void)state;
	for_each_kept(plant_fake);
	r = loaded();
	assert_true(r.has_fake && !r.has_real);
	vec_free(&r.bytes);
	vec_free(&expected.bytes);
}

static void another_debug_file_is_read_anew(void **state)
{
	struct timespec times[2] = {{ .tv_nsec = UTIME_OMIT }, { .tv_sec = 1 }};
	struct result expected = loaded(), r;

	(void)state;
	for_each_kept(plant_fake);
	assert_int_equal(utimensat(AT_FDCWD, program, times, 0), 0);
	r = loaded();
	assert_false(r.has_fake);
	assert_same(&expected, &r);
	/* It took the place of the old. */
	assert_int_equal(for_each_kept(NULL), expected.n_full);
	for_each_kept(plant_fake);
	r = loaded();
	assert_true(r.has_fake);
	vec_free(&r.bytes);
	vec_free(&expected.bytes);
}

static void content_that_makes_no_sense_is_dropped(void **state)
{
	struct result expected = loaded(), r;

	(void)state;
	seed = rng_seed();
	for_each_kept(plant_nonsense);
	r = loaded();
	assert_same(&expected, &r);
	assert_int_equal(for_each_kept(NULL), 0);
	r = loaded();
	assert_same(&expected, &r);
	assert_int_equal(for_each_kept(NULL), expected.n_full);
	vec_free(&expected.bytes);
}

static void several_processes_may_load_at_once(void **state)
{
	struct result expected = loaded_without_cache(), r;
	pid_t pids[3];
	int status;

	(void)state;
	for (int i = 0; i < 3; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			_exit(!load(0, &r) ||
			      r.bytes.len != expected.bytes.len ||
			      memcmp(r.bytes.at, expected.bytes.at,
				     r.bytes.len) != 0);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	r = loaded();
	assert_same(&expected, &r);
	assert_int_equal(for_each_kept(NULL), expected.n_full);
	vec_free(&expected.bytes);
}

static void without_time_each_module_costs_a_diagnostic(void **state)
{
	struct result expected, r;

	(void)state;
	with_libraries = true;
	assert_true(load(1, &r));
	assert_int_equal(for_each_kept(NULL), 0);
	assert_int_equal(r.n_full, 0);
	assert_false(r.has_real);
	expected = loaded();
	assert_int_equal(r.n_failed, expected.n_full);
	vec_free(&r.bytes);
	/* What is in the cache takes no time. */
	assert_true(load(1, &r));
	assert_same(&expected, &r);
	vec_free(&expected.bytes);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, make_home, remove_home)

static int start_copy(void **state)
{
	(void)state;
	planted_variable.next = &planted_variable;
	copy = fork_copy();
	return copy < 0 || !realpath("/proc/self/exe", own_path);
}

static int stop_copy(void **state)
{
	(void)state;
	end_copy(copy);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_second_load_gives_the_same_bytes),
		TEST(parallel_reading_gives_the_same_bytes),
		TEST(a_damaged_cache_gives_the_same_bytes),
		TEST(what_is_kept_is_used_while_the_file_is_the_same),
		TEST(another_debug_file_is_read_anew),
		TEST(content_that_makes_no_sense_is_dropped),
		TEST(several_processes_may_load_at_once),
		TEST(without_time_each_module_costs_a_diagnostic),
	};

	return cmocka_run_group_tests(tests, start_copy, stop_copy);
}
