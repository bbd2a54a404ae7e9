#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The static program must work where there is nothing but itself and /proc:
no libraries, no locales, no terminfo, no users, no folder for caches.
"""
import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True		# leave the source tree clean
from findings import BUILD, HOLDFAST, SOURCE, expect, failures  # noqa: E402
import samples_check  # noqa: E402

DIR = os.path.abspath(os.environ['TEST_DIR'])
ROOT = os.path.join(DIR, 'root')
IDLE = b'\033]777;idle'


def build():
    """Link it from the objects that are there; why that is not possible."""
    where = os.path.relpath(BUILD, SOURCE)
    with open(HOLDFAST, 'rb') as f:
        if b'__asan_init' in f.read():
            return 'a program with sanitizers cannot be static'
    env = {k: v for k, v in os.environ.items() if not k.startswith('MAKE')}
    made = subprocess.run(['make', '-s', f'B={where}',
                           f'{where}/static/holdfast'], cwd=SOURCE, env=env,
                          text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if made.returncode and 'cannot find -l' in made.stdout:
        return 'static libraries are missing'
    expect(made.returncode == 0, f'make: {made.stdout}')
    expect('statically linked' not in made.stdout,
           f'it will look for shared objects: {made.stdout}')
    return None


def inside(*args, **env):
    """Run it as the only program of its world, in its world's root folder."""
    def enter():
        os.chroot(ROOT)
        os.chdir('/')

    return subprocess.run(['/holdfast', *args], env=env, preexec_fn=enter,
                          timeout=600, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)


def done(*args, **env):
    result = inside(*args, **env)
    expect(result.returncode == 0, f'{" ".join(args)}: status '
           f'{result.returncode}, {result.stderr.strip()}')
    return result


def outside(*args):
    return subprocess.run([HOLDFAST, *args], check=True, timeout=600,
                          stdout=subprocess.PIPE, text=True).stdout


def check_reports(file):
    """Word for word what the other program says of the same file."""
    there = ROOT + file
    for command in ('types', 'leaks', 'cycles', 'dominators', 'suspects',
                    'threads', 'memory', 'blocks'):
        got = done(command, '--json', file).stdout
        want = outside(command, '--json', there).replace(there, file)
        expect(got == want, f'{command} differs')
    leaked = json.loads(done('info', '--json', file).stdout)['heap']
    expect(leaked['leaked_blocks'] > 0 and leaked['reachable_blocks'] > 0,
           f'heap: {leaked}')
    for locale in ('C', 'en_US.UTF-8', 'C.UTF-8'):
        said = done('leaks', file, LANG=locale).stdout
        expect('chat::UploadHandler' in said, f'LANG={locale}: {said}')


def until(fd, mark, seconds=300):
    """Read up to MARK or the end; what came."""
    got, end = b'', time.monotonic() + seconds
    while mark not in got and time.monotonic() < end:
        if not select.select([fd], [], [], 1)[0]:
            continue
        try:
            part = os.read(fd, 1 << 16)
        except OSError:			# the other end was closed
            break
        if not part:
            break
        got += part
    return got


def browse(file, term):
    """(what it drew first, exit status) of the browser on a terminal."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chroot(ROOT)
        os.chdir('/')
        os.execve('/holdfast', ['holdfast', 'tui', file],
                  {'TERM': term, 'HOLDFAST_MARK_IDLE': '1'})
    drawn = until(fd, IDLE)
    if IDLE in drawn:
        os.write(fd, b'Q')
    drawn += until(fd, b'never')
    os.close(fd)
    return drawn, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def check_browser(file):
    for term in ('xterm', 'xterm-256color', 'linux', 'screen', 'vt100',
                 'tmux-256color'):
        drawn, status = browse(file, term)
        expect(IDLE in drawn and b'Overview' in drawn and status == 0,
               f'browser, TERM={term}: status {status}, {drawn[:400]}')
    drawn, status = browse(file, 'no-such-terminal')
    expect(status == 2 and b'TERM=no-such-terminal' in drawn,
           f'browser, unknown terminal: status {status}, {drawn[:400]}')


def main():
    why = build()
    if why:
        print(why)
        return 77
    program = os.path.join(BUILD, 'static', 'holdfast')
    if not os.path.exists(program):
        return 1
    kind = subprocess.run(['readelf', '-lW', program], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    expect('INTERP' not in kind, 'it asks for a dynamic linker')
    if os.getuid() != 0:
        print('only root may chroot')
        return 77 if not failures else 1
    # Mounts are for this test alone, and end with it.
    if not os.environ.get('MOUNTS_ARE_OURS'):
        os.environ['MOUNTS_ARE_OURS'] = '1'
        os.execvp('unshare', ['unshare', '-m', sys.executable, __file__])
    os.makedirs(os.path.join(ROOT, 'proc'))
    shutil.copy(program, os.path.join(ROOT, 'holdfast'))
    if subprocess.run(['mount', '--bind', '/proc', f'{ROOT}/proc'],
                      stderr=subprocess.DEVNULL).returncode:
        print('/proc cannot be bound')
        return 77 if not failures else 1
    sample = os.path.join(BUILD, 'samples', 'server')
    with samples_check.stopped(sample) as (pid, _):
        said = done('dump', '-o', '/s.core.zst', str(pid)).stderr
        expect('s.core.zst: ' in said, f'dump: {said}')
    check_reports('/s.core.zst')
    done('resolve', '/s.core.zst')
    check_browser('/s.core.zst')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
