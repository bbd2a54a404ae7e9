#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Leak verdicts against LeakSanitizer's, and against what programs state.

Every program is built twice: with -fsanitize=leak, to ask LeakSanitizer where
the program stops, and plain, to be captured there. Both name the same blocks
in the same order (samples/truth.h), so verdicts are compared block by block.

No block may be called a definite leak that is none; of what LeakSanitizer
reports, 95 % must be called lost; and each difference has its reason below.
"""
import concurrent.futures
import fnmatch
import functools
import glob
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
import leak_programs  # noqa: E402
import samples_check  # noqa: E402

SOURCE = samples_check.SOURCE
DIR = os.environ['TEST_DIR']
SEEDS = range(1, 17)
LEAST = 0.95				# of what LeakSanitizer reports
# Where valgrind is installed, it counts the direct and indirect losses of these.
VALGRIND = ('lost_list', 'ring', 'shared_dag', 'realloced')
KINDS = ('leaked', 'weak', 'held')	# lists of the truth


ENDED = "an ended thread's stack, which glibc keeps, has the address"
# Every way in which verdicts may differ, and why: programs, what LeakSanitizer
# says, what we say. What is stale must be stated so; of NO_HEADER see there.
NO_HEADER = 'the end of a held block is the start of the lost one'
REASONS = (
    ('ended_threads', 'lost', 'stale', ENDED),
    ('forked', 'lost', 'stale', "the stack of the parent's thread has it"),
    ('lost_holders', 'lost', 'stale', ENDED),
    ('made_up_*', 'lost', 'stale', ENDED),
    ('dead_capacity', 'held', 'stale', 'behind the last element of a vector'),
    ('weak_cache', 'held', 'weak', 'only weak pointers have the address'),
    ('server', 'held', 'leaked', NO_HEADER),
    ('shared_cycle', 'held', 'leaked', NO_HEADER),
    ('lost_objects', 'held', 'leaked', NO_HEADER),
)


# --- build ---

@functools.lru_cache
def watches(compiler):
    """Can it build programs that LeakSanitizer watches, and do these run?"""
    program = os.path.join(DIR, 'watches.' + compiler)
    try:
        subprocess.run([compiler, '-fsanitize=leak', '-x', 'c', '-', '-o',
                        program], input=b'int main(void) { return 0; }',
                       check=True, stderr=subprocess.DEVNULL)
        subprocess.run([program], check=True, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def commands(name, source, seed):
    """What builds `source`: the plain program and the watched one."""
    plain, watched = (os.path.join(DIR, name + end) for end in ('', '.lsan'))
    if source.endswith('.rs'):
        library = os.path.join(DIR, name + '.a')
        make = ['rustc', '--edition', '2021', '-g', '-O', '-A', 'warnings',
                '--crate-type', 'staticlib', '-o', library, source]
        link = ['gcc', '-g', '-O1', '-I', SOURCE, source[:-3] + '_truth.c',
                library, '-pthread', '-ldl', '-lm', '-o']
        return [make, link + [plain], link + [watched, '-fsanitize=leak']]
    cxx = source.endswith('.cc')
    clang = seed // 2 % 2 and watches('clang')
    cc = ('clang' if clang else 'gcc', 'clang++' if clang else 'g++')[cxx]
    command = [cc, '-std=c++17' if cxx else '-std=gnu11', '-g', '-pthread',
               '-O0' if seed % 4 == 3 else '-O1', '-I', SOURCE, source, '-o']
    return [command + [plain], command + [watched, '-fsanitize=leak']]


def build(program):
    for command in commands(*program):
        subprocess.run(command, check=True)


def programs():
    """(name, source, seed)"""
    sources = glob.glob(f'{SOURCE}/samples/*.c*') + \
        glob.glob(f'{SOURCE}/tests/programs/lost_*.*')
    for path in sorted(sources):
        if path.endswith('_truth.c') or \
                path.endswith('.rs') and not shutil.which('rustc'):
            continue
        yield os.path.basename(path).split('.')[0], path, 0
    for seed in SEEDS:
        path = os.path.join(DIR, f'made_up_{seed}.c')
        with open(path, 'w') as out:
            out.write(leak_programs.Program(seed).source())
        yield f'made_up_{seed}', path, seed


# --- ask ---

def numbered(truth):
    """{address: (kind, number)} of the blocks that the program registered."""
    return {int(a, 16): (kind, i) for kind in KINDS
            for i, a in enumerate(dict.fromkeys(truth[kind]))}


def ask_sanitizer(program):
    """({block: bytes} that it calls lost, names of blocks, its log)"""
    log = program + '.log'
    os.environ['LSAN_OPTIONS'] = 'report_objects=1:leak_check_at_exit=0:' \
        f'max_leaks=0:symbolize=0:log_pointers=1:log_path={log}'
    with samples_check.stopped(program) as (pid, truth):
        pass
    with open(f'{log}.{pid}') as f:
        text = f.read()
    names = numbered(truth)
    lost = {int(a, 16): int(n) for a, n in re.findall(
        r'^(0x[0-9a-f]+) \((\d+) bytes\)', text, re.M)}
    return {names.get(a, a): n for a, n in lost.items()}, names, text


def ask_holdfast(program):
    """({block: state}, truth, leaks); others count when they are lost"""
    with samples_check.stopped(program) as (pid, truth):
        path = program + '.core.zst'
        samples_check.Reports.run('dump', str(pid), '-o', path)
        text = samples_check.Reports.run('blocks', '--json', path)
        leaks = json.loads(samples_check.Reports.run('leaks', '--json', path))
    names, states = numbered(truth), {}
    for block in map(json.loads, text.splitlines()):
        addr = int(block['addr'], 16)
        if addr in names or block['state'] != 'reachable':
            states[names.get(addr, addr)] = block['state']
    return states, truth, leaks


# --- compare ---

class Comparison:
    """The verdicts on one program."""

    def __init__(self, name):
        program = os.path.join(DIR, name)
        self.name = name
        self.theirs, self.names, self.log = ask_sanitizer(program + '.lsan')
        self.ours, self.truth, self.leaks = ask_holdfast(program)
        self.wrong = []
        self.used = set()		# reasons
        self.check_truth()
        self.compare()
        self.check_direct()

    def check_truth(self):
        """What we say is what the program states, whatever others say."""
        lists = {kind: samples_check.addresses(self.truth[kind])
                 for kind in ('stale', 'stale_allowed')}
        addr_of = {b: a for a, b in numbered(self.truth).items()}
        for block, state in sorted(self.ours.items(), key=str):
            if not isinstance(block, tuple):
                self.wrong.append(f'{block:#x}, unknown, is called {state}')
                continue
            kind, number = block
            addr = addr_of[block]
            want = {'held': ['reachable'], 'weak': ['weak'],
                    'leaked': ['stale'] if addr in lists['stale'] else
                    ['leaked', 'stale'] if addr in lists['stale_allowed'] else
                    ['leaked']}[kind]
            if state not in want:
                self.wrong.append(f'{addr:#x} is {state}, not {want}')

    def compare(self):
        known = set(self.names.values())
        if set(self.theirs) - known:
            self.wrong.append('LeakSanitizer reports what nobody registered')
        if len(self.ours) != len(known):
            self.wrong.append(f'{len(known)} blocks, we see {len(self.ours)}')
        ways = {}
        for block in known:
            theirs = 'lost' if block in self.theirs else 'held'
            ours = self.ours.get(block, 'missing')
            if (theirs, ours) not in (('lost', 'leaked'), ('held', 'reachable')):
                ways.setdefault((theirs, ours), set()).add(block)
        for way, blocks in sorted(ways.items()):
            self.explain(way, blocks)

    def explain(self, way, blocks):
        for reason in REASONS:
            if fnmatch.fnmatch(self.name, reason[0]) and reason[1:3] == way:
                self.used.add(reason)
                print(f'      {len(blocks)} {way[0]} there, {way[1]} here: '
                      f'{reason[3]}')
                if reason[3] == NO_HEADER:
                    self.check_no_header(blocks)
                return
        self.wrong.append(f'{len(blocks)} blocks are {way[0]} there and '
                          f'{way[1]} here, without a reason')

    def check_no_header(self, blocks):
        """Blocks that LeakSanitizer takes for held: all that leads to them
        from others is an address where another block ends. Its heap keeps no
        header between two blocks."""
        missed = {a for a, b in self.names.items() if b in blocks}
        links = [tuple(int(x, 16) for x in found) for found in re.findall(
            r'(0x\w+): found (0x\w+) pointing into chunk (0x\w+)-(0x\w+)',
            self.log)]
        chunks = {start: end for _, _, start, end in links}
        inside = [(s, e) for s, e in chunks.items() if s in missed or
                  any(s <= a < e for a in missed)]
        ends = set(chunks.values())
        for source, word, start, end in links:
            if (start, end) not in inside or \
                    any(s <= source < e for s, e in inside):
                continue
            if word != start or word not in ends:
                self.wrong.append(f'{source:#x} there holds {word:#x}')

    def check_direct(self):
        """Direct leaks of LeakSanitizer are leak roots, but for cycles: it
        calls none of their blocks direct, unless it refers to itself only."""
        groups = [g for g in self.leaks['groups'] if g['verdict'] == 'definite']
        ours = sum(g['count'] for g in groups if g['blocks'] == g['count'])
        theirs = sum(int(n) for n in re.findall(
            r'^Direct leak of \d+ byte\(s\) in (\d+)', self.log, re.M))
        if not self.used and ours != theirs:
            self.wrong.append(f'{ours} direct leaks, not {theirs}')
        total = self.leaks['leaked']
        for unit in ('blocks', 'bytes'):
            direct = sum(g[f'direct_{unit}'] for g in groups)
            if total[f'direct_{unit}'] != direct or \
                    total[f'indirect_{unit}'] != total[unit] - direct:
                self.wrong.append(f'{unit}: {total} but {direct} direct')
        if self.name in VALGRIND and shutil.which('valgrind'):
            self.check_valgrind()

    def check_valgrind(self):
        program = os.path.join(DIR, self.name)
        with samples_check.stopped('valgrind', '--leak-check=full',
                                   f'--log-file={program}.valgrind', program):
            pass
        with open(f'{program}.valgrind') as f:
            text = f.read()
        theirs = [int(re.search(kind + r'ly lost: [\d,]+ bytes in ([\d,]+)',
                                text)[1].replace(',', ''))
                  for kind in ('definite', 'indirect')]
        ours = [self.leaks['leaked'][f'{kind}_blocks']
                for kind in ('direct', 'indirect')]
        if ours != theirs:
            self.wrong.append(f'direct and indirect {ours}, not {theirs}')

    def shares(self):
        """[blocks, bytes] that they report, and that we do."""
        found = [b for b in self.theirs
                 if self.ours.get(b) in ('leaked', 'stale')]
        return [len(self.theirs), sum(self.theirs.values()),
                len(found), sum(self.theirs[b] for b in found)]


def main():
    if not watches('gcc'):
        print('gcc -fsanitize=leak does not work here')
        return 77
    all_programs = list(programs())
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(build, all_programs))
    total, used, failed = [0] * 4, set(), 0
    for name, _, _ in all_programs:
        c = Comparison(name)
        print('FAIL ' if c.wrong else 'ok   ', name, *c.shares())
        for line in c.wrong[:10]:
            print('      ' + line)
        failed += bool(c.wrong)
        used |= c.used
        total = [a + b for a, b in zip(total, c.shares())]
    print('%d programs; LeakSanitizer reports %d blocks of %d bytes, of which '
          'we call %d (%d bytes) lost' % (len(all_programs), *total))
    for reason in set(REASONS) - used:
        print('FAIL  no such difference:', reason)
    return failed > 0 or len(all_programs) < 30 or used != set(REASONS) or \
        total[2] < LEAST * total[0] or total[3] < LEAST * total[1] or \
        total[0] < 3000


if __name__ == '__main__':
    sys.exit(main())
