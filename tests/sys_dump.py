#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`holdfast dump` of a process that watches its own registers, system calls and
signals: its memory is what it says, and it goes on unharmed."""
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
import core_file  # noqa: E402
from captured import (  # noqa: E402
    DIR, HOLDFAST, MIB, PAGE, PROGRAM, Captured,
    check_snapshot, dump, leftovers, run)


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
    text = dump("-o", "run.zst", target.pid)
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
         PROGRAM, f"{DIR}/run.zst.plain"],
        capture_output=True, text=True).stdout
    for name in ("main", "spinning_thread", "reading_thread",
                 "sleeping_thread", "locking_thread", "signalling_thread",
                 "forking_thread"):
        assert re.search(rf"^#\d+ .*\b{name} \(", out, re.M), (name, out)


def test_again_and_again(target):
    """Stopping at ever other moments disturbs nothing."""
    for _ in range(12):
        dump("--no-types", "--force", "-o", "again.zst", target.pid)
    target.is_fine()
    os.unlink(f"{DIR}/again.zst")


def states_of_threads(pid):
    states = set()
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/stat") as f:
            states.add(f.read().rpartition(")")[2].split()[0])
    return states


def test_stopped_process(target):
    """What job control stopped stays stopped; SIGCONT then works."""
    os.kill(target.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, target.pid, os.WSTOPPED | os.WNOWAIT)
    dump("-o", "stopped.zst", target.pid)
    check_snapshot(f"{DIR}/stopped.zst", target.where)
    # Let go, each thread stops again by itself.
    while states_of_threads(target.pid) != {"T"}:
        pass
    os.kill(target.pid, signal.SIGCONT)
    target.is_fine()


def test_default_name_and_several(target):
    other = Captured()
    folder = f"{DIR}/several"
    os.mkdir(folder)
    dump("-o", folder, target.pid, other.pid)
    assert sorted(os.listdir(folder)) == sorted(
        f"captured.{p}.core.zst" for p in (target.pid, other.pid))
    check_snapshot(f"{folder}/captured.{other.pid}.core.zst", other.where)
    target.is_fine()
    other.quit()
    shutil.rmtree(folder)
    text = dump("-o", "one.zst", target.pid, target.pid, ok=False)
    assert "folder" in text and "one.zst" in text, text


def test_pipe(target):
    with open(f"{DIR}/piped", "wb") as out:
        subprocess.run(f"'{HOLDFAST}' dump -o - {target.pid} | cat",
                       shell=True, check=True, stdout=out,
                       stderr=subprocess.DEVNULL)
    check_snapshot(f"{DIR}/piped", target.where)
    target.is_fine()


def test_vfork_parent():
    """A thread that cannot stop is no reason to hang, nor to be hurt."""
    process = subprocess.Popen([PROGRAM, "vfork"],
                               stdout=subprocess.PIPE, text=True)
    child = json.loads(process.stdout.readline())["child"]
    text = dump("-o", "vfork.zst", process.pid)
    assert "did not stop" in text, text
    core = core_file.unpack(f"{DIR}/vfork.zst")
    assert core.threads() == [process.pid]
    os.kill(child, signal.SIGKILL)
    assert process.stdout.read() == "parent goes on\n"
    assert process.wait() == 0


def test_main_thread_gone():
    target = Captured("outlived")
    while target.state() != "Z":
        pass
    dump("-o", "outlived.zst", target.pid)
    core = core_file.unpack(f"{DIR}/outlived.zst")
    assert len(core.threads()) == 1 and core.threads() != [target.pid]
    assert len(core.loads) > 10
    target.tell("")
    assert target.process.wait() == 7


def test_killed_and_stalled():
    """Nobody reads the snapshot: the process stands, if it was not forked.
    A second capture says who holds it; when holdfast is killed it goes on."""
    target = Captured("420")
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
    text = dump("-o", "no.zst", target.pid, ok=False)
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


run([test_running_process,
     test_gdb_reads_it,
     test_again_and_again,
     test_stopped_process,
     test_default_name_and_several,
     test_pipe,
     test_vfork_parent,
     test_main_thread_gone,
     test_killed_and_stalled])
