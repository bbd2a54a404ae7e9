/* SPDX-License-Identifier: MIT */
#include "dump/core_pattern.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump/crash_settings.h"

#define PATTERN_FILE "/proc/sys/kernel/core_pattern"
#define LIMIT_FILE "/proc/sys/kernel/core_pipe_limit"

static const char previous[] = "previous";
static const char handler[] = " crash handle --dir ";
static const char arguments[] = " %P %I %s %t";

/* include/linux/proc_ns.h: PROC_PID_INIT_INO */
#define FIRST_PID_NAMESPACE 0xEFFFFFFC

static bool read_line(const char *path, char *ret, size_t size,
		      struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, ret, size - 1) : -1;

	if (n < 0)
		err_errno(err, "%s", path);
	if (fd >= 0)
		close(fd);
	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return n >= 0;
}

static bool write_line(const char *path, const char *text, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	char line[CORE_PATTERN_MAX + 1], now[CORE_PATTERN_MAX + 1];
	int n = snprintf(line, sizeof(line), "%s\n", text);
	bool ok = fd >= 0 && write(fd, line, (size_t)n) == n;

	if (!ok)
		err_errno(err, "cannot write %s", path);
	if (fd >= 0)
		close(fd);
	if (!ok || !read_line(path, now, sizeof(now), err))
		return false;
	return strcmp(now, text) == 0 ||
	       err_set(err, ERR_IO, "%s did not become \"%s\"", path, text);
}

bool core_pattern_read(struct core_pattern *ret, struct err *err)
{
	char limit[32];

	*ret = (struct core_pattern){0};
	if (!read_line(PATTERN_FILE, ret->text, sizeof(ret->text), err) ||
	    !read_line(LIMIT_FILE, limit, sizeof(limit), err))
		return false;
	ret->pipe_limit = strtoull(limit, NULL, 10);
	return true;
}

bool core_pattern_write(const struct core_pattern *pattern, struct err *err)
{
	char limit[32];

	snprintf(limit, sizeof(limit), "%" PRIu64, pattern->pipe_limit);
	return write_line(LIMIT_FILE, limit, err) &&
	       write_line(PATTERN_FILE, pattern->text, err);
}

static bool check_word(const char *text, struct err *err)
{
	for (const char *c = text; *c; c++) {
		if (isspace((unsigned char)*c) || iscntrl((unsigned char)*c) ||
		    *c == '%')
			return err_set(err, ERR_UNSUPPORTED, "kernel.core_"
				       "pattern has no way to write a blank "
				       "or %% in \"%s\"", text);
	}
	return true;
}

bool core_pattern_make(const char *program, const char *folder,
		       char ret[CORE_PATTERN_MAX], struct err *err)
{
	int n;

	ret[0] = '\0';
	if (!check_word(program, err) || !check_word(folder, err))
		return false;
	n = snprintf(ret, CORE_PATTERN_MAX, "|%s%s%s%s", program, handler,
		     folder, arguments);
	if (n < CORE_PATTERN_MAX)
		return true;
	ret[0] = '\0';
	return err_set(err, ERR_LIMIT, "kernel.core_pattern has room for %d "
		       "bytes, and %d are needed: the paths of the program "
		       "(%s) and of the folder (%s) are too long",
		       CORE_PATTERN_MAX - 1, n, program, folder);
}

bool core_pattern_ours(const char *pattern, char folder[CORE_PATTERN_MAX])
{
	const char *at = strstr(pattern, handler);

	folder[0] = '\0';
	if (pattern[0] != '|' || !at)
		return false;
	at += strlen(handler);
	snprintf(folder, CORE_PATTERN_MAX, "%.*s", (int)strcspn(at, " "), at);
	return folder[0] == '/';
}

const char *core_pattern_owner(const char *pattern)
{
	static const char *const owners[] = {
		"systemd-coredump", "apport", "abrt",
	};

	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		if (pattern[0] == '|' && strstr(pattern, owners[i]))
			return owners[i];
	}
	return NULL;
}

bool core_pattern_recall(int folder, struct core_pattern *ret)
{
	char text[256], *line;

	*ret = (struct core_pattern){0};
	if (!crash_file_read(folder, previous, text, sizeof(text)))
		return false;
	/* The limit, then the pattern, which may be empty. */
	line = strchr(text, '\n');
	if (!line || !isdigit((unsigned char)text[0]))
		return false;
	ret->pipe_limit = strtoull(text, NULL, 10);
	line++;
	line[strcspn(line, "\n")] = '\0';
	snprintf(ret->text, sizeof(ret->text), "%.*s", CORE_PATTERN_MAX - 1,
		 line);
	return true;
}

bool core_pattern_keep(int folder, const struct core_pattern *pattern,
		       struct err *err)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "%" PRIu64 "\n%s\n",
			 pattern->pipe_limit, pattern->text);

	return crash_file_write(folder, previous, text, (size_t)n, err);
}

void core_pattern_forget(int folder)
{
	unlinkat(folder, previous, 0);
}

bool core_pattern_reachable(struct err *err)
{
	struct stat pid, ours, first;

	if (stat("/proc/self/ns/pid", &pid) != 0 ||
	    stat("/proc/self/ns/mnt", &ours) != 0)
		return err_errno(err, "/proc/self/ns");
	/* Who may not look at process 1 learns nothing from it. */
	if (stat("/proc/1/ns/mnt", &first) != 0)
		first = ours;
	if (pid.st_ino == FIRST_PID_NAMESPACE && ours.st_ino == first.st_ino &&
	    ours.st_dev == first.st_dev)
		return true;
	return err_set(err, ERR_UNSUPPORTED, "this is a container: kernel."
		       "core_pattern is that of the whole machine, and the "
		       "kernel would look for holdfast outside; install it on "
		       "the host, which sees crashes in containers, too");
}
