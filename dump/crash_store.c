/* SPDX-License-Identifier: MIT */
#include "dump/crash_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "dump/crash_journal.h"

enum { LEFTOVER_SECONDS = 3600, BYTE_FOLDER = 0 };

#define TEMP_PREFIX ".holdfast-"

static bool others_may_write(const struct stat *st)
{
	return st->st_mode & S_IWOTH ||
	       (st->st_mode & S_IWGRP && st->st_gid != 0);
}

static bool check_one(const char *path, const char *whole, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return err_errno(err, "%s", path);
	if (st.st_uid == 0 && (S_ISLNK(st.st_mode) ||
			       !others_may_write(&st) ||
			       (S_ISDIR(st.st_mode) && st.st_mode & S_ISVTX &&
				strcmp(path, whole) != 0)))
		return true;
	return err_set(err, ERR_IO, "%s can be changed by other users than "
		       "root, and with it what root does when a process "
		       "crashes", path);
}

bool crash_path_safe(const char *path, struct err *err)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (path[0] != '/' || n >= sizeof(part))
		return err_set(err, ERR_LIMIT, "%s is no absolute path, or "
			       "too long", path);
	for (size_t i = 0; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		snprintf(part, sizeof(part), "%.*s", i ? (int)i : 1, path);
		if (!check_one(part, path, err))
			return false;
	}
	return true;
}

bool crash_store_make(const char *path, struct err *err)
{
	char part[PATH_MAX];

	if (path[0] != '/' || strlen(path) >= sizeof(part))
		return err_set(err, ERR_LIMIT, "%s is no absolute path, or "
			       "too long", path);
	for (size_t i = 1; i <= strlen(path); i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (mkdir(part, path[i] ? 0755 : 0700) != 0 &&
		    errno != EEXIST)
			return err_errno(err, "cannot make %s", part);
	}
	return crash_path_safe(path, err);
}

bool crash_store_open(const char *path, struct crash_store *ret,
		      struct err *err)
{
	struct stat st;

	*ret = (struct crash_store){ .folder = -1, .lock = -1 };
	if (strlen(path) >= sizeof(ret->path))
		return err_set(err, ERR_LIMIT, "the path is too long");
	memcpy(ret->path, path, strlen(path) + 1);
	ret->folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
			   O_CLOEXEC);
	if (ret->folder < 0)
		return err_errno(err, "%s", path);
	if (fstat(ret->folder, &st) == 0 && st.st_uid == geteuid() &&
	    !(st.st_mode & 077))
		ret->lock = openat(ret->folder, "lock", O_RDWR | O_CREAT |
				   O_NOFOLLOW | O_CLOEXEC, 0600);
	else
		err_set(err, ERR_IO, "%s is not a folder for its owner alone "
			"(mode 0700), or you are not the owner", path);
	if (ret->lock >= 0)
		return true;
	err_errno(err, "%s/lock", path);
	crash_store_close(ret);
	return false;
}

void crash_store_close(struct crash_store *store)
{
	if (store->folder >= 0)
		close(store->folder);
	if (store->lock >= 0)
		close(store->lock);
	store->folder = store->lock = -1;
}

static bool lock_byte(const struct crash_store *store, uint64_t byte,
		      short type, bool wait)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)byte,
		.l_len = 1,
	};

	return fcntl(store->lock, wait ? F_OFD_SETLKW : F_OFD_SETLK,
		     &lock) == 0;
}

bool crash_store_claim(const struct crash_store *store, uint64_t key)
{
	return lock_byte(store, (key >> 2) + 1, F_WRLCK, false);
}

void crash_store_name(const char *comm, uint32_t pid, int64_t time,
		      char ret[CRASH_NAME_MAX])
{
	char when[CRASH_TIME_MAX], name[64];
	size_t n = 0;

	for (; n < sizeof(name) - 1 && comm[n]; n++) {
		char c = comm[n];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || c == '_' ||
			     (n > 0 && (c == '-' || c == '+' || c == '.'));

		name[n] = plain ? c : '_';
	}
	name[n] = '\0';
	crash_time_text(time, false, when);
	snprintf(ret, CRASH_NAME_MAX, "%s.%u.%s.core.zst",
		 n ? name : "process", pid, when);
}

/** Remove temporary files of handlers that died. */
static void remove_leftovers(const struct crash_store *store)
{
	int fd = openat(store->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL) {
		struct stat st;

		if (strncmp(entry->d_name, TEMP_PREFIX,
			    strlen(TEMP_PREFIX)) == 0 &&
		    fstatat(store->folder, entry->d_name, &st,
			    AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
		    time(NULL) - st.st_mtime > LEFTOVER_SECONDS)
			unlinkat(store->folder, entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

static uint64_t disk_free(const struct crash_store *store)
{
	struct statvfs st;

	return fstatvfs(store->folder, &st) == 0 ?
	       (uint64_t)st.f_bavail * st.f_frsize : UINT64_MAX;
}

static void remove_oldest(const struct crash_store *store,
			  const struct crash_settings *s, uint64_t more,
			  const char *keep, const struct crash_list *list)
{
	uint64_t free_min = crash_settings_keep(s, store->path);
	uint64_t n = 0, total = 0;

	for (size_t i = 0; i < list->at.len; i++) {
		n += list->at.at[i].file != NULL;
		total += list->at.at[i].size;
	}
	for (size_t i = list->at.len; i-- > 0;) {
		const struct crash_entry *e = &list->at.at[i];

		if (n + more <= s->max_count && total <= s->max_total &&
		    disk_free(store) >= free_min)
			return;
		if (!e->file || (keep && strcmp(e->file, keep) == 0) ||
		    unlinkat(store->folder, e->file, 0) != 0)
			continue;
		n--;
		total -= e->size;
	}
}

void crash_store_tidy(const struct crash_store *store,
		      const struct crash_settings *settings, uint64_t more,
		      const char *keep)
{
	struct crash_list list;
	struct err err = {0};

	lock_byte(store, BYTE_FOLDER, F_WRLCK, true);
	remove_leftovers(store);
	if (crash_store_list(store, &list, &err)) {
		remove_oldest(store, settings, more, keep, &list);
		crash_list_free(&list);
	}
	lock_byte(store, BYTE_FOLDER, F_UNLCK, true);
}

bool crash_store_note(const struct crash_store *store,
		      const struct crash_entry *entry, struct err *err)
{
	bool ok;

	lock_byte(store, BYTE_FOLDER, F_WRLCK, true);
	ok = crash_journal_append(store->folder, entry, err);
	lock_byte(store, BYTE_FOLDER, F_UNLCK, true);
	return ok;
}

void crash_time_text(int64_t when, bool pretty, char ret[CRASH_TIME_MAX])
{
	time_t t = (time_t)when;
	struct tm tm;

	ret[0] = '\0';
	if (gmtime_r(&t, &tm))
		strftime(ret, CRASH_TIME_MAX, pretty ? "%Y-%m-%dT%H:%M:%SZ" :
			 "%Y%m%dT%H%M%SZ", &tm);
}
