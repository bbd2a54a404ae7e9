# SPDX-License-Identifier: MIT
"""tests/programs/captured.c and what a capture of it must hold."""
import functools
import json
import os
import shutil
import struct
import subprocess
import sys
import time

import core_file

HOLDFAST = os.environ["HOLDFAST"]
DIR = os.environ["TEST_DIR"]
SOURCE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = f"{DIR}/captured"
PAGE = 4096
MIB = 1 << 20


@functools.lru_cache
def pattern(n, x):
    out = bytearray()
    for _ in range(n // 4):
        x = (x * 1664525 + 1013904223) & 0xFFFFFFFF
        out += struct.pack("<I", x)
    return bytes(out)


class Captured:
    def __init__(self, *args):
        self.process = subprocess.Popen(
            [PROGRAM, *args], stdin=subprocess.PIPE,
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


def dump(*args, ok=True, **kwargs):
    done = subprocess.run([HOLDFAST, "dump", *map(str, args)],
                          stderr=subprocess.PIPE, cwd=DIR, timeout=600,
                          **kwargs)
    text = done.stderr.decode()
    assert (done.returncode == 0) == ok, (args, done.returncode, text)
    assert ok or done.returncode == 2, (args, done.returncode, text)
    return text


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
    core = core_file.unpack(path)
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


def run(tests):
    """Run tests, each with a process if it wants one; exit."""
    for tool in ("cc", "zstd", "readelf"):
        if not shutil.which(tool):
            print("no", tool)
            sys.exit(77)
    # Else each thread's malloc reserves 64 MiB, which cores spell out.
    os.environ["MALLOC_ARENA_MAX"] = "1"
    subprocess.run(["cc", "-g", "-O1", "-pthread", "-o", PROGRAM,
                    f"{SOURCE}/programs/captured.c"], check=True)
    target = Captured()
    try:
        for test in tests:
            start = time.monotonic()
            test(*[target] * test.__code__.co_argcount)
            print(f"{time.monotonic() - start:6.2f} s  {test.__name__}")
        target.quit()
    finally:
        target.process.kill()
