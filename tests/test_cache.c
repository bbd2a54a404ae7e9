/* SPDX-License-Identifier: MIT */
#include "tests/aid_cmocka.h"
#include "tests/aid_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cache.h"

enum { LIMIT = 1 << 20, HEADER = 32 };

/* Each test has an empty home. */
static char home[64];
static char folder[192];
static const char tag[] = "made from this";

static int make_home(void **state)
{
	(void)state;
	strcpy(home, "/tmp/test_cache.XXXXXX");
	if (!mkdtemp(home))
		return 1;
	snprintf(folder, sizeof(folder), "%s/.cache/holdfast/kind", home);
	unsetenv("XDG_CACHE_HOME");
	unsetenv("HOLDFAST_NO_CACHE");
	return setenv("HOME", home, 1);
}

static int remove_home(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", home);
	return system(command);
}

static struct cache opened(uint64_t limit)
{
	struct cache cache;

	cache_open("kind", limit, &cache);
	return cache;
}

static void put(const struct cache *cache, const char *name,
		const char *content)
{
	cache_put(cache, name, tag, sizeof(tag),
		  bytes_of(content, strlen(content)));
}

static bool holds(const struct cache *cache, const char *name,
		  const char *content)
{
	struct cache_entry entry;
	bool ok = cache_get(cache, name, tag, sizeof(tag), &entry);

	if (ok) {
		assert_int_equal(entry.content.size, strlen(content));
		if (*content)
			assert_memory_equal(entry.content.start, content,
					    strlen(content));
	} else {
		assert_null(entry.file);
	}
	cache_entry_free(&entry);
	return ok;
}

static const char *path_of(const char *name)
{
	static char path[400];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static bool exists(const char *name)
{
	return access(path_of(name), F_OK) == 0;
}

static void age(const char *name, time_t seconds)
{
	struct timespec t[2] = {{ .tv_nsec = UTIME_OMIT }, { .tv_nsec = 0 }};

	t[1].tv_sec = time(NULL) - seconds;
	assert_int_equal(utimensat(AT_FDCWD, path_of(name), t, 0), 0);
}

static void what_was_kept_comes_back(void **state)
{
	struct cache cache = opened(LIMIT);

	(void)state;
	assert_true(cache.folder >= 0);
	assert_false(holds(&cache, "a", ""));
	put(&cache, "a", "first");
	put(&cache, "empty", "");
	assert_true(holds(&cache, "a", "first"));
	assert_true(holds(&cache, "empty", ""));
	put(&cache, "a", "second");
	cache_close(&cache);
	cache = opened(LIMIT);
	assert_true(holds(&cache, "a", "second"));
	cache_drop(&cache, "a");
	assert_false(holds(&cache, "a", ""));
	cache_close(&cache);
}

static void what_was_made_from_something_else_is_a_miss(void **state)
{
	struct cache cache = opened(LIMIT);
	struct cache_entry entry;

	(void)state;
	put(&cache, "a", "content");
	assert_false(cache_get(&cache, "a", tag, sizeof(tag) - 1, &entry));
	assert_false(cache_get(&cache, "a", "Made from this", sizeof(tag),
			       &entry));
	assert_true(holds(&cache, "a", "content"));
	cache_close(&cache);
}

static size_t read_back(const char *name, uint8_t *buf, size_t size)
{
	int fd = open(path_of(name), O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, buf, size);

	assert_true(fd >= 0 && n > 0);
	close(fd);
	return (size_t)n;
}

static void write_anew(const char *name, const uint8_t *buf, size_t n)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		      0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, buf, n), n);
	close(fd);
}

static void any_damage_is_a_miss_and_removes_the_file(void **state)
{
	struct cache cache = opened(LIMIT);
	uint8_t whole[256], damaged[257];
	size_t n;

	(void)state;
	put(&cache, "a", "some content");
	n = read_back("a", whole, sizeof(whole));
	assert_int_equal(n, HEADER + sizeof(tag) + strlen("some content"));
	for (size_t i = 0; i < n; i++) {
		memcpy(damaged, whole, n);
		damaged[i] ^= (uint8_t)(1u << i % 8);
		write_anew("a", damaged, n);
		assert_false(holds(&cache, "a", "some content"));
		assert_false(exists("a"));
		write_anew("a", whole, i);
		assert_false(holds(&cache, "a", "some content"));
		assert_false(exists("a"));
	}
	memcpy(damaged, whole, n);
	damaged[n] = 0;
	write_anew("a", damaged, n + 1);
	assert_false(holds(&cache, "a", "some content"));
	write_anew("a", whole, n);
	assert_true(holds(&cache, "a", "some content"));
	cache_close(&cache);
}

/* Each file takes HEADER + 15 bytes of tag + 253 of content: 300. */
static void what_was_not_used_for_longest_goes_first(void **state)
{
	struct cache cache = opened(1000);
	char content[254];

	(void)state;
	memset(content, 'x', sizeof(content) - 1);
	content[sizeof(content) - 1] = '\0';
	put(&cache, "a", content);
	put(&cache, "b", content);
	put(&cache, "c", content);
	assert_true(exists("a") && exists("b") && exists("c"));
	age("a", 300);
	age("b", 200);
	age("c", 100);
	assert_true(holds(&cache, "a", content));	/* a use */
	put(&cache, "d", content);
	assert_false(exists("b"));
	assert_true(exists("a") && exists("c") && exists("d"));
	put(&cache, "e", content);
	assert_false(exists("c"));
	assert_true(exists("a") && exists("d") && exists("e"));
	cache_close(&cache);
}

static void one_file_never_fills_the_cache(void **state)
{
	struct cache cache = opened(100);
	char content[52];

	(void)state;
	memset(content, 'x', 51);
	content[51] = '\0';
	put(&cache, "a", content);
	assert_false(exists("a"));
	content[50] = '\0';
	put(&cache, "a", content);
	assert_true(holds(&cache, "a", content));
	cache_close(&cache);
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static void files_and_folders_are_for_their_owner_alone(void **state)
{
	mode_t old = umask(0);
	struct cache cache = opened(LIMIT);
	char path[160];

	(void)state;
	put(&cache, "a", "content");
	umask(old);
	assert_int_equal(mode_of(path_of("a")), 0600);
	assert_int_equal(mode_of(folder), 0700);
	snprintf(path, sizeof(path), "%s/.cache/holdfast", home);
	assert_int_equal(mode_of(path), 0700);
	snprintf(path, sizeof(path), "%s/.cache", home);
	assert_int_equal(mode_of(path), 0700);
	cache_close(&cache);
}

static void assert_no_cache(void)
{
	struct cache cache = opened(LIMIT);

	assert_int_equal(cache.folder, -1);
	put(&cache, "a", "content");
	assert_false(holds(&cache, "a", "content"));
	cache_drop(&cache, "a");
	cache_close(&cache);
}

static void without_a_home_or_when_switched_off_there_is_none(void **state)
{
	char path[160];

	(void)state;
	setenv("HOLDFAST_NO_CACHE", "1", 1);
	assert_no_cache();
	unsetenv("HOLDFAST_NO_CACHE");
	unsetenv("HOME");
	assert_no_cache();
	setenv("HOME", "not/absolute", 1);
	assert_no_cache();
	setenv("HOME", "/dev/null/home", 1);
	assert_no_cache();
	snprintf(path, sizeof(path), "%s/elsewhere", home);
	setenv("XDG_CACHE_HOME", path, 1);
	snprintf(folder, sizeof(folder), "%s/holdfast/kind", path);
	{
		struct cache cache = opened(LIMIT);

		put(&cache, "a", "content");
		assert_true(holds(&cache, "a", "content"));
		assert_true(exists("a"));
		cache_close(&cache);
	}
}

static void a_folder_that_others_may_write_is_not_used(void **state)
{
	struct cache cache = opened(LIMIT);
	char other[160];

	(void)state;
	put(&cache, "a", "content");
	cache_close(&cache);
	assert_int_equal(chmod(folder, 0722), 0);
	assert_no_cache();
	assert_int_equal(chmod(folder, 0755), 0);
	cache = opened(LIMIT);
	assert_true(holds(&cache, "a", "content"));
	assert_int_equal(mode_of(folder), 0700);
	cache_close(&cache);
	snprintf(other, sizeof(other), "%s/other", home);
	assert_int_equal(rename(folder, other), 0);
	assert_int_equal(symlink(other, folder), 0);
	assert_no_cache();
	if (geteuid() == 0) {
		assert_int_equal(unlink(folder), 0);
		assert_int_equal(mkdir(folder, 0700), 0);
		assert_int_equal(chown(folder, 1, 1), 0);
		assert_no_cache();
		assert_int_equal(chown(home, 1, 1), 0);
		assert_no_cache();
		assert_int_equal(chown(home, 0, 0), 0);
	}
}

static void links_and_files_that_others_may_write_are_misses(void **state)
{
	struct cache cache = opened(LIMIT);

	(void)state;
	put(&cache, "a", "content");
	assert_int_equal(symlink("a", path_of("link")), 0);
	assert_false(holds(&cache, "link", "content"));
	assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
	assert_false(holds(&cache, "pipe", "content"));
	assert_true(holds(&cache, "a", "content"));
	assert_int_equal(chmod(path_of("a"), 0622), 0);
	assert_false(holds(&cache, "a", "content"));
	cache_close(&cache);
}

/* A link to a file of ours elsewhere, and a pipe that nobody reads. */
static void nothing_is_written_through_links_and_into_pipes(void **state)
{
	struct cache cache = opened(LIMIT);
	char canary[100], text[16] = "";
	FILE *f;

	(void)state;
	snprintf(canary, sizeof(canary), "%s/canary", home);
	f = fopen(canary, "w");
	assert_non_null(f);
	fputs("not ours", f);
	fclose(f);
	assert_int_equal(symlink(canary, path_of("link")), 0);
	assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
	put(&cache, "link", "content");
	put(&cache, "pipe", "content");
	assert_true(holds(&cache, "link", "content"));
	assert_true(holds(&cache, "pipe", "content"));
	f = fopen(canary, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	assert_string_equal(text, "not ours");
	cache_close(&cache);
}

/* Files that their reader checks take part in the bound as the others do. */
static void large_files_are_kept_and_dropped_as_well(void **state)
{
	struct cache cache = opened(1000);
	struct err err = {0};
	struct outfile of;
	char bytes[900] = "large";
	int fd;

	(void)state;
	assert_int_equal(cache_open_file(&cache, "large"), -1);
	put(&cache, "small", "content");
	age("small", 100);
	assert_true(cache_create(&cache, "large", &of, &err));
	assert_true(outfile_write(&of, bytes, sizeof(bytes), &err));
	assert_int_equal(cache_open_file(&cache, "large"), -1);
	assert_true(cache_commit(&cache, &of, &err));
	fd = cache_open_file(&cache, "large");
	assert_true(fd >= 0);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(read(fd, bytes, sizeof(bytes)), sizeof(bytes));
	assert_string_equal(bytes, "large");
	close(fd);
	put(&cache, "small", "content");
	age("large", 100);
	assert_true(cache_create(&cache, "other", &of, &err));
	assert_true(outfile_write(&of, bytes, sizeof(bytes), &err));
	assert_true(cache_commit(&cache, &of, &err));
	assert_int_equal(cache_open_file(&cache, "large"), -1);
	assert_true(holds(&cache, "small", "content"));
	cache_close(&cache);
}

static void a_cache_takes_its_part_of_the_disk_at_most(void **state)
{
	struct cache cache = opened(UINT64_MAX), none = { .folder = -1 };
	struct err err = {0};
	struct outfile of;

	(void)state;
	cache_spare_disk(&cache, 4);
	assert_true(cache.limit > 0 && cache.limit < UINT64_C(1) << 60);
	cache.limit = 5;
	cache_spare_disk(&cache, 4);
	assert_int_equal(cache.limit, 5);
	cache_close(&cache);
	assert_false(cache_create(&none, "name", &of, &err));
	assert_int_equal(err.code, ERR_IO);
}

static void what_a_killed_writer_left_is_cleared_away(void **state)
{
	struct cache cache = opened(LIMIT);

	(void)state;
	write_anew(".holdfast-old", (const uint8_t *)"x", 1);
	write_anew(".holdfast-new", (const uint8_t *)"x", 1);
	age(".holdfast-old", 7200);
	put(&cache, "a", "content");
	assert_false(exists(".holdfast-old"));
	assert_true(exists(".holdfast-new") && exists("a"));
	cache_close(&cache);
}

enum { WRITERS = 6, ROUNDS = 40, CONTENT = 20000 };

/* Content of writer @i: one letter; anything mixed was torn. */
static _Noreturn void write_and_read(int i)
{
	struct cache cache = opened(LIMIT);
	char *content = malloc(CONTENT + 1);
	struct cache_entry e;

	for (int round = 0; content && round < ROUNDS; round++) {
		memset(content, 'a' + i, CONTENT);
		content[CONTENT] = '\0';
		put(&cache, "shared", content);
		if (!cache_get(&cache, "shared", tag, sizeof(tag), &e) ||
		    e.content.size != CONTENT)
			_exit(1);
		for (size_t k = 1; k < CONTENT; k++) {
			if (e.content.start[k] != e.content.start[0])
				_exit(2);
		}
		cache_entry_free(&e);
	}
	_exit(content ? 0 : 3);
}

static void several_writers_leave_whole_files(void **state)
{
	struct cache cache = opened(LIMIT);
	pid_t pids[WRITERS];
	int status;

	(void)state;
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			write_and_read(i);
		assert_true(pids[i] > 0);
	}
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(count_files(folder), 1);
	cache_close(&cache);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, make_home, remove_home)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_kept_comes_back),
		TEST(what_was_made_from_something_else_is_a_miss),
		TEST(any_damage_is_a_miss_and_removes_the_file),
		TEST(what_was_not_used_for_longest_goes_first),
		TEST(one_file_never_fills_the_cache),
		TEST(files_and_folders_are_for_their_owner_alone),
		TEST(without_a_home_or_when_switched_off_there_is_none),
		TEST(a_folder_that_others_may_write_is_not_used),
		TEST(links_and_files_that_others_may_write_are_misses),
		TEST(nothing_is_written_through_links_and_into_pipes),
		TEST(large_files_are_kept_and_dropped_as_well),
		TEST(a_cache_takes_its_part_of_the_disk_at_most),
		TEST(what_a_killed_writer_left_is_cleared_away),
		TEST(several_writers_leave_whole_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
