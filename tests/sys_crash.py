#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`holdfast crash`: programs crash, the kernel calls, snapshots are compared
with what the program said, with the kernel's own core, and in gdb."""
import json
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time

sys.dont_write_bytecode = True		# leave the source tree clean
import core_file  # noqa: E402
import core_pattern_guard  # noqa: E402
from findings import BUILD, DIR, expect, failures  # noqa: E402
import samples_check  # noqa: E402

HOLDFAST = f'{DIR}/holdfast'		# a copy that nobody else can change
STORE = f'{DIR}/crashes'
KERNEL = f'{DIR}/kernel'		# cores as the kernel sent them

PROGRAM = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

struct node { struct node *next; long number; };
struct node *head;
static pthread_barrier_t ready;

__attribute__((noinline)) static void touch(volatile int *where, int depth)
{
	if (depth > 0)
		touch(where, depth - 1);
	else
		*where = 42;
	__asm__ volatile("" ::: "memory");
}

static void *crashing(void *arg)
{
	printf("{\"tid\": %ld}\n", (long)syscall(SYS_gettid));
	fflush(stdout);
	touch((volatile int *)8, 3);
	return arg;
}

static void *waiting(void *arg)
{
	pthread_barrier_wait(&ready);
	pause();
	return arg;
}

static long overflow(long n)
{
	volatile char page[4096];

	page[0] = (char)n;
	return overflow(n + 1) + page[0];
}

/* Three touched pages in 64 GiB, beside 64 GiB that may not be touched. */
static void reserve(void)
{
	size_t size = (size_t)64 << 30;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
	     MAP_NORESERVE, -1, 0);
	for (size_t i = 1; i <= 3; i++)
		*(long *)(at + i * (size >> 2)) = (long)(i * 1000003);
	printf("{\"at\": %lu, \"step\": %lu}\n", (unsigned long)at,
	       (unsigned long)(size >> 2));
	fflush(stdout);
	raise(SIGSEGV);
}

static void grow(void)
{
	struct rlimit limit = { 256 << 20, 256 << 20 };

	setrlimit(RLIMIT_AS, &limit);
	for (;;) {
		char *block = malloc(1 << 20);

		if (!block)
			abort();
		memset(block, 7, 1 << 20);
	}
}

static void fill(void)
{
	for (int i = 0; i < 64; i++) {
		uint64_t *block = malloc(1 << 20), x = (uint64_t)i + 88172645463325252u;

		for (int k = 0; k < 1 << 17; k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			block[k] = x;
		}
	}
	raise(SIGABRT);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	pthread_t thread;

	for (long i = 0; i < 1000; i++) {
		struct node *node = malloc(sizeof(*node));

		node->next = head;
		node->number = i;
		head = node;
	}
	if (!strcmp(how, "thread")) {
		pthread_barrier_init(&ready, NULL, 2);
		pthread_create(&thread, NULL, waiting, NULL);
		pthread_barrier_wait(&ready);
		pthread_create(&thread, NULL, crashing, NULL);
		pthread_join(thread, NULL);
	} else if (!strcmp(how, "leader")) {
		pthread_create(&thread, NULL, crashing, NULL);
		pthread_exit(NULL);
	} else if (!strcmp(how, "abort")) {
		abort();
	} else if (!strcmp(how, "corrupt")) {
		free(head);
		free(head);
	} else if (!strcmp(how, "overflow")) {
		return (int)overflow(0);
	} else if (!strcmp(how, "reserve")) {
		reserve();
	} else if (!strcmp(how, "grow")) {
		grow();
	} else if (!strcmp(how, "fill")) {
		fill();
	}
	pause();
	return 0;
}
"""

# Keeps what the kernel sends and passes it on; the kernel waits for the end.
TEE = """#!/bin/sh
cat >{kernel}/$1.core
cat {kernel}/$1.core | {holdfast} crash handle --dir {store} "$@" 2>{kernel}/$1.err
"""


def holdfast(*args, status=0, **kwargs):
    done = subprocess.run([HOLDFAST, *args], text=True, timeout=600,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          **kwargs)
    if done.returncode != status:
        raise AssertionError(f'{" ".join(args)}: status {done.returncode}, '
                             f'{done.stdout[-500:]} {done.stderr.strip()}')
    return done.stdout + (done.stderr if status else '')


def report(command, *args):
    return json.loads(holdfast(command, *args, '--json'))


def listed(pid=None):
    """Crashes in the list, of one process."""
    found = json.loads(holdfast('crash', 'list', '--json', '--dir', STORE))
    return [c for c in found['crashes'] if pid in (None, c['pid'])]


def wait_listed(pid):
    until = time.monotonic() + 600
    while time.monotonic() < until:
        entries = listed(pid)
        # A file is there before its line in the journal, which has more.
        if entries and (entries[0]['signal'] or not entries[0]['stored']):
            return entries[0]
        time.sleep(0.05)
    raise AssertionError(f'crash of process {pid} is not listed')


def crash(*command, prepare=None):
    """Run to death; (entry, what it printed, wait status)."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                             stderr=subprocess.DEVNULL, preexec_fn=prepare)
    said = child.stdout.read()
    _, status = os.waitpid(child.pid, 0)
    child.returncode = 0
    child.stdout.close()
    return wait_listed(child.pid), said, status


def install(*args):
    """However full the disk, however slow the machine."""
    out = holdfast('crash', 'install', '--dir', STORE, '--keep-free', '1M',
                   '--limit-time', '600', *args)
    expect(f'crashes go to {STORE}' in out, f'install says: {out}')


def install_tee():
    path = f'{DIR}/tee'
    with open(path, 'w') as f:
        f.write(TEE.format(kernel=KERNEL, holdfast=HOLDFAST, store=STORE))
    os.chmod(path, 0o700)
    core_pattern_guard.write(core_pattern_guard.PATTERN,
                             f'|{path} %P %I %s %t')


def plain(snapshot):
    path = f'{DIR}/plain.core'
    subprocess.run(['zstd', '-q', '-d', '-f', snapshot, '-o', path],
                   check=True)
    return path


def backtraces(program, core):
    out = subprocess.run(
        ['gdb', '-q', '-nx', '-batch', '-ex', 'set width 0', '-ex',
         'bt 40', '-ex', 'thread apply all bt 40', program, core],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        timeout=600).stdout
    return [line for line in out.splitlines()
            if re.match(r'#\d+ |Thread ', line)]


# --- what is checked of each crash ---

def check_entry(what, entry, signal_name, program):
    if not expect(entry['stored'], f'{what}: not stored: {entry["why"]}'):
        return False
    expect(entry['signal'] == signal_name, f'{what}: {entry["signal"]}')
    expect(entry['executable'] == program, f'{what}: {entry["executable"]}')
    st = os.stat(entry['path'])
    expect(stat.S_IMODE(st.st_mode) == 0o600, f'{what}: mode {st.st_mode:o}')
    expect(st.st_size == entry['size'], f'{what}: size {entry["size"]}')
    expect(re.fullmatch(rf'{STORE}/[\w.+-]+\.{entry["pid"]}\.\d{{8}}T\d{{6}}Z'
                        r'\.core\.zst', entry['path']), entry['path'])
    info = report('info', entry['path'])
    expect(info['process']['signal'] == signal_name and
           info['process']['pid'] == entry['pid'] and
           info['process']['exe'] == program, f'{what}: {info["process"]}')
    return True


def check_frames(what, entry, names):
    """The stack of the thread that crashed, read after it was gone."""
    first = report('threads', entry['path'])['threads'][0]
    got = [f['function'] for f in first['frames']]
    expect(all(any(name == (f or '').split('+')[0] for f in got)
               for name in names), f'{what}: frames {got} without {names}')


def check_nodes(what, entry):
    """The program's own list: a thousand nodes, of which none is lost."""
    types = report('types', entry['path'])['types']
    counts = {t['type']: (t['count'], t['leaked_count']) for t in types}
    expect(counts.get('node') == (1000, 0), f'{what}: {counts.get("node")}')


def check_against_kernel(what, entry, program):
    """Every byte of writable memory in the kernel's core, and each frame."""
    theirs = f'{KERNEL}/{entry["pid"]}.core'
    ours = plain(entry['path'])
    wrong, pages = core_file.differences(theirs, ours)
    expect(not wrong and pages > 20, f'{what}: {len(wrong)} of {pages} pages '
           f'differ from the kernel\'s core: {wrong[:3]}')
    got, want = backtraces(program, ours), backtraces(program, theirs)
    expect(len(want) > 3 and got == want,
           f'{what}: backtraces {got[:6]} instead of {want[:6]}')
    os.unlink(theirs)


def check_first_thread(what, entry, tid):
    got = [t['tid'] for t in report('threads', entry['path'])['threads']]
    expect(tid in got, f'{what}: thread {tid} is not in {got}')
    out = subprocess.run(['readelf', '-nW', plain(entry['path'])], text=True,
                         stdout=subprocess.PIPE).stdout
    expect('NT_SIGINFO' in out, f'{what}: no NT_SIGINFO')


# --- the tests ---

def test_install(guard, program):
    install('--max-count', '1000')
    state = report('crash', 'status', '--dir', STORE)
    expect(state['installed'] and state['dir'] == STORE and
           state['previous'] == guard.before[0] and
           state['limits']['max_count'] == 1000, f'status: {state}')
    expect(stat.S_IMODE(os.stat(STORE).st_mode) == 0o700, 'mode of the folder')
    expect(int(core_pattern_guard.read(core_pattern_guard.PIPE_LIMIT)) > 0,
           'core_pipe_limit is 0')
    install()		# again: what stood there before is not forgotten
    entry, said, status = crash(program, 'thread')
    if check_entry('thread', entry, 'SIGSEGV', program):
        check_nodes('thread', entry)
        check_first_thread('thread', entry, json.loads(said)['tid'])
        check_frames('thread', entry, ['touch', 'crashing'])
    expect(os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSEGV,
           f'wait status {status:#x}')
    out = holdfast('crash', 'list')
    expect(entry['path'] in out and 'SIGSEGV' in out, f'list: {out}')
    holdfast('crash', 'uninstall')
    expect(guard.is_restored(), 'uninstall restores the pattern')
    out = holdfast('crash', 'uninstall', status=2)
    expect('does not handle crashes' in out, f'uninstall again: {out}')


def test_refusals(guard):
    long = f'{DIR}/{"long" * 30}'
    for args, words in (
            (['--dir', long], 'room for 127 bytes'),
            (['--dir', f'{DIR}/a b'], 'no way to write a blank'),
            (['--dir', '/tmp'], 'can be changed by other users')):
        out = holdfast('crash', 'install', *args, status=2)
        expect(words in out, f'install {args}: {out}')
    for value in ('0%', '100%', 'x', '-1'):
        holdfast('crash', 'install', '--keep-free', value, status=2)
    fd = os.open(HOLDFAST, os.O_RDONLY)
    done = subprocess.run(['holdfast', 'crash', 'install'], text=True,
                          executable=f'/proc/self/fd/{fd}', pass_fds=[fd],
                          stderr=subprocess.PIPE, user=65534)
    os.close(fd)
    expect(done.returncode == 2 and 'only root' in done.stderr,
           f'as nobody: {done}')
    expect(guard.is_restored(), 'what was refused changed nothing')


def test_against_kernel(program):
    install_tee()
    def no_core():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for how, name in (('thread', 'SIGSEGV'), ('abort', 'SIGABRT'),
                      ('corrupt', 'SIGABRT'), ('overflow', 'SIGSEGV'),
                      ('leader', 'SIGSEGV'), ('grow', 'SIGABRT')):
        entry, _, _ = crash(program, how, prepare=no_core)
        if check_entry(how, entry, name, program):
            check_against_kernel(how, entry, program)
            if how not in ('corrupt', 'grow'):
                check_nodes(how, entry)


def test_reservation(program):
    entry, said, _ = crash(program, 'reserve')
    if not check_entry('reserve', entry, 'SIGSEGV', program):
        return
    expect(entry['size'] < 4 << 20, f'reserve: {entry["size"]} bytes')
    truth, core = json.loads(said), core_file.Core(plain(entry['path']))
    for i in (1, 2, 3):
        got = core.word(truth['at'] + i * truth['step'])
        expect(got == i * 1000003, f'reserve: word {i} is {got}')
    check_nodes('reserve', entry)


class Reports(samples_check.Reports):
    def __init__(self, file):
        self.file = file
        self.blocks = [json.loads(line) for line in
                       self.report('blocks').splitlines()]
        self.info = json.loads(self.report('info'))
        self.leaks = json.loads(self.report('leaks'))
        self.types = json.loads(self.report('types'))


def test_samples():
    for name in ('server', 'tcache_threads'):
        child = subprocess.Popen([f'{BUILD}/samples/{name}'],
                                 stdout=subprocess.PIPE)
        truth = json.loads(child.stdout.readline())
        os.waitpid(child.pid, os.WUNTRACED)
        os.kill(child.pid, signal.SIGSEGV)
        os.kill(child.pid, signal.SIGCONT)
        expect(child.wait(600) == -signal.SIGSEGV, f'{name} did not crash')
        child.stdout.close()
        entry = wait_listed(child.pid)
        if expect(entry['stored'], f'{name}: {entry["why"]}'):
            found = samples_check.check_reports(truth, Reports(entry['path']))
            for line in found:
                expect(False, f'{name}: {line}')


def test_mount_namespace(program):
    """The executable is on a file system that only the process sees."""
    inside = f'{DIR}/inside'
    os.mkdir(inside)
    entry, _, _ = crash(
        'unshare', '-m', 'sh', '-c', f'mount -t tmpfs none {inside} && '
        f'cp {program} {inside}/prog && exec {inside}/prog thread')
    if check_entry('namespace', entry, 'SIGSEGV', f'{inside}/prog'):
        expect(not os.path.exists(f'{inside}/prog'), 'the file is hidden')
        check_nodes('namespace', entry)


def test_pointers_only(program):
    install('--max-count', '1000', '--content', 'pointers')
    entry, _, _ = crash(program, 'thread')
    if check_entry('pointers', entry, 'SIGSEGV', program):
        check_nodes('pointers', entry)
        with open(plain(entry['path']), 'rb') as f:
            expect(b'HOME=' not in f.read(), 'pointers: the environment')


def test_limits(program):
    foreign = f'{STORE}/other.1.20200101T000000Z.core.zst'
    for path in (foreign, f'{STORE}/notes.txt'):
        open(path, 'w').close()
    os.chown(foreign, 65534, 65534)
    os.symlink('/etc/passwd', f'{STORE}/link.1.20200101T000000Z.core.zst')
    install('--max-count', '2', '--max-size', '4M')
    pids = []
    for how in ('abort', 'fill', 'abort'):
        second = int(time.time())
        while int(time.time()) == second:	# what is older is told by it
            time.sleep(0.01)
        pids.append(crash(program, how)[0]['pid'])
    kept = [c['pid'] for c in listed() if c['stored']]
    expect(sorted(kept) == sorted(pids[1:]), f'kept {kept} of {pids}')
    for path in (foreign, f'{STORE}/notes.txt',
                 f'{STORE}/link.1.20200101T000000Z.core.zst'):
        expect(os.path.lexists(path), f'{path} was removed')
    entry = listed(pids[1])[0]
    expect(entry['size'] <= 4 << 20, f'fill: {entry["size"]} bytes')
    info = report('info', entry['path'])
    expect(any('heap was left out' in n for n in info['notes']) or
           info['heap']['live_blocks'] == 0, f'fill: {info["notes"]}')
    got = backtraces(program, plain(entry['path']))
    expect(any('fill ()' in line for line in got) and
           any('main (' in line for line in got), f'fill: {got}')


def main():
    if os.geteuid() != 0:
        print('needs root')
        return 77
    for tool in ('gdb', 'zstd', 'cc', 'unshare', 'readelf'):
        if not shutil.which(tool):
            print(f'needs {tool}')
            return 77
    if not os.access(core_pattern_guard.PATTERN, os.W_OK):
        print('kernel.core_pattern cannot be changed here')
        return 77
    shutil.copy(os.environ['HOLDFAST'], HOLDFAST)
    os.environ['HOLDFAST'] = HOLDFAST
    os.mkdir(KERNEL)
    program = f'{DIR}/prog'
    with open(f'{program}.c', 'w') as f:
        f.write(PROGRAM)
    subprocess.run(['cc', '-g', '-O0', '-pthread', '-o', program,
                    f'{program}.c'], check=True)
    guard = core_pattern_guard.Guard(DIR)
    try:
        if not core_pattern_guard.handlers_run(DIR):
            print('this kernel does not run handlers of core_pattern')
            return 77
        guard.restore()
        test_refusals(guard)
        test_install(guard, program)
        install('--max-count', '1000')
        test_reservation(program)
        test_samples()
        test_mount_namespace(program)
        test_against_kernel(program)
        test_pointers_only(program)
        test_limits(program)
        holdfast('crash', 'uninstall')
    finally:
        guard.restore()
    expect(guard.is_restored(), f'the pattern is '
           f'{core_pattern_guard.read(core_pattern_guard.PATTERN)}')
    print(f'{len(failures)} failures')
    return 1 if failures else 0


sys.exit(main())
