#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Debug information in files of its own: a stripped program whose debug file
is found must be told of exactly as the program that was never stripped; a
debug file of another build must not be used, and hints must say what helps.
"""
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
from findings import DIR, HOLDFAST, expect, failures, same  # noqa: E402

SOURCE = r'''
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>
struct item { struct item *next; long number; char name[24]; };
struct table { struct item *first; int n; struct item **index; };
struct table *the_table;
static struct item *volatile spare;
static struct item *make(long number)
{
	struct item *item = calloc(1, sizeof(*item));

	item->number = number;
	snprintf(item->name, sizeof(item->name), "item %ld", number);
	return item;
}
int main(void)
{
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	the_table = calloc(1, sizeof(*the_table));
	the_table->index = calloc(EXTRA + 40, sizeof(struct item *));
	for (int i = 0; i < 40; i++) {
		struct item *item = make(i);

		item->next = the_table->first;
		the_table->first = the_table->index[i] = item;
	}
	spare = make(-1);
	return raise(SIGSTOP);
}
'''


def tool(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def folder(name):
    path = os.path.join(DIR, name)
    os.makedirs(path, exist_ok=True)
    return path


def build(where, *flags, extra=0):
    """The unstripped program WHERE/prog."""
    source = os.path.join(DIR, 'prog.c')
    with open(source, 'w') as f:
        f.write(SOURCE)
    path = os.path.join(folder(where), 'prog')
    tool('cc', '-O1', '-g', *flags, f'-DEXTRA={extra}', '-o', path, source)
    return path


def stripped(full, where):
    path = os.path.join(folder(where), 'prog')
    tool('strip', '-s', '-o', path, full)
    return path


def split(full, debug):
    os.makedirs(os.path.dirname(debug), exist_ok=True)
    tool('objcopy', '--only-keep-debug', full, debug)
    return debug


def link(program, debug):
    tool('objcopy', f'--add-gnu-debuglink={debug}', program)


def build_id(path):
    notes = subprocess.run(['readelf', '-n', path], check=True, text=True,
                           stdout=subprocess.PIPE).stdout
    return re.search(r'Build ID: ([0-9a-f]+)', notes).group(1)


def id_path(root, full):
    name = build_id(full)
    return os.path.join(root, '.build-id', name[:2], name[2:] + '.debug')


@contextlib.contextmanager
def running(program):
    child = subprocess.Popen([program])
    try:
        os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
        yield child
    finally:
        child.kill()
        child.wait()


def holdfast(*args):
    return subprocess.run([HOLDFAST, *args], text=True, timeout=600,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


class Capture:
    """What is said about PROGRAM when it is captured with OPTIONS."""

    def __init__(self, label, program, *options):
        out = os.path.join(DIR, 'snapshot.core.zst')
        with running(program) as child:
            done = holdfast('dump', '--force', *options, '-o', out,
                            str(child.pid))
        same(f'{label}: status ({done.stderr.strip()})', done.returncode, 0)
        self.notes = done.stderr
        self.types = json.loads(holdfast('types', '--json', out).stdout)
        info = json.loads(holdfast('info', '--json', out).stdout)
        self.typed = info['typed']
        self.heap = info['heap']
        self.module = [m for m in info['modules']
                       if os.path.basename(m['path']) == 'prog'][0]
        roots = json.loads(holdfast('dominators', '--json', out).stdout)
        self.roots = sorted((n['root'], n['retained']) for n in roots['nodes']
                            if n.get('root', '').startswith('prog'))

    def items(self, name='item'):
        return sum(t['count'] for t in self.types['types']
                   if t['type'] == name)


def check_same(label, got, reference):
    same(f'{label}: types', got.types, reference.types)
    same(f'{label}: typed', got.typed, reference.typed)
    same(f'{label}: heap', got.heap, reference.heap)
    same(f'{label}: roots', got.roots, reference.roots)
    same(f'{label}: state', got.module['debug'], 'full')
    same(f'{label}: hint', got.module['hint'], reference.module['hint'])


def check_untyped(label, got, *hints, state='none'):
    same(f'{label}: items', got.items(), 0)
    same(f'{label}: state', got.module['debug'], state)
    for hint in hints:
        expect(hint in got.module['hint'],
               f'{label}: hint "{got.module["hint"]}" without "{hint}"')


def check_build_id(full, reference):
    root = folder('by-id')
    program = stripped(full, 'stripped')
    before = Capture('no debug file', program)
    check_untyped('no debug file', before, 'stripped', '--debug-dir')

    # A debug package that comes later is noticed.
    debug = split(full, id_path(root, full))
    check_same('by build-id', Capture('by build-id', program, '--debug-dir',
                                      root), reference)
    check_untyped('no --debug-dir', Capture('no --debug-dir', program))

    # As the hint says.
    check_same('unstripped', Capture('unstripped', program, '--debug-dir',
                                     os.path.dirname(full)), reference)

    # Below a sysroot, where distributions put them; it hides libc's own.
    system = folder('sysroot')
    split(full, id_path(os.path.join(system, 'usr/lib/debug'), full))
    got = Capture('sysroot', program, '--sysroot', system)
    same('sysroot: items', got.items(), reference.items())
    same('sysroot: roots', got.roots, reference.roots)

    # With compressed sections it is another file, of the same content.
    tool('objcopy', '--compress-debug-sections=zlib', debug)
    check_same('compressed', Capture('compressed', program, '--debug-dir',
                                     root), reference)

    # A debug file whose types are gone, after they were read once.
    tool('strip', '-s', '-o', debug, full)
    check_untyped('emptied', Capture('emptied', program, '--debug-dir', root))


def check_replaced():
    """Two debug files of one build-id: what was read of one is not the other's."""
    root = folder('replaced')
    fixed = '-Wl,--build-id=0x' + '5a' * 20
    full = build('fixed', fixed)
    program = stripped(full, 'fixed-stripped')
    debug = split(full, id_path(root, full))
    same('first file', Capture('first file', program, '--debug-dir',
                               root).items(), 41)
    split(build('renamed', fixed, '-Ditem=thing'), debug)
    got = Capture('second file', program, '--debug-dir', root)
    same('second file', (got.items(), got.items('thing')), (0, 41))


def check_other_build(full, other):
    """A debug file with the right name and the wrong build-id."""
    root = folder('wrong-id')
    program = stripped(full, 'stripped')
    debug = split(other, id_path(root, full))
    got = Capture('other build-id', program, '--debug-dir', root)
    check_untyped('other build-id', got, 'stripped', '--debug-dir')
    expect(f'{debug} belongs to another build of prog, not used' in got.notes,
           f'other build-id: not told: {got.notes}')

    with open(debug, 'r+b') as f:
        f.write(b'\0' * 64)
    got = Capture('damaged', program, '--debug-dir', root)
    check_untyped('damaged', got)
    expect(f'{debug} is damaged' in got.notes,
           f'damaged: not told: {got.notes}')


def check_link(label, full, reference):
    """.gnu_debuglink, in every place where the file may be."""
    debug = split(full, os.path.join(folder('split'), 'prog.dbg'))
    program = stripped(full, f'linked-{label}')
    link(program, debug)
    home = os.path.dirname(program)
    extra = folder('extra')
    got = Capture(f'{label}: missing', program)
    check_untyped(f'{label}: missing', got, 'prog.dbg', '--debug-dir')
    for where, options in (
            (home, ()),
            (os.path.join(home, '.debug'), ()),
            (extra, ('--debug-dir', extra)),
            (extra + home, ('--debug-dir', extra))):
        os.makedirs(where, exist_ok=True)
        place = shutil.copy(debug, where)
        got = Capture(f'{label}: {place}', program, *options)
        check_same(f'{label}: {place}', got, reference)
        os.unlink(place)


def check_wrong_link(label, full, other):
    """The name is right, the content is another build's."""
    debug = split(full, os.path.join(folder('split'), 'prog.dbg'))
    program = stripped(full, f'wrong-{label}')
    link(program, debug)
    place = os.path.join(os.path.dirname(program), 'prog.dbg')
    split(other, place)
    got = Capture(f'{label}: wrong', program)
    check_untyped(f'{label}: wrong', got, 'prog.dbg')
    expect(f'{place} belongs to another build of prog, not used' in got.notes,
           f'{label}: not told: {got.notes}')


def check_hints(full, other):
    got = Capture('lines only', build('lines', '-g1'))
    check_untyped('lines only', got, '-g1', state='lines')
    got = Capture('no -g', build('plain', '-g0'))
    check_untyped('no -g', got, 'build it with -g', state='symbols')
    got = Capture('--exe of another build', stripped(full, 'stripped'),
                  '--exe', other)
    check_untyped('--exe of another build', got, 'not the one that ran',
                  '--exe')
    expect('another build' in got.notes, f'--exe: not told: {got.notes}')
    got = Capture('--exe without a file', full, '--exe',
                  os.path.join(DIR, 'nothing'))
    check_untyped('--exe without a file', got, 'not found', '--exe')


def check_split_dwarf(reference):
    """Types in a .dwo file: where it was made, elsewhere, nowhere; what was
    not found is looked for again."""
    program = build('dwo', '-gsplit-dwarf', '-Wl,--build-id=sha1')
    dwo = [os.path.join(os.path.dirname(program), f)
           for f in os.listdir(os.path.dirname(program))
           if f.endswith('.dwo')]
    if not dwo:		# some compilers write it where they are called
        dwo = [f for f in os.listdir('.') if f.endswith('prog.dwo')]
    aside = folder('aside')
    place = shutil.move(dwo[0], aside)
    got = Capture('.dwo missing', program)
    check_untyped('.dwo missing', got, '.dwo', '--debug-dir', state='lines')
    same('.dwo aside: items',
         Capture('.dwo aside', program, '--debug-dir', aside).items(),
         reference.items())
    shutil.move(place, dwo[0])
    got = Capture('.dwo', program)
    same('.dwo: types', got.types, reference.types)
    same('.dwo: state', got.module['debug'], 'full')
    os.unlink(dwo[0])


def main():
    for name in ('cc', 'objcopy', 'strip', 'readelf'):
        if not shutil.which(name):
            print(f'no {name}')
            return 77
    os.environ['XDG_CACHE_HOME'] = folder('cache')
    with_id, without = '-Wl,--build-id=sha1', '-Wl,--build-id=none'
    full, other = build('full', with_id), build('other', with_id, extra=1)
    reference = Capture('unstripped', full)
    same('unstripped: items', reference.items(), 41)
    same('unstripped: state', reference.module['debug'], 'full')
    same('unstripped: hint', reference.module['hint'] or '', '')
    expect(any('the_table' in root for root, _ in reference.roots),
           f'unstripped: roots {reference.roots}')
    check_build_id(full, reference)
    check_replaced()
    check_other_build(full, other)
    check_link('build-id', full, reference)
    check_wrong_link('build-id', full, other)
    check_hints(full, other)
    check_split_dwarf(reference)

    full, other = build('full', without), build('other', without, extra=1)
    reference = Capture('no build-id', full)
    same('no build-id: items', reference.items(), 41)
    check_link('crc', full, reference)
    check_wrong_link('crc', full, other)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
