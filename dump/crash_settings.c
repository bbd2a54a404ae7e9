/* SPDX-License-Identifier: MIT */
#include "dump/crash_settings.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char file_name[] = "settings";

static const struct key {
	const char *name;
	size_t offset;
} keys[] = {
	{ "max-size",     offsetof(struct crash_settings, max_size) },
	{ "max-count",    offsetof(struct crash_settings, max_count) },
	{ "max-total",    offsetof(struct crash_settings, max_total) },
	{ "keep-free",    offsetof(struct crash_settings, keep_free) },
	{ "keep-percent", offsetof(struct crash_settings, keep_percent) },
	{ "limit-time",   offsetof(struct crash_settings, limit_time) },
	{ "no-types",     offsetof(struct crash_settings, no_types) },
	{ "only-pointers", offsetof(struct crash_settings, only_pointers) },
};

enum { N_KEYS = sizeof(keys) / sizeof(keys[0]), FILE_MAX = 4096 };

struct crash_settings crash_settings_default(void)
{
	return (struct crash_settings){
		.max_size = UINT64_C(2) << 30, .max_count = 16,
		.max_total = UINT64_C(8) << 30, .keep_percent = 10,
		.limit_time = 60,
	};
}

uint64_t crash_settings_keep(const struct crash_settings *s,
			     const char *folder)
{
	struct statvfs st;

	if (s->keep_free || statvfs(folder, &st) != 0)
		return s->keep_free;
	return (uint64_t)st.f_blocks * st.f_frsize / 100 * s->keep_percent;
}

static bool write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, text, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		text += put;
		n -= (size_t)put;
	}
	return fsync(fd) == 0;
}

bool crash_file_write(int folder, const char *name, const char *text,
		      size_t n, struct err *err)
{
	char temp[64];
	bool ok;
	int fd;

	snprintf(temp, sizeof(temp), ".%s.new", name);
	unlinkat(folder, temp, 0);
	fd = openat(folder, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
		    O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, "cannot write %s", name);
	ok = write_all(fd, text, n) ||
	     err_errno(err, "cannot write %s", name);
	close(fd);
	ok = ok && (renameat(folder, temp, folder, name) == 0 ||
		    err_errno(err, "cannot write %s", name));
	if (!ok)
		unlinkat(folder, temp, 0);
	return ok;
}

bool crash_file_read(int folder, const char *name, char *ret, size_t size)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC |
			O_NONBLOCK);
	size_t done = 0;
	struct stat st;
	ssize_t got = 0;

	ret[0] = '\0';
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_uid == geteuid()) {
		while (done < size - 1 &&
		       (got = read(fd, ret + done, size - 1 - done)) > 0)
			done += (size_t)got;
	} else {
		got = -1;
	}
	close(fd);
	ret[done] = '\0';
	/* A NUL byte is damage, and does not hide what follows. */
	for (size_t i = 0; i < done; i++) {
		if (ret[i] == '\0')
			ret[i] = '?';
	}
	return got >= 0;
}

/** Take one line "KEY VALUE"; one that makes no sense is left out. */
static void take_line(const char *line, struct crash_settings *ret)
{
	for (size_t i = 0; i < N_KEYS; i++) {
		size_t n = strlen(keys[i].name);
		unsigned long long value;
		char *end;

		if (strncmp(line, keys[i].name, n) != 0 || line[n] != ' ')
			continue;
		value = strtoull(line + n + 1, &end, 10);
		if (end > line + n + 1 && (*end == '\n' || *end == '\0'))
			memcpy((char *)ret + keys[i].offset,
			       &(uint64_t){ value }, sizeof(uint64_t));
	}
}

void crash_settings_read(int folder, struct crash_settings *ret)
{
	char text[FILE_MAX];

	*ret = crash_settings_default();
	if (!crash_file_read(folder, file_name, text, sizeof(text)))
		return;
	for (const char *line = text; *line;) {
		const char *end = strchr(line, '\n');

		take_line(line, ret);
		line = end ? end + 1 : line + strlen(line);
	}
}

bool crash_settings_write(int folder, const struct crash_settings *s,
			  struct err *err)
{
	char text[FILE_MAX];
	size_t n = 0;

	for (size_t i = 0; i < N_KEYS; i++) {
		uint64_t value;

		memcpy(&value, (const char *)s + keys[i].offset, sizeof(value));
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "%s %" PRIu64 "\n", keys[i].name, value);
	}
	return crash_file_write(folder, file_name, text, n, err);
}
