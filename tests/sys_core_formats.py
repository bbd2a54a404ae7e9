#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Cores as people have them - of the kernel and of gcore, packed as systemd
and others do, whole and cut, from files and pipes - give what the process gave."""
import json
import os
import resource
import shutil
import signal
import subprocess
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
import core_pattern_guard  # noqa: E402
from findings import BUILD, DIR, HOLDFAST, expect, failures  # noqa: E402

PACKERS = {
    '.zst': ['zstd', '-q', '-c'],
    # As systemd-coredump does it: one stream of unknown length.
    '.piped.zst': ['sh', '-c', 'cat "$0" | zstd -q -c'],
    '.xz': ['xz', '-1', '-c'],
    '.gz': ['gzip', '-1', '-c'],
}


def holdfast(*args, status=0, **kwargs):
    done = subprocess.run([HOLDFAST, *args], timeout=600, **kwargs,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    expect(done.returncode == status, f'{" ".join(args)}: status '
           f'{done.returncode}, {done.stderr.decode().strip()}')
    return done.stdout.decode() + (done.stderr.decode() if status else '')


def types_of(file):
    """{type: count}, and the notes."""
    report = json.loads(holdfast('types', '--json', file))
    return ({t['type']: t['count'] for t in report['types'] if t['type']},
            ' '.join(report['notes']))


def kernel_core(pid):
    """What the kernel leaves, where it writes cores to files."""
    with core_pattern_guard.unchanged() as pattern:
        os.kill(pid, signal.SIGABRT)
        os.kill(pid, signal.SIGCONT)
        os.waitpid(pid, 0)
    if pattern.startswith('|') or '/' in pattern:
        return None
    left = [n for n in os.listdir('.') if n.startswith('core')]
    return os.path.join(DIR, left[0]) if left else None


def make_cores():
    """({kind: core}, types of the live process)"""
    child = subprocess.Popen([f'{BUILD}/samples/virtual_shapes'],
                             stdout=subprocess.PIPE)
    child.stdout.readline()
    os.waitpid(child.pid, os.WUNTRACED)
    holdfast('dump', '-o', f'{DIR}/live.core.zst', str(child.pid))
    subprocess.run(['gcore', '-o', f'{DIR}/gcore', str(child.pid)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cores = {'gcore': f'{DIR}/gcore.{child.pid}'}
    kernel = kernel_core(child.pid)
    child.returncode = 0
    child.stdout.close()
    if kernel:
        cores['kernel'] = kernel
    else:
        print('kernel.core_pattern makes no files: no core of the kernel')
    return cores, types_of(f'{DIR}/live.core.zst')[0]


def convert(what, core, want, stdin=False, part=None):
    """Convert, look, and say what the notes were."""
    out = f'{DIR}/out.core.zst'
    with open(core, 'rb') as f:
        data = f.read() if stdin else b''
    if stdin:
        holdfast('dump', '--force', '-o', out, '--core', '-', input=data)
    else:
        holdfast('dump', '--force', '-o', out, '--core', core)
    got, notes = types_of(out)
    if part:
        expect('cut off' in notes or 'lost' in notes or 'missing' in notes,
               f'{what}: notes: {notes}')
    else:
        expect(got == want, f'{what}: {got} instead of {want}')


def check_core(kind, core, want):
    """Packed in each way, as a file and from a pipe, opened and converted."""
    packed = {'': core}
    for suffix, packer in PACKERS.items():
        packed[suffix] = core + suffix
        with open(packed[suffix], 'wb') as f:
            subprocess.run([*packer, core], stdout=f, check=True)
    for suffix, path in packed.items():
        what = f'{kind}{suffix}'
        got, _ = types_of(path)
        expect(got == want, f'{what}, opened: {got} instead of {want}')
        convert(what, path, want)
        convert(f'{what} from a pipe', path, want, stdin=True)
        cut = f'{DIR}/cut{suffix}'
        with open(path, 'rb') as f, open(cut, 'wb') as to:
            to.write(f.read()[:os.path.getsize(path) * 7 // 10])
        if kind == 'kernel':		# gcore's notes stand at the end
            convert(f'{what}, cut', cut, want, part=True)
            convert(f'{what}, cut, from a pipe', cut, want, stdin=True,
                    part=True)


def check_other_build(core):
    """A file that is another build than the process does not count."""
    root = f'{DIR}/root'
    program = f'{BUILD}/samples/virtual_shapes'
    os.makedirs(root + os.path.dirname(program))
    shutil.copy(f'{BUILD}/samples/server', root + program)
    out = f'{DIR}/other.core.zst'
    holdfast('dump', '-o', out, '--sysroot', root, '--core', core)
    got, notes = types_of(out)
    expect(not any(name.startswith('geo::') for name in got),
           f'another build: {got}')


def check_pause(core):
    """A core does not say for how long its process stood still."""
    for file, known in (f'{DIR}/live.core.zst', True), (core, False), \
            (f'{DIR}/out.core.zst', False):
        pause = json.loads(holdfast('info', '--json', file))['process'][
            'pause_ms']
        expect((pause is not None and pause > 0) == known,
               f'{file}: pause {pause}')
        text = holdfast('info', file)
        expect(('pause of' in text) == known, text)


def check_lz4():
    path = f'{DIR}/core.lz4'
    with open(path, 'wb') as f:
        f.write(b'\x04\x22\x4d\x18' + bytes(1000))
    for args in (['types', path], ['dump', '--core', path]):
        expect('lz4' in holdfast(*args, status=2), f'{args}: lz4')


def main():
    for tool in ('gcore', 'zstd', 'xz', 'gzip'):
        if not shutil.which(tool):
            print(f'needs {tool}')
            return 77
    os.chdir(DIR)
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    if os.geteuid() == 0:
        hard = resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    cores, want = make_cores()
    expect({'geo::Circle', 'geo::Polygon', 'geo::text::Label'} <= set(want),
           f'the live process: {want}')
    for kind, core in cores.items():
        check_core(kind, core, want)
    check_other_build(cores["gcore"])
    check_pause(cores["gcore"])
    check_lz4()
    print(f'{len(failures)} failures')
    return 1 if failures else 0


sys.exit(main())
