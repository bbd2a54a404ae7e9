#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Frames, lines and locals, as holdfast tells them and as gdb does.

Programs in C and C++, built by gcc and clang with and without optimisation,
are captured while their threads wait; gdb reads the decompressed snapshot, so
that both look at the same state. Each core that gdb writes of them is read as
well: the same report must come of it.
"""
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
from findings import DIR, HOLDFAST, expect, failures  # noqa: E402

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'programs')

# Runs inside of gdb: what it knows of every thread, as JSON.
ASK_GDB = r'''
import gdb, json

def value_of(symbol, frame):
    """The value as a number or text, and where it is."""
    value = symbol.value(frame)
    if value.is_optimized_out:
        return None, None
    address = None if value.address is None else int(value.address)
    kind = value.type.strip_typedefs()
    if kind.code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
        return 'reference', int(value.referenced_value().address)
    if kind.code == gdb.TYPE_CODE_FLT:
        return 'float', float(value)
    if kind.code in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_ENUM, gdb.TYPE_CODE_PTR,
                     gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_CHAR):
        return 'int', int(value)
    value.fetch_lazy()
    return 'other', address

def locals_of(frame):
    found = []
    try:
        block = frame.block()
    except RuntimeError:
        return found
    while block:
        for symbol in block:
            constant = symbol.addr_class in (gdb.SYMBOL_LOC_CONST,
                                             gdb.SYMBOL_LOC_CONST_BYTES)
            if not (symbol.is_argument or symbol.is_variable or constant):
                continue
            if symbol.addr_class in (gdb.SYMBOL_LOC_STATIC,
                                     gdb.SYMBOL_LOC_UNRESOLVED):
                continue
            try:
                kind, value = value_of(symbol, frame)
            except (gdb.error, gdb.MemoryError) as e:
                kind, value = None, None
            found.append([symbol.name, kind, value])
        if block.function:
            break
        block = block.superblock
    return found

threads = []
for thread in gdb.selected_inferior().threads():
    thread.switch()
    frames = []
    frame = gdb.newest_frame()
    while frame:
        if frame.type() != gdb.TAILCALL_FRAME:
            at = frame.find_sal()
            frames.append({
                'pc': frame.pc(), 'function': frame.name(),
                'line': at.line if at.symtab else 0,
                'file': at.symtab.filename if at.symtab else None,
                'inlined': frame.type() == gdb.INLINE_FRAME,
                'signal': frame.type() == gdb.SIGTRAMP_FRAME,
                'tail': False, 'locals': locals_of(frame)})
        elif frames:
            frames[-1]['tail'] = True
        frame = frame.older()
    newest = gdb.newest_frame()
    clobbered = [int(newest.read_register(r)) for r in
                 ('rax', 'rcx', 'rdx', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11')]
    vectors = []
    for i in range(16):
        lanes = newest.read_register(f'xmm{i}')
        vectors += [float(lanes['v2_double'][0]), float(lanes['v4_float'][0])]
    threads.append({'tid': thread.ptid[1], 'frames': frames,
                    'clobbered': clobbered, 'vectors': vectors})
with open(OUT, 'w') as f:
    json.dump(threads, f)
'''


def run(*args, **kwargs):
    return subprocess.run(args, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=600,
                          **kwargs).stdout


def plain(name):
    """A function's name without parameters, and without arguments."""
    if name is None:
        return None
    name = name.replace('(anonymous namespace)', '{anonymous}')
    name = re.sub(r' \[clone .*\]$', '', name)
    while re.search('<[^<>]*>', name):
        name = re.sub('<[^<>]*>', '', name)
    name = re.sub(r'\(.*', '', name).replace(' ', '')
    return name.split('::')[-1]


def number(text):
    """What a value in our report says, as gdb's number."""
    if text in ('true', 'false'):
        return int(text == 'true')
    match = re.match(r'-?(0x[0-9a-f]+|\d+)', text)
    return int(match.group(0), 0) if match else None


def same_value(kind, want, local):
    got = local['value']
    if kind == 'float':
        return got is not None and abs(float(got) - want) <= 1e-6 * abs(want)
    if kind == 'int':
        return number(got) is not None and \
            (number(got) - want) % (1 << 64) == 0
    if kind == 'reference':
        return number(got) == want
    return want is None or (local['addr'] is not None and
                            int(local['addr'], 0) == want)


def is_clobbered(kind, value, thread):
    """
    gdb takes registers that a call may change for unchanged, so that frames
    further out show what the innermost one has in them.
    """
    if kind == 'float':
        return value in thread['vectors']
    return any((value - c) % (1 << 32) < 4096 or
               (c - value) % (1 << 32) < 4096 for c in thread['clobbered'])


def compare_locals(where, frame, ours, seen, thread, is_outer, foreign):
    """@foreign: parameters that a caller in another module passed."""
    theirs = frame['locals']
    names = {name for name, _, _ in theirs}
    for name in names:
        want = [(k, v) for n, k, v in theirs if n == name and k]
        got = [o for o in ours if o['name'] == name and o['state'] != 'lost']
        # In inlined functions gdb does not look for entry values.
        if frame['inlined'] and not want and got and \
                {o['value'] for o in got} <= frame['known']:
            seen['left out'] += 1
            continue
        if len(want) != len(got):
            # Composites in several registers have no single place.
            if all(k == 'other' for k, _ in want) and not got:
                seen['composite'] += 1
                continue
            # What a tail call passed, or a caller in another module, and
            # floating-point numbers in calls are known to gdb alone.
            if not got and (frame['tail'] or name in foreign or
                            all(k == 'float' for k, _ in want) or is_outer and
                            all(is_clobbered(k, v, thread)
                                for k, v in want)):
                seen['left out'] += 1
                continue
            expect(False, f'{where}: {name}: {len(got)} values, not '
                          f'{len(want)}: {got} {want}')
            continue
        for kind, value in want:
            match = [o for o in got if same_value(kind, value, o)]
            if not match:
                expect(False, f'{where}: {name} is {got}, not {kind} {value}')
            seen['locals'] += 1
    for o in ours:
        if o['state'] != 'lost' and o['name'] not in names:
            expect(False, f'{where}: {o["name"]} is unknown to gdb')


def know_callers(theirs, ours):
    """Note in inlined frames what values the functions around them have."""
    known = set()
    for t, o in reversed(list(zip(theirs, ours))):
        if not t['inlined']:
            known = set()
        t['known'] = set(known)
        known |= {p['value'] for p in o['locals'] if p['value']}


def compare_frames(what, thread, ours, seen):
    theirs = thread['frames']
    know_callers(theirs, ours)
    is_outer = False    # behind a call
    for i, (t, o) in enumerate(zip(theirs, ours)):
        where = f'{what} #{i} {o["function"]}'
        seen['frames'] += 1
        if not expect(t['pc'] == int(o['pc'], 0), f'{where}: pc {t["pc"]:x}'):
            return
        expect(t['signal'] == o['signal'], f'{where}: signal {t["signal"]}')
        if t['signal']:
            is_outer = False
            continue
        expect(t['inlined'] == o['inlined'], f'{where}: inlined '
                                             f'{t["inlined"]}')
        # libc's functions have several names at one address.
        if 'libc' not in (o['module'] or ''):
            expect(plain(t['function']) == plain(o['function']),
                   f'{where}: {t["function"]}')
        expect(t['line'] == o['line'], f'{where}: line {t["line"]}, not '
                                       f'{o["line"]}')
        if t['file']:
            expect(os.path.basename(t['file']) ==
                   os.path.basename(o['file'] or ''),
                   f'{where}: {t["file"]}, not {o["file"]}')
        foreign = set()
        if i + 1 < len(ours) and ours[i + 1]['module'] != o['module']:
            foreign = {p['name'] for p in o['locals'] if p['parameter']}
        compare_locals(where, t, o['locals'], seen, thread, is_outer, foreign)
        is_outer = is_outer or not t['inlined']
    expect(len(theirs) == len(ours), f'{what}: {len(ours)} frames, not '
                                     f'{len(theirs)}')


def ask_gdb(program, core):
    out = core + '.json'
    script = core + '.py'
    with open(script, 'w') as f:
        f.write(f'OUT = {out!r}\n' + ASK_GDB)
    run('gdb', '-nx', '-batch', '-iex', 'set debuginfod enabled off',
        '-iex', 'set backtrace past-main on', '-ex', f'source {script}', program, core)
    with open(out) as f:
        return json.load(f)


def report(path):
    out = run(HOLDFAST, 'threads', '--json', path)
    return json.loads(out)


def start(program):
    process = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    if line != 'ready\n':
        sys.exit(f'{program} said {line!r}')
    return process


def wait_asleep(pid):
    """Until every thread sleeps in pause()."""
    while True:
        states = []
        for task in os.listdir(f'/proc/{pid}/task'):
            with open(f'/proc/{pid}/task/{task}/syscall') as f:
                states.append(f.read().split()[0])
        if all(s == '34' for s in states):
            return


def compare(what, got, theirs, seen):
    for note in got['notes']:
        expect('frames' not in note, f'{what}: {note}')
    expect(len(got['threads']) == len(theirs), f'{what}: threads')
    by_tid = {t['tid']: t for t in theirs}
    for t in got['threads']:
        compare_frames(f'{what} {t["name"]}', by_tid[t['tid']], t['frames'],
                       seen)


def capture(program):
    """A snapshot and a core of one state."""
    snapshot, core = program + '.core.zst', program + '.core'
    process = start(program)
    wait_asleep(process.pid)
    try:
        run(HOLDFAST, 'dump', '--force', '-o', snapshot, str(process.pid))
        run('gdb', '-nx', '-batch', '-iex', 'set debuginfod enabled off',
            '-p', str(process.pid), '-ex', f'generate-core-file {core}')
    finally:
        process.kill()
        process.wait()
    run('zstd', '-q', '-f', '-d', snapshot, '-o', snapshot + '.plain')
    return snapshot, core


def strip_addresses(frames):
    return [{k: f[k] for k in ('function', 'line', 'inlined', 'signal', 'pc')}
            for f in frames]


def try_program(source, compiler, options):
    name = '-'.join([os.path.basename(source).replace('.', '_'), compiler] +
                    [o.lstrip('-') for o in options])
    program = os.path.join(DIR, name)
    seen = {'frames': 0, 'locals': 0, 'composite': 0, 'left out': 0}
    run(compiler, '-g', *options, '-pthread', '-o', program,
        os.path.join(SOURCE, source))
    snapshot, core = capture(program)
    got = report(snapshot)
    compare(name, got, ask_gdb(program, snapshot + '.plain'), seen)
    of_core = report(core)
    for t in of_core['threads']:
        same = [u for u in got['threads'] if u['tid'] == t['tid']]
        expect(same and strip_addresses(same[0]['frames']) ==
               strip_addresses(t['frames']),
               f'{name}: thread {t["tid"]} of the core differs')
    expect(seen['frames'] > 20 and seen['locals'] > 20,
           f'{name}: only {seen}')
    print(f'{name}: {seen["frames"]} frames, {seen["locals"]} locals'
          f' (left out: {seen["composite"]} composites, {seen["left out"]} '
          f'that gdb guesses)')
    return snapshot


def check_holders(snapshot):
    """main() of frames.c holds its list by a local, as nothing else does."""
    out = json.loads(run(HOLDFAST, 'dominators', '--json', snapshot))
    roots = {n['root']: n['retained'] for n in out['nodes'] if 'root' in n}
    holders = [(r, n) for r, n in roots.items() if r.endswith(' main():big')]
    expect(holders and holders[0][1] >= 1000 * 24,
           f'main():big does not hold its list: {roots}')
    held = [r for r in roots if r.endswith(' recursing():own')]
    expect(held and roots[held[0]] >= 12 * 24,
           f'recursing():own does not hold its list: {roots}')
    out = run(HOLDFAST, 'suspects', snapshot)
    expect('main():big' in out, f'suspects: {out}')


def main():
    for tool in ('gdb', 'gcc', 'clang', 'zstd'):
        if not shutil.which(tool):
            print(f'{tool} is not installed')
            sys.exit(77)
    snapshot = try_program('frames.c', 'gcc', ['-O0'])
    check_holders(snapshot)
    try_program('frames.c', 'gcc', ['-O2'])
    try_program('frames.c', 'gcc', ['-O2', '-gdwarf-4'])
    try_program('frames.c', 'gcc', ['-O1', '-gdwarf-2', '-gstrict-dwarf'])
    try_program('frames.c', 'clang', ['-O0'])
    try_program('frames.c', 'clang', ['-O2', '-gdwarf-5'])
    try_program('frames.cc', 'g++', ['-O0'])
    try_program('frames.cc', 'g++', ['-O2', '-fdebug-types-section'])
    try_program('frames.cc', 'g++', ['-O2', '-gsplit-dwarf'])
    try_program('frames.cc', 'g++', ['-O2', '-gdwarf-4', '-gsplit-dwarf'])
    try_program('frames.cc', 'g++', ['-O2', '-flto'])
    try_program('frames.cc', 'clang++', ['-O2'])
    sys.exit(1 if failures else 0)


if __name__ == '__main__':
    main()
