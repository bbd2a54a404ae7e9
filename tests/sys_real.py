#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs that nobody here wrote: what is understood is exact, what is not
understood is said, with its size, in every report."""
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time

HOLDFAST, DIR = os.environ['HOLDFAST'], os.environ['TEST_DIR']
OBJECTS = 100_000
PYTHON = f'''
import os, signal
class Foo:
    def __init__(self, i): self.i = i; self.name = 'foo%d' % i
cache = [Foo(i) for i in range({OBJECTS})]
os.kill(os.getpid(), signal.SIGSTOP)
'''


def wait_stopped(pid):
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)


def run(*args):
    done = subprocess.run([HOLDFAST, *args], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, (args, done.returncode, done.stderr)
    return done.stdout


def capture(name, pid):
    path = os.path.join(DIR, name + '.core.zst')
    run('dump', '--force', '-o', path, str(pid))
    return path


def check_sums(path):
    info = json.loads(run('info', '--json', path))
    memory = json.loads(run('memory', '--json', path))
    assert sum(p['bytes'] for p in memory['parts']) == memory['rss'] > 0
    heap = info['heap']
    for unit in ('blocks', 'bytes'):
        assert heap[f'live_{unit}'] == sum(
            heap[f'{s}_{unit}'] for s in ('reachable', 'leaked', 'stale', 'weak'))
    return info


def allocator(info, name):
    found = [a for a in info['allocators'] if name in a['name']]
    assert len(found) == 1, (name, info['allocators'])
    return found[0]


def check_said(path, name):
    """Every report names the allocator that is not understood."""
    for report in ('info', 'memory', 'suspects', 'types', 'leaks', 'dominators',
                   'threads'):
        assert name in run(report, path), (report, name)
        notes = json.loads(run(report, '--json', path))['notes']
        assert any(name in n and 'not understood' in n for n in notes), report


def check_suspects(path, info):
    """Each sentence has its size, its share is what it says, and the command
    that it names works."""
    live = info['heap']['live_bytes']
    total = live + sum(a['mapped_bytes'] for a in info['allocators']
                       if not a['understood'])
    suspects = json.loads(run('suspects', '--json', path))['suspects']
    assert suspects, path
    for s in suspects:
        assert abs(s['share'] - s['retained'] / total) < 1e-9, s
        command, *args = shlex.split(s['next'])
        run(command, path, *args)
        if 'is free memory' in s['text']:
            assert s['retained'] > live, s
            continue
        assert total / 10 <= s['retained'] <= total, s
        assert '(%.0f %%)' % (100 * s['share']) in s['text'], s
    for a in info['allocators']:
        told = any(a['name'].split()[-1] in s['text'] and 'not understood' in
                   s['text'] for s in suspects)
        assert told == (not a['understood'] and
                        a['mapped_bytes'] > total / 10), (a, suspects)
    return suspects


def python_on_malloc():
    child = subprocess.Popen(['/usr/bin/python3', '-c', PYTHON],
                             env={**os.environ, 'PYTHONMALLOC': 'malloc'})
    try:
        wait_stopped(child.pid)
        path = capture('python_malloc', child.pid)
    finally:
        child.kill()
        child.wait()
    info = check_sums(path)
    check_suspects(path, info)
    glibc = allocator(info, 'glibc')
    assert glibc['understood'] and len(info['allocators']) == 1
    assert info['heap']['live_blocks'] > 3 * OBJECTS
    assert info['heap']['leaked_blocks'] == 0, info['heap']


def python_as_it_is():
    child = subprocess.Popen(['/usr/bin/python3', '-c', PYTHON])
    try:
        wait_stopped(child.pid)
        path = capture('python', child.pid)
    finally:
        child.kill()
        child.wait()
    info = check_sums(path)
    check_suspects(path, info)
    obmalloc = allocator(info, 'obmalloc')
    assert not obmalloc['understood'] and obmalloc['mapped_bytes'] > 10 << 20
    check_said(path, 'obmalloc')


def bash():
    script = 'for i in {1..5000}; do x[$i]="value $i"; done; kill -STOP $$; :'
    child = subprocess.Popen(['bash', '-c', script])
    try:
        wait_stopped(child.pid)
        path = capture('bash', child.pid)
    finally:
        child.kill()
        child.wait()
    info = check_sums(path)
    check_suspects(path, info)
    assert allocator(info, 'glibc')['understood']
    assert info['heap']['live_blocks'] > 10_000


def redis():
    server = shutil.which('redis-server')
    assert server, 'redis-server is not installed; run tests/deps.sh'
    sock = os.path.join(DIR, 'redis.sock')
    child = subprocess.Popen([server, '--port', '0', '--unixsocket', sock,
                              '--save', '', '--dir', DIR],
                             stdout=subprocess.DEVNULL)
    try:
        while not os.path.exists(sock):
            assert child.poll() is None
            time.sleep(0.02)
        path = capture('redis', child.pid)
    finally:
        child.terminate()
        child.wait()
    info = check_sums(path)
    check_suspects(path, info)
    jemalloc = allocator(info, 'jemalloc')
    assert not jemalloc['understood'] and jemalloc['mapped_bytes'] >= 1 << 20
    check_said(path, 'jemalloc')


def stopped_at(command, size):
    """A process that was stopped when it had so much memory; None if it ended
    before that."""
    child = subprocess.Popen(command)
    while True:
        with open(f'/proc/{child.pid}/statm') as statm:
            if int(statm.read().split()[1]) * 4096 > size:
                break
        ended = os.waitid(os.P_PID, child.pid,
                          os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended:
            assert child.wait() == 0
            return None
        time.sleep(0.01)
    child.send_signal(signal.SIGSTOP)
    status = os.waitid(os.P_PID, child.pid,
                       os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    if status.si_code == os.CLD_STOPPED:
        return child
    child.wait()
    return None


def cc1plus():
    source = os.path.join(DIR, 'big.cc')
    with open(source, 'w') as out:
        for i in range(100):
            out.write(f'#include <map>\n#include <string>\n#include <regex>\n'
                      f'std::map<int, std::string> m{i}; std::regex r{i}("a*");\n')
    program = subprocess.run(['g++', '-print-prog-name=cc1plus'],
                             stdout=subprocess.PIPE, text=True).stdout.strip()
    plain = os.path.join(DIR, 'big.ii')
    subprocess.run(['g++', '-E', '-o', plain, source], check=True)
    command = [program, '-quiet', '-O2', '-fpreprocessed', plain, '-o',
               os.path.join(DIR, 'big.s')]
    # One that has ended before anybody looked is begun again.
    while not (child := stopped_at(command, 80 << 20)):
        pass
    try:
        path = capture('cc1plus', child.pid)
    finally:
        child.kill()
        child.wait()
    info = check_sums(path)
    check_suspects(path, info)
    ggc = allocator(info, 'ggc')
    assert not ggc['understood'] and ggc['mapped_bytes'] > 20 << 20
    check_said(path, 'ggc')


def main():
    for test in (python_on_malloc, python_as_it_is, bash, redis, cc1plus):
        test()
        print('ok', test.__name__)
    return 0


if __name__ == '__main__':
    sys.exit(main())
