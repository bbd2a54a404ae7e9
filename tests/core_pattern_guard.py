# SPDX-License-Identifier: MIT
"""kernel.core_pattern for the time of a test, restored whatever happens.

The pattern is the machine's, so one test at a time has it (a lock). What
stood there is restored by the test itself, and, when it is killed, by a
process of a session of its own that notices that the test is gone.
"""
import atexit
import contextlib
import fcntl
import os
import signal
import sys
import time

PATTERN = '/proc/sys/kernel/core_pattern'
PIPE_LIMIT = '/proc/sys/kernel/core_pipe_limit'
LOCK = '/tmp/.holdfast-core-pattern.lock'


def read(path):
    with open(path) as f:
        return f.read().rstrip('\n')


def write(path, text):
    with open(path, 'w') as f:
        f.write(text + '\n')


def lock(how):
    """Held until the process ends, or the descriptor is closed."""
    fd = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC,
                 0o600)
    fcntl.flock(fd, how)
    return fd


@contextlib.contextmanager
def unchanged():
    """The pattern; nobody's test changes it meanwhile."""
    fd = lock(fcntl.LOCK_SH)
    try:
        yield read(PATTERN)
    finally:
        os.close(fd)


class Guard:
    """@mark is in every pattern that the test sets."""

    def __init__(self, mark):
        self.mark = mark
        self.lock = lock(fcntl.LOCK_EX)
        self.before = read(PATTERN), read(PIPE_LIMIT)
        if 'sys_crash' in self.before[0]:
            # Left by one of us, on a machine that lost its power meanwhile.
            self.before = 'core', '0'
        self.owner = os.getpid()
        self.watch()
        atexit.register(self.restore)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))

    def watch(self):
        """A child that waits for our end of a pipe to vanish."""
        waits, self.held = os.pipe()
        if os.fork() == 0:
            os.close(self.held)
            os.setsid()
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            for fd in (0, 1, 2):
                os.dup2(os.open('/dev/null', os.O_RDWR), fd)
            os.read(waits, 1)
            self.put_back()
            os._exit(0)
        os.close(waits)

    def put_back(self):
        if self.mark in read(PATTERN):
            write(PATTERN, self.before[0])
            write(PIPE_LIMIT, self.before[1])

    def restore(self):
        if os.getpid() == self.owner:
            self.put_back()

    def is_restored(self):
        return (read(PATTERN), read(PIPE_LIMIT)) == self.before


def handlers_run(folder):
    """Does this kernel start what the pattern names? Not in every sandbox."""
    seen = os.path.join(folder, 'probe.seen')
    probe = os.path.join(folder, 'probe')
    with open(probe, 'w') as f:
        f.write(f'#!/bin/sh\ncat >/dev/null\n: >{seen}\n')
    os.chmod(probe, 0o700)
    write(PATTERN, f'|{probe}')
    write(PIPE_LIMIT, '1')		# the end of a process waits for it
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGABRT)
        os._exit(0)
    os.waitpid(child, 0)
    until = time.monotonic() + 20
    while not os.path.exists(seen) and time.monotonic() < until:
        time.sleep(0.02)
    return os.path.exists(seen)
