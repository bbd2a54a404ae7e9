#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is captured of every kind of memory, against /proc/PID/mem.

tests/programs/mapped.c maps memory of all kinds, says where, and waits. Its
memory does not change, so what /proc/PID/mem and /proc/PID/pagemap show is
the truth.
"""
import json
import os
import re
import shutil
import struct
import subprocess
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
import core_file  # noqa: E402

HOLDFAST = os.environ["HOLDFAST"]
DIR = os.environ["TEST_DIR"]
PAGE = 4096
MIB = 1 << 20
SOURCE = os.path.dirname(os.path.abspath(__file__))
POOL = "/proc/sys/vm/nr_hugepages"


class Target:
    def __init__(self, *args):
        self.process = subprocess.Popen(
            [f"{DIR}/mapped", f"{DIR}/file", *args],
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
                          timeout=600)
    assert done.returncode == 0, done.stderr
    return core_file.unpack(path), done.stderr


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
    for load in core.loads:
        if low <= load.addr < high:
            continue    # system calls write to it on their way back
        for addr in range(load.addr, load.addr + load.in_file, PAGE):
            if thread <= addr < thread + size:
                continue    # the kernel notes the processor (rseq(2))
            truth = target.mem(addr)
            assert truth is None or truth == core.read(addr, PAGE), (
                hex(addr), target.mapping_of(addr))
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
    subprocess.run(["cc", "-O1", "-g", "-o", f"{DIR}/mapped",
                    f"{SOURCE}/programs/mapped.c"], check=True)
    with_huge_pages(test_kinds)
    test_userfault()
    test_large_shared()
    test_go()


main()
