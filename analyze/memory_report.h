/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Where resident memory goes: parts that add up exactly.
 *
 * Every byte of every mapping belongs to one part: the innermost of live
 * block, free chunk, extent of an allocator, thread stack, module data; else
 * what kind of mapping it lies in. What is resident is counted page by page
 * and split to the byte where one page serves several parts. A mapping of one
 * part alone takes the kernel's own figure (Rss in smaps); in the others the
 * page list may differ from it (pages came or went between two readings, or
 * are the shared zero page, which older kernels do not tell), and what
 * differs is a part of its own. So the sum of the parts is the sum of Rss
 * over all mappings, always.
 *
 * A core without smaps has no Rss: there the parts count captured bytes.
 *
 * Cost: one sweep over blocks, free chunks, mappings and page runs.
 */
#ifndef ANALYZE_MEMORY_REPORT_H
#define ANALYZE_MEMORY_REPORT_H

#include "analyze/heap.h"

enum memory_kind {
	MEMORY_LIVE,		/* blocks of an allocator */
	MEMORY_FREE,		/* its free chunks */
	MEMORY_OVERHEAD,	/* the rest of its extents */
	MEMORY_OPAQUE,		/* all of an allocator not understood */
	MEMORY_STACK,
	MEMORY_DEAD_STACK,	/* of ended threads, kept for the next */
	MEMORY_MODULE_DATA,	/* pages of modules that are the process's own */
	MEMORY_MODULE_FILE,	/* code and constants, shared with the file */
	MEMORY_FILE,		/* other mapped files */
	MEMORY_SHARED,		/* memfd, SysV, /dev/shm, shared anonymous */
	MEMORY_KERNEL,		/* vdso, vvar */
	MEMORY_UNOWNED,		/* anonymous and nobody's */
	MEMORY_DIFFERENCE,	/* Rss less the pages listed; may be negative */
	N_MEMORY_KINDS,
};

struct memory_part {
	enum memory_kind kind;
	uint32_t allocator;	/* in heap.allocators; UINT32_MAX: none */
	const char *what;	/* for people: "glibc: live blocks" */
	int64_t bytes;		/* resident (or captured) */
	uint64_t swapped;	/* by the page list */
	uint64_t mapped;	/* address space */
	uint64_t mappings;	/* that it has a share in */
};

/* A line of the cgroup's files: "memory.current", "memory.stat.anon". */
struct memory_fact {
	const char *key, *text;
	bool is_number;		/* then it is in value as well */
	uint64_t value;
};

struct memory_report {
	bool rss_known;		/* false: parts count captured bytes */
	uint64_t rss;		/* bytes: the sum of all parts */
	uint64_t swap;		/* bytes, by smaps */
	/* From status; 0 is unknown. Page tables are no part of Rss. */
	uint64_t status_rss, page_tables;
	VEC(struct memory_part) parts;	/* by kind, then allocator */
	VEC(struct memory_fact) cgroup;	/* in the order of the files */
	struct arena arena;		/* owns all text */
};

/**
 * @param heap	Borrowed for the call.
 * @param ret	Owned by the caller; release with memory_report_free().
 */
bool memory_report_build(const struct heap *heap, struct memory_report *ret,
			 struct err *err) MUST_CHECK;

void memory_report_free(struct memory_report *report);

#endif
