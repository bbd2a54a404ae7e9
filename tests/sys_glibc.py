#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""glibc malloc against the truth: no block wrong, whatever the program did.

tests/programs/glibc_stress.c writes down every block that it holds or gave
back. What holdfast lists for a snapshot of it must be that and nothing else:
each live block with its size, none that was freed, none that is unexplained.
"""
import json
import os
import signal
import struct
import subprocess
import sys

FREED = 2**64 - 1
LIBC = 2**64 - 2			# of the C library: may be listed
PAGE = 4096
TCACHE_STRUCT = 0x288			# usable; up to 0x20 more with a rest

BUSY_THREADS = 8			# each in the middle of one call
STARTUP_BLOCKS = 8			# of a static program's C library


def tunable(text):
    return {'GLIBC_TUNABLES': 'glibc.malloc.' + text}


RUNS = [(mode, seed, {}) for mode in
        ('single', 'large', 'noncontiguous', 'sbrk') for seed in (1, 2)] + [
    (mode, 1, {}) for mode in
        ('threads', 'ended', 'fork', 'heaps', 'busy')] + [
    ('threads', 3, {'MALLOC_ARENA_MAX': '1'}),
    ('single', 3, {'MALLOC_PERTURB_': '165'}),
    ('single', 4, tunable('tcache_count=0')),
    ('threads', 4, tunable('tcache_count=100')),
    ('fork', 3, tunable('tcache_max=200')),
    ('single', 5, tunable('mxfast=160')),
    ('large', 3, tunable('hugetlb=1')),
    ('threads', 5, tunable('hugetlb=2')),
    ('noncontiguous', 3, tunable('hugetlb=2')),
    ('single', 6, {'MALLOC_TOP_PAD_': '4194304'}),
]


def listed(snapshot):
    """Blocks and free chunks, as {address: size}."""
    text = subprocess.run(
        [os.environ['HOLDFAST'], 'blocks', '--json', '--free', snapshot],
        stdout=subprocess.PIPE, check=True, text=True).stdout
    live, free = {}, {}
    for line in text.splitlines():
        record = json.loads(line)
        into = free if record['state'] == 'free' else live
        into[int(record['addr'], 16)] = record['size']
    return live, free


def truth_of(path):
    with open(path, 'rb') as file:
        data = file.read()
    return {addr: state for addr, state in struct.iter_unpack('<QQ', data)
            if addr}


def size_fits(addr, asked, usable):
    # memalign keeps up to 47 bytes; of a mapping it keeps all that is left of
    # the alignment. realloc leaves a shrunken mapping a mapping.
    slack = 71
    if usable >= PAGE - 64:
        slack += PAGE + (128 << 10 if addr % PAGE == 0 else addr & -addr)
    return asked <= usable <= asked + slack


def compare(truth, live, free, empty_caches):
    """What is wrong, in words."""
    wrong = []
    asked = {a: s for a, s in truth.items() if s < LIBC}
    for addr, size in asked.items():
        if addr not in live:
            wrong.append('live block %#x of %d bytes is missing' % (addr, size))
        elif not size_fits(addr, size, live[addr]):
            wrong.append('block %#x: asked %d, listed %d' %
                         (addr, size, live[addr]))
    for addr, size in live.items():
        if truth.get(addr, FREED) != FREED:
            continue
        if empty_caches and TCACHE_STRUCT <= size <= TCACHE_STRUCT + 32:
            continue
        word = 'freed' if addr in truth else 'unexplained'
        wrong.append('%s block %#x of %d bytes is listed' % (word, addr, size))
    end = 0
    for addr, size in sorted(list(live.items()) + list(free.items())):
        if addr < end:
            wrong.append('%#x overlaps what is before it' % addr)
        end = addr + size
    if not free:
        wrong.append('no free chunk at all')
    return wrong


def release(snapshot):
    """What holdfast takes malloc for."""
    out = subprocess.run([os.environ['HOLDFAST'], 'info', '--json', snapshot],
                         stdout=subprocess.PIPE, check=True).stdout
    found = json.loads(out)['allocators'][0]
    return found['name'] + ' ' + found['version']


def stop(pid):
    os.kill(pid, signal.SIGSTOP)
    os.waitpid(pid, os.WUNTRACED)


def run(program, scratch, mode, seed, settings, static=False):
    name = '%s-%d' % (mode, seed)
    truth = os.path.join(scratch, name + '.truth')
    snapshot = os.path.join(scratch, name + '.core.zst')
    process = subprocess.Popen(
        [program, mode, str(seed), truth], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, env=dict(os.environ, **settings))
    try:
        ready = process.stdout.readline().split()
        if ready[:1] != ['ready']:
            return ['the program did not get ready']
        if mode == 'busy':
            stop(process.pid)
        dump = subprocess.run([os.environ['HOLDFAST'], 'dump', '--force', '-o',
                               snapshot, ready[1]], stderr=subprocess.PIPE,
                              text=True)
        if dump.returncode != 0:
            return ['dump failed: ' + dump.stderr.strip()]
        live, free = listed(snapshot)
        if not static and release(snapshot) != os.confstr('CS_GNU_LIBC_VERSION'):
            return ['release: ' + release(snapshot)]
        empty = 'tcache_count=0' in settings.get('GLIBC_TUNABLES', '')
        wrong = compare(truth_of(truth), live, free, empty)
        # What a thread was just doing is not yet, or already, written down.
        if mode == 'busy' and len(wrong) <= 2 * BUSY_THREADS:
            return []
        return wrong
    finally:
        process.send_signal(signal.SIGCONT)
        process.stdin.close()
        process.wait()
        for path in (truth, snapshot):
            if os.path.exists(path):
                os.remove(path)


def compile_stress(here, program, flags):
    subprocess.run(['cc', '-std=gnu11', '-O1', '-pthread', *flags, '-o',
                    program, os.path.join(here, 'programs', 'glibc_stress.c')],
                   check=True)


def main():
    scratch = os.environ['TEST_DIR']
    here = os.path.dirname(os.path.abspath(__file__))
    program = os.path.join(scratch, 'glibc_stress')
    static = program + '_static'
    if not os.path.exists('/lib64/ld-linux-x86-64.so.2'):
        print('not a glibc system')
        return 77
    # One analysis for both reports of a snapshot.
    os.environ.update(HOLDFAST_INDEX='always', XDG_CACHE_HOME=scratch)
    compile_stress(here, program, [])
    failed = 0
    compile_stress(here, static, ['-static'])
    for mode, seed, settings in RUNS + [('single', 7, None),
                                        ('fork', 4, None)]:
        if settings is None:
            wrong = run(static, scratch, mode, seed, {}, static=True)
            if len(wrong) <= STARTUP_BLOCKS and all(
                    'unexplained' in text for text in wrong):
                wrong = []
        else:
            wrong = run(program, scratch, mode, seed, settings)
        print(mode, seed, 'static' if settings is None else settings or '',
              '%d wrong' % len(wrong))
        for text in wrong[:8]:
            print('   ', text)
        failed += bool(wrong)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
