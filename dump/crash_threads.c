/* SPDX-License-Identifier: MIT */
#include "dump/crash_threads.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "dump/proc_file.h"

uint32_t crash_threads_inner_id(const char *status)
{
	const char *line = strstr(status, "\nNSpid:");
	unsigned long id = 0;
	char *end;

	if (!line)
		return 0;
	line += strlen("\nNSpid:");
	for (;;) {
		line += strspn(line, " \t");
		if (!isdigit((unsigned char)*line))
			break;
		id = strtoul(line, &end, 10);
		line = end;
	}
	return id <= INT32_MAX ? (uint32_t)id : 0;
}

/** The id by which the notes call thread @tid. */
static uint32_t inner_id(uint32_t pid, uint32_t tid)
{
	struct proc_text text;
	struct err err = {0};
	char name[48];
	uint32_t id;

	snprintf(name, sizeof(name), "task/%u/status", tid);
	if (!proc_read(pid, name, &text, &err))
		return tid;
	id = crash_threads_inner_id(text.at);
	proc_text_free(&text);
	return id ? id : tid;
}

static const char *thread_name(uint32_t pid, uint32_t tid, struct image *image)
{
	struct proc_text text;
	struct err err = {0};
	const char *copy;
	char name[48];

	snprintf(name, sizeof(name), "task/%u/comm", tid);
	if (!proc_read(pid, name, &text, &err))
		return "";
	if (text.len > 0 && text.at[text.len - 1] == '\n')
		text.len--;
	copy = arena_text(&image->arena, text.at, text.len);
	proc_text_free(&text);
	return copy ? copy : "";
}

/** Index of each thread by the id that it has in the notes. */
static bool index_threads(const struct image *image, struct map *ret)
{
	bool ok = true;

	for (size_t i = 0; ok && i < image->threads.len; i++)
		ok = map_set(ret, image->threads.at[i].tid, i);
	return ok;
}

void crash_threads_name(uint32_t pid, struct image *image)
{
	struct map by_id = {0};
	struct dirent *entry;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	dir = index_threads(image, &by_id) ? opendir(path) : NULL;
	while (dir && (entry = readdir(dir)) != NULL) {
		uint32_t tid = (uint32_t)strtoul(entry->d_name, NULL, 10);
		const uint64_t *i = isdigit((unsigned char)entry->d_name[0]) ?
			map_find(&by_id, inner_id(pid, tid)) : NULL;

		if (!i)
			continue;
		image->threads.at[*i].tid = tid;
		image->threads.at[*i].name = thread_name(pid, tid, image);
	}
	if (dir)
		closedir(dir);
	map_free(&by_id);
}
