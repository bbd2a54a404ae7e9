#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trouble is one line on stderr that says what, and exit status 2."""
import json
import os
import signal
import struct
import subprocess
import sys

HOLDFAST = os.environ['HOLDFAST']
BUILD = os.environ['BUILD']
DIR = os.environ['TEST_DIR']

# What stands behind FILE, and which of the options that take a value.
REPORTS = {
    'info': ([], []),
    'memory': ([], []),
    'suspects': ([], []),
    'types': ([], ['--sort', '--filter']),
    'leaks': ([], ['--sort', '--filter']),
    'cycles': ([], ['--sort', '--filter']),
    'dominators': ([], []),
    'retainers': (['Account'], []),
    'threads': ([], []),
    'show': (['0x1000'], []),
    'blocks': ([], ['--filter']),
    'waste': ([], []),
    'refcounts': ([], []),
    'diff': (['GOOD'], ['--sort', '--filter']),
}
failures = []


def core_header(cls, data, machine):
    ident = b'\x7fELF' + bytes([cls, data, 1]) + bytes(9)
    order = '<' if data == 1 else '>'
    rest = 'HHIIIIIHHHHHH' if cls == 1 else 'HHIQQQIHHHHHH'
    return ident + struct.pack(order + rest, 4, machine, 1, 0, 64, 0, 0, 64,
                               56, 0, 0, 0, 0) + bytes(200)


def make_files(good):
    """Name of what is wrong -> (argument, words that its message has)."""
    with open(good, 'rb') as f:
        whole = f.read()
    contents = {
        'empty': (b'', 'empty'),
        'text': (b'this is a text and no core\n' * 40, 'text'),
        'noise': (bytes((i * 167 + (i >> 3)) & 255 for i in range(4096)),
                  'not a core'),
        'core32': (core_header(1, 1, 3), '32-bit'),
        'bigendian': (core_header(2, 2, 62), 'big-endian'),
        'arm': (core_header(2, 1, 183), 'aarch64'),
        'half_header': (core_header(2, 1, 62)[:40], ''),
        'cut_early': (whole[:20], ''),
    }
    files = {}
    for name, (data, word) in contents.items():
        path = os.path.join(DIR, name)
        with open(path, 'wb') as f:
            f.write(data)
        files[name] = (path, [path, word])
    missing = os.path.join(DIR, 'missing')
    files['missing'] = (missing, [missing, 'No such file'])
    files['folder'] = (DIR, [DIR, 'directory'])
    files['program'] = (HOLDFAST, [HOLDFAST, 'executable'])
    files['pid'] = (str(os.getpid()), [f'holdfast dump {os.getpid()}'])
    return files


def run(*args, **how):
    return subprocess.run([HOLDFAST, *args], stdin=subprocess.DEVNULL,
                          stdout=how.get('stdout', subprocess.PIPE),
                          stderr=subprocess.PIPE, text=True, timeout=600,
                          errors='replace')


def expect_trouble(args, words=()):
    done = run(*args)
    lines = done.stderr.split('\n')
    what = None
    if done.returncode != 2:
        what = f'exit status {done.returncode}'
    elif done.stdout:
        what = f'wrote {done.stdout[:80]!r}'
    elif len(lines) != 2 or lines[1]:
        what = f'{len(lines) - 1} lines'
    elif not lines[0].startswith(('holdfast: ', 'usage: holdfast ')):
        what = 'does not say who speaks'
    for word in words:
        if word not in done.stderr:
            what = f'does not say {word!r}'
    if what:
        failures.append(f'{" ".join(args)}: {what}: {done.stderr[:300]!r}')


def check_files(files, good):
    for command, (more, _) in REPORTS.items():
        more = [good if m == 'GOOD' else m for m in more]
        for path, words in files.values():
            expect_trouble([command, path, *more], words)
            expect_trouble([command, '--json', path, *more], words)
    for path, words in files.values():
        if path == files['pid'][0]:
            expect_trouble([path], [f'holdfast dump {path}'])
        elif path != files['missing'][0]:
            expect_trouble([path], words)
        expect_trouble(['diff', good, path], words)
    expect_trouble(['tui', good], ['terminal'])


def check_options(good):
    for command, (more, options) in REPORTS.items():
        more = [good if m == 'GOOD' else m for m in more]
        expect_trouble([command, '--nope', good, *more], ['--nope', command])
        expect_trouble([command, '-z', good, *more], ['-z', command])
        expect_trouble([command], ['usage', command])
        expect_trouble([command, good, *more, '--limit'], ['--limit'])
        for value in ('x', '-1', '', '3x', '1e3'):
            expect_trouble([command, '--limit', value, good, *more],
                           ['--limit', f'"{value}"'])
        if '--sort' in options:
            expect_trouble([command, '--sort', 'nope', good, *more],
                           ['--sort', 'nope'])
        else:
            expect_trouble([command, '--sort', 'nope', good, *more],
                           ['--sort'])
        if '--filter' in options:
            expect_trouble([command, '--filter', '(', good, *more],
                           ['--filter'])
    expect_trouble(['dominators', '--depth', 'x', good], ['--depth'])
    expect_trouble(['dominators', '--of', 'x', good], ['"x"', '0x'])
    expect_trouble(['show', good, 'nope'], ['nope', '0x'])
    expect_trouble(['show', good, '0x10'], ['0x10'])
    expect_trouble(['retainers', good, 'NoSuchType'], ['NoSuchType', 'types'])
    expect_trouble(['info', good, 'B'], ['"B"', 'too many', 'usage'])
    expect_trouble(['show', good, '0x10', 'C'], ['"C"', 'too many', 'usage'])
    expect_trouble(['retainers', good], ['missing', 'usage'])
    expect_trouble([good, 'B'], ['"B"', 'too many', 'usage'])
    expect_trouble(['tui', good, good, 'C'], ['"C"', 'too many', 'usage'])
    expect_trouble(['tui', '--nope', good], ['--nope', 'tui'])
    expect_trouble(['nope'], ['nope', 'help'])
    expect_trouble(['help', 'nope'], ['nope', 'help'])
    expect_trouble(['dump'], ['usage'])
    expect_trouble(['dump', '--nope', '1'], ['--nope'])
    expect_trouble(['dump', '-o'], ['-o'])
    expect_trouble(['dump', '--core', good, '1'], ['--core', 'not both'])
    expect_trouble(['dump', '-o', good, '1', '2'], [good, 'folder'])
    expect_trouble(['resolve'], ['missing', 'usage'])
    expect_trouble(['resolve', good, 'B'], ['"B"', 'too many', 'usage'])
    expect_trouble(['run'], ['missing', 'usage'])
    expect_trouble(['crash'], ['install', 'status'])
    expect_trouble(['crash', 'nope'], ['install', 'status'])
    expect_trouble(['crash', 'status', 'B'], ['"B"', 'status'])
    expect_trouble(['crash', 'status', '--max-size', '1'],
                   ['--max-size', 'status'])
    for command, option, value in (
            ('dump', '--level', 'x'), ('dump', '--content', 'some'),
            ('run', '--every', 'often'), ('run', '--on-signal', 'KILL'),
            ('resolve', '--level', '20'), ('crash', '--max-size', 'z'),
            ('crash', '--keep-free', '100%')):
        first = [command] + ['install'] * (command == 'crash')
        expect_trouble([*first, option, value, 'true'],
                       [command, option, f'"{value}"', 'help'])
    expect_trouble(['dump', 'x'], ['"x"'])
    expect_trouble(['dump', '4194304999'], [])
    expect_trouble(['dump', '--core', f'{DIR}/missing', '-o', f'{DIR}/out'],
                   ['missing'])


def check_outputs(good):
    first = json.loads(run('blocks', '--json', good).stdout.split('\n')[0])
    types = json.loads(run('types', '--json', good).stdout)['types']
    name = next(t['type'] for t in types if t['type'])
    behind = {'diff': [good], 'show': [first['addr']], 'retainers': [name]}
    for command in REPORTS:
        more = behind.get(command, [])
        for extra in ([], ['--json']):
            args = [command, *extra, good, *more]
            with open('/dev/full', 'w') as full:
                done = run(*args, stdout=full)
            if done.returncode != 2 or 'No space left' not in done.stderr:
                failures.append(f'{" ".join(args)} > /dev/full: status '
                                f'{done.returncode}: {done.stderr[:200]!r}')
            reader, writer = os.pipe()
            os.close(reader)
            done = run(*args, stdout=writer)
            os.close(writer)
            if done.returncode != 0 or done.stderr:
                failures.append(f'{" ".join(args)} | true: status '
                                f'{done.returncode}: {done.stderr[:200]!r}')


def capture():
    path = os.path.join(DIR, 'good.core.zst')
    child = subprocess.Popen([os.path.join(BUILD, 'samples', 'server')],
                             stdout=subprocess.PIPE)
    try:
        child.stdout.readline()
        os.waitpid(child.pid, os.WUNTRACED)
        subprocess.run([HOLDFAST, 'dump', '-o', path, str(child.pid)],
                       check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    return path


def main():
    good = capture()
    check_files(make_files(good), good)
    check_options(good)
    check_outputs(good)
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
