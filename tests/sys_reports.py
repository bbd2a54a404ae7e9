#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Text reports are short, and say the same as the JSON of all there is."""
import collections
import json
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
import samples_check  # noqa: E402

HOLDFAST = os.environ['HOLDFAST']
BUILD = os.environ['BUILD']
DIR = os.environ['TEST_DIR']
ROWS = 30		# unless --limit says otherwise
WIDTH = 5		# of a level below the first
found = samples_check.Findings()


def run(*args):
    done = subprocess.run([HOLDFAST, *args], check=True, text=True, timeout=600,
                          stdout=subprocess.PIPE)
    return done.stdout


def capture(program, *args):
    path = f'{DIR}/{os.path.basename(program)}.core.zst'
    with samples_check.stopped(program, *args) as (pid, _):
        run('dump', '-o', path, str(pid))
    return path


# --- dominators ---

def tree_rows(path, *options):
    """([(level, retained)], bytes that "... more" stands for on the first
    level) of the text."""
    lines = run('dominators', '--bytes', *options, path).split('\n')
    column, rows, rest = lines[0].index('Holder'), [], 0
    for line in lines[1:lines.index('') if '' in lines else None]:
        retained, holder = int(line.split()[0]), line[column:]
        level = (len(holder) - len(holder.lstrip())) // 2
        if not holder.lstrip().startswith('... '):
            rows.append((level, retained))
        elif level == 0:
            rest += retained
    return rows, rest


def largest(nodes, depth, limit):
    """What the text should show, from the whole tree."""
    rows = []

    def visit(nodes, level):
        if level == depth:
            return
        for node in nodes if level == 0 else nodes[:WIDTH]:
            rows.append((level, node['retained']))
            visit(node['children'], level + 1)

    visit(nodes, 0)
    return sorted(rows, key=lambda row: -row[1])[:limit]


def check_dominators(path):
    for depth in 1, 2, 6:
        options = ['--depth', str(depth)]
        whole = json.loads(run('dominators', '--json', *options, path))
        for limit in None, 1, 7, 1000000:
            more = ['--limit', str(limit)] if limit else []
            what = f'dominators, depth {depth}, limit {limit}'
            rows, rest = tree_rows(path, *options, *more)
            want = largest(whole['nodes'], depth, limit or ROWS)
            found.same(what, sorted(r for _, r in rows),
                       sorted(r for _, r in want))
            first = [r for level, r in rows if level == 0]
            found.same(f'{what}: sum', sum(first) + rest, whole['total'])
            found.same(f'{what}: order', first, sorted(first, reverse=True))


# --- threads ---

def tids_in(text):
    """Of the lines that are about one thread."""
    lines = text.split('\n')
    column = lines[0].index('Thread')
    titles = [re.match(r'(\d+) "', line[column:]) for line in lines[1:]]
    return {int(t[1]) for t in titles if t}


def check_threads(path):
    """Threads that wait in the same place are one; --all tells them apart.
    They are told to wait, so one may still be on its way to that place."""
    threads = json.loads(run('threads', '--json', path))['threads']
    tids = {t['tid'] for t in threads}
    places = collections.Counter(tuple(f['pc'] for f in t['frames'])
                                 for t in threads)
    text = run('threads', path)
    groups = re.findall(r'(\d+) threads alike: (\d+) ', text)
    alone = tids_in(text)
    sizes = [int(n) for n, _ in groups]
    found.same('largest group', max(sizes, default=1), max(places.values()))
    found.expect(all(n > 1 and n in places.values() for n in sizes), text)
    found.same('threads', sum(int(n) for n, _ in groups) + len(alone),
               len(tids))
    found.expect(all(int(t) in tids - alone for _, t in groups), text)
    found.expect('--all' in text, f'no word of --all: {text}')
    everything = run('threads', '--all', '--limit', '1000', path)
    found.same('threads with --all', tids_in(everything), tids)
    found.expect('alike' not in everything, 'a group in spite of --all')


def main():
    path = capture(f'{BUILD}/samples/server')
    check_dominators(path)
    check_threads(capture(f'{BUILD}/samples/tcache_threads'))
    for line in found:
        print('FAIL ', line)
    return 1 if found else 0


sys.exit(main())
