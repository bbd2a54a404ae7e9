#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What capture and analysis cost, beside other programs in the same run.

    usage: tests/bench.py BUILD_DIR

Machines are noisy and differ: read the ratios. Times are of the wall clock;
"cpu" is what a process used of all processors. A budget stands at the end of
its line, with "within" or "over". BENCH_BLOCKS sets the sizes of the heaps,
BENCH_ONLY=heaps leaves out what needs no heap.
"""
import glob
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

SIZES = [int(n) for n in
         os.environ.get('BENCH_BLOCKS', '1000000 14000000').split()]
MIB = 1 << 20
WHOLE_BUDGET_BLOCKS = 10_000_000	# from here on 10 s for 13.9 M count
QUIET = {'stdout': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL}


class Run:
    """One run of a command: seconds, bytes, and what it printed."""

    def __init__(self, command, **kw):
        start = time.monotonic()
        child = subprocess.Popen(command, **{**QUIET, **kw})
        self.err = child.stderr.read() if child.stderr else b''
        self.out = child.stdout.read() if child.stdout else b''
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.wall = time.monotonic() - start
        self.user = used.ru_utime
        self.cpu = used.ru_utime + used.ru_stime
        self.peak = used.ru_maxrss * 1024
        if child.returncode:
            sys.exit(f'{command}: status {child.returncode}')


def say(what, text, within=None):
    verdict = '' if within is None else '  within' if within else '  OVER'
    print(f'  {what:26} {text}{verdict}', flush=True)


def mib(n):
    return f'{n / MIB:.1f} MiB'


class Target:
    """A process with a heap of many blocks that has stopped itself."""

    def __init__(self, program, blocks):
        self.child = subprocess.Popen([program, str(blocks)], **QUIET)
        os.waitid(os.P_PID, self.child.pid, os.WSTOPPED | os.WNOWAIT)
        self.pid = self.child.pid

    def rss(self):
        with open(f'/proc/{self.pid}/status') as f:
            return int(re.search(r'VmRSS:\s+(\d+)', f.read())[1]) * 1024

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()


class Tracer(threading.Thread):
    """For how long somebody traces a process."""

    def __init__(self, pid):
        super().__init__()
        self.path, self.first, self.last = f'/proc/{pid}/status', None, None
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(0.002):
            with open(self.path) as f:
                if 'TracerPid:\t0\n' in f.read():
                    continue
            self.last = time.monotonic()
            self.first = self.first or self.last

    def seconds(self):
        self.ended.set()
        self.join()
        return self.last - self.first if self.first else 0.0


class Bench:
    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.holdfast = os.path.join(build, 'holdfast')
        self.program = self.path('many_blocks')
        self.grown = []		# (blocks, references, {phase: row}, Run)
        subprocess.run([os.environ.get('CC', 'cc'), '-O2', '-g', '-o',
                        self.program, 'tests/programs/many_blocks.c'],
                       check=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def info(self, *args):
        return json.loads(Run([self.holdfast, 'info', '--json', *args],
                              stdout=subprocess.PIPE).out)

    # --- capture ---

    def capture(self, target):
        """Three without types, against zstd and gcore of the same bytes."""
        snap, plain = self.path('plain.core.zst'), self.path('bytes')
        runs, pauses = [], []
        for _ in range(3):
            runs.append(Run([self.holdfast, 'dump', '--force', '--no-types',
                             '-o', snap, str(target.pid)]))
            info = self.info('--no-index', snap)
            pauses.append(info['process']['pause_ms'])
        wall = statistics.median(r.wall for r in runs)
        pause = statistics.median(pauses)
        subprocess.run(['zstd', '-q', '-d', '-f', '-o', plain, snap], check=True)
        one = Run(['zstd', '-q', '-f', '-1', '-T2', '-o', self.path('1'), plain])
        Run(['zstd', '-q', '-f', '-3', '-T2', '-o', self.path('3'), plain])
        size = os.path.getsize(snap) / os.path.getsize(self.path('3'))
        say('capture', f'{wall:.2f} s, cpu {runs[0].cpu:.2f}; zstd -1 -T2 takes '
            f'{one.wall:.2f} s, cpu {one.cpu:.2f}: {wall / one.wall:.2f} x '
            '(budget 1.3)', wall <= 1.3 * one.wall)
        say('size', f'{mib(os.path.getsize(snap))} of {mib(target.rss())} RSS: '
            f'{size:.2f} x zstd -3 (budget 1.1)', size <= 1.1)
        self.pause(target, pause, os.path.getsize(plain))
        self.plain_scan(plain)

    def pause(self, target, pause, copied):
        if not shutil.which('gcore'):
            say('pause', f'{pause:.1f} ms; no gcore to compare with')
            return
        tracer = Tracer(target.pid)
        tracer.start()
        run = Run(['gcore', '-o', self.path('core'), str(target.pid)])
        stopped = tracer.seconds()
        os.unlink(self.path(f'core.{target.pid}'))
        part = pause / 1e3 / stopped
        say('pause', f'{pause:.1f} ms; gcore stops it for {stopped * 1e3:.0f} '
            f'ms and takes {run.wall:.2f} s: {100 * part:.2f} % (budget 2, of '
            '0.5 GB and more)', None if copied < 500e6 else part <= 0.02)

    def plain_scan(self, plain):
        out = Run([os.path.join(self.build, 'tests/bench_scan'), plain],
                  stdout=subprocess.PIPE).out.split()
        self.scan = float(out[1])
        say('plain scan', f'{self.scan:.3f} s of one processor for '
            f'{mib(int(out[0]))}: the limit of whoever reads each word')

    # --- analysis ---

    def analysis(self, snap):
        unpack = Run(['zstd', '-q', '-d', '-f', '-o', self.path('bytes'), snap])
        os.unlink(self.path('bytes'))
        say('zstd -d', f'{unpack.wall:.2f} s, cpu {unpack.cpu:.2f}: the limit '
            'of whoever reads the file')
        for threads in '1', '2':
            run = Run([self.holdfast, 'info', '--no-index', '--timings', snap],
                      stderr=subprocess.PIPE,
                      env={**os.environ, 'HOLDFAST_THREADS': threads})
            phases, blocks, refs = read_timings(run.err.decode())
            within = None
            budget = 10 * blocks / 13.9e6
            if threads == '2' and blocks >= WHOLE_BUDGET_BLOCKS:
                within = run.wall <= budget
            say(f'analysis, {threads} thread' + 's' * (threads != '1'),
                f'{run.wall:.2f} s, cpu {run.cpu:.2f}: '
                f'{run.cpu * 1e9 / blocks:.0f} ns a block; '
                f'{run.cpu / unpack.cpu:.1f} x zstd -d, '
                f'{run.cpu / self.scan:.0f} x the scan'
                + (f' (budget {budget:.1f} s)' if within is not None else ''),
                within)
        self.memory(phases, blocks, refs)
        self.grown.append((blocks, refs, phases, run))
        print_phases(phases, blocks, refs)
        return run

    @staticmethod
    def memory(phases, blocks, refs):
        peak = phases['all'][3] * MIB
        budget = 64 * blocks + 9 * refs + 256e6
        say('peak anonymous memory', f'{mib(peak)}: {peak / blocks:.0f} bytes '
            f'a block, {refs / blocks:.2f} references each (budget '
            f'{mib(budget)})', peak <= budget)

    def reopen(self, snap, anew):
        first = Run([self.holdfast, 'info', snap])
        again = [Run([self.holdfast, 'info', snap]) for _ in range(3)]
        run = min(again, key=lambda r: r.wall)
        size = sum(os.path.getsize(f) for f in glob.glob(
            os.path.join(os.environ['XDG_CACHE_HOME'], 'holdfast/index/*')))
        say('with an index to keep', f'{first.wall / anew.wall:.2f} x the time '
            f'without; it has {size / self.grown[-1][0]:.0f} bytes a block')
        say('opening it again', f'{run.wall:.2f} s, cpu {run.cpu:.2f}, '
            f'{mib(run.peak)} of peak memory (budget 0.5 s up to 14 M)',
            run.wall <= 0.5 if self.grown[-1][0] <= 14_500_000 else None)

    def heap(self, blocks):
        print(f'\n{blocks} blocks')
        snap = self.path('snap.core.zst')
        with Target(self.program, blocks) as target:
            run = Run([self.holdfast, 'dump', '--force', '-o', snap,
                       str(target.pid)])
            say('capture with types', f'{run.wall:.2f} s, cpu {run.cpu:.2f}, '
                f'{mib(run.peak)} of peak memory')
            self.capture(target)
        self.reopen(snap, self.analysis(snap))
        shutil.rmtree(os.path.join(os.environ['XDG_CACHE_HOME'],
                                   'holdfast/index'))

    def growth(self):
        """How cost grows with the heap."""
        print('\nFor each block, by the size of the heap: ns of processor time'
              '\n  ' + ' ' * 30 +
              ''.join(f'{n / 1e6:9.1f} M' for n, _, _, _ in self.grown))
        for phase in self.grown[-1][2]:
            cells = (p.get(phase, (0, 0, 0, 0)) for _, _, p, _ in self.grown)
            print(f'  {phase:30}' + ''.join(
                f'{(c[1] + c[2]) * 1e9 / g[0]:11.0f}'
                for c, g in zip(cells, self.grown)))
        print('  bytes of peak memory          ' + ''.join(
            f'{p["all"][3] * MIB / n:11.0f}' for n, _, p, _ in self.grown))

    # --- types ---

    def load_types(self, *files):
        """MB of .debug_info, seconds of processors: the fewest of three."""
        runs = [Run([os.path.join(self.build, 'tests/test_dwarf'), '--time',
                     *files], stdout=subprocess.PIPE).out.split()
                for _ in range(3)]
        return float(runs[0][0]), min(float(r[1]) for r in runs)

    def types(self):
        """Debug information of packages that are there, and of this program;
        what is compressed is unpacked in the same time."""
        modules = [m for m in map(with_debug, (
            os.path.realpath('/usr/bin/python3'),
            *glob.glob('/usr/lib/*-linux-gnu/libc.so.6'))) if m]
        modules += [(f, f) for f in (
            *glob.glob('/usr/lib/*/debug/libstdc++.so.*.*.*')[:1],
            self.holdfast)]
        print('\nTypes: MB of .debug_info that a processor reads in a second')
        for debug, code in modules:
            mb, plain = self.load_types(debug)
            mb, mined = self.load_types(debug, code)
            other = Run(['readelf', '--debug-dump=info',
                         '--debug-dump=no-follow-links', debug])
            say(os.path.basename(code)[:26], f'{mb / plain:.0f} of {mb:.1f} '
                f'without its code, {mb / mined:.0f} with it: '
                f'{mined / plain:.2f} x the time (budget 100); readelf prints '
                f'{mb / other.wall:.1f}', mb / mined >= 100)


def with_debug(module):
    """(file with its debug information, itself), or None."""
    notes = subprocess.run(['readelf', '-n', module], text=True,
                           capture_output=True).stdout
    found = re.search(r'Build ID: ([0-9a-f]{2})([0-9a-f]+)', notes)
    if found:
        path = '/usr/lib/debug/.build-id/%s/%s.debug' % found.groups()
        if os.path.exists(path):
            return path, module
    return None


def read_timings(text):
    """({phase: (wall, user, system seconds, peak MiB)}, blocks, references)"""
    phases = {m[5]: tuple(map(float, m.groups()[:4])) for m in re.finditer(
        r'^ *([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+)  (\S.*)$', text, re.M)}
    found = re.search(r'^(\d+) blocks, (\d+) references', text, re.M)
    return phases, int(found[1]), int(found[2])


def print_phases(phases, blocks, refs):
    print(f'    {"":26}{"wall s":>8}{"cpu s":>8}{"ns/block":>10}'
          f'{"ns/ref":>8}{"anon MiB":>10}')
    for name, (wall, user, system, anon) in phases.items():
        cpu = user + system
        print(f'    {name:26}{wall:8.2f}{cpu:8.2f}{cpu * 1e9 / blocks:10.0f}'
              f'{cpu * 1e9 / max(refs, 1):8.0f}{anon:10.0f}')


def graphs(program):
    """All that it prints; then what the dominators of a heap are held to."""
    print('\nGraph algorithms', flush=True)
    heap, speed = '', {}
    with subprocess.Popen([program], stdout=subprocess.PIPE, text=True) as run:
        for line in run.stdout:
            print(line, end='', flush=True)
            heap = line if not line.startswith(' ') else heap
            if line.startswith('  dominators') and heap.startswith('heap'):
                speed[heap.split(',')[0]] = float(line.split()[-2])
    if run.returncode:
        sys.exit(f'{program}: status {run.returncode}')
    for what, nodes in speed.items():
        say('dominators', f'{what}: {nodes:.2f} M nodes a second of a '
            'processor (budget 2.5)', nodes >= 2.5)


def main():
    os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    build = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else 'build')
    with tempfile.TemporaryDirectory(dir=os.environ.get('TMPDIR')) as folder:
        os.environ['XDG_CACHE_HOME'] = os.path.join(folder, 'cache')
        bench = Bench(build, folder)
        for blocks in SIZES:
            bench.heap(blocks)
        bench.growth()
        if os.environ.get('BENCH_ONLY') == 'heaps':
            return 0
        bench.types()
    graphs(os.path.join(build, 'tests/bench_graph'))
    print('\nBrowser', flush=True)
    subprocess.run([os.path.join(build, 'tests/bench_browser')], check=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
