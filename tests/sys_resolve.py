#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A snapshot that was taken without debug information and then resolved must
say what one says that was taken with it, of the same stopped process; its
memory must not be touched, what is known must not be lost, and damage must
stay what it is.
"""
import contextlib
import json
import os
import re
import resource
import shutil
import stat
import struct
import subprocess
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
from findings import (  # noqa: E402
    BUILD, DIR, HOLDFAST, expect, failures, same)
import samples_check  # noqa: E402

SAMPLES = ('server', 'shared_cycle', 'containers', 'thread_keys', 'ring',
           'tcache_threads')
REPORTS = ('types', 'leaks', 'cycles', 'dominators', 'suspects', 'threads',
           'blocks')
MIB = 1 << 20

LIBRARY = r'''
#include <memory>
#include <string>
#include <vector>
namespace part {
struct Shelf { virtual ~Shelf() {} std::vector<std::string> names; long n; };
struct Glass : Shelf { double height = 2; };
static std::vector<std::unique_ptr<Shelf>> shelves;
Shelf *lost;
static thread_local Shelf *mine;
}
extern "C" void part_fill(int n)
{
	for (int i = 0; i < n; i++) {
		part::shelves.emplace_back(new part::Glass);
		part::shelves.back()->names.push_back(
			"a name that is too long for the string itself");
	}
	part::lost = new part::Glass;
	part::lost = nullptr;
	part::mine = new part::Shelf;
}
'''

PROGRAM = r'''
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
struct item { struct item *next; char *text; long number; };
static struct item *items;
char *big;
void part_fill(int n);
int main(int argc, char **argv)
{
	unsigned seed = 1;
	size_t n = (size_t)atoi(argv[argc > 1 ? 1 : 0]) << 20;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	for (int i = 0; i < 30; i++) {
		struct item *item = calloc(1, sizeof(*item));

		item->next = items;
		item->text = strdup("text of an item");
		item->number = i;
		items = item;
	}
	part_fill(20);
	big = malloc(n);
	for (size_t i = 0; i < n; i++)
		big[i] = (char)((seed = seed * 1103515245 + 12345) >> 24);
	printf("{\"pid\": 0}\n");
	fflush(stdout);
	return raise(SIGSTOP);
}
'''


def tool(*command, **options):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **options)


def place(*names):
    path = os.path.join(DIR, *names)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def holdfast(*args, **options):
    return subprocess.run([HOLDFAST, *args], timeout=600, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          **options)


def done(*args, **options):
    result = holdfast(*args, **options)
    expect(result.returncode == 0, f'{" ".join(args)}: status '
           f'{result.returncode}, {result.stderr.strip()}')
    return result


def report(command, path):
    """What is said of the process and not of the capture."""
    text = done(command, '--json', path).stdout
    if command != 'info':
        return text
    info = json.loads(text)
    for key in ('file', 'size', 'index'):
        info.pop(key, None)
    for key in ('pause_ms', 'captured_at'):
        info['process'].pop(key, None)
    return info


def check_same(what, got, want):
    for command in REPORTS + ('info',):
        a, b = report(command, got), report(command, want)
        if a != b:
            for name, text in (('got', a), ('want', b)):
                with open(place('differ', f'{command}.{name}'), 'w') as f:
                    f.write(text if isinstance(text, str) else
                            json.dumps(text, indent=1))
        expect(a == b, f'{what}: {command} differs')
    check_sections(what, got, want)


def build_id(path):
    notes = subprocess.run(['readelf', '-n', path], check=True, text=True,
                           stdout=subprocess.PIPE).stdout
    return re.search(r'Build ID: ([0-9a-f]+)', notes).group(1)


def split(full, where, debug, link=False):
    """Strip FULL to the file WHERE; its debug information goes below DEBUG."""
    name = build_id(full)
    path = os.path.join(debug, os.path.basename(full) + '.debug') if link \
        else os.path.join(debug, '.build-id', name[:2], name[2:] + '.debug')
    os.makedirs(os.path.dirname(path), exist_ok=True)
    tool('objcopy', '--only-keep-debug', full, path)
    tool('strip', '-s', '-o', where, full)
    if link:
        tool('objcopy', f'--add-gnu-debuglink={path}', where)
    return path


def debug_states(path):
    info = json.loads(done('info', '--json', path).stdout)
    return {os.path.basename(m['path']): m['debug'] for m in info['modules']}


# --- seekable zstd, by its description ---

def frames(path):
    """[(plain size, compressed bytes)] by the seek table."""
    with open(path, 'rb') as f:
        data = f.read()
    n, descriptor, magic = struct.unpack('<IBI', data[-9:])
    same(f'{path}: footer', (descriptor, magic), (0x80, 0x8F92EAB1))
    table, at, ret = len(data) - 9 - 12 * n, 0, []
    for i in range(n):
        size, plain, _ = struct.unpack_from('<III', data, table + 12 * i)
        ret.append((plain, data[at:at + size]))
        at += size
    same(f'{path}: frames end', at, table - 8)
    return ret


def plain(path):
    return subprocess.run(['zstd', '-dqc', path], check=True,
                          stdout=subprocess.PIPE).stdout


def place_plain(path):
    to = place('plain')
    with open(to, 'wb') as f:
        f.write(plain(path))
    return to


def sections_at(data):
    return struct.unpack_from('<Q', data, 40)[0]


def sections(path):
    """{name: bytes} of what tells of modules, without the dull head."""
    data = plain(path)
    at = sections_at(data)
    n, names_index = struct.unpack_from('<HH', data, 60)
    rows = [struct.unpack_from('<IIQQQQ', data, at + 64 * i)
            for i in range(n)]
    names = data[rows[names_index][4]:][:rows[names_index][5]]
    ret = {}
    for row in rows:
        name = names[row[0]:names.index(b'\0', row[0])].decode()
        if name.startswith('.holdfast.'):
            ret[name[len('.holdfast.'):]] = data[row[4]:row[4] + row[5]]
    return ret


def check_sections(what, got, want, *but):
    """Not only reports: what was found is the same to the byte."""
    got, want = sections(got), sections(want)
    same(f'{what}: names of sections', sorted(got), sorted(want))
    for name in sorted(set(want) - {'meta', 'maps', *but}):
        expect(got[name] == want[name] and want[name],
               f'{what}: section {name} differs')


def check_memory_kept(what, before, after):
    old, new = frames(before), frames(after)
    old_plain, new_plain = plain(before), plain(after)
    end = sections_at(old_plain)
    same(f'{what}: place of the sections', sections_at(new_plain), end)
    expect(old_plain[64:end] == new_plain[64:end],
           f'{what}: notes or memory changed')
    at, changed, whole = 0, 0, 0
    for a, b in zip(old, new):
        at += a[0]
        if at > end:
            break
        whole += 1
        changed += a != b
    expect(whole >= 8, f'{what}: only {whole} frames of memory')
    # The head is written anew only where the number of sections changes.
    expect(changed == 0, f'{what}: {changed} of {whole} frames changed')


# --- the tests ---

def check_sample(name):
    """Captured without, then resolved; captured with."""
    program, debug = place('samples', name), place('debug', name)
    split(os.path.join(BUILD, 'samples', name), program, debug)
    without, with_it = place('without.zst'), place('with.zst')
    nothing = place('nothing', '')
    with samples_check.stopped(program) as (pid, _):
        # An empty sysroot hides the debug packages of this machine.
        done('dump', '--force', '--sysroot', nothing, '-o', without, str(pid))
        done('dump', '--force', '--debug-dir', debug, '-o', with_it, str(pid))
    same(f'{name}: before', debug_states(without)[name], 'none')
    said = done('resolve', '--debug-dir', debug, without).stderr
    same(f'{name}: after', debug_states(without)[name], 'full')
    expect('full debug information of ' in said, f'{name}: said {said}')
    check_same(name, without, with_it)


def build_parts():
    """Program and library, each with its debug file behind a link."""
    for name, text in (('part.cc', LIBRARY), ('prog.c', PROGRAM)):
        with open(place('full', name), 'w') as f:
            f.write(text)
    where = place('full', '')
    tool('c++', '-O1', '-g', '-fPIC', '-shared', '-Wl,--build-id', '-o',
         f'{where}libpart.so', f'{where}part.cc')
    tool('cc', '-O1', '-g', '-Wl,--build-id', '-o', f'{where}prog',
         f'{where}prog.c', f'-L{where}', '-lpart', '-Wl,-rpath,$ORIGIN')
    for name in ('libpart.so', 'prog'):
        split(where + name, place('parts', name), place('parts-debug'),
              link=True)
    return place('parts', 'prog')


@contextlib.contextmanager
def stopped_on_one_cpu(program, *args):
    """Like samples_check.stopped(). The kernel tells a program the number of
    its processor (struct rseq), a word that is left out where it is not 0: a
    program that may move is not the same in two captures."""
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(everywhere)})
    try:
        with samples_check.stopped(program, *args) as found:
            os.sched_setaffinity(0, everywhere)
            yield found
    finally:
        os.sched_setaffinity(0, everywhere)


def capture_parts(program):
    """Snapshots of one process: with nothing, with all, with the program's."""
    debug = place('parts-debug')
    shutil.copy(os.path.join(debug, 'prog.debug'), place('half', 'prog.debug'))
    nothing = place('nothing', '')
    with stopped_on_one_cpu(program, '24') as (_, truth):
        pid = stopped_pid(program)
        for name, options in (
                ('none.zst', ('--sysroot', nothing)),
                ('all.zst', ('--debug-dir', debug)),
                ('half.zst', ('--sysroot', nothing, '--debug-dir',
                              place('half'))),
                ('bare.zst', ('--no-types',)),
                ('secret-none.zst', ('--content=pointers', '--sysroot', nothing)),
                ('secret-all.zst', ('--content=pointers', '--debug-dir', debug))):
            done('dump', '--force', *options, '-o', place(name), pid)
    same('captured with nothing', debug_states(place('none.zst'))['prog'],
         'none')
    states = debug_states(place('half.zst'))
    same('captured with half', (states['prog'], states['libpart.so']),
         ('full', 'none'))


def stopped_pid(program):
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            if os.readlink(f'/proc/{pid}/exe') == program:
                return pid
        except OSError:
            pass
    raise AssertionError(f'{program} does not run')


def computed(path):
    """(name, value) of locals that are in no memory."""
    threads = json.loads(report('threads', path))['threads']
    return [(v['name'], v['value']) for t in threads for f in t['frames']
            for v in f['locals'] if v['addr'] is None and v['state'] == 'live']


def check_parts():
    debug, all_of_it = place('parts-debug'), place('all.zst')
    for name in ('none.zst', 'half.zst', 'bare.zst'):
        to = place('resolved.zst')
        done('resolve', '--force', '--debug-dir', debug, '-o', to, place(name))
        check_same(f'{name} resolved', to, all_of_it)
        check_memory_kept(f'{name} resolved', place(name), to)
    to = place('secret.zst')
    done('resolve', '--debug-dir', debug, '-o', to, place('secret-none.zst'))
    check_memory_kept('pointers alone', place('secret-none.zst'), to)
    # What was in a register, and no pointer, is known at the capture only.
    check_sections('pointers alone', to, place('secret-all.zst'), 'frames')
    for command in REPORTS:
        expect(command == 'threads' or report(command, to) ==
               report(command, place('secret-all.zst')),
               f'pointers alone: {command} differs')
    for place_of, value in computed(to):
        expect(value not in ('0', '19'), f'pointers alone: {place_of} {value}')
    states = debug_states(place('resolved.zst'))
    same('parts', (states['prog'], states['libpart.so']), ('full', 'full'))
    # Twice is not twice as much.
    again = place('again.zst')
    done('resolve', '--force', '--debug-dir', debug, '-o', again,
         place('resolved.zst'))
    expect(plain(again) == plain(place('resolved.zst')),
           'resolved again, it is another file')


def check_names():
    """No link, no build-id in the name: a debug file, and what was stripped."""
    named = place('named', '')
    tool('objcopy', '--only-keep-debug', place('full', 'prog'),
         named + 'prog.debug')
    shutil.copy(place('full', 'libpart.so'), named)
    to = place('by-name.zst')
    done('resolve', '--debug-dir', named, '-o', to, place('none.zst'))
    check_sections('by name', to, place('all.zst'), 'modules')


def check_nothing_is_lost():
    """On a machine that has none of the files."""
    nothing = place('nothing', '')
    moved = place('moved', '')
    os.rename(place('parts'), moved + 'parts')
    for name in ('all.zst', 'half.zst', 'none.zst'):
        to = place('elsewhere.zst')
        done('resolve', '--force', '--sysroot', nothing, '-o', to, place(name))
        check_same(f'{name} elsewhere', to, place(name))
    # Only the library's file is there: the program's types stay.
    library = place('lib-only', 'libpart.so.debug')
    shutil.copy(place('parts-debug', 'libpart.so.debug'), library)
    name = build_id(library)
    os.makedirs(place('lib-only', '.build-id', name[:2]), exist_ok=True)
    os.rename(library, place('lib-only', '.build-id', name[:2],
                             name[2:] + '.debug'))
    to = place('elsewhere.zst')
    done('resolve', '--force', '--sysroot', nothing, '--debug-dir',
         place('lib-only'), '-o', to, place('half.zst'))
    states = debug_states(to)
    same('half elsewhere', (states['prog'], states['libpart.so']),
         ('full', 'full'))
    expect(report('leaks', to) == report('leaks', place('all.zst')),
           'half elsewhere: leaks differ')
    for name in ('item', 'part::Glass'):
        counts = [[row['count'] for row in json.loads(report('types', path))
                   ['types'] if row['type'] == name]
                  for path in (to, place('all.zst'))]
        expect(counts[0] and counts[0] == counts[1],
               f'half elsewhere: {name} {counts}')
    os.rename(moved + 'parts', place('parts'))


def check_replacing():
    path = place('replaced.zst')
    shutil.copy(place('none.zst'), path)
    os.chmod(path, 0o640)
    owner = (12345, 23456) if os.getuid() == 0 else (os.getuid(), os.getgid())
    os.chown(path, *owner)
    with open(path, 'rb') as old:		# a reader keeps what it opened
        done('resolve', '--debug-dir', place('parts-debug'), path)
        with open(place('none.zst'), 'rb') as f:
            expect(old.read() == f.read(), 'an open snapshot changed')
    st = os.stat(path)
    same('mode and owner', (stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid),
         (0o640, *owner))
    same('names left', [n for n in os.listdir(DIR) if 'holdfast-' in n], [])

    shutil.copy(place('none.zst'), path)
    failed = holdfast('resolve', '--debug-dir', place('parts-debug'), path,
                      preexec_fn=lambda: resource.setrlimit(
                          resource.RLIMIT_FSIZE, (4 * MIB, 4 * MIB)))
    same('no room: status', failed.returncode, 2)
    with open(path, 'rb') as a, open(place('none.zst'), 'rb') as b:
        expect(a.read() == b.read(), 'no room: the snapshot changed')
    same('no room: names left',
         [n for n in os.listdir(DIR) if 'holdfast-' in n], [])
    refused = holdfast('resolve', '-o', path, place('none.zst'))
    same('existing -o: status', refused.returncode, 2)


def check_other_build():
    name, other = build_id(place('full', 'prog')), place('wrong', '')
    path = place('wrong', '.build-id', name[:2], name[2:] + '.debug')
    tool('cc', '-g', '-Dprintf=printf', '-Wl,--build-id', '-shared', '-fPIC',
         '-DPART', '-o', path, place('full', 'prog.c'))
    to = place('other.zst')
    said = done('resolve', '--force', '--sysroot', place('nothing', ''),
                '--debug-dir', other, '-o', to, place('none.zst')).stderr
    expect('belongs to another build of prog, not used' in said,
           f'other build: said {said}')
    same('other build', debug_states(to)['prog'], 'none')


def blocks(path):
    """Addresses of blocks, and whether items are among them."""
    rows = [json.loads(line)
            for line in done('blocks', '--json', path).stdout.splitlines()]
    return {row['addr'] for row in rows}, any(row['type'] == 'item' for row in rows)


def diagnostics(path):
    info = json.loads(done('info', '--json', path).stdout)
    return {d['what']: d['count'] for d in info['diagnostics']}


def check_cut():
    """Cut off in its memory, near its end, and before its memory."""
    with open(place('none.zst'), 'rb') as f:
        data = f.read()
    end = sections_at(plain(place('none.zst')))
    sizes = [len(f[1]) for f in frames(place('none.zst'))]
    cut = place('cut.zst')
    for what, n in (('middle', len(data) // 2), ('early', sizes[0] + 100),
                    ('in the last frame', sum(sizes) - 10),
                    ('seek table', len(data) - 5)):
        with open(cut, 'wb') as f:
            f.write(data[:n])
        before = blocks(cut)
        done('resolve', '--debug-dir', place('parts-debug'), cut)
        after = blocks(cut)
        same(f'cut {what}: blocks', after[0], before[0])
        expect(not before[1] and (after[1] or not after[0]),
               f'cut {what}: types')
        same(f'cut {what}: state', debug_states(cut)['prog'], 'full')
        told = [d for d in diagnostics(cut) if 'cut off' in d]
        expect((len(told) == 1) == (n < sum(sizes) - MIB),
               f'cut {what}: told {told}')
        if n < sum(sizes) // 2 + MIB:
            expect(sections_at(plain(cut)) < end, f'cut {what}: no shorter')
        tool('readelf', '-hlSW', place_plain(cut))
    with open(cut, 'wb') as f:
        f.write(data[:sizes[0] // 2])
    failed = holdfast('resolve', cut)
    same('cut in the head: status', failed.returncode, 2)


def check_damaged():
    """A frame of memory that fails its checksum stays one."""
    damaged = place('damaged.zst')
    with open(place('none.zst'), 'rb') as f:
        data = bytearray(f.read())
    sizes = [len(f[1]) for f in frames(place('none.zst'))]
    at = sum(sizes[:6]) + sizes[6] // 2
    data[at] ^= 0x10
    with open(damaged, 'wb') as f:
        f.write(data)
    before = diagnostics(damaged)
    done('resolve', '--debug-dir', place('parts-debug'), damaged)
    same('damaged: state', debug_states(damaged)['prog'], 'full')
    with open(damaged, 'rb') as f:
        f.seek(at)
        same('damaged: the byte', f.read(1)[0], data[at])
    after = diagnostics(damaged)
    same('damaged: told', {k: v for k, v in after.items() if 'frame' in k},
         {k: v for k, v in before.items() if 'frame' in k})
    tail = place('tail.zst')			# damage in the old sections
    with open(place('all.zst'), 'rb') as f:
        data = bytearray(f.read())
    data[sum(len(f[1]) for f in frames(place('all.zst'))) - 2000] ^= 1
    with open(tail, 'wb') as f:
        f.write(data)
    done('resolve', '--debug-dir', place('parts-debug'), tail)
    check_same('damaged tail', tail, place('all.zst'))


def check_core():
    """A core, or a decompressed snapshot, is converted, to another file."""
    core = place('plain.core')
    tool('zstd', '-dqf', '-o', core, place('none.zst'))
    with open(core, 'rb') as f:
        before = f.read()
    refused = holdfast('resolve', '--debug-dir', place('parts-debug'), core)
    same('core: status', refused.returncode, 2)
    expect('-o FILE' in refused.stderr, f'core: said {refused.stderr}')
    with open(core, 'rb') as f:
        expect(f.read() == before, 'core: changed')
    to = place('from-core.zst')
    done('resolve', '--debug-dir', place('parts-debug'), '-o', to, core)
    check_same('decompressed', to, place('all.zst'))
    failed = holdfast('resolve', '-o', to, place('full', 'prog'))
    same('no core: status', failed.returncode, 2)


def check_debuginfod():
    """A client in PATH that has the files, has others, fails, or is not."""
    tools = place('bin', '')
    fake = tools + 'debuginfod-find'
    to, none = place('fetched.zst'), place('none.zst')
    log = place('asked')
    names = {build_id(place('full', n)): place('parts-debug', n + '.debug')
             for n in ('prog', 'libpart.so')}

    def resolve(script, *options, urls='http://localhost:1/'):
        if script:
            with open(fake, 'w') as f:
                f.write('#!/bin/sh\n' + script)
            os.chmod(fake, 0o755)
        elif os.path.exists(fake):
            os.unlink(fake)
        open(log, 'w').close()
        env = dict(os.environ, PATH=tools + ':/usr/bin:/bin')
        env['DEBUGINFOD_URLS'] = urls
        if not script:
            env['PATH'] = tools
        said = done('resolve', '--force', '--sysroot', place('nothing', ''),
                    *options, '-o', to, none, env=env).stderr
        with open(log) as f:
            return debug_states(to)['prog'], said, f.read().split()

    cases = '\n'.join(f'{i}) echo {path} ;;' for i, path in names.items())
    good = f'echo "$1/$2" >>{log}\ncase $2 in\n{cases}\n*) exit 1 ;;\nesac\n'
    state, said, asked = resolve(good, '--debuginfod')
    same('debuginfod', state, 'full')
    expect(set(f'debuginfo/{i}' for i in names) <= set(asked),
           f'debuginfod: asked {asked}')
    same('not asked for', resolve(good)[::2], ('none', []))
    wrong = place('full', 'libpart.so')
    state, said, _ = resolve(f'echo {wrong}\n', '--debuginfod')
    same('wrong file: state', state, 'none')
    expect('belongs to another build of prog' in said,
           f'wrong file: said {said}')
    same('nothing there', resolve('exit 1\n', '--debuginfod')[0], 'none')
    state, said, _ = resolve(None, '--debuginfod')
    expect(state == 'none' and 'there is no program debuginfod-find' in said
           and said.count('not asked') == 1, f'no client: said {said}')
    state, said, asked = resolve(good, '--debuginfod', urls='')
    expect(asked == [] and 'DEBUGINFOD_URLS is not set' in said,
           f'no servers: said {said}')


def main():
    for name in ('cc', 'c++', 'objcopy', 'strip', 'readelf', 'zstd'):
        if not shutil.which(name):
            print(f'no {name}')
            return 77
    # What one capture has read must not help the next one.
    os.environ['XDG_CACHE_HOME'] = place('cache', '')
    os.environ.pop('DEBUGINFOD_URLS', None)
    for name in SAMPLES:
        check_sample(name)
    capture_parts(build_parts())
    check_parts()
    check_names()
    check_nothing_is_lost()
    check_replacing()
    check_other_build()
    check_cut()
    check_damaged()
    check_core()
    check_debuginfod()
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
