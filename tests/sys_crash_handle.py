#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`holdfast crash handle` by hand: what may go wrong does not hang, leaves no
rubbish, and is told."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True		# leave the source tree clean
from findings import DIR, HOLDFAST, expect, failures  # noqa: E402

STORE = f'{DIR}/crashes'
TIME = '1795232568'
GONE = '4194303'		# beyond every pid of a machine of usual size

PROGRAM = r"""
#include <stdlib.h>
#include <unistd.h>
struct item { struct item *next; long n; } *items;
int main(void)
{
	for (long i = 0; i < 500; i++) {
		struct item *item = malloc(sizeof(*item));

		item->next = items;
		item->n = i;
		items = item;
	}
	if (write(1, "\n", 1) == 1)
		pause();
	return 0;
}
"""


def command(store, pid):
    return [HOLDFAST, 'crash', 'handle', '--dir', store, str(pid), str(pid),
            '11', TIME]


def handle(core, pid=GONE, store=STORE):
    """(status, what it said) with @core on standard input."""
    done = subprocess.run(command(store, pid), input=core, timeout=600,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stderr.decode()


def listed(store=STORE):
    out = subprocess.run([HOLDFAST, 'crash', 'list', '--json', '--dir', store],
                         stdout=subprocess.PIPE, check=True).stdout
    return json.loads(out)['crashes']


def set_limits(store=STORE, **limits):
    limits = {'keep_free': 1 << 20, **limits}	# however full the disk
    with open(f'{store}/settings', 'w') as f:
        for key, value in limits.items():
            f.write(f'{key.replace("_", "-")} {value}\n')


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except (FileNotFoundError, ProcessLookupError):
        return ''


def children_of(pid):
    return read(f'/proc/{pid}/task/{pid}/children').split()


def leftovers(store=STORE):
    return [n for n in os.listdir(store) if n.startswith('.')]


def refused(what, words, core, **kwargs):
    status, said = handle(core, **kwargs)
    expect(status == 2 and re.search(words, said),
           f'{what}: status {status}, {said!r}')
    expect(said.count('\n') == 1, f'{what} is told in one line: {said!r}')


def test_garbage(early):
    set_limits(limit_time=600)
    refused('nothing', 'no core', b'')
    refused('text', 'not a core', b'hello\n' * 100)
    refused('noise', 'not a core', os.urandom(100000))
    refused('a cut header', 'cut off in its header', early[:80])
    refused('cut notes', 'cut off in its notes', early[:5000])
    wild = bytearray(early[:8192])
    wild[64 + 32:64 + 40] = b'\xff' * 8		# size of the notes
    refused('wild notes', 'larger than', bytes(wild))
    expect(all(not c['stored'] and c['why'] for c in listed()) and
           len(listed()) == 6, f'listed: {listed()}')
    expect(not leftovers(), f'left: {leftovers()}')
    done = subprocess.run([HOLDFAST, 'crash', 'handle', '--dir', STORE, 'x',
                           '1', '2', '3'], stdin=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True)
    expect(done.returncode == 2 and 'expected' in done.stderr, f'{done}')


def test_stream(core, early):
    """The process is gone: what the kernel sent is all there is."""
    status, said = handle(core)
    stored = [c for c in listed() if c['stored']]
    if not expect(status == 0 and len(stored) == 1, f'gone: {said}'):
        return
    entry = stored[0]
    out = subprocess.run([HOLDFAST, 'types', '--json', entry['path']],
                         stdout=subprocess.PIPE).stdout
    counts = {t['type']: t['count'] for t in json.loads(out)['types']}
    expect(counts.get('item') == 500, f'gone: {counts}')
    os.unlink(entry['path'])
    status, said = handle(early[:len(early) * 2 // 3])
    entry = next(c for c in listed() if c['stored'])
    out = subprocess.run([HOLDFAST, 'info', '--json', entry['path']],
                         stdout=subprocess.PIPE).stdout
    notes = ' '.join(json.loads(out)['notes'])
    expect(status == 0 and 'cut off' in notes, f'cut: {said} {notes}')
    os.unlink(entry['path'])


def test_no_folder(core):
    refused('no folder', 'No such file', core, store=f'{DIR}/nowhere')
    os.mkdir(f'{DIR}/open', 0o755)
    refused('a folder of everybody', 'mode 0700', core, store=f'{DIR}/open')
    os.symlink(STORE, f'{DIR}/link')
    refused('a link', 'link|directory', core, store=f'{DIR}/link')


def test_full_disk(early):
    """A disk of 1 MiB, with no room for the core."""
    small = f'{DIR}/small'
    os.mkdir(small)
    done = subprocess.run(['mount', '-t', 'tmpfs', '-o',
                           'size=1m,mode=0700', 'none', small])
    if done.returncode:
        print('no tmpfs here: a full disk is not tested')
        return
    try:
        set_limits(small, keep_free=1, limit_time=600)
        with open(f'{small}/ballast', 'wb') as f:
            f.write(bytes(900 << 10))
        refused('a full disk', 'disk full|are free there', early, store=small)
        os.unlink(f'{small}/ballast')
        set_limits(small, keep_free=1 << 40, limit_time=600)
        refused('a disk to be kept free', 'no room', early, store=small)
        expect(not [n for n in os.listdir(small) if n.endswith('.zst')],
               f'full disk: {os.listdir(small)}')
    finally:
        subprocess.run(['umount', small], check=True)


def test_silence():
    """The kernel stalls: time is up, and nobody waits forever."""
    set_limits(limit_time=1)
    child = subprocess.Popen(command(STORE, GONE), stdin=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    status = child.wait(timeout=600)
    expect(status == 2, f'silence: {status}')
    child.stdin.close()
    child.stderr.close()
    expect(not leftovers(), f'left: {leftovers()}')


def test_two_at_once(program):
    """One executable at a time; the other crash is only listed."""
    set_limits(limit_time=600)
    first, second = (subprocess.Popen([program], stdout=subprocess.PIPE)
                     for _ in range(2))
    for child in (first, second):
        child.stdout.readline()
    slow = subprocess.Popen(command(STORE, first.pid), stdin=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)
    # It reads the first byte after it has claimed the executable.
    slow.stdin.write(b'\x7fELF')
    slow.stdin.flush()
    while not any(read(f'/proc/{pid}/syscall').startswith('0 0x0 ')
                  for pid in children_of(slow.pid)):	# read(0, ...
        if not expect(slow.poll() is None, 'the slow one ended'):
            break
        time.sleep(0.01)
    status, said = handle(b'', pid=second.pid)
    entry = next(c for c in listed() if c['pid'] == second.pid)
    expect(status == 2 and 'another crash' in said and
           'another crash' in entry['why'] and
           entry['executable'] == program, f'two at once: {said} {entry}')
    slow.stdin.close()
    slow.wait(timeout=600)
    for child in (first, second):
        child.kill()
        child.wait()
        child.stdout.close()


def test_leftovers(core):
    """Temporary files of handlers that were killed go after an hour."""
    for name, age in (('.holdfast-abc123', 7200), ('.holdfast-new456', 0)):
        path = f'{STORE}/{name}'
        open(path, 'w').close()
        os.utime(path, (time.time() - age,) * 2)
    handle(core)
    expect(leftovers() == ['.holdfast-new456'], f'left: {leftovers()}')
    os.unlink(f'{STORE}/.holdfast-new456')


def test_journal():
    """It is bounded, and survives damage."""
    with open(f'{STORE}/journal', 'ab') as f:
        f.write(b'\x00garbage\n\t\t\t\n20261121T030405Z\t1\t999\t-\t-\tx\n')
        f.write(b'20261121T030405Z\t77\t11\t-\twhy\t/bin/\xff%s\n' * 12000)
    handle(b'')
    size = os.path.getsize(f'{STORE}/journal')
    expect(size < 300 << 10, f'journal of {size} bytes')
    entries = listed()
    expect(any(c['pid'] == 77 for c in entries) and
           any(c['pid'] == int(GONE) for c in entries), 'journal is cut at '
           'its older end')


def main():
    if os.geteuid() != 0:
        print('needs root')
        return 77
    if not all(map(shutil.which, ('gcore', 'cc', 'zstd'))):
        print('needs gcore, cc and zstd')
        return 77
    os.mkdir(STORE, 0o700)
    program = f'{DIR}/prog'
    with open(f'{program}.c', 'w') as f:
        f.write(PROGRAM)
    subprocess.run(['cc', '-g', '-o', program, f'{program}.c'], check=True)
    child = subprocess.Popen([program], stdout=subprocess.PIPE)
    child.stdout.readline()
    subprocess.run(['gcore', '-o', f'{DIR}/core', str(child.pid)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # As the kernel writes it, with the notes before the memory.
    subprocess.run([HOLDFAST, 'dump', '--no-types', '-o', f'{DIR}/early.zst',
                    str(child.pid)], check=True, stderr=subprocess.DEVNULL)
    early = subprocess.run(['zstd', '-q', '-dc', f'{DIR}/early.zst'],
                           check=True, stdout=subprocess.PIPE).stdout
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with open(f'{DIR}/core.{child.pid}', 'rb') as f:
        core = f.read()
    test_garbage(early)
    test_stream(core, early)
    test_no_folder(core)
    test_full_disk(early)
    test_silence()
    test_two_at_once(program)
    test_leftovers(core)
    test_journal()
    print(f'{len(failures)} failures')
    return 1 if failures else 0


sys.exit(main())
