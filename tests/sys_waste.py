#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `waste` says of programs that know what they waste; maps and sums of
arenas are made again from the list of blocks."""
import json
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
from findings import (  # noqa: E402
    DIR, HOLDFAST, SOURCE, expect, failures, same, snapshot)

PAGE = 4096
CELLS = 64


def report(command, path, *options):
    return subprocess.run([HOLDFAST, command, *options, path], check=True,
                          text=True, stdout=subprocess.PIPE).stdout


def compile_with(*command):
    subprocess.run(command, check=True)


def group(groups, key, value):
    found = [g for g in groups if g[key] == value]
    expect(len(found) == 1, f'{len(found)} groups with {key} {value!r}')
    return found[0] if found else None


# --- the same from the list of blocks ---

def chunks_of(path):
    blocks, free = [], []
    for line in report('blocks', path, '--free', '--json').splitlines():
        b = json.loads(line)
        (free if b['state'] == 'free' else blocks).append(
            (int(b['addr'], 16), b['size']))
    return blocks, free


def share(chunks, start, end):
    return sum(max(0, min(a + n, end) - max(a, start)) for a, n in chunks)


def map_of(arena, blocks, free):
    start = int(arena['start'], 16)
    end = start + arena['size']
    first = start - start % PAGE
    pages = -(-(end - first) // PAGE)
    step = -(-pages // CELLS)
    text = ''
    for at in range(0, pages, step):
        low = max(start, first + at * PAGE)
        high = min(end, first + (at + step) * PAGE)
        live = share(blocks, low, high)
        if not live:
            text += '.'
        else:
            text += '#' if share(free, low, high) <= (high - low) // 8 else '+'
    return text


def check_arenas(waste, path):
    blocks, free = chunks_of(path)
    for arena in waste['arenas']:
        start = int(arena['start'], 16)
        inside = [(a, n) for a, n in blocks
                  if start <= a < start + arena['size']]
        holes = [(a, n) for a, n in free if start <= a < start + arena['size']]
        same('blocks of an arena', arena['blocks'], len(inside))
        same('live', arena['live'], sum(n for _, n in inside))
        same('free', arena['free'], sum(n for _, n in holes))
        same('free chunks', arena['free_chunks'], len(holes))
        same('largest', arena['largest_free'],
             max((n for _, n in holes), default=0))
        same('map', arena['map'], map_of(arena, inside, holes))
    total = sum(n for _, n in free)
    same('free bytes of all arenas', sum(a['free'] for a in waste['arenas']),
         total)
    same('free bytes by size', sum(c['bytes'] for c in waste['free_sizes']),
         total)
    for c in waste['free_sizes']:
        same(f'chunks below {c["below"]}', c['count'],
             sum(c['below'] // 2 <= n < c['below'] for _, n in free))
    # Malloc's links stand in the first 32 bytes; all of it was touched.
    whole = sum(max(0, (a + n) // PAGE - -(-(a + 32) // PAGE)) * PAGE
                for a, n in free)
    expect(waste['pages']['returnable'] <= whole,
           f'{waste["pages"]["returnable"]} returnable of {whole}')
    expect(sum(waste['pages'][k] for k in ('returnable', 'pieces', 'mixed'))
           <= total,
           'more bytes on pages than are free')


def check_sums(waste, info):
    for part in ('duplicates', 'capacity', 'tables', 'slack', 'pages'):
        same(f'sum of {part}', waste[part]['bytes'],
             sum(g['bytes'] for g in waste[part]['groups']))
        order = [g['bytes'] for g in waste[part]['groups']]
        same(f'order of {part}', order, sorted(order, reverse=True))
    wasted = sum(waste[part]['bytes'] for part in
                 ('duplicates', 'capacity', 'tables', 'slack'))
    expect(wasted <= info['heap']['live_bytes'], 'more is wasted than is live')
    for g in waste['duplicates']['groups']:
        same('bytes of copies', g['bytes'], (g['count'] - 1) * g['size'])


# --- programs ---

def check_wasteful():
    compile_with('c++', '-O1', '-g', '-std=c++17', '-o', f'{DIR}/wasteful',
                 f'{SOURCE}/tests/programs/wasteful.cc')
    truth, path = snapshot('wasteful')
    waste = json.loads(report('waste', path, '--json'))
    check_sums(waste, json.loads(report('info', path, '--json')))
    check_arenas(waste, path)

    g = group(waste['duplicates']['groups'], 'text',
              'The Principality of Liechtenstein')
    if g:
        same('equal strings', (g['count'], g['size'], g['kind']),
             (truth['countries'], 34, 'text'))
        same('holder of equal strings', g['held_by'], 'shop::Order[].country')
    unique = [g for g in waste['duplicates']['groups']
              if 'unique' in g.get('text', '')]
    same('unique strings called equal', unique, [])

    n, room, used = (truth[k] for k in ('vectors', 'vector_room',
                                        'vector_used'))
    g = next((g for g in waste['capacity']['groups'] if g['count'] == n), None)
    expect(g, f'no {n} vectors: {waste["capacity"]["groups"]}')
    if g:
        same('vectors', (g['element'], g['used'], g['room'], g['bytes']),
             ('long', n * used, n * room, n * (room - used) * 8))
    g = group(waste['capacity']['groups'], 'place',
              'wasteful:shop::empty_but_large')
    if g:
        same('an empty vector', (g['used'], g['room'], g['bytes']),
             (0, 5000, 40000))

    g = group(waste['tables']['groups'], 'place',
              'wasteful:shop::index_by_number.slots')
    if g:
        # An array of pointers is as long as its block has room for.
        expect(g['used'] == truth['slots_used'] and
               0 <= g['room'] - truth['slots'] <= 1 and
               g['bytes'] == (g['room'] - g['used']) * 8, f'table: {g}')

    g = group(waste['slack']['groups'], 'type', 'shop::Session')
    if g:
        same('slack of sessions', (g['size'], g['count'], g['bytes']),
             (200, truth['sessions'], truth['sessions'] * 8))
    # Every second session: each of their pages has free bytes, none is free.
    expect(waste['pages']['mixed'] >= truth['sessions'] * 190,
           f'mixed pages: {waste["pages"]["mixed"]}')
    pins = [p for p in waste['pinned'] if p['addr'] == truth['last']]
    same('pins of the last block', len(pins), 1)
    for pin in pins:
        same('pin', (pin['type'], pin['held_by'], pin['blocks']),
             ('shop::Last', 'wasteful:shop::last', 1))
        expect(truth['pinned'] * 0.9 < pin['bytes'] <= truth['pinned'],
               f'{pin["bytes"]} bytes are pinned')
    text = report('waste', path)
    for words in ('The Principality', 'shop::Session', 'shop::Last',
                  'index_by_number'):
        expect(words in text, f'text: nothing of {words}')


def check_without_content():
    """Numbers and texts were left out: nothing is said of what is equal."""
    _, path = snapshot('wasteful', '--content', 'pointers')
    waste = json.loads(report('waste', path, '--json'))
    same('duplicates of zeros', (waste['duplicates']['known'],
                                 waste['duplicates']['groups']), (False, []))
    check_arenas(waste, path)
    expect('not known' in report('waste', path), 'text: not known')


def check_rust():
    if not shutil.which('rustc'):
        print('no rustc: its vectors and maps are not tested')
        return
    compile_with('rustc', '-g', '-O', '-A', 'warnings', '-o',
                 f'{DIR}/counted', f'{SOURCE}/tests/programs/counted.rs')
    truth, path = snapshot('counted')
    waste = json.loads(report('waste', path, '--json'))
    check_sums(waste, json.loads(report('info', path, '--json')))
    n, room, used = (truth[k] for k in ('logs', 'log_room', 'log_used'))
    same('Rust vectors', [(g['used'], g['room'], g['bytes'])
                          for g in waste['capacity']['groups']
                          if g['count'] == n],
         [(n * used, n * room, n * (room - used) * 8)])
    # A map for 1000 entries has 2048 buckets: 7 of 8 may be in use.
    same('hash map', [(g['used'], g['room'], g['bytes'])
                      for g in waste['tables']['groups']],
         [(truth['entries'], 2048, (2048 - truth['entries']) * 32)])
    same('equal Strings', [(g['count'], g['size'], g['kind'])
                           for g in waste['duplicates']['groups']],
         [(30, 34, 'text')])


def main():
    check_wasteful()
    check_without_content()
    check_rust()
    print(f'{len(failures)} failures')
    return 1 if failures else 0


sys.exit(main())
