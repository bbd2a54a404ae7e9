#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A snapshot, decompressed, is a core: for zstd, readelf, gdb and by hand."""
import os
import shutil
import signal
import struct
import subprocess
import sys
import time

HOLDFAST = os.environ["HOLDFAST"]
DIR = os.environ["TEST_DIR"]

# Threads wait in functions of their own, with a known vector register.
TARGET = r"""
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t secret = 0x1234567890abcdef;
static char *text;
static pthread_barrier_t ready;

#define PARK(n)								\
	__attribute__((noinline)) static void park_##n(void)		\
	{								\
		uint64_t mark = 1000 + n;				\
									\
		pthread_barrier_wait(&ready);				\
		for (;;) {						\
			long rax = SYS_pause;				\
									\
			__asm__ volatile("movq %1, %%xmm5\n\tsyscall"	\
					 : "+a"(rax) : "r"(mark)	\
					 : "rcx", "r11", "memory", "xmm5"); \
		}							\
	}								\
	static void *run_##n(void *arg)					\
	{								\
		park_##n();						\
		return arg;						\
	}
PARK(1)
PARK(2)
PARK(3)

int main(void)
{
	void *(*const run[])(void *) = { run_1, run_2, run_3 };
	pthread_t thread;

	text = strdup("held on the heap");
	pthread_barrier_init(&ready, NULL, 4);
	for (int i = 0; i < 3; i++)
		pthread_create(&thread, NULL, run[i], NULL);
	pthread_barrier_wait(&ready);
	printf("%p\n", (void *)text);
	fflush(stdout);
	for (;;)
		pause();
	return (int)secret;
}
"""


def check(ok, what):
    if not ok:
        sys.exit(f"failed: {what}")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True,
                          errors="replace", env={**os.environ, "LC_ALL": "C"})
    check(done.returncode == 0, f"{command}: {done.stderr}")
    return done


def notes_of(data, offset, size):
    """(owner, type, contents) of each note."""
    at, end, notes = offset, offset + size, []
    while at < end:
        n_name, n_desc, kind = struct.unpack_from("<III", data, at)
        at += 12
        name = data[at:at + n_name].rstrip(b"\0").decode()
        at += (n_name + 3) // 4 * 4
        notes.append((name, kind, data[at:at + n_desc]))
        at += (n_desc + 3) // 4 * 4
    check(at == end, "notes fill their segment")
    return notes


def sections_of(data):
    (shoff,) = struct.unpack_from("<Q", data, 40)
    size, n, names = struct.unpack_from("<HHH", data, 58)
    heads = [struct.unpack_from("<IIQQQQIIQQ", data, shoff + i * size)
             for i in range(n)]
    table = data[heads[names][4]:heads[names][4] + heads[names][5]]
    return {table[h[0]:table.index(b"\0", h[0])].decode():
            data[h[4]:h[4] + h[5]] for h in heads}


def mapped_files(pid):
    """What NT_FILE should say."""
    files = []
    with open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            fields = line.split(None, 5)
            if len(fields) < 6 or not fields[5].startswith("/"):
                continue
            start, end = (int(x, 16) for x in fields[0].split("-"))
            files.append((start, end, int(fields[2], 16),
                          fields[5].rstrip("\n")))
    return files


def parse_nt_file(desc):
    n, page = struct.unpack_from("<QQ", desc)
    paths = desc[16 + 24 * n:].split(b"\0")
    rows = [struct.unpack_from("<QQQ", desc, 16 + 24 * i) for i in range(n)]
    return [(s, e, o * page, paths[i].decode())
            for i, (s, e, o) in enumerate(rows)]


def check_by_hand(core, pid, heap_text):
    with open(core, "rb") as file:
        data = file.read()
    phoff, shoff = struct.unpack_from("<QQ", data, 32)
    (phnum,) = struct.unpack_from("<H", data, 56)
    heads = [struct.unpack_from("<IIQQQQQQ", data, phoff + 56 * i)
             for i in range(phnum)]
    loads = [h for h in heads if h[0] == 1]
    end = max(h[2] + h[5] for h in loads)
    check(shoff == end, "section headers follow the memory")
    check(all(h[2] % 4096 == 0 for h in loads if h[5]), "pages start at pages")
    check(loads == sorted(loads, key=lambda h: h[3]), "segments ascend")
    found = [h for h in loads if h[3] <= heap_text < h[3] + h[5]]
    check(len(found) == 1, "the heap is in one segment")
    at = found[0][2] + heap_text - found[0][3]
    check(data[at:at + 17] == b"held on the heap\0", "text on the heap")

    notes = notes_of(data, heads[0][2], heads[0][5])
    tids = [struct.unpack_from("<I", d, 32)[0] for o, t, d in notes
            if (o, t) == ("CORE", 1)]
    check(tids[0] == pid and sorted(tids) ==
          sorted(int(t) for t in os.listdir(f"/proc/{pid}/task")), "threads")
    for kind, size in ((2, 512), (3, 136)):
        check(all(len(d) == size for o, t, d in notes
                  if (o, t) == ("CORE", kind)), f"size of note {kind}")
    with open(f"/proc/{pid}/auxv", "rb") as file:
        check(file.read() in [d for o, t, d in notes
                              if (o, t) == ("CORE", 6)], "NT_AUXV")
    (files,) = [d for o, t, d in notes if (o, t) == ("CORE", 0x46494c45)]
    check(parse_nt_file(files) == mapped_files(pid), "NT_FILE")
    (ours,) = [d for o, t, d in notes if o == "HOLDFAST"]
    check(struct.unpack_from("<IIQ", ours) == (1, 0, phnum), "our note")

    sections = sections_of(data)
    for name in ("meta", "maps", "modules", "symbols", "types", "vars"):
        section = sections[f".holdfast.{name}"]
        check(struct.unpack_from("<I", section)[0] == 1, f"version of {name}")
    check(struct.unpack_from("<I", sections[".holdfast.meta"], 4)[0] == pid,
          "pid in meta")


def check_with_gdb(program, core):
    out = run("gdb", "-q", "-nx", "-batch", "-ex", "set width 0",
              "-ex", "thread apply all -q bt", "-ex", "p/x secret",
              "-ex", "p text", "-ex",
              "thread apply all -q p $xmm5.v2_int64[0]", program, core).stdout
    for n in (1, 2, 3):
        check(f"park_{n} ()" in out and f"run_{n} (" in out,
              f"backtrace of thread {n}: {out}")
        check(f"= {1000 + n}\n" in out, f"xmm5 of thread {n}: {out}")
    check("in main ()" in out, f"backtrace of main: {out}")
    check("0x1234567890abcdef" in out, f"global variable: {out}")
    check('"held on the heap"' in out, f"heap text: {out}")


def check_with_readelf(core):
    done = run("readelf", "-lhSW", core)
    check("warning" not in done.stderr.lower() and
          "error" not in done.stderr.lower(), f"readelf: {done.stderr}")
    check("CORE (Core file)" in done.stdout, "readelf sees a core")
    done = run("readelf", "-nW", core)
    for note in ("NT_PRPSINFO", "NT_AUXV", "NT_FILE", "NT_X86_XSTATE"):
        check(note in done.stdout, f"readelf sees {note}")
    if shutil.which("eu-readelf"):
        done = run("eu-readelf", "-n", core)
        check("PRSTATUS" in done.stdout, "eu-readelf sees threads")


def main():
    for tool in ("gdb", "zstd", "cc", "readelf"):
        if not shutil.which(tool):
            print(f"needs {tool}")
            sys.exit(77)
    os.chdir(DIR)
    with open("parked.c", "w") as source:
        source.write(TARGET)
    run("cc", "-g", "-O1", "-fno-omit-frame-pointer", "-o", "parked",
        "parked.c", "-pthread")
    target = subprocess.Popen(["./parked"], stdout=subprocess.PIPE, text=True)
    try:
        heap_text = int(target.stdout.readline(), 16)
        # The system call that a thread waits in comes just after the barrier.
        for tid in os.listdir(f"/proc/{target.pid}/task"):
            path = f"/proc/{target.pid}/task/{tid}/syscall"
            until = time.monotonic() + 300
            while not open(path).read().startswith("34 "):
                check(time.monotonic() < until, "the target comes to rest")
        run(HOLDFAST, "dump", "-o", "parked.core.zst", str(target.pid))
        run("zstd", "-q", "-t", "parked.core.zst")
        run("zstd", "-q", "-d", "parked.core.zst", "-o", "parked.core")
        check_by_hand("parked.core", target.pid, heap_text)
        with open("piped.core.zst", "wb") as out:
            done = subprocess.run([HOLDFAST, "dump", "-o", "-",
                                   str(target.pid)], stdout=out)
        check(done.returncode == 0, "dump to standard output")
        run("zstd", "-q", "-d", "piped.core.zst", "-o", "piped.core")
    finally:
        target.send_signal(signal.SIGKILL)
        target.wait()
    for core in ("parked.core", "piped.core"):
        check_with_gdb("parked", core)
        check_with_readelf(core)


main()
