#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Processes in other mount and pid namespaces, and files that are replaced.

A program with a library runs below a root of its own, in namespaces of its
own, as containers do. At the same paths outside lie other files, which must
not be taken for its.
"""
import contextlib
import json
import os
import shutil
import subprocess
import sys

HOLDFAST = os.environ["HOLDFAST"]
DIR = os.environ["TEST_DIR"]
ROOT = f"{DIR}/root"
APP = f"{DIR}/app"      # the same path outside and below ROOT

LIBRARY = r"""
#include <stdlib.h>
struct inside_library { struct inside_library *next; long numbers[NUMBERS]; };
struct inside_library *library_list;
void library_fill(void)
{
	for (int i = 0; i < 5; i++) {
		struct inside_library *x = calloc(1, sizeof(*x));

		x->next = library_list;
		library_list = x;
	}
}
"""

PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
struct inside_program { struct inside_program *next; long numbers[NUMBERS]; };
struct inside_program *program_list;
void library_fill(void);
int main(void)
{
	for (int i = 0; i < 7; i++) {
		struct inside_program *x = calloc(1, sizeof(*x));

		x->next = program_list;
		program_list = x;
	}
	library_fill();
	printf("%d\n", getpid());
	fflush(stdout);
	(void)getchar();
	return 0;
}
"""


def skip(why):
    print(why)
    sys.exit(77)


def build(folder, numbers, *flags):
    os.makedirs(folder, exist_ok=True)
    for name, text in (("lib", LIBRARY), ("prog", PROGRAM)):
        with open(f"{folder}/{name}.c", "w") as f:
            f.write(text.replace("NUMBERS", str(numbers)))
    subprocess.run(["cc", *flags, "-shared", "-fPIC", "-Wl,-soname,lib.so", "-o",
                    f"{folder}/lib.so.new", f"{folder}/lib.c"], check=True)
    os.rename(f"{folder}/lib.so.new", f"{folder}/lib.so")
    subprocess.run(["cc", *flags, "-o", f"{folder}/prog.new",
                    f"{folder}/prog.c", f"{folder}/lib.so",
                    f"-Wl,-rpath,{APP}"], check=True)
    os.rename(f"{folder}/prog.new", f"{folder}/prog")
    os.unlink(f"{folder}/lib.c")
    os.unlink(f"{folder}/prog.c")


def build_id(path):
    out = subprocess.run(["readelf", "-nW", path], capture_output=True,
                         text=True).stdout
    return out.split("Build ID: ")[1].split()[0]


def make_root():
    """What the program needs below ROOT, and other files of its name here."""
    build(ROOT + APP, 10, "-g")
    build(APP, 20)
    out = subprocess.run(["ldd", f"{APP}/prog"], capture_output=True,
                         text=True).stdout
    for word in out.split():
        if word.startswith("/") and not word.startswith(APP):
            os.makedirs(ROOT + os.path.dirname(word), exist_ok=True)
            shutil.copy(os.path.realpath(word), ROOT + word)
    os.makedirs(f"{ROOT}/old", exist_ok=True)


class Container:
    """The program as number 1 of its own pid namespace, below @root."""

    def __init__(self, root, before="", pivot=True):
        # pivot_root, as container engines do it, changes what paths look
        # like from outside; chroot does not.
        enter = (f"mount --bind '{root}' '{root}' && cd '{root}' && "
                 f"pivot_root . old && exec '{APP}/prog'" if pivot else
                 f"exec chroot '{root}' '{APP}/prog'")
        self.process = subprocess.Popen(
            ["unshare", "-m", "-p", "-f", "sh", "-c",
             f"{before} {enter}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.inner = int(self.process.stdout.readline())
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children"
                  ) as f:
            self.pid = int(f.read().split()[0])

    def end(self):
        self.process.stdin.close()
        assert self.process.wait() == 0


@contextlib.contextmanager
def container(*args, **kwargs):
    c = Container(*args, **kwargs)
    try:
        yield c
    finally:
        c.process.kill()
        c.process.wait()


def dump(pid, name, *before):
    done = subprocess.run([*before, HOLDFAST, "dump", "--force", "-o",
                           f"{DIR}/{name}", str(pid)], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def ask(command, name):
    done = subprocess.run([HOLDFAST, command, "--json", f"{DIR}/{name}"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check(name, ids, numbers=10, prefix=""):
    """Modules of the right builds with types, and blocks of those types."""
    info = ask("info", name)
    modules = {m["path"].removesuffix(" (deleted)"): m
               for m in info["modules"]}
    for file in ("prog", "lib.so"):
        m = modules[f"{prefix}{APP}/{file}"]
        assert m["build_id"] == ids[file], (m, ids)
        assert m["debug"] == "full", m
    types = {t["type"]: t for t in ask("types", name)["types"]}
    size = (8 + numbers * 8 + 8 + 15) // 16 * 16 - 8
    for kind, count in (("inside_program", 7), ("inside_library", 5)):
        assert types[kind]["count"] == count, types
        assert types[kind]["bytes"] == count * size, (types[kind], size)
    assert info["heap"]["leaked_blocks"] == 0, info["heap"]
    return info


def ids_of(folder):
    return {name: build_id(f"{folder}/{name}") for name in ("prog", "lib.so")}


def test_from_outside():
    ids = ids_of(ROOT + APP)
    with container(ROOT) as c:
        assert c.inner == 1
        dump(c.pid, "outside.zst")
        info = check("outside.zst", ids)
        assert info["process"]["pid"] == c.pid
        assert info["process"]["namespace_pid"] == 1, info["process"]
        c.end()


def test_chroot():
    """Paths of the program are not those that we see."""
    ids = ids_of(ROOT + APP)
    with container(ROOT, pivot=False) as c:
        dump(c.pid, "chroot.zst")
        check("chroot.zst", ids, prefix=ROOT)
        c.end()


def test_wrong_number():
    """The number that the process has inside is none outside."""
    with open("/proc/sys/kernel/pid_max") as f:
        last = int(f.read()) - 1
    if os.path.exists(f"/proc/{last}"):
        return
    process = subprocess.Popen(
        ["unshare", "-p", "-f", "sh", "-c",
         f"echo {last - 1} > /proc/sys/kernel/ns_last_pid && '{APP}/prog'; "
         "true"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True)
    said = process.stdout.readline().strip()
    if said == str(last):
        done = subprocess.run([HOLDFAST, "dump", str(last)],
                              capture_output=True, text=True, cwd=DIR)
        if os.path.exists(f"/proc/{last}"):
            print("somebody else has the number now: not tested")
            process.communicate("\n")
            return
        assert done.returncode == 2
        assert f"no process {last}" in done.stderr and \
            "in its own pid namespace" in done.stderr, done.stderr
    else:
        print("numbers cannot be chosen: hint for another namespace's not "
              "tested")
    process.communicate("\n")


def test_from_a_sibling():
    """In the pid namespace of the target, with other mounts, as in
    `docker run --pid=container:NAME`."""
    ids = ids_of(ROOT + APP)
    with container(ROOT) as c:
        dump(1, "sibling.zst", "nsenter", "-t", str(c.pid), "-p", "unshare",
             "-m", "--mount-proc")
        info = check("sibling.zst", ids)
        assert info["process"]["pid"] == 1
        c.end()


def test_upgraded():
    """The files are replaced by newer ones while the program runs."""
    ids = ids_of(ROOT + APP)
    with container(ROOT) as c:
        build(ROOT + APP, 30, "-g")
        assert ids_of(ROOT + APP) != ids
        dump(c.pid, "upgraded.zst")
        check("upgraded.zst", ids)
        c.end()
    build(ROOT + APP, 10, "-g")


def test_few_rights():
    """CAP_SYS_PTRACE is all that is needed, while the files are there."""
    ids = ids_of(ROOT + APP)
    with container(ROOT) as c:
        dump(c.pid, "few.zst", "setpriv", "--bounding-set=-all,+sys_ptrace")
        check("few.zst", ids)
        c.end()


def test_stream():
    """To standard output, from a program that was piped in: nothing is
    written inside."""
    ids = ids_of(ROOT + APP)
    with container(ROOT) as c:
        with open(f"{DIR}/stream.zst", "wb") as out, \
                open(HOLDFAST, "rb") as program:
            subprocess.run(
                ["nsenter", "-t", str(c.pid), "-p", "unshare", "-m",
                 "--mount-proc", "sh", "-c",
                 "mount -t tmpfs none /mnt && cat > /mnt/holdfast && "
                 "chmod 700 /mnt/holdfast && /mnt/holdfast dump -o - 1"],
                check=True, stdin=program, stdout=out,
                stderr=subprocess.DEVNULL)
        check("stream.zst", ids)
        c.end()


def test_overlay():
    """Files of overlayfs, whose numbers differ from what /proc says."""
    lower, merged = f"{DIR}/over/lower", f"{DIR}/over/merged"
    for name in ("upper", "work", "merged"):
        os.makedirs(f"{DIR}/over/{name}")
    shutil.copytree(ROOT, lower, symlinks=True)
    mount = (f"mount -t tmpfs none '{DIR}/over/upper' && "
             f"mkdir '{DIR}/over/upper/u' '{DIR}/over/upper/w' && "
             f"mount -t overlay -o lowerdir='{lower}',"
             f"upperdir='{DIR}/over/upper/u',workdir='{DIR}/over/upper/w' "
             f"none '{merged}' && touch '{merged}{APP}/lib.so' && ")
    if subprocess.run(["unshare", "-m", "sh", "-c", mount + "true"],
                      capture_output=True).returncode != 0:
        print("no overlayfs: not tested")
        return
    with container(merged, mount) as c:
        dump(c.pid, "overlay.zst")
        check("overlay.zst", ids_of(lower + APP))
        c.end()


def main():
    if os.getuid() != 0 or subprocess.run(
            ["unshare", "-m", "-p", "-f", "true"],
            capture_output=True).returncode != 0:
        skip("namespaces can be made by root only")
    make_root()
    test_from_outside()
    test_chroot()
    test_wrong_number()
    test_from_a_sibling()
    test_few_rights()
    test_stream()
    test_upgraded()
    test_overlay()


main()
