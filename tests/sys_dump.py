#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`holdfast dump` against processes that know their own contents.

A C program with threads in every kind of wait lays out memory of every kind,
prints where it is, and watches its own registers, system calls and signals.
"""
import functools
import json
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time

HOLDFAST = os.environ["HOLDFAST"]
DIR = os.environ["TEST_DIR"]
PAGE = 4096
MIB = 1 << 20

TARGET = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static atomic_int stop, broken;
static atomic_ulong spins, sent, received, reads_failed;
static int pipe_fds[2];
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static void fail(const char *what)
{
	fprintf(stderr, "target: %s\n", what);
	atomic_store(&broken, 1);
}

static void block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
}

/* Values in registers survive any number of iterations. */
__attribute__((noinline)) static void spin_once(void)
{
	uint64_t bad = 0, vec[2] = { 0x1122334455667788, 0x99aabbccddeeff00 };
	uint64_t back[2];

	__asm__ volatile(
		"movdqu %2, %%xmm7\n\t"
		"movabs $0x1234567890abcdef, %%r13\n\t"
		"movabs $0xfedcba0987654321, %%r14\n\t"
		"mov $200000, %%ecx\n"
		"1:\n\t"
		"dec %%ecx\n\t"
		"jnz 1b\n\t"
		"movabs $0x1234567890abcdef, %%rax\n\t"
		"sub %%rax, %%r13\n\t"
		"movabs $0xfedcba0987654321, %%rax\n\t"
		"sub %%rax, %%r14\n\t"
		"or %%r13, %%r14\n\t"
		"mov %%r14, %0\n\t"
		"movdqu %%xmm7, %1"
		: "=r"(bad), "=m"(back) : "m"(vec)
		: "rax", "rcx", "r13", "r14", "xmm7", "cc");
	if (bad || memcmp(vec, back, sizeof(vec)) != 0)
		fail("registers changed");
}

static void *spinning_thread(void *arg)
{
	(void)arg;
	block_signals();
	while (!atomic_load(&stop)) {
		spin_once();
		atomic_fetch_add(&spins, 1);
	}
	return NULL;
}

static void *reading_thread(void *arg)
{
	char c;

	(void)arg;
	block_signals();
	if (read(pipe_fds[0], &c, 1) != 1 || c != 'x')
		fail("read() was disturbed");
	return NULL;
}

static void *sleeping_thread(void *arg)
{
	struct timespec t = { 0, 50000000 };

	(void)arg;
	block_signals();
	while (!atomic_load(&stop))
		if (nanosleep(&t, NULL) != 0)
			fail("nanosleep() was disturbed");
	return NULL;
}

static void *locking_thread(void *arg)
{
	(void)arg;
	block_signals();
	pthread_mutex_lock(&held);
	pthread_mutex_unlock(&held);
	return NULL;
}

static void on_signal(int sig)
{
	(void)sig;
	atomic_fetch_add(&received, 1);
}

/* Queued signals that come while the process is stopped must all arrive. */
static void *signalling_thread(void *arg)
{
	union sigval value = { 0 };
	sigset_t one;

	(void)arg;
	sigemptyset(&one);
	sigaddset(&one, SIGRTMIN);
	pthread_sigmask(SIG_UNBLOCK, &one, NULL);
	while (!atomic_load(&stop)) {
		if (sigqueue(getpid(), SIGRTMIN, value) == 0)
			atomic_fetch_add(&sent, 1);
		else
			sched_yield();
	}
	return NULL;
}

static void *born_and_dying(void *arg)
{
	return arg;
}

static void *forking_thread(void *arg)
{
	pthread_t t;

	(void)arg;
	block_signals();
	while (!atomic_load(&stop))
		if (pthread_create(&t, NULL, born_and_dying, NULL) == 0)
			pthread_join(t, NULL);
	return NULL;
}

static unsigned char *map(size_t n, int prot, int flags, int fd)
{
	void *p = mmap(NULL, n, prot, flags, fd, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

static void pattern(unsigned char *p, size_t n, uint32_t x)
{
	for (size_t i = 0; i + 4 <= n; i += 4) {
		x = x * 1664525 + 1013904223;
		memcpy(p + i, &x, 4);
	}
}

static void run_vfork(void)
{
	pid_t child = vfork();

	if (child == 0) {
		dprintf(1, "{\"child\": %d}\n", getpid());
		for (;;)
			pause();
	}
	dprintf(1, "parent goes on\n");
	exit(0);
}

static void *outliving(void *arg)
{
	(void)arg;
	dprintf(1, "{}\n");
	getchar();
	exit(7);
}

int main(int argc, char **argv)
{
	const int rw = PROT_READ | PROT_WRITE;
	const int priv = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	size_t big = argc > 1 ? strtoul(argv[1], NULL, 10) << 20 : 0;
	size_t reserve = argc > 2 ? strtoul(argv[2], NULL, 10) << 20 :
			 (size_t)64 << 30;
	unsigned char *full, *sparse, *none, *huge, *dont, *shared, *mem, *large;
	unsigned char *many;
	pthread_t threads[7], outliver;
	struct sigaction action = { .sa_handler = on_signal };
	char line[64];
	int fd;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	if (argc > 1 && !strcmp(argv[1], "vfork"))
		run_vfork();
	if (argc > 1 && !strcmp(argv[1], "outlived")) {
		pthread_create(&outliver, NULL, outliving, NULL);
		pthread_exit(NULL);
	}
	full = map(3 << 20, rw, priv, -1);
	pattern(full, 3 << 20, 1);
	sparse = map(64 << 20, rw, priv, -1);
	madvise(sparse, 64 << 20, MADV_NOHUGEPAGE);
	pattern(sparse + 3 * 4096, 4096, 2);
	pattern(sparse + 100 * 4096, 4096, 3);
	pattern(sparse + 9000 * 4096, 4096, 4);
	/* Reading maps the shared zero page. */
	if (sparse[50 * 4096] != 0)
		fail("not zero");
	none = map(reserve, PROT_NONE, priv, -1);
	mprotect(none, 4096, rw);
	strcpy((char *)none, "SECRET-" "NO-ACCESS");
	mprotect(none, 4096, PROT_NONE);
	huge = map(reserve, rw, priv, -1);
	madvise(huge, reserve, MADV_NOHUGEPAGE);
	huge[reserve / 2] = 77;
	dont = map(4096, rw, priv, -1);
	strcpy((char *)dont, "SECRET-" "DONT-DUMP");
	madvise(dont, 4096, MADV_DONTDUMP);
	shared = map(16 * 4096, rw, MAP_SHARED | MAP_ANONYMOUS, -1);
	pattern(shared + 4096, 2 * 4096, 5);
	fd = memfd_create("target", 0);
	if (ftruncate(fd, 32 * 4096) != 0 ||
	    pwrite(fd, "in the object only", 19, 20 * 4096) != 19)
		fail("memfd");
	mem = map(32 * 4096, rw, MAP_SHARED, fd);
	pattern(mem, 4096, 6);
	large = map(big ? big : 4096, rw, priv, -1);
	pattern(large, big, 7);

	block_signals();
	/* More runs of pages than one question to the kernel answers. */
	many = map(20000 * 4096, rw, priv, -1);
	madvise(many, 20000 * 4096, MADV_NOHUGEPAGE);
	for (uint32_t i = 0; i < 20000; i += 2)
		pattern(many + i * 4096, 16, i);

	sigaction(SIGRTMIN, &action, NULL);
	if (pipe(pipe_fds) != 0)
		return 1;
	pthread_mutex_lock(&held);
	pthread_create(&threads[0], NULL, spinning_thread, NULL);
	pthread_create(&threads[1], NULL, reading_thread, NULL);
	pthread_create(&threads[2], NULL, sleeping_thread, NULL);
	pthread_create(&threads[3], NULL, locking_thread, NULL);
	pthread_create(&threads[4], NULL, signalling_thread, NULL);
	pthread_create(&threads[5], NULL, forking_thread, NULL);

	printf("{\"full\": %lu, \"sparse\": %lu, \"none\": %lu, "
	       "\"huge\": %lu, \"touched\": %lu, \"dont\": %lu, \"shared\": %lu, "
	       "\"mem\": %lu, \"large\": %lu, \"many\": %lu, \"main\": %lu}\n",
	       (uintptr_t)full, (uintptr_t)sparse, (uintptr_t)none,
	       (uintptr_t)huge, (uintptr_t)(huge + reserve / 2),
	       (uintptr_t)dont, (uintptr_t)shared,
	       (uintptr_t)mem, (uintptr_t)large, (uintptr_t)many,
	       (uintptr_t)main);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		unsigned long before = atomic_load(&spins);

		if (line[0] == 'a')
			abort();
		if (line[0] == 'q')
			break;
		while (atomic_load(&spins) < before + 3)
			sched_yield();
		puts(atomic_load(&broken) ? "broken" : "fine");
		fflush(stdout);
	}
	atomic_store(&stop, 1);
	pthread_join(threads[4], NULL);
	pthread_mutex_unlock(&held);
	if (write(pipe_fds[1], "x", 1) != 1)
		fail("write");
	for (int i = 0; i < 6; i++)
		if (i != 4)
			pthread_join(threads[i], NULL);
	for (int i = 0; i < 10000 && atomic_load(&received) < atomic_load(&sent); i++)
		usleep(100);
	if (atomic_load(&received) != atomic_load(&sent))
		fail("signals were lost");
	puts(atomic_load(&broken) ? "broken" : "all well");
	return atomic_load(&broken);
}
"""


@functools.lru_cache
def pattern(n, x):
    out = bytearray()
    for _ in range(n // 4):
        x = (x * 1664525 + 1013904223) & 0xFFFFFFFF
        out += struct.pack("<I", x)
    return bytes(out)


class Target:
    def __init__(self, *args):
        self.process = subprocess.Popen(
            [os.path.join(DIR, "target"), *args], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        self.where = json.loads(self.process.stdout.readline())

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def is_fine(self):
        self.tell("check")
        answer = self.process.stdout.readline().strip()
        assert answer == "fine", answer

    def quit(self):
        self.tell("quit")
        answer = self.process.stdout.read().strip()
        assert answer.endswith("all well"), answer
        assert self.process.wait() == 0

    def state(self):
        with open(f"/proc/{self.pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0]


def holdfast(*args, ok=True, **kwargs):
    done = subprocess.run([HOLDFAST, "dump", *map(str, args)],
                          stderr=subprocess.PIPE, cwd=DIR, timeout=120,
                          **kwargs)
    text = done.stderr.decode()
    assert (done.returncode == 0) == ok, (args, done.returncode, text)
    assert ok or done.returncode == 2, (args, done.returncode, text)
    return text


class Core:
    """An ELF core read by other means than the program under test."""

    def __init__(self, path):
        self.path = path
        self.file = open(path, "rb")
        head = self.file.read(64)
        assert head[:4] == b"\x7fELF" and head[16] == 4, head
        phoff, shoff = struct.unpack_from("<QQ", head, 32)
        phnum, = struct.unpack_from("<H", head, 56)
        assert phnum < 0xFFFF
        self.file.seek(phoff)
        self.loads, self.notes = [], b""
        headers = self.file.read(56 * phnum)
        for i in range(phnum):
            kind, flags, offset, addr, _, filesz, memsz, _ = \
                struct.unpack_from("<IIQQQQQQ", headers, 56 * i)
            if kind == 1:
                self.loads.append((addr, memsz, offset, filesz))
            elif kind == 4:
                self.file.seek(offset)
                self.notes += self.file.read(filesz)

    def read(self, addr, n):
        """Bytes, zeros for untouched memory, None for absent memory."""
        out = bytearray()
        while len(out) < n:
            at = addr + len(out)
            for start, memsz, offset, filesz in self.loads:
                if start <= at < start + memsz:
                    part = min(n - len(out), start + memsz - at)
                    here = max(0, min(part, start + filesz - at))
                    self.file.seek(offset + at - start)
                    data = self.file.read(here)
                    assert len(data) == here
                    out += data + bytes(part - here)
                    break
            else:
                return None
        return bytes(out)

    def stored(self, addr):
        """True when the file has bytes for the address."""
        return any(start <= addr < start + filesz
                   for start, _, _, filesz in self.loads)

    def threads(self):
        at, found = 0, []
        while at < len(self.notes):
            namesz, descsz, kind = struct.unpack_from("<III", self.notes, at)
            at += 12 + (namesz + 3) // 4 * 4
            if kind == 1:
                found.append(struct.unpack_from("<i", self.notes, at + 32)[0])
            at += (descsz + 3) // 4 * 4
        return found


def unpack(path):
    plain = path + ".plain"
    subprocess.run(["zstd", "-dqf", path, "-o", plain], check=True)
    return Core(plain)


def leftovers():
    return sorted(os.listdir(DIR))


def check_memory(core, where):
    assert core.read(where["full"], 3 * MIB) == pattern(3 * MIB, 1)
    sparse = where["sparse"]
    for page, seed in ((3, 2), (100, 3), (9000, 4)):
        assert core.read(sparse + page * PAGE, PAGE) == pattern(PAGE, seed)
    assert core.read(where["shared"] + PAGE, 2 * PAGE) == pattern(2 * PAGE, 5)
    assert core.read(where["mem"], PAGE) == pattern(PAGE, 6)
    assert core.read(where["touched"], 2) == b"M\0"
    many = core.read(where["many"], 20000 * PAGE)
    for i in range(0, 20000, 2):
        assert many[i * PAGE:i * PAGE + 16] == pattern(16, i), i
        assert not any(many[i * PAGE + 16:i * PAGE + 32]), i


def check_snapshot(path, where):
    core = unpack(path)
    check_memory(core, where)
    sparse = where["sparse"]
    # Short gaps come with what is around them, long ones take no space.
    assert core.read(sparse + 4 * PAGE, 96 * PAGE) == bytes(96 * PAGE)
    assert core.stored(sparse + 50 * PAGE)
    assert not core.stored(sparse + 5000 * PAGE)
    assert not core.stored(where["huge"] + PAGE)
    assert not core.stored(where["none"])
    assert not core.stored(where["dont"])
    # What the object holds although this process never touched it.
    if os.getuid() == 0:
        assert core.read(where["mem"] + 20 * PAGE, 19) == \
            b"in the object only\0"
        assert core.read(where["mem"] + 21 * PAGE, 9) == bytes(9)
    assert os.path.getsize(core.path) < 120 * MIB
    with open(core.path, "rb") as f:
        plain = f.read()
    assert b"SECRET-NO-ACCESS" not in plain
    assert b"SECRET-DONT-DUMP" not in plain
    # Sections are complete and readable by others.
    out = subprocess.run(["readelf", "-SW", core.path], check=True,
                         capture_output=True, text=True)
    assert ".holdfast.meta" in out.stdout, out.stdout
    assert "Warning" not in out.stderr and "Error" not in out.stderr, \
        out.stderr
    return core


def pages_of(pid, addr, n):
    """How many of the pages exist, as the kernel says."""
    with open(f"/proc/{pid}/pagemap", "rb") as f:
        f.seek(addr // PAGE * 8)
        words = struct.unpack(f"<{n // PAGE}Q", f.read(n // PAGE * 8))
    return sum(1 for word in words if word >> 62)


def touched(target):
    where = target.where
    return [pages_of(target.pid, where["sparse"], 64 * MIB),
            pages_of(target.pid, where["huge"], 64 * MIB),
            pages_of(target.pid, where["touched"], 64 * MIB),
            pages_of(target.pid, where["shared"], 16 * PAGE),
            pages_of(target.pid, where["mem"], 32 * PAGE)]


def test_running_process(target):
    """Memory equals the truth, and the process goes on unharmed."""
    before = touched(target)
    assert before == [4, 0, 1, 2, 1], before
    text = holdfast("-o", "run.zst", target.pid)
    assert re.match(r"^run\.zst: [0-9.]+ MiB of memory in [0-9.]+ [KM]iB "
                    r"\([0-9.]+:1\), paused [0-9.]+ ms, [0-9.]+ s\n", text), \
        text
    assert os.stat(f"{DIR}/run.zst").st_mode & 0o777 == 0o600
    core = check_snapshot(f"{DIR}/run.zst", target.where)
    tids = core.threads()
    assert tids[0] == target.pid and len(tids) >= 7, tids
    assert touched(target) == before, (before, touched(target))
    target.is_fine()


def test_gdb_reads_it():
    if not shutil.which("gdb"):
        print("no gdb: backtraces not compared")
        return
    out = subprocess.run(
        ["gdb", "-q", "-batch", "-ex", "thread apply all bt",
         f"{DIR}/target", f"{DIR}/run.zst.plain"],
        capture_output=True, text=True).stdout
    for name in ("main", "spinning_thread", "reading_thread",
                 "sleeping_thread", "locking_thread", "signalling_thread",
                 "forking_thread"):
        assert re.search(rf"^#\d+ .*\b{name} \(", out, re.M), (name, out)


def test_again_and_again(target):
    """Stopping at ever other moments disturbs nothing."""
    for _ in range(12):
        holdfast("--no-types", "--force", "-o", "again.zst", target.pid)
    target.is_fine()
    os.unlink(f"{DIR}/again.zst")


def test_stopped_process(target):
    """What job control stopped stays stopped; SIGCONT then works."""
    os.kill(target.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, target.pid, os.WSTOPPED | os.WNOWAIT)
    holdfast("-o", "stopped.zst", target.pid)
    check_snapshot(f"{DIR}/stopped.zst", target.where)
    states = {target.state()}
    for tid in os.listdir(f"/proc/{target.pid}/task"):
        with open(f"/proc/{target.pid}/task/{tid}/stat") as f:
            states.add(f.read().rpartition(")")[2].split()[0])
    assert states == {"T"}, states
    os.kill(target.pid, signal.SIGCONT)
    target.is_fine()


def test_default_name_and_several(target):
    other = Target()
    folder = f"{DIR}/several"
    os.mkdir(folder)
    holdfast("-o", folder, target.pid, other.pid)
    assert sorted(os.listdir(folder)) == sorted(
        f"target.{p}.core.zst" for p in (target.pid, other.pid))
    check_snapshot(f"{folder}/target.{other.pid}.core.zst", other.where)
    target.is_fine()
    other.quit()
    shutil.rmtree(folder)
    text = holdfast("-o", "one.zst", target.pid, target.pid, ok=False)
    assert "folder" in text and "one.zst" in text, text


def test_existing_file(target):
    with open(f"{DIR}/kept", "w") as f:
        f.write("mine")
    text = holdfast("-o", "kept", target.pid, ok=False)
    assert "kept" in text and "--force" in text, text
    with open(f"{DIR}/kept") as f:
        assert f.read() == "mine"
    holdfast("--force", "-o", "kept", target.pid)
    assert os.path.getsize(f"{DIR}/kept") > 4
    os.unlink(f"{DIR}/kept")


def test_pipe(target):
    with open(f"{DIR}/piped", "wb") as out:
        subprocess.run(f"'{HOLDFAST}' dump -o - {target.pid} | cat",
                       shell=True, check=True, stdout=out,
                       stderr=subprocess.DEVNULL)
    check_snapshot(f"{DIR}/piped", target.where)
    target.is_fine()


def test_no_room(target):
    """A limit on file sizes stands for a full disk: nothing is left."""
    before = leftovers()

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, MIB))

    text = holdfast("-o", "big.zst", target.pid, ok=False, preexec_fn=limit)
    assert "big.zst" in text and len(text.splitlines()) == 1, text
    assert leftovers() == before
    target.is_fine()
    if os.getuid() == 0:
        full_disk(target, "1m", "only 1.0 MiB are free")
        full_disk(target, "3m", "disk full")


def full_disk(target, size, why):
    """Too small to begin with, or so it turns out."""
    mount = f"{DIR}/small"
    os.mkdir(mount)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none",
                       mount], stderr=subprocess.DEVNULL).returncode != 0:
        os.rmdir(mount)
        return
    try:
        text = holdfast("-o", "small/x.zst", target.pid, ok=False)
        assert why in text and len(text.splitlines()) == 1, text
        assert os.listdir(mount) == []
    finally:
        subprocess.run(["umount", mount], check=True)
        os.rmdir(mount)
    target.is_fine()


def test_bad_pids(target):
    def says(pid, *words):
        text = holdfast(pid, ok=False)
        assert len(text.splitlines()) == 1, text
        for word in words:
            assert word in text, (word, text)

    gone = subprocess.Popen(["true"])
    gone.wait()
    says(gone.pid, f"no process {gone.pid}")
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    says(zombie.pid, "zombie", str(os.getpid()))
    zombie.wait()
    tid = next(t for t in os.listdir(f"/proc/{target.pid}/task")
               if int(t) != target.pid)
    if os.path.exists(f"/proc/{tid}"):
        text = holdfast(tid, ok=False)
        assert "thread of" in text or "no process" in text, text
    if os.path.exists("/proc/2/stat"):
        with open("/proc/2/stat") as f:
            if "(kthreadd)" in f.read():
                says(2, "kernel")
    says("12x", "not a process id")
    says("0", "not a process id")
    says("99999999999", "not a process id")
    text = subprocess.run(
        ["sh", "-c", 'exec "$0" dump $$', HOLDFAST], cwd=DIR,
        capture_output=True, text=True).stderr
    assert "itself" in text, text


def test_permission(target):
    """Another user is told what is missing. Needs root to become one."""
    if os.getuid() != 0:
        return
    program = os.open(HOLDFAST, os.O_RDONLY)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(write_end, 2)
        os.setgid(65534)
        os.setuid(65534)
        os.execve(program, ["holdfast", "dump", "-o", "/dev/null",
                            str(target.pid)], os.environ)
    os.close(write_end)
    with os.fdopen(read_end) as f:
        text = f.read()
    assert os.waitpid(child, 0)[1] == 2 << 8, text
    assert "user 0" in text and "CAP_SYS_PTRACE" in text, text
    os.close(program)
    target.is_fine()


def test_killed_and_stalled():
    """Nobody reads the snapshot: the process stands, if it was not forked.
    A second capture says who holds it; when holdfast is killed it goes on."""
    target = Target("420")
    read_end, write_end = os.pipe()
    stalled = subprocess.Popen([HOLDFAST, "dump", "--no-fork", "-o", "-",
                                str(target.pid)],
                               stdout=write_end, stderr=subprocess.DEVNULL)
    os.close(write_end)
    # The header arrives when the process has been stopped.
    assert len(os.read(read_end, 4)) == 4
    with open(f"/proc/{target.pid}/status") as f:
        tracer = re.search(r"TracerPid:\s(\d+)", f.read())[1]
    assert tracer not in ("0", str(stalled.pid))
    text = holdfast("-o", "no.zst", target.pid, ok=False)
    assert f"traced by process {tracer} (" in text, text
    stalled.kill()
    stalled.wait()
    os.close(read_end)
    target.is_fine()

    # SIGTERM: a clean end, or it was done already.
    before = leftovers()
    polite = subprocess.Popen([HOLDFAST, "dump", "-o", f"{DIR}/polite.zst",
                               str(target.pid)], stderr=subprocess.PIPE)
    while leftovers() == before and polite.poll() is None:
        pass
    polite.terminate()
    text = polite.communicate()[1].decode()
    if polite.returncode != 0:
        assert polite.returncode == 2, (polite.returncode, text)
        assert "cancelled" in text, text
        assert leftovers() == before, leftovers()
    else:
        os.unlink(f"{DIR}/polite.zst")
    target.is_fine()
    target.quit()


def test_vfork_parent():
    """A thread that cannot stop is no reason to hang, nor to be hurt."""
    process = subprocess.Popen([f"{DIR}/target", "vfork"],
                               stdout=subprocess.PIPE, text=True)
    child = json.loads(process.stdout.readline())["child"]
    text = holdfast("-o", "vfork.zst", process.pid)
    assert "did not stop" in text, text
    core = unpack(f"{DIR}/vfork.zst")
    assert core.threads() == [process.pid]
    os.kill(child, signal.SIGKILL)
    assert process.stdout.read() == "parent goes on\n"
    assert process.wait() == 0


def test_main_thread_gone():
    target = Target("outlived")
    while target.state() != "Z":
        pass
    holdfast("-o", "outlived.zst", target.pid)
    core = unpack(f"{DIR}/outlived.zst")
    assert len(core.threads()) == 1 and core.threads() != [target.pid]
    assert len(core.loads) > 10
    target.tell("")
    assert target.process.wait() == 7


def test_gcore():
    """A core of gdb, which has all that is mapped."""
    if not shutil.which("gcore"):
        print("no gcore: conversion of its cores not tested")
        return
    target = Target("0", "16")
    subprocess.run(["gcore", "-o", f"{DIR}/gcore", str(target.pid)],
                   check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    core = f"{DIR}/gcore.{target.pid}"
    holdfast("--core", core, "-o", "gcore.zst")
    converted = unpack(f"{DIR}/gcore.zst")
    check_memory(converted, target.where)
    assert converted.threads() == Core(core).threads()
    # Raw or converted, the program and libc are found, code left out or not.
    for file in (core, f"{DIR}/gcore.zst"):
        info = json.loads(subprocess.run([HOLDFAST, "info", "--json", file],
                                         stdout=subprocess.PIPE).stdout)
        modules = {os.path.basename(m["path"]): m["debug"]
                   for m in info["modules"]}
        assert modules["target"] == "full" and "libc.so.6" in modules, modules
    target.process.kill()
    target.process.wait()


def crash(name, *args):
    """The core that the kernel writes of an aborting target, or None."""
    folder = f"{DIR}/{name}"
    os.mkdir(folder)

    def allow():
        os.chdir(folder)
        resource.setrlimit(resource.RLIMIT_CORE,
                           (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    process = subprocess.Popen([f"{DIR}/target", *args],
                               stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, preexec_fn=allow,
                               text=True)
    where = json.loads(process.stdout.readline())
    process.communicate("abort\n")
    names = os.listdir(folder)
    return (f"{folder}/{names[0]}", where) if len(names) == 1 else None


def test_kernel_core():
    """A core of the kernel, converted from a file, a pipe, and cut short."""
    with open("/proc/sys/kernel/core_pattern") as f:
        pattern_text = f.read().strip()
    if "/" in pattern_text or pattern_text.startswith("|"):
        print("core_pattern is", pattern_text, "- kernel cores not tested")
        return
    crashed = crash("crash-huge", "0", "4096")
    if not crashed:
        print("the kernel wrote no core: its cores not tested")
        return
    core, where = crashed
    assert os.path.getsize(core) > 4 << 30
    holdfast("--core", core, "-o", "huge.zst")
    os.unlink(core)
    huge = unpack(f"{DIR}/huge.zst")
    check_memory(huge, where)
    assert os.path.getsize(huge.path) < 120 * MIB
    assert huge.read(where["huge"] + MIB, MIB) == bytes(MIB)

    core, where = crash("crash", "0", "16")
    holdfast("--core", core, "-o", "crash.zst")
    check_memory(unpack(f"{DIR}/crash.zst"), where)
    assert unpack(f"{DIR}/crash.zst").threads() == Core(core).threads()
    with open(core, "rb") as f:
        holdfast("--core", "-", "-o", "piped-core.zst", stdin=f)
    with open(core, "rb") as f:
        cat = subprocess.Popen(["cat"], stdin=f, stdout=subprocess.PIPE)
        holdfast("--core", "-", "--force", "-o", "piped-core.zst",
                 stdin=cat.stdout)
        cat.wait()
    check_memory(unpack(f"{DIR}/piped-core.zst"), where)
    # A snapshot is a core, too.
    holdfast("--core", "crash.zst", "-o", "twice.zst")
    check_memory(unpack(f"{DIR}/twice.zst"), where)
    cut_core(core, where)


def cut_core(core, where):
    whole = Core(core)
    start, _, offset, filesz = next(
        l for l in whole.loads if l[0] <= where["full"] < l[0] + l[1])
    keep = offset + where["full"] - start + MIB + 1000
    with open(core, "r+b") as f:
        f.truncate(keep)
    text = holdfast("--core", core, "-o", "cut.zst")
    assert "cut off" in text, text
    cut = unpack(f"{DIR}/cut.zst")
    assert cut.read(where["full"], MIB) == pattern(MIB, 1)
    assert not cut.stored(where["full"] + MIB)
    with open(core, "r+b") as f:
        f.truncate(40)
    holdfast("--core", core, "-o", "headless.zst", ok=False)
    assert not os.path.exists(f"{DIR}/headless.zst")


def main():
    for tool in ("cc", "zstd", "readelf"):
        if not shutil.which(tool):
            print("no", tool)
            return 77
    source = f"{DIR}/target.c"
    with open(source, "w") as f:
        f.write(TARGET)
    # Else each thread's malloc reserves 64 MiB, which cores spell out.
    os.environ["MALLOC_ARENA_MAX"] = "1"
    subprocess.run(["cc", "-g", "-O1", "-pthread", "-o", f"{DIR}/target",
                    source], check=True)
    target = Target()
    tests = [
        lambda: test_running_process(target),
        test_gdb_reads_it,
        lambda: test_again_and_again(target),
        lambda: test_stopped_process(target),
        lambda: test_default_name_and_several(target),
        lambda: test_existing_file(target),
        lambda: test_pipe(target),
        lambda: test_no_room(target),
        lambda: test_bad_pids(target),
        lambda: test_permission(target),
        test_killed_and_stalled,
        test_vfork_parent,
        test_main_thread_gone,
        test_gcore,
        test_kernel_core,
    ]
    try:
        for test in tests:
            start = time.monotonic()
            test()
            names = test.__code__.co_names
            print(f"{time.monotonic() - start:6.2f} s  "
                  f"{names[0] if '<' in test.__name__ else test.__name__}")
        target.quit()
    finally:
        target.process.kill()
    return 0


sys.exit(main())
