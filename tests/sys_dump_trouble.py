#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `holdfast dump` says when it cannot, and that nothing is left of it."""
import os
import resource
import subprocess
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
from captured import DIR, HOLDFAST, MIB, dump, leftovers, run  # noqa: E402


def test_existing_file(target):
    with open(f"{DIR}/kept", "w") as f:
        f.write("mine")
    text = dump("-o", "kept", target.pid, ok=False)
    assert "kept" in text and "--force" in text, text
    with open(f"{DIR}/kept") as f:
        assert f.read() == "mine"
    dump("--force", "-o", "kept", target.pid)
    assert os.path.getsize(f"{DIR}/kept") > 4
    os.unlink(f"{DIR}/kept")


def test_no_room(target):
    """A limit on file sizes stands for a full disk: nothing is left."""
    before = leftovers()

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, MIB))

    text = dump("-o", "big.zst", target.pid, ok=False, preexec_fn=limit)
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
        text = dump("-o", "small/x.zst", target.pid, ok=False)
        assert why in text and len(text.splitlines()) == 1, text
        assert os.listdir(mount) == []
    finally:
        subprocess.run(["umount", mount], check=True)
        os.rmdir(mount)
    target.is_fine()


def test_bad_pids(target):
    def says(pid, *words):
        text = dump(pid, ok=False)
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
        text = dump(tid, ok=False)
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


run([test_existing_file,
     test_no_room,
     test_bad_pids,
     test_permission])
