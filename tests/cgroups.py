# SPDX-License-Identifier: MIT
"""Cgroups for tests: made below our own, and removed with what runs in them."""
import contextlib
import os
import re
import select
import signal


class Cgroup:
    """A cgroup below our own, in the hierarchy that has @controller."""

    def __init__(self, controller):
        self.folder, self.version = self.find(controller)
        self.folder += f"/holdfast-{controller}-{os.getpid()}"
        os.mkdir(self.folder)

    @staticmethod
    def find(controller):
        with open("/proc/self/cgroup") as f:
            own = [line.strip().split(":", 2) for line in f]
        with open("/proc/self/mountinfo") as f:
            mounts = [line.split() for line in f]
        for version in (1, 2):
            for _, names, path in own:
                if (controller not in names.split(",")) == (version == 1):
                    continue
                for m in mounts:
                    dash = m.index("-")
                    kind, options = m[dash + 1], m[dash + 3].split(",")
                    if version == 1 and kind == "cgroup" and \
                            controller in options or \
                            version == 2 and kind == "cgroup2" and not names:
                        if m[3] != "/" and not path.startswith(m[3]):
                            continue
                        at = m[4] + (path if m[3] == "/"
                                     else path[len(m[3]):])
                        at = at.rstrip("/")
                        usable = version == 1 or controller in open(
                            f"{at}/cgroup.subtree_control").read().split()
                        if usable:
                            return at, version
        raise OSError(f"no hierarchy with {controller}")

    def set(self, name, value):
        with open(f"{self.folder}/{name}", "w") as f:
            f.write(str(value))

    def get(self, name):
        with open(f"{self.folder}/{name}") as f:
            return f.read()

    def limit_memory(self, size):
        self.set("memory.limit_in_bytes" if self.version == 1
                 else "memory.max", size)

    def killed(self):
        text = self.get("memory.oom_control" if self.version == 1
                        else "memory.events")
        return int(re.search(r"^oom_kill (\d+)", text, re.M)[1])

    def enter(self):
        self.set("cgroup.procs", os.getpid())

    def remove(self):
        while os.path.isdir(self.folder):
            for pid in self.get("cgroup.procs").split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            try:
                os.rmdir(self.folder)
            except OSError:		# what was killed has not ended yet
                select.select([], [], [], 0.01)


@contextlib.contextmanager
def cgroup(controller):
    try:
        group = Cgroup(controller)
    except OSError as e:
        print(f"no cgroup of {controller} to be had ({e}): not tested")
        yield None
        return
    try:
        yield group
    finally:
        group.remove()
