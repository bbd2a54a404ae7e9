/* SPDX-License-Identifier: MIT */
#include "tests/aid_maps_image.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static size_t read_mem(void *self, uint64_t addr, void *buf, size_t n)
{
	ssize_t done = pread(*(int *)self, buf, n, (off_t)addr);

	return done < 0 ? 0 : (size_t)done;
}

static void close_mem(void *self)
{
	close(*(int *)self);
	free(self);
}

static bool add_mapping(struct image *image, const char *line)
{
	struct mapping m = { .vm_flags = "" };
	unsigned long start, end, offset, inode;
	char perms[5], path[1024] = "";

	if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %1023[^\n]", &start, &end,
		   perms, &offset, &m.dev_major, &m.dev_minor, &inode,
		   path) < 7)
		return false;
	m.start = start;
	m.end = end;
	m.offset = offset;
	m.inode = inode;
	m.perms = (perms[0] == 'r' ? PERM_READ : 0u) |
		  (perms[1] == 'w' ? PERM_WRITE : 0u) |
		  (perms[2] == 'x' ? PERM_EXEC : 0u);
	m.path = arena_text(&image->arena, path, strlen(path));
	return m.path && vec_push(&image->mappings, m);
}

bool maps_image_open(pid_t pid, struct image *ret)
{
	static const struct memory_ops ops = {
		.read = read_mem, .close = close_mem,
	};
	int *fd = malloc(sizeof(*fd));
	char path[64], line[2048];
	bool ok = true;
	FILE *maps;

	*ret = (struct image){ .ops = &ops, .memory = fd };
	ret->meta.exe = ret->meta.command = "";
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	while (ok && maps && fgets(line, sizeof(line), maps))
		ok = add_mapping(ret, line);
	if (maps)
		fclose(maps);
	return ok && maps && *fd >= 0;
}
