/* SPDX-License-Identifier: MIT */
#include "dump/proc_facts.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "dump/cgroup.h"
#include "dump/proc_file.h"

/** The text of /proc/PID/NAME in the arena; "" when it cannot be read. */
static const char *read_text(uint32_t pid, const char *name,
			     struct image *image)
{
	struct proc_text text;
	struct err err = {0};
	const char *copy;

	if (!proc_read(pid, name, &text, &err))
		return "";
	copy = arena_text(&image->arena, text.at, text.len);
	proc_text_free(&text);
	return copy;
}

/** The arguments, which NUL bytes end, joined by blanks. */
static const char *read_command(uint32_t pid, struct image *image)
{
	struct proc_text text;
	struct err err = {0};
	const char *copy;

	if (!proc_read(pid, "cmdline", &text, &err))
		return "";
	while (text.len > 0 && text.at[text.len - 1] == '\0')
		text.len--;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] == '\0')
			text.at[i] = ' ';
	}
	copy = arena_text(&image->arena, text.at, text.len);
	proc_text_free(&text);
	return copy;
}

static const char *read_exe(uint32_t pid, struct image *image)
{
	char path[64], exe[4096];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	n = readlink(path, exe, sizeof(exe));
	return n > 0 ? arena_text(&image->arena, exe, (size_t)n) : "";
}

static const char *kernel_version(struct image *image)
{
	struct utsname name;

	if (uname(&name) != 0)
		return "";
	return arena_printf(&image->arena, "%s %s %s", name.sysname,
			    name.release, name.machine);
}

static const char *current_time(struct image *image)
{
	time_t now = time(NULL);
	char text[32];
	struct tm tm;

	if (!gmtime_r(&now, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return "";
	return arena_text(&image->arena, text, strlen(text));
}

static const char *read_cgroup(uint32_t pid, struct image *image)
{
	struct proc_text text;
	const char *copy;

	if (!cgroup_describe(pid, &text))
		return "";
	copy = arena_text(&image->arena, text.at, text.len);
	proc_text_free(&text);
	return copy;
}

static bool read_auxv(uint32_t pid, struct image *image, struct err *err)
{
	struct proc_text text;
	struct err ignored = {0};
	uint64_t word;
	bool ok = true;

	if (!proc_read(pid, "auxv", &text, &ignored))
		return true;
	for (size_t i = 0; ok && i + 8 <= text.len; i += 8) {
		memcpy(&word, text.at + i, 8);
		ok = vec_push(&image->auxv, word);
	}
	proc_text_free(&text);
	return ok || err_nomem(err, "the auxiliary vector");
}

bool proc_facts_read(uint32_t pid, uint32_t memory_pid, struct image *image,
		     struct err *err)
{
	struct image_meta *meta = &image->meta;
	struct proc_stat stat;

	proc_stat_read(pid, &stat);
	meta->kind = IMAGE_SNAPSHOT;
	meta->pid = pid;
	meta->ppid = stat.ppid;
	meta->page_size = PAGE_SIZE_X86;
	meta->exe = read_exe(memory_pid, image);
	meta->command = read_command(memory_pid, image);
	meta->captured_at = current_time(image);
	meta->kernel = kernel_version(image);
	meta->status = read_text(memory_pid, "status", image);
	meta->limits = read_text(pid, "limits", image);
	meta->cgroup = read_cgroup(memory_pid, image);
	if (!meta->exe || !meta->command || !meta->captured_at ||
	    !meta->kernel || !meta->status || !meta->limits || !meta->cgroup)
		return err_nomem(err, "facts about the process");
	return read_auxv(memory_pid, image, err);
}
