#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`holdfast diff` on a process that grows in known ways, and on two runs."""
import collections
import contextlib
import json
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
from findings import (  # noqa: E402
    DIR, HOLDFAST, SOURCE, expect, failures, same)

STAGES = 3


def run(*args, status=0):
    done = subprocess.run([HOLDFAST, *args], text=True, timeout=600,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    same(f'status of {" ".join(args)} {done.stderr.strip()}', done.returncode,
         status)
    return done.stdout


def diff(*files, status=0):
    return json.loads(run('diff', '--json', *files, status=status))


@contextlib.contextmanager
def child_of(program):
    child = subprocess.Popen([program], stdout=subprocess.PIPE)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
            child.wait()
        child.stdout.close()


def capture(program, name):
    """[(file, {addr: (size, type, lost)})] of the stages of one process."""
    stages = []
    with child_of(program) as child:
        for i in range(STAGES):
            truth = json.loads(child.stdout.readline())
            _, status = os.waitpid(child.pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                raise AssertionError(f'did not stop: status {status:#x}')
            file = os.path.join(DIR, f'{name}{i}.core.zst')
            run('dump', str(truth['pid']), '-o', file)
            stages.append((file, {int(a, 16): (size, kind, lost)
                                  for a, size, kind, lost in truth['blocks']}))
            os.kill(child.pid, signal.SIGCONT)
        same('exit status', child.wait(timeout=600), 0)
    return stages


def tally(blocks, lost=False):
    """{type: [count, bytes]}"""
    sums = collections.defaultdict(lambda: [0, 0])
    for size, kind, is_lost in blocks.values():
        if bool(is_lost) == lost:
            sums[kind][0] += 1
            sums[kind][1] += size
    return sums


def check_types(report, old, new):
    rows = {r['type']: r for r in report['types']}
    before, after = tally(old), tally(new)
    for kind in set(before) | set(after):
        row = rows.get(kind)
        if row is None:
            expect(False, f'no row of type {kind}: {sorted(map(str, rows))}')
            continue
        same(f'{kind}, old', [row['old_count'], row['old_bytes']],
             before[kind])
        same(f'{kind}, new', [row['new_count'], row['new_bytes']],
             after[kind])
    growth = [r['new_bytes'] - r['old_bytes'] for r in report['types']]
    same('types, largest growth first', growth, sorted(growth, reverse=True))


def check_paths(report, old, new):
    """A body is nine tenths of a page with its body: the page is left out."""
    before, after = tally(old), tally(new)
    first = report['paths'][0]
    same('who holds the growth', first['path'],
         ['growing:pages', 'page', 'body'])
    same('what it held', first['old_bytes'], before['body'][1])
    same('what it holds', first['new_bytes'], after['body'][1])
    paths = [tuple(p['path']) for p in report['paths']]
    for path in (('growing:pages',), ('growing:pages', 'page')):
        expect(path not in paths, f'{path} says nothing new')


def check_index(report, old, new):
    """The small index is gone in the second stage, a big one is there."""
    grown = tally(new)['big_index'][1] - tally(old)['big_index'][1]
    rows = [p for p in report['paths'] if 'index' in p['path'][0]]
    same('growth of the index', [(p['path'], p['new_bytes'] - p['old_bytes'])
                                 for p in rows],
         [(['growing:big_index', 'big_index'], grown)] if grown else [])


def check_blocks(report, old, new, live):
    got = report['blocks']
    known = {(a, s, t) for a, (s, t, _) in old.items()}
    later = {(a, s, t) for a, (s, t, _) in new.items()}
    others = live[0] - len(known)
    same('comparable', got['comparable'], True)
    same('others', live[1] - len(later), others)
    same('new', got['new'], len(later - known))
    same('gone', got['gone'], len(known - later))
    same('survived', got['survived'], len(known & later) + others)
    same('new bytes', got['new_bytes'], sum(s for _, s, _ in later - known))
    same('gone bytes', got['gone_bytes'], sum(s for _, s, _ in known - later))


def check_leaks(report, old, new):
    """Lost tickets are a group; what they are may not be known."""
    before, after = tally(old, True)['ticket'], tally(new, True)['ticket']
    rows = [r for r in report['leaks']
            if r['new_count'] != r['old_count']]
    same('leaks', [[r['type'] in (None, 'ticket'), r['kind'], r['old_count'],
                    r['old_bytes'], r['new_count'], r['new_bytes']]
                   for r in rows], [[True, 'block', *before, *after]])


def check_pair(old, new):
    report = diff(old[0], new[0])
    live = [i['live_blocks'] for i in report['images']]
    check_types(report, old[1], new[1])
    check_paths(report, old[1], new[1])
    check_index(report, old[1], new[1])
    check_blocks(report, old[1], new[1], live)
    check_leaks(report, old[1], new[1])


def check_reused(stages):
    """The program did put counters where visitors had been."""
    old, new = stages[0][1], stages[1][1]
    reused = [a for a in set(old) & set(new) if old[a][1] != new[a][1] and
              old[a][0] == new[a][0]]
    expect(len(reused) > 0, 'no address was used again for another type')


def check_all_three(stages):
    report = diff(*[file for file, _ in stages])
    check_types(report, stages[0][1], stages[2][1])
    check_paths(report, stages[0][1], stages[2][1])
    every = {r['type']: r['grew_every_time'] for r in report['types']}
    same('grew every time', {t: every[t] for t in
                             ('page', 'body', 'big_index', 'visitor')},
         {'page': True, 'body': True, 'big_index': False, 'visitor': False})
    same('path grew every time', report['paths'][0]['grew_every_time'], True)
    expect('grew_every_time' not in
           diff(stages[0][0], stages[1][0])['types'][0],
           'two snapshots have one step only')


def check_text(stages):
    text = run('diff', '--bytes', *[file for file, _ in stages])
    for heading in ('What grew by type', 'Who holds the growth', 'New leaks',
                    'Blocks'):
        expect(f'\n{heading}\n' in text, f'no section "{heading}":\n{text}')
    line = [t for t in text.splitlines()
            if t.endswith('growing:pages > page > body')]
    growth = tally(stages[2][1])['body'][1] - tally(stages[0][1])['body'][1]
    expect(len(line) == 1 and f'+{growth} ' in line[0] and
           'every time' in line[0],
           f'the holder of the growth: {line}')


def check_suspects(old, new):
    """What grew is told first, in words, with the numbers of diff."""
    first = diff(old[0], new[0])['paths'][0]
    report = json.loads(run('suspects', '--json', new[0], old[0]))
    got = report['growth'][0]
    same('growth', got['bytes'], first['new_bytes'] - first['old_bytes'])
    count = tally(old[1])['body'][0], tally(new[1])['body'][0]
    expect(got['text'].endswith('is held by growing:pages > page > body: '
                                '%d blocks then, %d now' % count), got['text'])
    first = report['suspects'][0]
    same('the suspect', [first[k] for k in ('root', 'type', 'count')],
         ['growing:pages', 'page', tally(new[1])['page'][0]])
    expect('growth' not in json.loads(run('suspects', '--json', new[0])),
           'growth without an older snapshot')
    text = run('suspects', new[0], old[0]).splitlines()
    same('first line', text[0], got['text'])
    expect('Nobody holds much more' in run('suspects', old[0], new[0]),
           'growth where things shrank')


def check_limits(old, new):
    report = diff('--limit', '1', old, new)
    same('rows with --limit 1', [len(report[k]) for k in ('types', 'paths')],
         [1, 1])
    report = diff('--filter', '^body$', old, new)
    same('filtered types', [r['type'] for r in report['types']], ['body'])
    expect(all('body' in p['path'] for p in report['paths']),
           'filtered paths')
    counts = [r['new_count'] - r['old_count']
              for r in diff('--sort', 'count', old, new)['types']]
    same('sorted by count', counts, sorted(counts, reverse=True))
    names = [r['type'] for r in diff('--sort', 'name', old, new)['types']
             if r['type']]
    same('sorted by name', names, sorted(names))
    run('diff', '--sort', 'age', old, new, status=2)
    run('diff', old, status=2)
    run('diff', old, DIR + '/nothing', status=2)


def check_exit_code(old, new):
    run('diff', '--exit-code', old, new, status=1)
    run('diff', '--exit-code', old, old)
    run('diff', '--exit-code', new, old, '--filter', '^(page|body)$')
    run('diff', '--exit-code', old, new, '--filter', '^visitor$')


def check_two_runs(stages, others):
    """Addresses of two runs mean nothing, but types and holders compare."""
    old, new = stages[0], others[1]
    report = diff(old[0], new[0])
    same('comparable', report['blocks']['comparable'], False)
    expect('survived' not in report['blocks'], 'blocks of two processes')
    check_types(report, old[1], new[1])
    check_paths(report, old[1], new[1])
    check_index(report, old[1], new[1])
    check_leaks(report, old[1], new[1])
    expect('Not the same process' in run('diff', old[0], new[0]),
           'the text does not say that these are two processes')


def main():
    program = os.path.join(DIR, 'growing')
    subprocess.run([os.environ.get('CC', 'cc'), '-O1', '-g', '-I', SOURCE,
                    '-o', program, f'{SOURCE}/tests/programs/growing.c'],
                   check=True)
    stages = capture(program, 'a')
    check_reused(stages)
    check_pair(stages[0], stages[1])
    check_pair(stages[1], stages[2])
    check_all_three(stages)
    check_text(stages)
    check_suspects(stages[0], stages[2])
    check_limits(stages[0][0], stages[1][0])
    check_exit_code(stages[0][0], stages[1][0])
    check_two_runs(stages, capture(program, 'b'))
    same('from a snapshot to itself', diff(stages[0][0], stages[0][0])['paths'],
         [])
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
