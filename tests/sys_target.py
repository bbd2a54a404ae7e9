#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Processes that cannot be captured: why, and what to do about it, in a line.

What kernels and containers forbid is brought about with other users, dropped
capabilities, a seccomp filter, another tracer and a /proc with hidepid.
"""
import os
import subprocess
import sys

HOLDFAST = os.environ["HOLDFAST"]
DIR = os.environ["TEST_DIR"]
USER = 64322

TARGET = r"""
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (!strcmp(how, "secret"))
		prctl(PR_SET_DUMPABLE, 0);
	if (!strcmp(how, "traced")) {
		pid_t child = fork();

		if (child == 0)
			for (;;)
				pause();
		if (ptrace(PTRACE_SEIZE, child, 0, 0) != 0)
			return 1;
		printf("%d\n", child);
		fflush(stdout);
		(void)getchar();
		kill(child, SIGKILL);
		return 0;
	}
	printf("%d\n", getpid());
	fflush(stdout);
	(void)getchar();
	return 0;
}
"""

# Runs a program that may not trace.
SANDBOX = r"""
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { 4, code };

	if (argc < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
		return 99;
	execv(argv[1], argv + 1);
	return 98;
}
"""

# pause() without any library.
TINY_32 = r"""
.globl _start
_start:	mov $29, %eax
	int $0x80
	jmp _start
"""


def become(user):
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)


class Target:
    def __init__(self, *args, user=0):
        self.process = subprocess.Popen(
            [f"{DIR}/target", *args], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
            preexec_fn=lambda: become(user))
        self.pid = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait() == 0


def refused(pid, *words, before=(), user=0):
    """One line on stderr with all words, status 2, no file."""
    # Another user may not be able to reach the program where it lies.
    program = os.open(HOLDFAST, os.O_RDONLY)
    done = subprocess.run(
        [*before, f"/proc/self/fd/{program}", "dump", "-o", f"{DIR}/no.zst",
         str(pid)], capture_output=True, text=True, pass_fds=[program],
        # In a sanitizer build: LeakSanitizer would have to trace, too.
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},
        preexec_fn=lambda: become(user))
    os.close(program)
    text = done.stderr
    assert done.returncode == 2 and len(text.splitlines()) == 1, \
        (done.returncode, text)
    for word in words:
        assert word in text, (word, text)
    assert not os.path.exists(f"{DIR}/no.zst")
    print(text.strip())


def test_rights():
    with Target(user=USER) as t:
        refused(t.pid, f"belongs to user {USER}", "CAP_SYS_PTRACE",
                user=USER + 1)
        refused(t.pid, "without CAP_SYS_PTRACE", "--cap-add SYS_PTRACE",
                before=("setpriv", "--bounding-set=-sys_ptrace"))
    with Target("secret", user=USER) as t:
        refused(t.pid, "not dumpable", "run as root", user=USER)


def test_seccomp():
    with Target(user=USER) as t:
        refused(t.pid, "seccomp filter", "seccomp=unconfined",
                before=(f"{DIR}/sandbox",))


def test_other_tracer():
    with Target("traced") as t:
        refused(t.pid, f"traced by process {t.process.pid} (target)",
                "detach")


def test_hidepid():
    mount = "mount -t proc -o hidepid=2 proc /proc && exec "
    if subprocess.run(["unshare", "-m", "sh", "-c", mount + "true"],
                      capture_output=True).returncode != 0:
        print("no hidepid: not tested")
        return
    with Target(user=USER) as t:
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", mount +
             f"setpriv --reuid {USER + 1} --regid {USER + 1} --clear-groups "
             f"'{DIR}/holdfast' dump -o /dev/null {t.pid}"],
            capture_output=True, text=True)
        assert done.returncode == 2 and "hidepid" in done.stderr, done.stderr
        print(done.stderr.strip())


def test_32_bit():
    with open(f"{DIR}/tiny.s", "w") as f:
        f.write(TINY_32)
    if subprocess.run(["cc", "-m32", "-nostdlib", "-static", "-o",
                       f"{DIR}/tiny", f"{DIR}/tiny.s"],
                      capture_output=True).returncode != 0:
        print("no 32-bit assembler: not tested")
        return
    try:
        process = subprocess.Popen([f"{DIR}/tiny"])
    except OSError:
        print("the kernel runs no 32-bit programs: not tested")
        return
    refused(process.pid, "32-bit", "x86-64")
    process.kill()
    process.wait()


def test_yama():
    path = "/proc/sys/kernel/yama/ptrace_scope"
    if not os.path.exists(path):
        print("no Yama: ptrace_scope not tested")
        return
    with open(path) as f:
        scope = int(f.read())
    if scope in (1, 2):
        with Target(user=USER) as t:
            refused(t.pid, f"ptrace_scope is {scope}", user=USER)


def main():
    if os.getuid() != 0:
        print("other users can be had by root only")
        sys.exit(77)
    for name, text in (("target", TARGET), ("sandbox", SANDBOX)):
        with open(f"{DIR}/{name}.c", "w") as f:
            f.write(text)
        subprocess.run(["cc", "-O1", "-o", f"{DIR}/{name}",
                        f"{DIR}/{name}.c"], check=True)
    subprocess.run(["cp", HOLDFAST, f"{DIR}/holdfast"], check=True)
    for path in (DIR, f"{DIR}/holdfast"):
        os.chmod(path, 0o755)
    test_rights()
    test_seccomp()
    test_other_tracer()
    test_hidepid()
    test_32_bit()
    test_yama()


main()
