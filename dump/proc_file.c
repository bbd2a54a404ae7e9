/* SPDX-License-Identifier: MIT */
#include "dump/proc_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* smaps of the 65,530 mappings that a process may have takes 50 MB. */
enum { FIRST_READ = 1 << 16, LARGEST_TEXT = 1 << 30 };

static bool grow(struct proc_text *text, size_t *cap, struct err *err)
{
	size_t want = *cap ? *cap * 2 : FIRST_READ;
	char *at;

	if (want > LARGEST_TEXT)
		return err_set(err, ERR_LIMIT, "longer than 1 GiB");
	at = realloc(text->at, want);
	if (!at)
		return err_nomem(err, "a file of /proc");
	text->at = at;
	*cap = want;
	return true;
}

static bool read_all(int fd, struct proc_text *text, struct err *err)
{
	size_t cap = 0;
	ssize_t got;

	do {
		if (cap - text->len < 2 && !grow(text, &cap, err))
			return false;
		got = read(fd, text->at + text->len, cap - text->len - 1);
		if (got > 0)
			text->len += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	text->at[text->len] = '\0';
	return got == 0 || err_errno(err, "read");
}

bool proc_read_path(const char *path, struct proc_text *ret, struct err *err)
{
	struct proc_text text = {0};
	bool ok;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*ret = text;
	if (fd < 0)
		return err_errno(err, "%s", path);
	ok = read_all(fd, &text, err);
	close(fd);
	if (!ok) {
		proc_text_free(&text);
		return err_wrap(err, "%s", path);
	}
	*ret = text;
	return true;
}

bool proc_read(uint32_t pid, const char *name, struct proc_text *ret,
	       struct err *err)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	return proc_read_path(path, ret, err);
}

void proc_text_free(struct proc_text *text)
{
	free(text->at);
	*text = (struct proc_text){0};
}

bool proc_line(const struct proc_text *text, size_t *pos, const char **line,
	       size_t *len)
{
	const char *start, *end;

	if (*pos >= text->len)
		return false;
	start = text->at + *pos;
	end = memchr(start, '\n', text->len - *pos);
	*len = end ? (size_t)(end - start) : text->len - *pos;
	*line = start;
	*pos += *len + 1;
	return true;
}

bool proc_stat_parse(const struct proc_text *text, struct proc_stat *ret)
{
	const char *open = text->at ? strchr(text->at, '(') : NULL;
	const char *close = text->at ? strrchr(text->at, ')') : NULL;
	unsigned long flags;
	size_t len;

	*ret = (struct proc_stat){0};
	if (!open || !close || close < open ||
	    sscanf(close + 1, " %c %u %*d %*d %*d %*d %lu", &ret->state,
		   &ret->ppid, &flags) != 3)
		return false;
	len = (size_t)(close - open - 1);
	if (len >= sizeof(ret->comm))
		len = sizeof(ret->comm) - 1;
	memcpy(ret->comm, open + 1, len);
	ret->kernel_thread = flags & 0x00200000;	/* PF_KTHREAD */
	return true;
}

bool proc_stat_read(uint32_t pid, struct proc_stat *ret)
{
	struct proc_text text;
	struct err err = {0};
	bool ok;

	*ret = (struct proc_stat){0};
	if (!proc_read(pid, "stat", &text, &err))
		return false;
	ok = proc_stat_parse(&text, ret);
	proc_text_free(&text);
	return ok;
}

uint64_t proc_text_number(const struct proc_text *text, const char *key,
			  uint64_t missing)
{
	size_t pos = 0, len, n = strlen(key);
	const char *line;

	while (proc_line(text, &pos, &line, &len)) {
		if (len > n && memcmp(line, key, n) == 0 && line[n] == ':')
			return strtoull(line + n + 1, NULL, 10);
	}
	return missing;
}

uint64_t proc_status_number(uint32_t pid, const char *key, uint64_t missing)
{
	struct proc_text text;
	struct err err = {0};

	if (!proc_read(pid, "status", &text, &err))
		return missing;
	missing = proc_text_number(&text, key, missing);
	proc_text_free(&text);
	return missing;
}
