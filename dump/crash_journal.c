/* SPDX-License-Identifier: MIT */
#include "dump/crash_journal.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char journal[] = "journal", suffix[] = ".core.zst";

enum { LINE_MAX_BYTES = PATH_MAX + 1024, N_FIELDS = 6 };

static bool parse_number(const char *text, size_t n, uint64_t max,
			 uint64_t *ret)
{
	uint64_t value = 0;

	if (n == 0 || n > 18)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	*ret = value;
	return value <= max;
}

/** "20261121T030405Z" */
static bool parse_time(const char *text, size_t n, int64_t *ret)
{
	struct tm tm = {0};
	char copy[CRASH_TIME_MAX];
	const char *end;

	if (n != 16 || text[8] != 'T')
		return false;
	snprintf(copy, sizeof(copy), "%.*s", (int)n, text);
	end = strptime(copy, "%Y%m%dT%H%M%SZ", &tm);
	if (!end || *end)
		return false;
	*ret = timegm(&tm);
	return true;
}

bool crash_journal_parse_name(const char *name, struct arena *arena,
			      struct crash_entry *ret)
{
	size_t n = strlen(name), tail = strlen(suffix), time_at, pid_at;
	uint64_t pid;

	*ret = (struct crash_entry){0};
	if (n <= tail || n >= CRASH_NAME_MAX ||
	    strcmp(name + n - tail, suffix) != 0)
		return false;
	n -= tail;
	for (time_at = n; time_at > 0 && name[time_at - 1] != '.';)
		time_at--;
	for (pid_at = time_at ? time_at - 1 : 0;
	     pid_at > 0 && name[pid_at - 1] != '.';)
		pid_at--;
	if (pid_at < 2 ||
	    !parse_time(name + time_at, n - time_at, &ret->time) ||
	    !parse_number(name + pid_at, time_at - 1 - pid_at, INT32_MAX,
			  &pid))
		return false;
	ret->pid = (uint32_t)pid;
	ret->exe = arena_text(arena, name, pid_at - 1);
	ret->file = arena_text(arena, name, strlen(name));
	return ret->exe && ret->file;
}

static const char *text_or_null(const char *at, size_t n, struct arena *arena)
{
	return n == 1 && *at == '-' ? NULL : arena_text(arena, at, n);
}

bool crash_journal_parse(const char *line, size_t len, struct arena *arena,
			 struct crash_entry *ret)
{
	const char *at[N_FIELDS];
	size_t size[N_FIELDS], pos = 0;
	uint64_t pid, signal;

	*ret = (struct crash_entry){0};
	for (int i = 0; i < N_FIELDS; i++) {
		const char *tab = memchr(line + pos, '\t', len - pos);

		if ((tab != NULL) != (i < N_FIELDS - 1))
			return false;
		at[i] = line + pos;
		size[i] = tab ? (size_t)(tab - at[i]) : len - pos;
		pos += size[i] + (tab != NULL);
	}
	if (!parse_time(at[0], size[0], &ret->time) ||
	    !parse_number(at[1], size[1], INT32_MAX, &pid) ||
	    !parse_number(at[2], size[2], 64, &signal))
		return false;
	ret->pid = (uint32_t)pid;
	ret->signal = (int)signal;
	ret->file = text_or_null(at[3], size[3], arena);
	ret->why = text_or_null(at[4], size[4], arena);
	ret->exe = arena_text(arena, at[5], size[5]);
	return ret->exe != NULL;
}

static void plain_text(const char *from, char *to, size_t size)
{
	size_t n = 0;

	for (; n < size - 1 && from[n]; n++)
		to[n] = iscntrl((unsigned char)from[n]) ? '?' : from[n];
	to[n] = '\0';
}

/** Forget the older half of a journal that has grown too long. */
static void shorten(int folder)
{
	char *text = malloc(JOURNAL_MAX * 2);
	const char *from;
	struct err err = {0};
	size_t n;

	if (text && crash_file_read(folder, journal, text, JOURNAL_MAX * 2)) {
		n = strlen(text);
		from = strchr(text + n / 2, '\n');
		from = from ? from + 1 : text + n;
		/* A journal that stays too long for once is no trouble. */
		if (n > JOURNAL_MAX &&
		    !crash_file_write(folder, journal, from,
				      n - (size_t)(from - text), &err))
			err_clear(&err);
	}
	free(text);
}

bool crash_journal_append(int folder, const struct crash_entry *entry,
			  struct err *err)
{
	char when[CRASH_TIME_MAX], exe[PATH_MAX], why[512];
	char line[LINE_MAX_BYTES];
	bool ok;
	int fd, n;

	crash_time_text(entry->time, false, when);
	plain_text(entry->exe, exe, sizeof(exe));
	plain_text(entry->why ? entry->why : "-", why, sizeof(why));
	n = snprintf(line, sizeof(line), "%s\t%u\t%d\t%s\t%s\t%s\n", when,
		     entry->pid, entry->signal, entry->file ? entry->file : "-",
		     why, exe);
	fd = openat(folder, journal, O_WRONLY | O_CREAT | O_APPEND |
		    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, "cannot write the journal");
	ok = n > 0 && (size_t)n < sizeof(line) && write(fd, line, (size_t)n) == n;
	if (!ok)
		err_errno(err, "cannot write the journal");
	if (ok && lseek(fd, 0, SEEK_END) > JOURNAL_MAX)
		shorten(folder);
	close(fd);
	return ok;
}

static bool add_files(int folder, struct crash_list *list, struct err *err)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	bool ok = true;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return err_errno(err, "the folder of crashes");
	}
	while (ok && (entry = readdir(dir)) != NULL) {
		struct crash_entry e;
		struct stat st;

		if (fstatat(folder, entry->d_name, &st,
			    AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		    !crash_journal_parse_name(entry->d_name, &list->arena, &e))
			continue;
		e.size = (uint64_t)st.st_size;
		ok = vec_push(&list->at, e);
	}
	closedir(dir);
	return ok || err_nomem(err, "the list of crashes");
}

/** A line about a file adds to what its name says; others are new. */
static bool add_line(struct crash_list *list, size_t n_files,
		     const struct crash_entry *line)
{
	for (size_t i = 0; line->file && i < n_files; i++) {
		struct crash_entry *e = &list->at.at[i];

		if (strcmp(e->file, line->file) != 0)
			continue;
		e->exe = line->exe;
		e->signal = line->signal;
		return true;
	}
	/* A line about a file that is gone tells nothing of use. */
	return line->file || vec_push(&list->at, *line);
}

static bool add_journal(int folder, struct crash_list *list, struct err *err)
{
	char *text = malloc(JOURNAL_MAX * 2);
	size_t n_files = list->at.len;
	bool ok = text != NULL;

	if (ok)
		(void)crash_file_read(folder, journal, text, JOURNAL_MAX * 2);
	for (const char *line = text; ok && *line;) {
		const char *end = strchr(line, '\n');
		size_t len = end ? (size_t)(end - line) : strlen(line);
		struct crash_entry e;

		if (crash_journal_parse(line, len, &list->arena, &e))
			ok = add_line(list, n_files, &e);
		line += len + (end != NULL);
	}
	free(text);
	return ok || err_nomem(err, "the list of crashes");
}

static int by_age(const void *a, const void *b)
{
	const struct crash_entry *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? 1 : -1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? 1 : -1;
	return strcmp(x->file ? x->file : "", y->file ? y->file : "");
}

bool crash_store_list(const struct crash_store *store, struct crash_list *ret,
		      struct err *err)
{
	*ret = (struct crash_list){0};
	if (!add_files(store->folder, ret, err) ||
	    !add_journal(store->folder, ret, err)) {
		crash_list_free(ret);
		return false;
	}
	if (ret->at.len > 1)
		qsort(ret->at.at, ret->at.len, sizeof(*ret->at.at), by_age);
	return true;
}

void crash_list_free(struct crash_list *list)
{
	vec_free(&list->at);
	arena_free(&list->arena);
}
