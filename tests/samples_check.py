# SPDX-License-Identifier: MIT
"""Run samples and compare what holdfast reports with what they state."""
import contextlib
import glob
import json
import os
import re
import signal
import subprocess
import sys

import naive_scan

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COMMANDS = ('dump', 'leaks', 'blocks', 'info', 'types', 'retainers')


# Their blocks are held by void *, by storage without a type, or not at all.
MAY_MISS_TYPES = ('arenas', 'dead_capacity', 'ended_threads', 'growing_cache',
                  'interior', 'lost_list', 'ring', 'server')


def sample_names():
    files = glob.glob(f'{SOURCE}/samples/*.c') + \
        glob.glob(f'{SOURCE}/samples/*.cc')
    return sorted(os.path.basename(f).split('.')[0] for f in files)


@contextlib.contextmanager
def stopped(program, *args):
    """(pid, truth) of a sample that has stopped itself; then let it end."""
    child = subprocess.Popen([program, *args], stdout=subprocess.PIPE)
    try:
        truth = json.loads(child.stdout.readline())
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            raise AssertionError(f'did not stop: status {status:#x}')
        yield truth['pid'], truth
        os.kill(child.pid, signal.SIGCONT)
        if child.wait(timeout=600):
            raise AssertionError(f'exit status {child.returncode}')
    finally:
        if child.returncode is None:
            child.kill()
            child.wait()
        child.stdout.close()


def snapshot(path, *command):
    """Run a program that stops itself, capture it into @path, and end it."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            sys.exit(f'{command[0]} did not stop: status {status:#x}')
        subprocess.run([os.environ['HOLDFAST'], 'dump', '-o', path,
                        str(child.pid)], check=True,
                       stdout=subprocess.DEVNULL)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    return path


def addresses(texts):
    return {int(t, 16) for t in texts}


def show(blocks):
    return ' '.join(f'{a:#x}' for a in sorted(blocks)[:5]) + \
        (' ...' if len(blocks) > 5 else '')


class Findings(list):
    def expect(self, ok, text):
        if not ok:
            self.append(text)
        return ok

    def same(self, what, got, want):
        self.expect(got == want, f'{what}: {got} instead of {want}')

    def same_set(self, what, got, want):
        if got - want:
            self.append(f'{what}: {len(got - want)} too many: {show(got - want)}')
        if want - got:
            self.append(f'{what}: {len(want - got)} missing: {show(want - got)}')


def check_truth(pid, truth):
    """Does the process look as it says, in the eyes of the naive scan?"""
    found = Findings()
    leaked, held = addresses(truth['leaked']), addresses(truth['held'])
    stale, weak = addresses(truth['stale']), addresses(truth['weak'])
    scan = naive_scan.Scan(pid, leaked | held | weak)
    lost, reached = scan.lost(pid)
    found.same_set('naive scan, lost', lost, leaked - stale)
    for addr in sorted((leaked - stale) & set(reached))[:3]:
        found.append(f'{addr:#x} <- {naive_scan.path_of(reached, addr)}')
    found.same_set('naive scan, held or weak', (held | weak) & set(reached),
                   held | weak)
    return found


class Reports:
    """holdfast's reports on one process."""

    def __init__(self, pid, folder):
        self.file = os.path.join(folder, 'sample.core.zst')
        self.run('dump', str(pid), '-o', self.file, '--force')
        self.blocks = [json.loads(line) for line in
                       self.report('blocks').splitlines()]
        self.info = json.loads(self.report('info'))
        self.leaks = json.loads(self.report('leaks'))
        self.types = json.loads(self.report('types'))

    @staticmethod
    def run(*args):
        done = subprocess.run([os.environ['HOLDFAST'], *args],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True)
        if done.returncode:
            raise AssertionError(f'holdfast {" ".join(args)}: status '
                                 f'{done.returncode}: {done.stderr.strip()}')
        return done.stdout

    def report(self, command, *args):
        return self.run(command, self.file, *args, '--json')


def check_blocks(found, truth, reports):
    state = {int(b['addr'], 16): b['state'] for b in reports.blocks}
    found.expect(len(state) == len(reports.blocks), 'blocks: an address twice')
    by_state = {s: {a for a in state if state[a] == s}
                for s in ('reachable', 'leaked', 'stale', 'weak')}
    leaked, stale = addresses(truth['leaked']), addresses(truth['stale'])
    allowed = addresses(truth['stale_allowed'])
    found.same_set('leaked or stale', by_state['leaked'] | by_state['stale'],
                   leaked)
    found.same_set('stale', by_state['stale'] - allowed, stale)
    found.same_set('weak', by_state['weak'], addresses(truth['weak']))
    held = addresses(truth['held'])
    found.same_set('held', held & by_state['reachable'], held)


def check_sums(found, truth, reports):
    heap = reports.info['heap']
    for state in ('reachable', 'leaked', 'stale', 'weak'):
        blocks = [b for b in reports.blocks if b['state'] == state]
        found.same(f'info {state}_blocks', heap[f'{state}_blocks'], len(blocks))
        found.same(f'info {state}_bytes', heap[f'{state}_bytes'],
                   sum(b['size'] for b in blocks))
    for unit in ('blocks', 'bytes'):
        found.same(f'info live_{unit}', heap[f'live_{unit}'],
                   sum(heap[f'{s}_{unit}'] for s in
                       ('reachable', 'leaked', 'stale', 'weak')))
        found.same(f'live_{unit} of allocators', heap[f'live_{unit}'],
                   sum(a[f'live_{unit}'] for a in reports.info['allocators']))
        for s in ('leaked', 'stale', 'weak'):
            found.same(f'leaks {s} {unit}', reports.leaks[s][unit],
                       heap[f'{s}_{unit}'])
    found.same('bytes lost', heap['leaked_bytes'] + heap['stale_bytes'],
               truth['bytes'])


def check_groups(found, truth, reports):
    """Groups are as stated; a type may stay unknown, but never be wrong."""
    groups = [g for g in reports.leaks['groups']
              if g.get('verdict') in ('definite', 'stale')]
    got = [(g['kind'], g['type'], g['count'], g['retained']) for g in groups]
    want = [(g['kind'], g['type'], g['count'], g['retained'])
            for g in truth['groups']]
    for kind, name, count, retained in want:
        found.expect((kind, name, count, retained) in got or
                     (kind, None, count, retained) in got,
                     f'no leak group {(kind, name, count, retained)}: {got}')
    if sum(g[3] for g in want) == truth['bytes']:
        found.expect(len(got) == len(want), f'leak groups {got} beside {want}')


def check_types(found, truth, reports):
    """Counts are exact; where evidence is only in the shape of lost blocks,
    some may be missed, but no block gets a type that is not its own."""
    counts = {t['type']: t['count'] for t in reports.types['types']}
    for t in truth['types']:
        got = counts.get(t['type'], 0)
        found.expect(got == t['count'] or (got < t['count'] and
                                           truth['sample'] in MAY_MISS_TYPES),
                     f'{got} blocks of type {t["type"]} of {t["count"]}')


def check_roots(found, truth, reports):
    for r in truth['roots']:
        paths = json.loads(reports.report('retainers', r['addr']))['paths']
        roots = [p['steps'][0].get('root') or p['steps'][-1].get('root')
                 for p in paths]
        found.expect(any(re.search(rf'\b{r["root"]}\b', root or '')
                         for root in roots),
                     f'{r["addr"]} held by {roots} instead of {r["root"]}')


def check_reports(truth, reports):
    found = Findings()
    for check in (check_blocks, check_sums, check_groups, check_types,
                  check_roots):
        check(found, truth, reports)
    return found


def missing_commands():
    if not os.access(os.environ.get('HOLDFAST', ''), os.X_OK):
        return ['holdfast']
    done = subprocess.run([os.environ['HOLDFAST'], 'help'],
                          stdout=subprocess.PIPE, text=True)
    listed = {line.split()[0] for line in done.stdout.splitlines()
              if line.strip()}
    return [c for c in COMMANDS if c not in listed]


def run_samples(folder, names):
    """Check every sample built in `folder`; an exit status for run.sh."""
    missing, failed = missing_commands(), 0
    scratch = os.environ.get('TEST_DIR') or '.'
    for name in names:
        try:
            with stopped(os.path.join(folder, name)) as (pid, truth):
                found = check_truth(pid, truth)
                if not missing:
                    found += check_reports(truth, Reports(pid, scratch))
        except (AssertionError, KeyError, ValueError, OSError) as e:
            found = [f'{type(e).__name__}: {e}']
        print(f'{"FAIL" if found else "ok  "}  {name}')
        for line in found:
            print(f'      {line}')
        failed += bool(found)
    if failed:
        return 1
    if missing:
        print('naive scan agrees with all samples; holdfast lacks ' +
              ', '.join(missing))
        return 77
    return 0
