/* SPDX-License-Identifier: MIT */
/*
 * Maps memory of all kinds, says as JSON where each kind is and how large, and
 * waits for input without a change to any of it.
 *
 * usage: mapped FILE [userfault | large]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

enum { PAGE = 4096, RW = PROT_READ | PROT_WRITE };
static const char constant[] = "read-only data of a module";
static int first = 1;

static void say(const char *name, const void *at, size_t size)
{
	printf("%s\"%s\": [%lu, %zu]", first ? "{" : ", ", name,
	       (uintptr_t)at, size);
	first = 0;
}

/* Each page differs from all others. */
static void fill(unsigned char *p, size_t from, size_t pages)
{
	static uint32_t serial;

	for (size_t i = from; i < from + pages; i++) {
		serial++;
		for (size_t k = 0; k < PAGE; k += 4)
			memcpy(p + i * PAGE + k, &(uint32_t){ serial * 2654435761u
			       + (uint32_t)k }, 4);
	}
}

static unsigned char *map(const char *name, size_t pages, int flags, int fd)
{
	unsigned char *p = mmap(NULL, pages * PAGE, RW, flags, fd, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (!(flags & MAP_HUGETLB))
		madvise(p, pages * PAGE, MADV_NOHUGEPAGE);
	if (name)
		say(name, p, pages * PAGE);
	return p;
}

static unsigned char *anon(const char *name, size_t pages)
{
	return map(name, pages, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		   -1);
}

static void map_private(void)
{
	unsigned char *p;

	fill(anon("private", 20), 0, 20);
	p = anon("sparse", 1000);
	fill(p, 3, 1);
	fill(p, 700, 5);
	anon("untouched", 100000);
	p = anon("no_access", 4);
	fill(p, 0, 4);
	mprotect(p, 4 * PAGE, PROT_NONE);
	p = anon("dont_dump", 4);
	fill(p, 0, 4);
	madvise(p, 4 * PAGE, MADV_DONTDUMP);
	p = anon("dont_fork", 40);
	fill(p, 10, 20);
	madvise(p, 40 * PAGE, MADV_DONTFORK);
	p = anon("wipe_on_fork", 40);
	fill(p, 5, 20);
	madvise(p, 40 * PAGE, MADV_WIPEONFORK);
	p = anon("read_only", 3);
	fill(p, 0, 3);
	mprotect(p, 3 * PAGE, PROT_READ);
	p = anon("execute_only", 3);
	fill(p, 0, 3);
	mprotect(p, 3 * PAGE, PROT_EXEC);
	p = anon("locked", 3);
	fill(p, 0, 3);
	mlock(p, 3 * PAGE);
	p = mmap(NULL, 6 << 20, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(p, 6 << 20, MADV_HUGEPAGE);
	fill(p, 0, (6 << 20) / PAGE);
	say("huge_pages", p, 6 << 20);
	p = map("dev_zero_private", 8, MAP_PRIVATE, open("/dev/zero", O_RDWR));
	if (p)
		fill(p, 2, 2);
}

static void map_shared(void)
{
	unsigned char *p;
	int fd;

	p = map("shared", 16, MAP_SHARED | MAP_ANONYMOUS, -1);
	fill(p, 1, 2);
	fd = memfd_create("ranges", 0);
	if (ftruncate(fd, 32 * PAGE) != 0 ||
	    pwrite(fd, "in the object only", 19, 20 * PAGE) != 19)
		exit(3);
	fill(map("memfd", 32, MAP_SHARED, fd), 0, 1);
	p = shmat(shmget(IPC_PRIVATE, 8 * PAGE, IPC_CREAT | 0600), NULL, 0);
	if (p != (void *)-1) {
		fill(p, 0, 3);
		say("sysv", p, 8 * PAGE);
		shmctl(shmget(IPC_PRIVATE, 8, 0), IPC_RMID, NULL);
	}
	p = map("dev_zero_shared", 8, MAP_SHARED, open("/dev/zero", O_RDWR));
	if (p)
		fill(p, 2, 2);
}

static void map_files(const char *path)
{
	unsigned char *p;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (ftruncate(fd, 10 * PAGE) != 0)
		exit(3);
	p = map("shared_file", 10, MAP_SHARED, fd);
	fill(p, 0, 10);
	p = map("private_file", 10, MAP_PRIVATE, fd);
	if (p[0] + p[5 * PAGE] == 512)
		exit(3);
	fill(p, 4, 2);
	/* Behind the end of the file lies SIGBUS. */
	map("behind_the_end", 4, MAP_SHARED, memfd_create("short", 0));
}

static void map_hugetlb(void)
{
	unsigned char *p;

	p = map("hugetlb", 1024, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
	if (p)
		fill(p, 0, 100);
	p = map("hugetlb_shared", 512, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB,
		-1);
	if (p)
		fill(p, 7, 100);
}

/* Whoever reads this memory waits for us. */
static void map_userfault(void)
{
	unsigned char *p = anon("userfault", 16);
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { (uintptr_t)p, 16 * PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	fill(p, 0, 2);
	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0 &&
	    ioctl(fd, UFFDIO_REGISTER, &range) == 0)
		say("userfault_works", p, 0);
}

/* What Go's runtime does at start: reserve, then use little of it. */
static void reserve_like_go(void)
{
	static const size_t reserved[] = { 512u << 20, 256u << 20, 128u << 20 };
	unsigned char *p;

	for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++) {
		p = mmap((void *)(0xc000000000 + (i << 32)), reserved[i],
			 PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			 -1, 0);
		if (p == MAP_FAILED)
			exit(3);
		mprotect(p, 64 << 20, RW);
		madvise(p, 64 << 20, MADV_NOHUGEPAGE);
		for (size_t page = 0; page < 64 << 8; page += 700)
			fill(p, page, 1);
		say(i ? i > 1 ? "go_2" : "go_1" : "go_0", p, 64 << 20);
	}
}

int main(int argc, char **argv)
{
	unsigned char *p;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	say("thread", (void *)((uintptr_t)__builtin_thread_pointer() & ~4095ul),
	    2 * PAGE);
	say("constant", constant, sizeof(constant));
	say("code", (void *)((uintptr_t)main & ~4095ul), PAGE);
	map_private();
	map_shared();
	map_files(argv[1]);
	map_hugetlb();
	if (argc > 2 && !strcmp(argv[2], "userfault"))
		map_userfault();
	reserve_like_go();
	if (argc > 2 && !strcmp(argv[2], "large")) {
		/* More than is copied during a pause. */
		p = map("large_shared", 70 << 8, MAP_SHARED | MAP_ANONYMOUS, -1);
		fill(p, 0, 70 << 8);
	}
	printf("}\n");
	fflush(stdout);
	(void)getchar();
	return 0;
}
