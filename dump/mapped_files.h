/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Open files behind the mappings of a process: its ELF modules, and what it
 * shares with others.
 *
 * They are opened while the process is stopped and stay open, so that it may
 * exit, and a file may be replaced, without effect. /proc/PID/map_files gives
 * the very file, deleted or not, but wants CAP_SYS_ADMIN or
 * CAP_CHECKPOINT_RESTORE (proc(5)); else the path is opened below
 * /proc/PID/root and must have the inode number of the mapping. (Not the
 * device: overlayfs and btrfs show two different ones.)
 */
#ifndef DUMP_MAPPED_FILES_H
#define DUMP_MAPPED_FILES_H

#include "formats/image.h"

enum mapping_class {
	CLASS_LEFT_OUT,		/* no access, device, MADV_DONTDUMP */
	CLASS_PRIVATE,		/* anonymous, or as good as: heap, stack */
	CLASS_SHARED,		/* memory that others may map: memfd, SysV */
	CLASS_KERNEL_CODE,	/* the vdso */
	CLASS_FILE,		/* a file; private changes are of interest */
};

/** What kind of memory @mapping is, by its flags and name alone. */
enum mapping_class mapping_classify(const struct mapping *mapping);

struct mapped_file {
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	uint64_t size;		/* bytes */
	int fd;			/* owned; -1: it could not be opened */
	bool elf;		/* begins like an ELF file, or unknown */
	bool executable;	/* some mapping of it is */
};

struct mapped_files {
	VEC(struct mapped_file) files;
	uint32_t pid;		/* whose map_files and root are used */
	int root;		/* owned: its root folder, or -1 */
};

/** Open what @image maps. Release with mapped_files_close(). */
bool mapped_files_open(uint32_t pid, struct image *image,
		       struct mapped_files *ret, struct err *err) MUST_CHECK;

void mapped_files_close(struct mapped_files *files);

/** The file behind @mapping, or NULL. Borrowed. */
const struct mapped_file *mapped_file_of(const struct mapped_files *files,
					 const struct mapping *mapping);

/** True when @file is an ELF module: an ELF file that is mapped to be run. */
static inline bool mapped_file_is_module(const struct mapped_file *file)
{
	return file && file->elf && file->executable;
}

/** For module_search.open_mapped: a descriptor of the caller's own, or -1. */
int mapped_files_reopen(void *files, const struct mapping *mapping);

#endif
