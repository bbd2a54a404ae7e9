#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`holdfast dump --core`: cores of gdb and of the kernel, whole and cut."""
import json
import os
import resource
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
import core_file  # noqa: E402
import core_pattern_guard  # noqa: E402
from captured import (  # noqa: E402
    DIR, HOLDFAST, MIB, PROGRAM, Captured, check_memory,
    dump, pattern, run)


def test_gcore():
    """A core of gdb, which has all that is mapped."""
    if not shutil.which("gcore"):
        print("no gcore: conversion of its cores not tested")
        return
    target = Captured("0", "16")
    subprocess.run(["gcore", "-o", f"{DIR}/gcore", str(target.pid)],
                   check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    core = f"{DIR}/gcore.{target.pid}"
    dump("--core", core, "-o", "gcore.zst")
    converted = core_file.unpack(f"{DIR}/gcore.zst")
    check_memory(converted, target.where)
    assert converted.threads() == core_file.Core(core).threads()
    # Raw or converted, the program and libc are found, code left out or not.
    for file in (core, f"{DIR}/gcore.zst"):
        info = json.loads(subprocess.run([HOLDFAST, "info", "--json", file],
                                         stdout=subprocess.PIPE).stdout)
        modules = {os.path.basename(m["path"]): m["debug"]
                   for m in info["modules"]}
        assert modules["captured"] == "full" and "libc.so.6" in modules, modules
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

    process = subprocess.Popen([PROGRAM, *args],
                               stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, preexec_fn=allow,
                               text=True)
    where = json.loads(process.stdout.readline())
    # What the environment takes out of cores.
    with open(f"/proc/{process.pid}/coredump_filter", "w") as f:
        f.write("0x33")
    process.communicate("abort\n")
    names = os.listdir(folder)
    return (f"{folder}/{names[0]}", where) if len(names) == 1 else None


def kernel_cores():
    """Two cores of the kernel, the first of a target that reserves much; None
    where the kernel writes none."""
    with core_pattern_guard.unchanged() as pattern_text:
        if "/" in pattern_text or pattern_text.startswith("|"):
            print("core_pattern is", pattern_text,
                  "- kernel cores not tested")
            return None
        crashed = crash("crash-huge", "0", "4096"), crash("crash", "0", "16")
    if None in crashed:
        print("the kernel wrote no core: its cores not tested")
        return None
    return crashed


def test_kernel_core():
    """A core of the kernel, converted from a file, a pipe, and cut short."""
    crashed = kernel_cores()
    if not crashed:
        return
    core, where = crashed[0]
    assert os.path.getsize(core) > 4 << 30
    dump("--core", core, "-o", "huge.zst")
    os.unlink(core)
    huge = core_file.unpack(f"{DIR}/huge.zst")
    check_memory(huge, where)
    assert os.path.getsize(huge.path) < 120 * MIB
    assert huge.read(where["huge"] + MIB, MIB) == bytes(MIB)

    core, where = crashed[1]
    dump("--core", core, "-o", "crash.zst")
    check_memory(core_file.unpack(f"{DIR}/crash.zst"), where)
    assert core_file.unpack(f"{DIR}/crash.zst").threads() == core_file.Core(core).threads()
    with open(core, "rb") as f:
        dump("--core", "-", "-o", "piped-core.zst", stdin=f)
    with open(core, "rb") as f:
        cat = subprocess.Popen(["cat"], stdin=f, stdout=subprocess.PIPE)
        dump("--core", "-", "--force", "-o", "piped-core.zst",
                 stdin=cat.stdout)
        cat.wait()
    check_memory(core_file.unpack(f"{DIR}/piped-core.zst"), where)
    # A snapshot is a core, too.
    dump("--core", "crash.zst", "-o", "twice.zst")
    check_memory(core_file.unpack(f"{DIR}/twice.zst"), where)
    cut_core(core, where)


def cut_core(core, where):
    load = core_file.Core(core).load_of(where["full"])
    keep = load.offset + where["full"] - load.addr + MIB + 1000
    with open(core, "r+b") as f:
        f.truncate(keep)
    text = dump("--core", core, "-o", "cut.zst")
    assert "cut off" in text, text
    cut = core_file.unpack(f"{DIR}/cut.zst")
    assert cut.read(where["full"], MIB) == pattern(MIB, 1)
    assert not cut.stored(where["full"] + MIB)
    with open(core, "r+b") as f:
        f.truncate(40)
    dump("--core", core, "-o", "headless.zst", ok=False)
    assert not os.path.exists(f"{DIR}/headless.zst")


run([test_gcore,
     test_kernel_core])
