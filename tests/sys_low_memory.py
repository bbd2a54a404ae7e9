#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Captures of processes near their limits: nobody is killed.

Processes live in cgroups of their own with little memory or few processes,
or have a small RLIMIT_NPROC. The snapshot must be complete, must say why the
process was not forked, and the kernel must not have killed anything.
"""
import os
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True		# leave the source tree clean
from cgroups import cgroup  # noqa: E402

HOLDFAST = os.environ["HOLDFAST"]
DIR = os.environ["TEST_DIR"]
MIB = 1 << 20

TARGET = r"""
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

static unsigned char *memory;
static size_t size;
static atomic_int writing;

/* Write to every page, again and again: the worst that a copy can meet. With
 * a pause for each @every bytes, others get to run on a busy machine. */
static void *write_all(void *arg)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	const size_t every = *(const size_t *)arg;

	while (atomic_load(&writing)) {
		for (size_t i = 8; i < size; i += 4096) {
			memory[i]++;
			if (every && i % every == 8)
				nanosleep(&pause, NULL);
		}
	}
	return arg;
}

int main(int argc, char **argv)
{
	char line[64];
	pthread_t thread;
	size_t every;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	size = strtoul(argv[1], NULL, 10) << 20;
	memory = aligned_alloc(4096, size);
	for (size_t i = 0; i < size; i += 4) {
		unsigned int x = (unsigned int)(i * 2654435761u);

		memcpy(memory + i, &x, 4);
	}
	if (argc > 2) {
		atomic_store(&writing, 1);
		every = strtoul(argv[2], NULL, 10) << 10;
		pthread_create(&thread, NULL, write_all, &every);
	}
	printf("%p\n", (void *)memory);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		puts("fine");
		fflush(stdout);
	}
	return 0;
}
"""


def skip(why):
    print(why)
    sys.exit(77)


class Target:
    def __init__(self, *args, preexec=None):
        self.process = subprocess.Popen(
            [f"{DIR}/target", *args], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, preexec_fn=preexec)
        self.pid = self.process.pid
        self.memory = int(self.process.stdout.readline(), 16)
        self.size = int(args[0]) * MIB

    def is_fine(self):
        """It answers, and its only child, if any, is gone."""
        self.process.stdin.write("check\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer.startswith("fine"), answer
        assert not self.children()

    def children(self):
        found = []
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{tid}/children") as f:
                    found += f.read().split()
            except OSError:		# it has ended
                pass
        return found

    def has_copy(self):
        """False as well when it is dead and waits to be collected."""
        def lives(pid):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    return f.read().rpartition(")")[2].split()[0] != "Z"
            except OSError:
                return False
        return any(lives(pid) for pid in self.children())

    def end(self):
        self.process.stdin.close()
        assert self.process.wait() == 0

    def kill(self):
        self.process.kill()
        self.process.wait()


def dump(target, *options, ok=True, preexec=None):
    done = subprocess.run(
        [HOLDFAST, "dump", "--no-types", "--force", "-o", f"{DIR}/snap.zst",
         *options, str(target.pid)], capture_output=True, text=True,
        timeout=600, preexec_fn=preexec)
    assert (done.returncode == 0) == ok, done.stderr
    return done.stderr


def check_content(target):
    """All of the memory, as the program wrote it."""
    subprocess.run(["zstd", "-dqf", f"{DIR}/snap.zst", "-o", f"{DIR}/core"],
                   check=True)
    with open(f"{DIR}/core", "rb") as f:
        data = f.read()
    phoff, = struct.unpack_from("<Q", data, 32)
    phnum, = struct.unpack_from("<H", data, 56)
    for i in range(phnum):
        kind, _, offset, addr, _, filesz, _, _ = \
            struct.unpack_from("<IIQQQQQQ", data, phoff + 56 * i)
        if kind == 1 and addr <= target.memory < addr + filesz:
            at = offset + target.memory - addr
            assert addr + filesz >= target.memory + target.size
            for k in range(0, target.size, 4096):
                word, = struct.unpack_from("<I", data, at + k)
                assert word == k * 2654435761 & 0xFFFFFFFF, hex(k)
            return
    assert False, "not captured"


def test_tight_memory():
    """56 MiB are needed for a copy, 30 are left: it is not forked."""
    with cgroup("memory") as group:
        if not group:
            return
        target = Target("400", preexec=group.enter)
        group.limit_memory(430 * MIB)
        text = dump(target)
        print(text)
        assert "could not be forked: a forked copy may take" in text, text
        assert os.path.basename(group.folder) in text, text
        assert group.killed() == 0
        check_content(target)
        target.is_fine()
        # With more room it is.
        group.limit_memory(800 * MIB)
        text = dump(target)
        assert "could not be forked" not in text, text
        check_content(target)
        target.is_fine()
        assert group.killed() == 0
        target.end()


class SlowReader:
    """A pipe that takes a little of a snapshot, then nothing for a while."""

    def __init__(self):
        self.read_end, self.write_end = os.pipe()
        self.size = 0

    def run(self, wait):
        os.close(self.write_end)
        self.size += len(os.read(self.read_end, 1000))
        wait()
        while True:
            data = os.read(self.read_end, MIB)
            if not data:
                return
            self.size += len(data)


def dump_slowly(target, wait, *options):
    """Nobody takes the snapshot until wait() returns."""
    pipe = SlowReader()
    process = subprocess.Popen(
        [HOLDFAST, "dump", "--no-types", "-o", "-", *options,
         str(target.pid)], stdout=pipe.write_end, stderr=subprocess.PIPE,
        text=True)
    thread = threading.Thread(target=pipe.run, args=(wait,))
    thread.start()
    text = process.stderr.read()
    thread.join()
    os.close(pipe.read_end)
    return process.wait(), text


def gives_up_in_time(group, kib):
    """The target writes to all of its memory while there is a copy of it, @kib
    in two milliseconds. False when the kernel was faster than holdfast."""
    before = group.killed()
    target = Target("200", kib, preexec=group.enter)
    group.limit_memory(290 * MIB)

    def wait():
        """Until the copy, which the target writes away from, is gone."""
        while target.has_copy():
            time.sleep(0.001)

    for options, result, words in (
            ((), 0, "frozen copy was given up"),
            (("--on-low-memory=give-up",), 2, "given up, as asked")):
        status, text = dump_slowly(target, wait, *options)
        print(text)
        if group.killed() > before:
            print(f"{kib} KiB in 2 ms: the kernel was faster")
            target.kill()
            return False
        assert status == result and words in text, text
        target.is_fine()
    target.kill()
    return True


def test_memory_runs_out():
    """A copy is given up before the kernel has to end anybody, unless the
    target is faster than holdfast can look."""
    with cgroup("memory") as group:
        assert not group or any(gives_up_in_time(group, kib) for kib in
                                ("1024", "256", "64", "16"))


def test_memory_runs_out_at_once():
    """It writes faster than holdfast can look: the kernel ends the copy first.
    It may end the process, too, before it has the memory of the copy."""
    with cgroup("memory") as group:
        if not group:
            return
        for left in (60, 80, 100):
            before = group.killed()
            target = Target("200", "0", preexec=group.enter)
            group.limit_memory((200 + left) * MIB)
            status, text = dump_slowly(
                target, lambda: time.sleep(0.05))
            if group.killed() - before < 2:
                assert status == 0, text
                target.is_fine()
            else:
                assert status in (0, 2), text
                print("the kernel ended the copy, and the process as well")
            target.kill()


def test_together():
    """holdfast in the cgroup of its target, as in a container."""
    with cgroup("memory") as group:
        if not group:
            return
        target = Target("200", preexec=group.enter)
        group.limit_memory(260 * MIB)
        text = dump(target, preexec=group.enter)
        print(text)
        assert group.killed() == 0
        check_content(target)
        target.is_fine()
        target.end()


def test_pids_max():
    with cgroup("pids") as group:
        if not group:
            return
        target = Target("1", "0", preexec=group.enter)
        group.set("pids.max", 2)
        text = dump(target)
        assert "could not be forked" in text and "pids.max" in text, text
        target.is_fine()
        group.set("pids.max", 40)
        text = dump(target)
        assert "could not be forked" not in text, text
        target.is_fine()
        target.process.kill()
        target.process.wait()


def test_nproc():
    """`ulimit -u` of a user with nothing else to run."""
    if os.getuid() != 0:
        print("not root: RLIMIT_NPROC not tested")
        return
    # Nobody else's, be it another run of this test.
    user = 20000 + os.getpid() % 40000
    for limit, forks in ((1, False), (40, True)):
        os.chmod(DIR, 0o755)
        target = Target("1", preexec=lambda n=limit: become(user, n))
        text = dump(target)
        assert ("could not be forked" in text) == (not forks), text
        assert forks or f"user {user} has 1 of 1 threads" in text, text
        target.is_fine()
        target.end()


def become(user, limit):
    import resource
    resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))
    os.setgid(user)
    os.setuid(user)


def main():
    if os.getuid() != 0:
        skip("cgroups can be made by root only")
    with open(f"{DIR}/target.c", "w") as f:
        f.write(TARGET)
    subprocess.run(["cc", "-O1", "-pthread", "-o", f"{DIR}/target",
                    f"{DIR}/target.c"], check=True)
    test_tight_memory()
    test_memory_runs_out()
    test_memory_runs_out_at_once()
    test_together()
    test_pids_max()
    test_nproc()


main()
