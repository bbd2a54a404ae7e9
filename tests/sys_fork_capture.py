#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A captured process goes on as if nothing had happened, whatever becomes of
holdfast: programs that watch themselves are captured again and again, while
they wait in every kind of system call, and by a holdfast that is killed or
stopped at any moment.

FORK_CAPTURES sets how often each program is captured (default 15).
"""
import os
import re
import signal
import subprocess
import sys
import time

HOLDFAST = os.environ["HOLDFAST"]
DIR = os.environ["TEST_DIR"]
TIMES = int(os.environ.get("FORK_CAPTURES", "15"))
PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        "programs")

SECCOMP = r"""
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { 1, code };

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
		return 1;
	puts("ready");
	fflush(stdout);
	getchar();
	return 7;
}
"""

VFORK = r"""
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(void)
{
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	if (vfork() == 0) {
		char c;

		(void)!write(1, "ready\n", 6);
		(void)!read(0, &c, 1);
		_exit(0);
	}
	return 7;
}
"""

# Memory that a fork does not copy, or that changes under the copy.
LACKING = r"""
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(void)
{
	const int rw = PROT_READ | PROT_WRITE;
	char *dont = mmap(NULL, 8192, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *wipe = mmap(NULL, 8192, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *shared = mmap(NULL, 8192, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	strcpy(dont, "kept from children");
	strcpy(wipe, "wiped in children");
	strcpy(shared, "shared with children");
	madvise(dont, 8192, MADV_DONTFORK);
	madvise(wipe, 8192, MADV_WIPEONFORK);
	printf("%ju %ju %ju\n", (uintmax_t)(uintptr_t)dont,
	       (uintmax_t)(uintptr_t)wipe, (uintmax_t)(uintptr_t)shared);
	fflush(stdout);
	getchar();
	return strcmp(dont, "kept from children") ||
	       strcmp(wipe, "wiped in children") ||
	       strcmp(shared, "shared with children") ? 1 : 7;
}
"""


def build(name, source=None):
    path = os.path.join(PROGRAMS, name + ".c")
    if source:
        path = f"{DIR}/{name}.c"
        with open(path, "w") as f:
            f.write(source)
    subprocess.run(["cc", "-std=gnu11", "-g", "-O1", "-pthread", "-o",
                    f"{DIR}/{name}", path], check=True)


def start(name, *args, **kwargs):
    process = subprocess.Popen([f"{DIR}/{name}", *map(str, args)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True, **kwargs)
    process.first_line = process.stdout.readline()
    assert process.first_line, name
    return process


def captor(pid, *args, **kwargs):
    return subprocess.Popen([HOLDFAST, "dump", "--no-types", "--force", *args,
                             "-o", f"{DIR}/{pid}.zst", str(pid)],
                            stderr=subprocess.PIPE, text=True, **kwargs)


def capture(pid, *args):
    process = captor(pid, *args)
    text = process.communicate(timeout=600)[1]
    assert process.returncode == 0, (process.returncode, text)
    return text


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def field(pid, key):
    found = re.search(rf"^{key}:\s*(.*)$", read(f"/proc/{pid}/status"), re.M)
    return found[1] if found else ""


def children(pid):
    """All children, those too that nothing but the kernel knows of."""
    found = []
    for tid in os.listdir(f"/proc/{pid}/task"):
        found += read(f"/proc/{pid}/task/{tid}/children").split()
    return found


def tracers(pid):
    found = set()
    for tid in os.listdir(f"/proc/{pid}/task"):
        found.add(field(f"{pid}/task/{tid}", "TracerPid"))
    return found - {"0", ""}


def wait_until(test, what, seconds=300):
    end = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < end, what
        time.sleep(0.001)


def untouched(pid):
    """True when nothing holds the process and it has no child."""
    return not tracers(pid) and not children(pid)


def is_fine(process):
    process.stdin.write("\n")
    process.stdin.flush()
    line = process.stdout.readline()
    assert line == "fine\n", line


def ends_well(process):
    process.stdin.close()
    status = process.wait(timeout=600)
    assert status == 0, status


def start_churn(threads, *args, **kwargs):
    return start("churn", threads, *args, **kwargs)


def test_again_and_again(threads):
    process = start_churn(threads)
    for _ in range(TIMES):
        text = capture(process.pid)
        assert "could not be forked" not in text, text
        assert untouched(process.pid), (tracers(process.pid),
                                        children(process.pid))
    is_fine(process)
    ends_well(process)


LATE = 3		# exit status of waits


def captured_in(names, ms):
    """Those of @names whose wait, in the middle of which they were captured,
    ended late, or before it came to that."""
    waiting = [start("waits", name, ms, stderr=subprocess.PIPE)
               for name in names]
    # In the middle, so that a wait begun anew would end too late.
    time.sleep(ms / 2000)
    captors = [captor(process.pid) for process in waiting]
    missed = []
    for name, process in zip(names, captors):
        text = process.communicate()[1]
        if process.returncode == 2 and re.search("no process|zombie|exited",
                                                 text):
            missed.append(name)
            continue
        assert process.returncode == 0, text
        assert "could not be forked" not in text, text
    for name, process in zip(names, waiting):
        text = process.communicate()[1]
        # This one begins anew: nobody knows how long it has waited.
        if process.returncode == LATE and name != "epoll_timeout":
            missed.append(name)
            continue
        assert process.returncode in (0, LATE), (name, text)
    return missed


def test_waits():
    """No wait is cut short, none is longer than it should be."""
    names = subprocess.run([f"{DIR}/waits", "--list"], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.split()
    assert len(names) > 15
    while names:
        some, names = names[:4], names[4:]
        # One that begins anew is late each time; on a busy machine others
        # are, too, but not for ever longer times.
        for ms in (1200, 2400, 4800, 9600, 19200, 38400):
            some = captured_in(some, ms) if some else []
        assert not some, f"{some} waited longer than they should"


def test_ended_at_any_moment(sig, threads):
    """Killed at any moment, holdfast leaves the process as it was."""
    process = start_churn(threads, 24)
    start_time = time.monotonic()
    capture(process.pid)
    whole = time.monotonic() - start_time
    n = max(TIMES, 10)
    for i in range(n):
        victim = captor(process.pid)
        time.sleep(whole * i / n)
        victim.send_signal(sig)
        victim.communicate()
        wait_until(lambda: untouched(process.pid),
                   (tracers(process.pid), children(process.pid)))
        if i % 5 == 0:
            is_fine(process)
    capture(process.pid)
    assert untouched(process.pid)
    is_fine(process)
    ends_well(process)


def test_stopped_at_any_moment(args):
    """A holdfast that is itself stopped does not keep the process."""
    process = start_churn(8, 24)
    start_time = time.monotonic()
    capture(process.pid)
    whole = time.monotonic() - start_time
    for i in range(5):
        victim = captor(process.pid, *args)
        time.sleep(whole * i / 5)
        victim.send_signal(signal.SIGSTOP)
        wait_until(lambda: not tracers(process.pid), "held for ever")
        is_fine(process)
        victim.send_signal(signal.SIGCONT)
        victim.communicate()
        assert victim.returncode in (0, 2), victim.returncode
        wait_until(lambda: untouched(process.pid), "left behind")
    ends_well(process)


def test_stopped_process():
    """A process that job control stopped is stopped again, and goes on with
    SIGCONT."""
    process = start_churn(8)
    os.kill(process.pid, signal.SIGSTOP)
    wait_until(lambda: field(process.pid, "State").startswith("T"), "stop")
    for _ in range(5):
        text = capture(process.pid)
        assert "could not be forked" not in text, text
        assert untouched(process.pid)
        wait_until(lambda: field(process.pid, "State").startswith("T"),
                   "stopped no more")
    os.kill(process.pid, signal.SIGCONT)
    is_fine(process)
    ends_well(process)


def test_own_group():
    """Signals to the process group, while there is a copy in it."""
    process = start_churn(8, 64, start_new_session=True)
    for i in range(5):
        victim = captor(process.pid)
        time.sleep(0.01 * i)
        os.killpg(process.pid, signal.SIGWINCH)
        victim.communicate()
        assert victim.returncode == 0
        assert untouched(process.pid)
    is_fine(process)
    ends_well(process)


def copies():
    """Processes that run the churn; copies have the same command line."""
    return [pid for pid in filter(str.isdigit, os.listdir("/proc"))
            if f"{DIR}/churn" in read(f"/proc/{pid}/cmdline")]


def test_process_ends_meanwhile():
    """Killed while it is captured: no copy stays behind."""
    for i in range(10):
        process = start_churn(8, 64)
        victim = captor(process.pid)
        time.sleep(0.01 * i)
        process.kill()
        process.wait()
        victim.communicate()
        assert victim.returncode in (0, 2), victim.returncode
        wait_until(lambda: not copies(), "a copy stays behind")


def test_no_fork():
    for name, word in (("seccomp", "seccomp"), ("vfork", "vfork")):
        process = start(name)
        text = capture(process.pid)
        assert "could not be forked" in text and word in text, text
        process.stdin.write("\n")
        process.stdin.close()
        assert process.wait() == 7
    process = start_churn(1)
    assert "forked" not in capture(process.pid, "--no-fork")
    ends_well(process)


def test_lacking_memory():
    """What a copy lacks is captured all the same."""
    process = start("lacking")
    text = capture(process.pid)
    assert "could not be forked" not in text, text
    core = f"{DIR}/{process.pid}.core"
    subprocess.run(["zstd", "-dqf", f"{DIR}/{process.pid}.zst", "-o", core],
                   check=True)
    addresses = process.first_line.split()
    out = subprocess.run(["gdb", "-batch", "-nx", f"{DIR}/lacking", core] +
                         [word for a in addresses
                          for word in ("-ex", f"x/s {int(a):#x}")],
                         capture_output=True, text=True).stdout
    for words in ("kept from", "wiped in", "shared with"):
        assert f'"{words} children"' in out, out
    process.stdin.write("\n")
    process.stdin.close()
    assert process.wait() == 7


def main():
    if os.uname().machine != "x86_64":
        print("only x86-64 processes can be captured")
        return 77
    for name, source in (("churn", None), ("waits", None),
                         ("seccomp", SECCOMP), ("vfork", VFORK),
                         ("lacking", LACKING)):
        build(name, source)
    tests = [
        (test_again_and_again, 1),
        (test_again_and_again, 8),
        (test_again_and_again, 200),
        (test_waits,),
        (test_ended_at_any_moment, signal.SIGKILL, 1),
        (test_ended_at_any_moment, signal.SIGKILL, 8),
        (test_ended_at_any_moment, signal.SIGTERM, 8),
        (test_stopped_at_any_moment, []),
        (test_stopped_at_any_moment, ["--no-fork"]),
        (test_stopped_process,),
        (test_own_group,),
        (test_process_ends_meanwhile,),
        (test_no_fork,),
        (test_lacking_memory,),
    ]
    only = sys.argv[1:]
    for test, *args in tests:
        if only and test.__name__ not in only:
            continue
        begin = time.monotonic()
        test(*args)
        print(f"{time.monotonic() - begin:6.2f} s  {test.__name__} {args}",
              flush=True)
    return 0


sys.exit(main())
