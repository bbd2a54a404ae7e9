#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Stacks of real programs, as holdfast unwinds them and as gdb does.

Each program is captured once; gdb reads the decompressed snapshot, so both
look at the same state, whatever it is. Programs of ours also know who called
whom, which is the only truth where there is no call frame information.
"""
import json
import os
import shutil
import subprocess
import sys
import time

HOLDFAST = os.environ['HOLDFAST']
DIR = os.environ['TEST_DIR']
STACKS = os.path.join(os.environ['BUILD'], 'tests', 'test_unwind')
MOST = 400      # frames of a thread that are compared

SOURCE = r'''
#define _GNU_SOURCE
#include <alloca.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __GLIBC__
#include <ucontext.h>
#endif
#include <unistd.h>

#define FRAME __attribute__((noinline))
/* Nothing is called last, so that calls are not jumps. */
#define AFTER __asm__ volatile("" ::: "memory")

static volatile int zero;

FRAME void halt(void)
{
	raise(SIGSTOP);
	AFTER;
}

FRAME void three(int n)
{
	volatile char room[40];

	room[n & 31] = 1;
	halt();
	AFTER;
}

FRAME void two(int n) { three(n + 1); AFTER; }
FRAME void one(int n) { two(n + 1); AFTER; }

FRAME int compare(const void *a, const void *b)
{
	halt();
	return *(const int *)a - *(const int *)b;
}

FRAME void callback(void)
{
	int at[] = { 3, 1, 2 };

	qsort(at, 3, sizeof(*at), compare);
	AFTER;
}

FRAME void dynamic(int n)
{
	volatile char *room = alloca((size_t)n * 16 + 5);
	__attribute__((aligned(128))) volatile char wide[256];

	room[0] = wide[n] = 1;
	one(n);
	AFTER;
}

FRAME int deep(int n)
{
	volatile int here = n;

	if (n == 0)
		halt();
	else
		deep(n - 1);
	return here;
}

static void on_signal(int sig)
{
	(void)sig;
	one(1);
	AFTER;
}

static void catch(int flags)
{
	stack_t stack = { .ss_size = 65536 };
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = flags };

	stack.ss_sp = malloc(stack.ss_size);
	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &act, NULL);
	sigaction(SIGUSR1, &act, NULL);
}

FRAME int leaf(volatile int *at) { return *at + 1; }
FRAME void reader(void) { zero = leaf((volatile int *)8); AFTER; }
FRAME void sender(void) { raise(SIGUSR1); AFTER; }
FRAME void jumper(void (*to)(void)) { to(); AFTER; }

FRAME void *thread_body(void *arg)
{
	int n = *(int *)arg;

	if (n > 0) {
		n--;
		thread_body(&n);
	} else {
		for (;;)
			pause();
	}
	AFTER;
	return NULL;
}

FRAME void threads(void)
{
	static int depth[8];
	pthread_t t;

	for (int i = 0; i < 8; i++) {
		depth[i] = i;
		pthread_create(&t, NULL, thread_body, &depth[i]);
	}
	halt();
	AFTER;
}

#ifdef __GLIBC__
static ucontext_t here, there;

static void start_context(void) { one(1); AFTER; }

FRAME void context(void)
{
	getcontext(&there);
	there.uc_stack.ss_size = 65536;
	there.uc_stack.ss_sp = malloc(there.uc_stack.ss_size);
	there.uc_link = &here;
	makecontext(&there, start_context, 0);
	swapcontext(&here, &there);
	AFTER;
}
#else
FRAME void context(void) { }
#endif

FRAME void clocks(void)
{
	struct timespec t;

	puts("ready");
	fflush(stdout);
	for (;;)
		clock_gettime(CLOCK_MONOTONIC, &t);
}

int main(int argc, char **argv)
{
	const char *mode = argv[argc - 1];

	if (!strcmp(mode, "calls"))
		one(1);
	else if (!strcmp(mode, "callback"))
		callback();
	else if (!strcmp(mode, "dynamic"))
		dynamic(argc);
	else if (!strcmp(mode, "deep"))
		deep(100000);
	else if (!strcmp(mode, "threads"))
		threads();
	else if (!strcmp(mode, "context"))
		context();
	else if (!strcmp(mode, "clocks"))
		clocks();
	catch(strchr(mode, '@') ? SA_ONSTACK : 0);
	if (!strncmp(mode, "leaf", 4))
		reader();
	else if (!strncmp(mode, "sent", 4))
		sender();
	else if (!strncmp(mode, "null", 4))
		jumper(NULL);
	else if (!strncmp(mode, "wild", 4))
		jumper((void (*)(void))0x123456789);
	return 0;
}
'''

THROWER = r'''
#include <csignal>
#include <exception>
#include <stdexcept>
#include <cstring>

extern "C" __attribute__((noinline)) void halt() { raise(SIGSTOP); }

struct guard { __attribute__((noinline)) ~guard() { halt(); asm(""); } };

extern "C" __attribute__((noinline)) void thrower(int n)
{
	if (n > 0)
		throw std::runtime_error("x");
}

extern "C" __attribute__((noinline)) void cleaner(int n)
{
	guard g;

	thrower(n);
	asm("");
}

extern "C" __attribute__((noinline)) void catcher(int n)
{
	try {
		thrower(n);
	} catch (const std::exception &) {
		halt();
		asm("");
	}
}

int main(int argc, char **argv)
{
	if (!strcmp(argv[argc - 1], "catch"))
		catcher(argc);
	std::set_terminate([] { halt(); _Exit(1); });
	if (!strcmp(argv[argc - 1], "cleanup"))
		try { cleaner(argc); } catch (...) { }
	thrower(argc);
}
'''

GDB = r'''
import gdb
for t in sorted(gdb.selected_inferior().threads(), key=lambda t: t.ptid[1]):
    t.switch()
    print("thread", t.ptid[1])
    frame, n = gdb.newest_frame(), 0
    while frame is not None and n < %d:
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
            print("frame %%#x" %% frame.pc())
            n += 1
        try:
            frame = frame.older()
        except gdb.error:
            break
'''

STEPPED = r'''
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

__attribute__((noinline)) int work(int n)
{
	char text[300];
	struct timespec t;

	clock_gettime(CLOCK_REALTIME_COARSE, &t);
	memset(text, n, sizeof(text));
	text[299] = '\0';
	qsort(text, 8, 1, compare);
	puts(text);
	return (int)strlen(text) + (int)t.tv_sec;
}

int main(int argc, char **argv)
{
	volatile int result = work(argc + 60);

	(void)argv;
	return result;
}
'''

# A core after each of the first steps, and after some of the later ones.
STEP = r'''
import gdb
import random
random.seed(%d)
gdb.execute("break *work")
gdb.execute("run")
number = 0
for i in range(4000):
    if i < 30 or random.random() < 0.02:
        print("core", number)
        frame = gdb.newest_frame()
        while frame is not None:
            if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
                print("frame %%#x" %% frame.pc())
            frame = frame.older()
        gdb.execute("gcore step.%%d" %% number, to_string=True)
        number += 1
    gdb.execute("stepi", to_string=True)
    name = gdb.newest_frame().name()
    if name in ("main", "__libc_start_call_main"):
        break
'''

# libdwarf dies of the rules of one function, at CRASH_AT in its file.
CRASH = r'''
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>

int dwarf_get_fde_info_for_all_regs3(void *fde, unsigned long pc, void *table,
				     void *row, void *error)
{
	int (*real)(void *, unsigned long, void *, void *, void *) =
		dlsym(RTLD_NEXT, "dwarf_get_fde_info_for_all_regs3");

	if (pc - strtoul(getenv("CRASH_AT"), NULL, 16) < 200)
		raise(SIGSEGV);
	return real(fde, pc, table, row, error);
}
'''

failures = []


def fail(message):
    print(message)
    failures.append(message)


def built(name, source, *command):
    """Compile SOURCE with COMMAND to the program NAME."""
    suffix = '.cc' if 'g++' in command[0] else '.c'
    code = os.path.join(DIR, name + suffix)
    path = os.path.join(DIR, name)
    with open(code, 'w') as f:
        f.write(source)
    subprocess.run([*command, '-o', path, code], check=True)
    return path


def wait_for(child, kind):
    if kind == 'stop':
        os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    elif kind == 'line':
        child.stdout.readline()
    else:       # in a system call that waits, for as long as we like
        end = time.monotonic() + 300
        while time.monotonic() < end and child.poll() is None:
            with open(f'/proc/{child.pid}/stat') as f:
                state = f.read().rpartition(')')[2].split()[0]
            exe = os.readlink(f'/proc/{child.pid}/exe')
            if state == 'S' and exe == os.path.realpath(kind):
                return
            time.sleep(0.01)


def capture(label, command, ready, **env):
    """A snapshot of COMMAND, and the plain core in it."""
    snapshot = os.path.join(DIR, 'stacks.core.zst')
    core = os.path.join(DIR, 'stacks.core')
    child = subprocess.Popen(command, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, cwd=DIR)
    try:
        wait_for(child, ready)
        subprocess.run([HOLDFAST, 'dump', '--force', '-o', snapshot,
                        str(child.pid)], check=True, timeout=600,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env=os.environ | env)
    except (OSError, subprocess.SubprocessError) as e:
        fail(f'{label}: {e}')
        return None, None
    finally:
        child.kill()
        child.communicate()
    subprocess.run(['zstd', '-qdf', snapshot, '-o', core], check=True)
    return snapshot, core


def threads_of(text):
    """[[(pc, function), ...], ...] of what both programs print."""
    ret = []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ['thread']:
            ret.append([])
        elif words[:1] == ['frame'] and len(ret[-1]) < MOST:
            ret[-1].append((int(words[1], 16), words[-1]))
    return ret


def ours(snapshot, *options):
    return subprocess.run([STACKS, *options, snapshot], check=True, text=True,
                          timeout=600, stdout=subprocess.PIPE).stdout


def run_gdb(code, *files):
    script = os.path.join(DIR, 'stacks.py')
    with open(script, 'w') as f:
        f.write(code)
    return subprocess.run(
        ['gdb', '-batch', '-nx', '-iex', 'set debuginfod enabled off',
         '-iex', 'set auto-load no', '-ex', 'set backtrace past-main on',
         '-ex', f'source {script}', *files], text=True, timeout=600, cwd=DIR,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL).stdout


def gdbs(exe, core):
    return run_gdb(GDB % MOST, exe, core)


def pcs(threads):
    """Without what gdb says is the caller of a thread that has just begun."""
    ret = [[hex(pc) for pc, _ in t] for t in threads]
    return [t[:1] if len(t) == 2 and t[1] == '0x0' else t for t in ret]


def same_as_gdb(label, exe, snapshot, core, *options):
    mine = pcs(threads_of(ours(snapshot, *options)))
    other = pcs(threads_of(gdbs(exe, core)))
    if mine == other and other:
        return
    for a, b in zip(mine, other):
        if a != b:
            fail(f'{label}: {a} instead of {b}')
            return
    fail(f'{label}: {len(mine)} threads instead of {len(other)}')


def knows_callers(label, snapshot, names, *options):
    """NAMES stand in the first stack, in this order."""
    found = iter([f for _, f in threads_of(ours(snapshot, *options))[0]])
    if not all(any(f == name for f in found) for name in names):
        fail(f'{label}: {names} are not in\n{ours(snapshot, *options)}')


CALLS = ['halt', 'three', 'two', 'one']
HANDLED = CALLS + ['on_signal']
MODES = {
    'calls': CALLS + ['main'],
    'callback': ['halt', 'compare', 'callback', 'main'],
    'dynamic': CALLS + ['dynamic', 'main'],
    'leaf': HANDLED + ['leaf', 'reader', 'main'],
    'leaf@': HANDLED + ['leaf', 'reader', 'main'],
    'sent@': HANDLED + ['sender', 'main'],
    'null': HANDLED + ['jumper', 'main'],
    'null@': HANDLED + ['jumper', 'main'],
    'wild@': HANDLED + ['jumper', 'main'],
    'threads': ['halt', 'threads', 'main'],
    'context': CALLS + ['start_context'],
    'clocks': ['clocks', 'main'],
}
# gdb takes the address of a data structure for the caller of a context.
GDB_ERRS = ['context']
NO_CFI = ['-fno-asynchronous-unwind-tables', '-fno-unwind-tables']
# name, command, modes, whether gdb finds its way
BUILDS = [
    ('o0', ['gcc', '-O0', '-g', '-pthread'], list(MODES), True),
    ('o2', ['gcc', '-O2', '-pthread'], list(MODES), True),
    ('debug_frame', ['gcc', '-O2', '-g', '-pthread', *NO_CFI],
     ['calls', 'dynamic', 'leaf@', 'null@'], True),
    ('static', ['gcc', '-O2', '-static', '-pthread'],
     ['callback', 'sent@', 'threads'], True),
    ('stripped', ['gcc', '-O2', '-s', '-pthread'], ['dynamic', 'null@'],
     True),
    ('no_cfi', ['gcc', '-O0', '-pthread', *NO_CFI], list(MODES), False),
    ('no_cfi_o2', ['gcc', '-O2', '-pthread', *NO_CFI],
     ['calls', 'leaf@', 'null@', 'callback'], False),
]


def check_builds():
    for name, command, modes, gdb_too in BUILDS:
        exe = built(name, SOURCE, *command)
        for mode in modes:
            label = f'{name} {mode}'
            snapshot, core = capture(label, [exe, mode], 'line' if
                                     mode == 'clocks' else 'stop')
            if snapshot and '-s' not in command:
                knows_callers(label, snapshot, MODES[mode])
            if not snapshot or not gdb_too or mode in GDB_ERRS:
                continue
            same_as_gdb(label, exe, snapshot, core)
            if name == 'o2':
                same_as_gdb(label + ' without files', exe, snapshot, core,
                            '--no-files')


def check_deep():
    exe = os.path.join(DIR, 'o2')
    snapshot, core = capture('deep', [exe, 'deep'], 'stop')
    if not snapshot:
        return
    same_as_gdb('deep', exe, snapshot, core)
    end = ours(snapshot).splitlines()[-1].split()
    if end[:2] != ['end', 'outermost'] or not 100000 < int(end[2]) < 100020:
        fail(f'deep: {end}')


def check_debug_file():
    """Rules that are in the separate file with debug information alone."""
    full = os.path.join(DIR, 'debug_frame')
    exe, debug = os.path.join(DIR, 'split'), os.path.join(DIR, 'split.debug')
    for command in [['objcopy', '--only-keep-debug', full, debug],
                    ['strip', '-s', '-o', exe, full],
                    ['objcopy', f'--add-gnu-debuglink={debug}', exe]]:
        subprocess.run(command, check=True)
    snapshot, core = capture('split', [exe, 'dynamic'], 'stop')
    if snapshot:
        same_as_gdb('split', exe, snapshot, core)


def check_steps():
    """In the middle of prologues, of PLT entries, of the lazy binder, of the
    vDSO, of functions in assembler; and cores that gdb wrote."""
    exe = built('stepped', STEPPED, 'gcc', '-O2', '-fno-builtin', '-no-pie',
                '-Wl,-z,lazy')
    env = os.environ.pop('LD_BIND_NOW', None)
    text = run_gdb(STEP % 1, exe)
    if env is not None:
        os.environ['LD_BIND_NOW'] = env
    cores = text.split('core ')[1:]
    if len(cores) < 40:
        fail(f'{len(cores)} steps: {text[-300:]}')
    for i, part in enumerate(cores):
        core = os.path.join(DIR, f'step.{i}')
        want = [line.split()[1] for line in part.splitlines()
                if line.startswith('frame')]
        mine = pcs(threads_of(ours(core)))
        if mine != [want]:
            fail(f'step {i}: {mine} instead of {want}')
        os.remove(core)


def check_crash():
    """A module that breaks libdwarf costs its own frames, and no others."""
    linked = subprocess.run(['ldd', HOLDFAST], text=True,
                            stdout=subprocess.PIPE).stdout
    if 'libdwarf' not in linked:
        return
    crash = built('crash.so', CRASH, 'gcc', '-w', '-shared', '-fPIC')
    exe = os.path.join(DIR, 'o2')
    symbols = subprocess.run(['nm', exe], check=True, text=True,
                             stdout=subprocess.PIPE).stdout.splitlines()
    at = next(s.split()[0] for s in symbols if s.endswith(' callback'))
    asan = os.environ.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0'
    snapshot, _ = capture('crash', [exe, 'callback'], 'stop',
                          LD_PRELOAD=crash, CRASH_AT=at, ASAN_OPTIONS=asan)
    if not snapshot:
        return
    threads = json.loads(subprocess.run(
        [HOLDFAST, 'threads', '--json', snapshot], check=True, text=True,
        stdout=subprocess.PIPE).stdout)['threads']
    names = [f['function'] for f in threads[0]['frames']]
    if names[1:3] != ['raise', 'halt']:
        fail(f'crash: {names}')
    said = subprocess.run([HOLDFAST, 'info', snapshot], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    if f'{exe} have no names' not in said:
        fail(f'crash: nothing of it in {said}')


def check_musl():
    if not shutil.which('musl-gcc'):
        return
    exe = built('musl', SOURCE, 'musl-gcc', '-O2', '-static')
    for mode in ['calls', 'leaf@', 'null@']:
        snapshot, _ = capture(f'musl {mode}', [exe, mode], 'stop')
        if snapshot:
            knows_callers(f'musl {mode}', snapshot, MODES[mode])


def check_throwing():
    exe = built('thrower', THROWER, 'g++', '-O2')
    for mode in ['catch', 'cleanup', 'terminate']:
        snapshot, core = capture(mode, [exe, mode], 'stop')
        if snapshot:
            same_as_gdb(mode, exe, snapshot, core)


def cc1():
    return subprocess.run(['gcc', '-print-prog-name=cc1'], text=True,
                          stdout=subprocess.PIPE).stdout.strip()


def check_real():
    programs = [
        ['sleep', '1000'], ['cat'], ['bash', '-c', 'read x; echo $x'],
        ['sh', '-c', 'read x; echo $x'], ['sort'], ['awk', '{ print }'],
        [os.path.realpath(sys.executable), '-c', 'import time; list(map(time.sleep, [1000]))'],
        ['perl', '-e', 'sub f { my $n = shift; $n ? f($n - 1) : sleep 1000 }'
         ' f(20)'],
        ['redis-server', '--port', '0', '--unixsocket', 'redis.sock'],
        ['gdb', '-nx', '-q'], ['make', '-f', '-'], ['openssl', 'sha1'],
        [cc1(), '-quiet', '-o', os.devnull],
    ]
    for command in programs:
        path = shutil.which(command[0])
        if not path:
            print(f'{command[0]} is not here')
            continue
        snapshot, core = capture(command[0], command, path)
        if snapshot:
            same_as_gdb(command[0], path, snapshot, core)


def main():
    for tool in ['gdb', 'zstd', 'gcc', 'g++']:
        if not shutil.which(tool):
            print(f'{tool} is not installed')
            return 77
    check_builds()
    check_deep()
    check_debug_file()
    check_steps()
    check_crash()
    check_musl()
    check_throwing()
    check_real()
    print(f'{len(failures)} failures')
    return 1 if failures else 0


sys.exit(main())
