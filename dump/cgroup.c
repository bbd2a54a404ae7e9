/* SPDX-License-Identifier: MIT */
#include "dump/cgroup.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const files_v2[] = {
	"memory.current", "memory.peak", "memory.high", "memory.max",
	"memory.swap.current", "memory.swap.max", "memory.stat", NULL,
};
static const char *const files_v1[] = {
	"memory.usage_in_bytes", "memory.max_usage_in_bytes",
	"memory.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.stat",
	NULL,
};

/** True when the comma separated @list of @n bytes has @word. */
static bool list_has(const char *list, size_t n, const char *word)
{
	size_t want = strlen(word);

	while (n > 0) {
		const char *comma = memchr(list, ',', n);
		size_t len = comma ? (size_t)(comma - list) : n;

		if (len == want && memcmp(list, word, len) == 0)
			return true;
		if (!comma)
			return false;
		list += len + 1;
		n -= len + 1;
	}
	return false;
}

bool cgroup_find(const struct proc_text *text, const char *controller,
		 char path[CGROUP_PATH_MAX], int *version)
{
	size_t pos = 0, len;
	const char *line;

	*version = 0;
	while (proc_line(text, &pos, &line, &len)) {
		const char *a = memchr(line, ':', len), *b;
		size_t left;
		int found = 0;

		if (!a)
			continue;
		b = memchr(a + 1, ':', len - (size_t)(a + 1 - line));
		if (!b)
			continue;
		if (b == a + 1 && a == line + 1 && line[0] == '0')
			found = 2;
		else if (list_has(a + 1, (size_t)(b - a - 1), controller))
			found = 1;
		left = len - (size_t)(b + 1 - line);
		/* On a mixed system the controller is where version 1 has it. */
		if (!found || *version == 1 || left >= CGROUP_PATH_MAX)
			continue;
		memcpy(path, b + 1, left);
		path[left] = '\0';
		*version = found;
	}
	return *version != 0;
}

/* Fields of mountinfo, proc(5): "36 35 98:0 /root /mount rw - type src opts" */
enum { FIELD_ROOT = 3, FIELD_MOUNT = 4, FIELDS_MAX = 32 };

static size_t split(char *line, char *fields[FIELDS_MAX])
{
	size_t n = 0;

	for (char *save, *f = strtok_r(line, " ", &save); f && n < FIELDS_MAX;
	     f = strtok_r(NULL, " ", &save))
		fields[n++] = f;
	return n;
}

static bool is_mount_of(const char *controller, char *fields[], size_t n,
			int version)
{
	size_t dash = FIELD_MOUNT + 1;

	while (dash < n && strcmp(fields[dash], "-") != 0)
		dash++;
	if (dash + 3 >= n)
		return false;
	if (version == 2)
		return strcmp(fields[dash + 1], "cgroup2") == 0;
	return strcmp(fields[dash + 1], "cgroup") == 0 &&
	       list_has(fields[dash + 3], strlen(fields[dash + 3]),
			controller);
}

bool cgroup_folder(const struct proc_text *mountinfo, const char *controller,
		   int version, const char *path, char folder[CGROUP_PATH_MAX],
		   size_t *mount_len)
{
	char copy[2 * CGROUP_PATH_MAX], *fields[FIELDS_MAX];
	size_t pos = 0, len, root;
	const char *line;

	while (proc_line(mountinfo, &pos, &line, &len)) {
		int n;

		if (len >= sizeof(copy))
			continue;
		memcpy(copy, line, len);
		copy[len] = '\0';
		if (!is_mount_of(controller, fields, split(copy, fields),
				 version))
			continue;
		/* A mount of part of the tree shows what is below its root; a
		 * path with ".." leads out of our cgroup namespace. */
		root = strcmp(fields[FIELD_ROOT], "/") == 0 ? 0 :
		       strlen(fields[FIELD_ROOT]);
		if (strncmp(path, fields[FIELD_ROOT], root) != 0 ||
		    (path[root] != '/' && path[root] != '\0') ||
		    strncmp(path + root, "/..", 3) == 0)
			continue;
		n = snprintf(folder, CGROUP_PATH_MAX, "%s%s",
			     fields[FIELD_MOUNT],
			     strcmp(path + root, "/") == 0 ? "" : path + root);
		*mount_len = strlen(fields[FIELD_MOUNT]);
		if (n > 0 && n < CGROUP_PATH_MAX)
			return true;
	}
	return false;
}

/** Write "NAME LINE" for each line of a file of the cgroup. */
static bool describe_file(FILE *out, const char *folder, const char *name)
{
	char path[CGROUP_PATH_MAX + 64];
	struct proc_text text;
	struct err err = {0};
	size_t pos = 0, len;
	const char *line;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (!proc_read_path(path, &text, &err))
		return false;
	while (proc_line(&text, &pos, &line, &len))
		fprintf(out, "%s %.*s\n", name, (int)len, line);
	proc_text_free(&text);
	return true;
}

/** Look for @cgroup among the mounts of @whose ("self", "123"), which are
 * below @prefix. */
static bool look_below(const char *root, const char *whose, const char *prefix,
		       const char *controller, struct cgroup *cgroup)
{
	char path[CGROUP_PATH_MAX], folder[CGROUP_PATH_MAX];
	struct proc_text mounts;
	struct err err = {0};
	bool found;
	int n;

	n = snprintf(path, sizeof(path), "%s/proc/%s/mountinfo", root, whose);
	if (n < 0 || (size_t)n >= sizeof(path) ||
	    !proc_read_path(path, &mounts, &err))
		return false;
	found = cgroup_folder(&mounts, controller, cgroup->version,
			      cgroup->path, folder, &cgroup->mount_len);
	proc_text_free(&mounts);
	if (!found)
		return false;
	n = snprintf(cgroup->folder, sizeof(cgroup->folder), "%s%s%s", root,
		     prefix, folder);
	cgroup->mount_len += strlen(root) + strlen(prefix);
	if (n < 0 || (size_t)n >= sizeof(cgroup->folder) ||
	    access(cgroup->folder, F_OK) != 0)
		cgroup->folder[0] = '\0';
	return cgroup->folder[0];
}

bool cgroup_locate(const char *root, uint32_t pid, const char *controller,
		   struct cgroup *ret)
{
	char path[CGROUP_PATH_MAX], whose[16], prefix[32];
	struct proc_text text;
	struct err err = {0};
	bool found;
	int n;

	*ret = (struct cgroup){0};
	n = snprintf(path, sizeof(path), "%s/proc/%u/cgroup", root, pid);
	if (n < 0 || (size_t)n >= sizeof(path) ||
	    !proc_read_path(path, &text, &err))
		return false;
	found = cgroup_find(&text, controller, ret->path, &ret->version);
	proc_text_free(&text);
	if (!found || look_below(root, "self", "", controller, ret))
		return found;
	snprintf(whose, sizeof(whose), "%u", pid);
	snprintf(prefix, sizeof(prefix), "/proc/%u/root", pid);
	(void)look_below(root, whose, prefix, controller, ret);
	return true;
}

bool cgroup_to_parent(struct cgroup *cgroup)
{
	char *slash = strrchr(cgroup->folder, '/');

	if (!slash || (size_t)(slash - cgroup->folder) < cgroup->mount_len)
		return false;
	*slash = '\0';
	return true;
}

uint64_t cgroup_number(const char *folder, const char *name)
{
	char path[CGROUP_PATH_MAX + 64];
	struct proc_text text;
	struct err err = {0};
	uint64_t value = CGROUP_NO_LIMIT;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (!proc_read_path(path, &text, &err))
		return value;
	if (isdigit((unsigned char)text.at[0]))
		value = strtoull(text.at, NULL, 10);
	proc_text_free(&text);
	return value >= INT64_MAX / 4096 * 4096 ? CGROUP_NO_LIMIT : value;
}

bool cgroup_describe(uint32_t pid, struct proc_text *ret)
{
	const char *const *files;
	struct cgroup cgroup;
	int found = 0;
	FILE *out;

	*ret = (struct proc_text){0};
	if (!cgroup_locate("", pid, "memory", &cgroup) || !cgroup.folder[0])
		return false;
	out = open_memstream(&ret->at, &ret->len);
	if (!out)
		return false;
	fprintf(out, "version %d\npath %s\n", cgroup.version, cgroup.path);
	for (files = cgroup.version == 2 ? files_v2 : files_v1; *files; files++)
		found += describe_file(out, cgroup.folder, *files);
	if (fclose(out) != 0 || found == 0) {
		proc_text_free(ret);
		return false;
	}
	return true;
}
