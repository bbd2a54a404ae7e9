/* SPDX-License-Identifier: MIT */
#include "dump/mapped_files.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump/proc_maps.h"

/* O_NONBLOCK: a pipe put in the place of a file must not hang the capture. */
enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

static bool starts_with(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/** Memory that other processes may share and that no file on disk holds. */
static bool is_shared_memory(const char *path)
{
	return starts_with(path, "/memfd:") || starts_with(path, "/SYSV") ||
	       starts_with(path, "/dev/shm/") ||
	       starts_with(path, "/dev/zero") ||
	       starts_with(path, "/anon_hugepage") ||
	       starts_with(path, "/dev/hugepages/") ||
	       starts_with(path, "[anon_shmem:");
}

static enum mapping_class classify_special(const struct mapping *m)
{
	if (strcmp(m->path, "[vdso]") == 0)
		return CLASS_KERNEL_CODE;
	if (starts_with(m->path, "[heap]") || starts_with(m->path, "[stack") ||
	    starts_with(m->path, "[anon:") || starts_with(m->path, "[anon_"))
		return CLASS_PRIVATE;
	/* [vvar], [vvar_vclock], [vsyscall], [uprobes]: the kernel's own */
	return CLASS_LEFT_OUT;
}

enum mapping_class mapping_classify(const struct mapping *m)
{
	static const char *const never[] = { "io", "pf", "dd" };

	if (!(m->perms & (PERM_READ | PERM_WRITE | PERM_EXEC)))
		return CLASS_LEFT_OUT;
	if (strcmp(m->path, "[vdso]") == 0)
		return CLASS_KERNEL_CODE;
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		if (mapping_has_flag(m, never[i]))
			return CLASS_LEFT_OUT;
	}
	if (!(m->perms & PERM_SHARED) &&
	    (strcmp(m->path, "/dev/zero") == 0 ||
	     starts_with(m->path, "/anon_hugepage")))
		return CLASS_PRIVATE;
	/* hugetlbfs may be mounted anywhere; its files are memory. */
	if (mapping_has_flag(m, "ht"))
		return m->perms & PERM_SHARED ? CLASS_SHARED : CLASS_PRIVATE;
	if (is_shared_memory(m->path))
		return CLASS_SHARED;
	if (m->path[0] == '[')
		return classify_special(m);
	if (m->path[0] == '\0')
		return m->perms & PERM_SHARED ? CLASS_LEFT_OUT : CLASS_PRIVATE;
	/* "anon_inode:i915.gem", "socket:[7]", "/dev/mem": devices */
	if (m->path[0] != '/' || starts_with(m->path, "/dev/"))
		return CLASS_LEFT_OUT;
	return CLASS_FILE;
}

static struct mapped_file *find(const struct mapped_files *files,
				const struct mapping *m)
{
	for (size_t i = files->files.len; i-- > 0;) {
		struct mapped_file *f = &files->files.at[i];

		if (f->inode == m->inode && f->dev_major == m->dev_major &&
		    f->dev_minor == m->dev_minor)
			return f;
	}
	return NULL;
}

const struct mapped_file *mapped_file_of(const struct mapped_files *files,
					 const struct mapping *mapping)
{
	return mapping->inode ? find(files, mapping) : NULL;
}

static int open_file(const struct mapped_files *files,
		     const struct mapping *m, struct stat *st)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/map_files/%" PRIx64 "-%" PRIx64,
		 files->pid, m->start, m->end);
	fd = open(path, OPEN_FLAGS);
	if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	if (fd >= 0)
		close(fd);
	if (files->root < 0 || m->path[0] != '/')
		return -1;
	fd = openat(files->root, m->path + 1, OPEN_FLAGS);
	if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode) &&
	    st->st_ino == m->inode)
		return fd;
	if (fd >= 0)
		close(fd);
	*st = (struct stat){0};
	return -1;
}

/** Open the file of @m unless it is open already. */
static bool add_file(struct mapped_files *files, const struct mapping *m,
		     struct image *image, struct err *err)
{
	struct mapped_file file = {
		.dev_major = m->dev_major, .dev_minor = m->dev_minor,
		.inode = m->inode,
	};
	char magic[SELFMAG];
	struct stat st = {0};

	if (m->inode == 0 || find(files, m))
		return true;
	file.fd = open_file(files, m, &st);
	if (file.fd < 0)
		diag_add_at(&image->diag, m->start, 1,
			    "file of a mapping could not be opened");
	file.size = (uint64_t)st.st_size;
	file.elf = file.fd < 0 ||
		   (pread(file.fd, magic, SELFMAG, 0) == SELFMAG &&
		    memcmp(magic, ELFMAG, SELFMAG) == 0);
	if (vec_push(&files->files, file))
		return true;
	if (file.fd >= 0)
		close(file.fd);
	return err_nomem(err, "mapped files");
}

bool mapped_files_open(uint32_t pid, struct image *image,
		       struct mapped_files *ret, struct err *err)
{
	char path[64];

	*ret = (struct mapped_files){ .pid = pid };
	snprintf(path, sizeof(path), "/proc/%u/root", pid);
	ret->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < image->mappings.len; i++) {
		const struct mapping *m = &image->mappings.at[i];
		enum mapping_class class = mapping_classify(m);
		struct mapped_file *file;

		if (class == CLASS_SHARED && !mapping_has_flag(m, "ht")) {
			if (!add_file(ret, m, image, err))
				return false;
		} else if (class == CLASS_FILE && m->perms & PERM_EXEC) {
			if (!add_file(ret, m, image, err))
				return false;
			file = find(ret, m);
			if (file)
				file->executable = true;
		}
	}
	return true;
}

void mapped_files_close(struct mapped_files *files)
{
	for (size_t i = 0; i < files->files.len; i++) {
		if (files->files.at[i].fd >= 0)
			close(files->files.at[i].fd);
	}
	vec_free(&files->files);
	if (files->root >= 0)
		close(files->root);
	*files = (struct mapped_files){ .root = -1 };
}

int mapped_files_reopen(void *files, const struct mapping *mapping)
{
	const struct mapped_file *file = mapped_file_of(files, mapping);
	char path[64];

	if (!file || file->fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}
