#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is captured of every kind of memory, against /proc/PID/mem.

A C program maps memory of all kinds, says where, and waits. Its memory does
not change, so what /proc/PID/mem and /proc/PID/pagemap show is the truth.
"""
import json
import os
import re
import shutil
import struct
import subprocess

HOLDFAST = os.environ["HOLDFAST"]
DIR = os.environ["TEST_DIR"]
PAGE = 4096
MIB = 1 << 20
POOL = "/proc/sys/vm/nr_hugepages"

TARGET = r"""
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
"""


class Core:
    """An ELF core read by other means than the program under test."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = f.read()
        phoff, = struct.unpack_from("<Q", self.data, 32)
        phnum, = struct.unpack_from("<H", self.data, 56)
        self.loads = []
        for i in range(phnum):
            kind, _, offset, addr, _, filesz, memsz, _ = \
                struct.unpack_from("<IIQQQQQQ", self.data, phoff + 56 * i)
            if kind == 1:
                self.loads.append((addr, memsz, offset, filesz))

    def read(self, addr, n):
        """Bytes of one page or less; None when they are absent."""
        for start, memsz, offset, filesz in self.loads:
            if start <= addr < start + memsz:
                here = max(0, min(n, start + filesz - addr))
                at = offset + addr - start
                return self.data[at:at + here] + bytes(n - here)
        return None

    def stored(self, addr):
        return any(start <= addr < start + filesz
                   for start, _, _, filesz in self.loads)


class Target:
    def __init__(self, *args):
        self.process = subprocess.Popen(
            [f"{DIR}/target", f"{DIR}/mapped", *args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        self.where = json.loads(self.process.stdout.readline())

    def mem(self, addr, n=PAGE):
        """None where even the kernel cannot read."""
        with open(f"/proc/{self.pid}/mem", "rb", 0) as f:
            try:
                f.seek(addr)
                return f.read(n)
            except OSError:
                return None

    def pages(self, name):
        """The addresses of the pages that exist, as the kernel says."""
        start, size = self.where[name]
        with open(f"/proc/{self.pid}/pagemap", "rb") as f:
            f.seek(start // PAGE * 8)
            words = struct.unpack(f"<{size // PAGE}Q", f.read(size // PAGE * 8))
        return [start + i * PAGE for i, word in enumerate(words)
                if word >> 62]

    def mapping_of(self, addr):
        with open(f"/proc/{self.pid}/maps") as f:
            for line in f:
                start, end = line.split()[0].split("-")
                if int(start, 16) <= addr < int(end, 16):
                    return line
        return None

    def end(self):
        self.process.kill()
        self.process.wait()


def dump(pid, *options):
    path = f"{DIR}/snap.zst"
    done = subprocess.run([HOLDFAST, "dump", "--force", "-o", path, *options,
                           str(pid)], capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 0, done.stderr
    subprocess.run(["zstd", "-dqf", path, "-o", path + ".plain"], check=True)
    return Core(path + ".plain"), done.stderr


def check_captured(target, core, name, pages=None):
    found = target.pages(name)
    assert pages is None or len(found) == pages, (name, len(found), pages)
    for addr in found:
        assert core.stored(addr), (name, hex(addr))
        assert core.read(addr, PAGE) == target.mem(addr), (name, hex(addr))


def check_left_out(target, core, name):
    start, size = target.where[name]
    for addr in range(start, start + size, PAGE):
        assert core.read(addr, PAGE) is None, (name, hex(addr))


def check_untouched(core, where, *pages):
    """Not in the file, but zeros."""
    for page in pages:
        addr = where[0] + page * PAGE
        assert not core.stored(addr) and core.read(addr, 9) == bytes(9), page


def check_kinds(target, core, text):
    where = target.where
    for name, pages in (("private", 20), ("sparse", 6), ("dont_fork", 20),
                        ("wipe_on_fork", 20), ("read_only", 3),
                        ("execute_only", 3), ("locked", 3),
                        ("huge_pages", 6 * MIB // PAGE),
                        ("dev_zero_private", 2), ("shared", 2), ("memfd", 1),
                        ("sysv", 3), ("dev_zero_shared", 2)):
        if name in where:
            check_captured(target, core, name, pages)
    check_untouched(core, where["untouched"], 0, 50000, 99999)
    check_untouched(core, where["sparse"], 400, 999)
    check_untouched(core, where["dont_fork"], 0, 39)
    for name in ("no_access", "dont_dump", "shared_file", "behind_the_end"):
        check_left_out(target, core, name)
    assert "no access rights" in text and "MADV_DONTDUMP" in text, text
    if os.getuid() == 0:
        only = where["memfd"][0] + 20 * PAGE
        assert core.read(only, 19) == b"in the object only\0"


def check_files(target, core):
    where = target.where
    start = where["private_file"][0]
    for page in range(10):
        data = core.read(start + page * PAGE, PAGE)
        if page in (4, 5):
            assert data == target.mem(start + page * PAGE), page
        else:
            assert data is None, page
    addr, size = where["constant"]
    assert core.read(addr, size) == b"read-only data of a module\0"
    assert core.read(where["code"][0], 8) is None


def check_special(target, core):
    where = target.where
    for name, pages in (("hugetlb", 512), ("hugetlb_shared", 512)):
        if name in where:
            check_captured(target, core, name, pages)
        else:
            print(f"no huge pages: {name} not tested")
    for name in ("go_0", "go_1", "go_2"):
        check_captured(target, core, name, 24)
        start = where[name][0]
        assert core.read(start + 65 * MIB, 1) is None


def check_all_that_is_stored(target, core):
    """Whatever the file has equals the memory, in all mappings."""
    compared = 0
    with open(f"/proc/{target.pid}/maps") as f:
        stack = re.search(r"^(\w+)-(\w+) .*\[stack\]$", f.read(), re.M)
    low, high = (int(x, 16) for x in stack.groups())
    thread, size = target.where["thread"]
    for start, _, offset, filesz in core.loads:
        if low <= start < high:
            continue    # system calls write to it on their way back
        for at in range(0, filesz, PAGE):
            if thread <= start + at < thread + size:
                continue    # the kernel notes the processor (rseq(2))
            truth = target.mem(start + at)
            here = core.data[offset + at:offset + at + PAGE]
            assert truth is None or truth == here, (
                hex(start + at), target.mapping_of(start + at))
            compared += truth is not None
    assert compared > 1000, compared


def check_sizes(target, core):
    with open(f"/proc/{target.pid}/status") as f:
        rss = int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) * 1024
    huge = 3 * 2 * MIB if "hugetlb" in target.where else 0
    assert len(core.data) < 1.5 * rss + huge + 8 * MIB, (len(core.data), rss)


def test_kinds():
    """Copied while the process stands, or from a fork: the same."""
    target = Target()
    print(sorted(target.where))
    for options in ((), ("--no-fork",)):
        before = {name: len(target.pages(name)) for name in target.where}
        core, text = dump(target.pid, *options)
        assert "stood still" not in text, text
        after = {name: len(target.pages(name)) for name in target.where}
        assert before == after, (before, after)
        check_kinds(target, core, text)
        check_files(target, core)
        check_special(target, core)
        check_sizes(target, core)
    check_all_that_is_stored(target, core)
    target.end()


def test_userfault():
    """Missing pages of such memory are unknown, and nobody waits for them."""
    target = Target("userfault")
    if "userfault_works" in target.where:
        core, _ = dump(target.pid, "--no-types")
        check_captured(target, core, "userfault", 2)
        start = target.where["userfault"][0]
        for page in range(2, 16):
            assert core.read(start + page * PAGE, 1) is None, page
    else:
        print("no userfaultfd: memory behind one not tested")
    target.end()


def test_large_shared():
    """More shared memory than a pause has time for is there all the same."""
    target = Target("large")
    core, text = dump(target.pid, "--no-types")
    check_captured(target, core, "large_shared", 70 * MIB // PAGE)
    check_captured(target, core, "dont_fork", 20)
    assert "were read while the process ran" in text, text
    _, text = dump(target.pid, "--no-types", "--no-fork")
    assert "were read while the process ran" not in text, text
    target.end()


GO = r"""
package main

import (
	"fmt"
	"os"
)

var kept [][]byte

func main() {
	for i := 0; i < 300; i++ {
		b := make([]byte, 64<<10)
		for k := range b {
			b[k] = byte(i * k)
		}
		kept = append(kept, b)
	}
	fmt.Println("ready", len(kept))
	os.Stdin.Read(make([]byte, 1))
}
"""


def test_go():
    """A Go program reserves much and has little."""
    if not shutil.which("go"):
        print("no go: a real Go program not tested")
        return
    with open(f"{DIR}/prog.go", "w") as f:
        f.write(GO)
    env = dict(os.environ, GOCACHE=f"{DIR}/gocache", HOME=DIR,
               GO111MODULE="off", CGO_ENABLED="0")
    subprocess.run(["go", "build", "-o", "goprog", "prog.go"], cwd=DIR,
                   env=env, check=True)
    process = subprocess.Popen([f"{DIR}/goprog"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().startswith("ready")
    core, _ = dump(process.pid, "--no-types")
    with open(f"/proc/{process.pid}/status") as f:
        status = f.read()
    rss, size = (int(re.search(rf"{key}:\s+(\d+)", status)[1]) * 1024
                 for key in ("VmRSS", "VmSize"))
    print(f"go: {size >> 20} MiB mapped, {rss >> 20} MiB resident, "
          f"{len(core.data) >> 20} MiB captured")
    assert size > 4 * rss and 300 * 65536 < len(core.data) < rss + 4 * MIB, \
        (len(core.data), rss)
    process.kill()
    process.wait()


def with_huge_pages(function):
    """Five huge pages for the test, where root may have them."""
    try:
        with open(POOL) as f:
            before = f.read()
        with open(POOL, "w") as f:
            f.write(str(int(before) + 5))
    except OSError:
        return function()
    try:
        return function()
    finally:
        with open(POOL, "w") as f:
            f.write(before)


def main():
    with open(f"{DIR}/target.c", "w") as f:
        f.write(TARGET)
    subprocess.run(["cc", "-O1", "-g", "-o", f"{DIR}/target",
                    f"{DIR}/target.c"], check=True)
    with_huge_pages(test_kinds)
    test_userfault()
    test_large_shared()
    test_go()


main()
