#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shared objects in every state of their count: who is named, with which
numbers, and that all others are not."""
import json
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
from findings import (  # noqa: E402
    DIR, HOLDFAST, SOURCE, expect, failures, same, snapshot)


def counts(name):
    """What the program says, and what the report says of it."""
    truth, path = snapshot(name)
    out = subprocess.run([HOLDFAST, 'refcounts', '--json', path], check=True,
                         text=True, stdout=subprocess.PIPE).stdout
    got = json.loads(out)
    check_text(path, got['refcounts'])
    return truth, got


def check_text(path, rows):
    """What is no fault stands apart, below the rest."""
    text = subprocess.run([HOLDFAST, 'refcounts', path], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    faults, _, gone = text.partition('No fault')
    for r in rows:
        expect(r['addr'] in (gone if r['kind'] == 'weak_only' else faults),
               f'{r["kind"]} {r["addr"]} is not where it belongs:\n{text}')


def row(r):
    return (r['kind'], r['count'], r['found'] + r['possible'], r['unknown'],
            r['weak'])


def check_cxx(name, *compiler):
    subprocess.run([*compiler, '-g', '-std=c++17', '-o', f'{DIR}/{name}',
                    f'{SOURCE}/tests/programs/shared.cc'], check=True)
    truth, got = counts(name)
    # 20 players, two that hold each other, and the five below.
    same(f'{name}: control blocks', got['control_blocks'], 27)
    rows = {r['addr']: r for r in got['refcounts']}
    expect(set(rows) <= {truth[k] for k in ('raised', 'plain', 'over',
                                            'lost', 'weak_only')},
           f'{name}: too many: {rows}')

    def check(key, count, found, kind, weak):
        r = rows.get(truth[key])
        if not r:
            # A word that a call left on the stack may be a handle.
            expect(kind in ('unknown', 'lost') and got['unclear'] > 0,
                   f'{name}: nothing about {key}')
            return
        same(f'{name}, {key}', (r['kind'], r['count'], r['found'], r['weak']),
             (kind, count, found, weak))
        same(f'{name}, {key}: unknown', r['unknown'],
             0 if kind == 'weak_only' else count - found - r['possible']
             if kind == 'unknown' else count - found)

    check('raised', 3, 1, 'unknown', 0)
    check('plain', 2, 1, 'unknown', 0)
    check('over', 1, 2, 'over', 0)
    lost = rows.get(truth['lost'])
    expect(lost and (lost['kind'], lost['count'], lost['lost'],
                     lost['found'] + lost['possible']) == ('lost', 2, 1, 2),
           f'{name}, lost: {lost}')
    check('weak_only', 0, 0, 'weak_only', 2)
    if truth['weak_only'] in rows:
        same(f'{name}: weak handles', rows[truth['weak_only']]['weak_found'], 2)
    if truth['raised'] in rows:
        expect('game::raised' in rows[truth['raised']]['held_by'],
               f'{name}: held by {rows[truth["raised"]]["held_by"]}')


def check_rust():
    if not shutil.which('rustc'):
        print('no rustc: Rc and Arc are not tested')
        return
    subprocess.run(['rustc', '-g', '-O', '-A', 'warnings', '-o',
                    f'{DIR}/counted', f'{SOURCE}/tests/programs/counted.rs'],
                   check=True)
    _, got = counts('counted')
    # 30 Rc, 15 Arc, and one that is gone.
    same('Rust: control blocks', got['control_blocks'], 46)
    rows = {(r['type'].split('<')[0], r['kind']): row(r)
            for r in got['refcounts']}
    arc, rc = ('alloc::sync::ArcInner', 'unknown'), None
    for name in ('alloc::rc::RcInner', 'alloc::rc::RcBox'):
        rc = (name, 'unknown') if (name, 'unknown') in rows else rc
    # What calls left on the stack may look like one handle more.
    for key, count in ((arc, 3), (rc, 2)):
        r = rows.get(key)
        expect(r and r[1] == count and r[3] == count - r[2] > 0 or
               not r and got['unclear'] > 0, f'Rust: {key}: {r}')
    gone = [r for r in got['refcounts'] if r['kind'] == 'weak_only']
    same('Rust: weak only', [(r['count'], r['weak']) for r in gone], [(0, 1)])
    expect(len(got['refcounts']) <= 3, f'Rust: {got["refcounts"]}')


def main():
    check_cxx('libstdcxx', 'c++', '-O1')
    check_cxx('libstdcxx_slow', 'c++', '-O0')
    probe = subprocess.run(['clang++', '-stdlib=libc++', '-x', 'c++', '-c',
                            '-o', '/dev/null', '-'], text=True,
                           input='#include <memory>\n', check=False,
                           stderr=subprocess.DEVNULL) \
        if shutil.which('clang++') else None
    if probe and probe.returncode == 0:
        check_cxx('libcxx', 'clang++', '-stdlib=libc++', '-O1')
    else:
        print('no clang++ with libc++: its shared_ptr is not tested')
    check_rust()
    print(f'{len(failures)} failures')
    return 1 if failures else 0


sys.exit(main())
