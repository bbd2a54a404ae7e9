#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What an analysis found is kept, and every report is the same to the byte
with it; a damaged, foreign or missing index costs time and nothing else."""
import hashlib
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
from findings import BUILD, DIR, HOLDFAST, expect, failures  # noqa: E402
import samples_check  # noqa: E402
import sys_tui  # noqa: E402

NOT_REPORTS = ('dump', 'run', 'crash', 'resolve', 'tui', 'diff')
PAGE = 4096


def environment(cache, when, threads=2):
    env = {**os.environ, 'XDG_CACHE_HOME': cache,
           'HOLDFAST_THREADS': str(threads)}
    env.pop('HOLDFAST_INDEX', None)
    return {**env, 'HOLDFAST_INDEX': when} if when else env


def run(args, cache, when='always', threads=2, program=HOLDFAST, **more):
    """Standard output; status and standard error must be good."""
    done = subprocess.run([program, *args], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=600,
                          env=environment(cache, when, threads), **more)
    expect(done.returncode == 0 and done.stderr == '',
           f'{args}: status {done.returncode} {done.stderr}')
    return done.stdout


def without_index(text):
    """A report of `info` without what it says of the index."""
    text = re.sub(r'\n *"index": (true|false),', '', text)
    return re.sub(r'\nAnalysis   kept .*', '', text)


def index_folder(cache):
    return f'{cache}/holdfast/index'


def index_files(cache):
    folder = index_folder(cache)
    return [f'{folder}/{name}' for name in
            (os.listdir(folder) if os.path.isdir(folder) else [])]


def only_index(cache):
    files = index_files(cache)
    expect(len(files) == 1, f'{cache}: {len(files)} indexes')
    return files[0]


def is_used(path, cache, **more):
    return json.loads(run(['info', '--json', path], cache, **more))['index']


def sha(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


def capture(pid, name):
    path = f'{DIR}/{name}.core.zst'
    done = subprocess.run([HOLDFAST, 'dump', '-o', path, str(pid)],
                          stderr=subprocess.PIPE, text=True)
    if done.returncode != 0 and 'permitted' in done.stderr:
        print('no permission to trace a process here')
        sys.exit(77)
    expect(done.returncode == 0, f'dump: {done.stderr}')
    return path


def reports(path):
    """Calls of every report on @path."""
    names = [name for name in re.findall(
        r'^  ([a-z]+) ', subprocess.run([HOLDFAST, 'help'], text=True,
                                        stdout=subprocess.PIPE).stdout, re.M)
        if name not in NOT_REPORTS]
    block = json.loads(run(['blocks', '--json', '--limit', '1', path],
                           '/nowhere', 'never').split('\n')[0])
    calls = [[path]]
    for name in names:
        args = [block['addr']] if name in ('show', 'retainers') else []
        calls.append([name, '--json', path, *args])
        if name not in ('blocks', 'sql'):
            calls.append([name, '--bytes', path, *args])
    return calls + [['diff', path, path]]


def check_same(path, name, all_reports):
    """Each report, anew, when its results are kept, and from what was kept."""
    cache = f'{DIR}/cache.{name}'
    calls = reports(path)
    for i, call in enumerate(calls if all_reports else
                             calls[:1] + random.sample(calls[1:], 6)):
        anew = without_index(run(call, cache, 'never'))
        expect(not index_files(cache) or i > 0, f'{call}: kept something')
        for when in ('kept', 'used'):
            expect(without_index(run(call, cache)) == anew,
                   f'{name}: {call} differs when results are {when}')
    expect(is_used(path, cache), f'{name}: the index is not used')
    shutil.rmtree(cache)


def check_threads(path):
    """The index is the same to the byte at any number of threads."""
    sums = set()
    for threads in (1, 2, 8):
        cache = f'{DIR}/cache.threads'
        run(['leaks', path], cache, threads=threads)
        sums.add(sha(only_index(cache)))
        expect(is_used(path, cache, threads=9 - threads), 'not used')
        shutil.rmtree(cache)
    expect(len(sums) == 1, f'{path}: {len(sums)} different indexes')


def check_choice(path):
    """When something is kept, and when it is used."""
    cache = f'{DIR}/cache.choice'
    run(['leaks', path], cache, None)
    expect(not index_files(cache), 'an index of what takes no time')
    run(['leaks', '--no-index', path], cache)
    expect(not index_files(cache), '--no-index keeps something')
    subprocess.run([HOLDFAST, 'leaks', path], stdout=subprocess.DEVNULL,
                   env={**environment(cache, 'always'),
                        'HOLDFAST_NO_CACHE': '1'}, check=True)
    expect(not index_files(cache), 'HOLDFAST_NO_CACHE keeps something')
    run(['leaks', path], cache)
    expect(is_used(path, cache, when=None), 'not used though it is there')
    expect(not is_used(path, cache, when='never'), 'used with never')
    expect('"index": false' in run(['info', '--no-index', '--json', path],
                                   cache), 'used with --no-index')
    index = only_index(cache)
    expect(os.stat(index).st_mode & 0o777 == 0o600, 'mode of the index')
    expect(os.stat(index_folder(cache)).st_mode & 0o777 == 0o700,
           'mode of its folder')
    # The same bytes elsewhere are the same snapshot.
    shutil.copy(path, f'{DIR}/copy.core.zst')
    expect(is_used(f'{DIR}/copy.core.zst', cache), 'not used for a copy')
    expect(len(index_files(cache)) == 1, 'a second index for a copy')
    # Another program may know better.
    other = f'{DIR}/other'
    shutil.copy(HOLDFAST, other)
    with open(other, 'ab') as f:
        f.write(b'\0')
    expect(not is_used(path, cache, program=other), 'used by another program')
    expect(is_used(path, cache, program=other), 'not replaced by the other')
    expect(not is_used(path, cache), 'used after another program')
    shutil.rmtree(cache)


def damages(good, seed):
    """(what, bytes) of files that are not the good one."""
    rng = random.Random(seed)
    # Something of every column, and all of the end.
    places = [at + rng.randrange(PAGE) for at in range(0, len(good), PAGE)]
    places += range(len(good) - 128, len(good), 8)
    for at in places:
        if at >= len(good):
            continue
        # Zeros at the end of a page may be what no column holds.
        while good[at] == 0 and at % PAGE:
            at -= 1
        bad = bytearray(good)
        bad[at] ^= 1 << rng.randrange(8)
        yield f'byte {at} changed', bytes(bad)
    for size in (0, 1, 127, 128, PAGE, len(good) // 2, len(good) - 1):
        yield f'cut to {size}', good[:size]
    yield 'longer', good + b'\0'
    yield 'another file', b'x' * len(good)


def check_places_taken(index, call, cache, anew):
    """What is no file is replaced, and nothing is written through it."""
    canary = f'{DIR}/canary'
    with open(canary, 'w') as f:
        f.write('not ours')
    before = os.stat(canary)
    for what, make in (('link', lambda: os.symlink(canary, index)),
                       ('fifo', lambda: os.mkfifo(index)),
                       ('folder', lambda: os.mkdir(index))):
        os.unlink(index)
        make()
        done = subprocess.run([HOLDFAST, *call], text=True, timeout=600,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=environment(cache, 'always'))
        expect(done.returncode == 0 and done.stdout == anew,
               f'a {what} in place of the index: {done.stderr}')
        if what == 'folder':
            os.rmdir(index)
            run(call, cache)
        expect(os.path.isfile(index) and not os.path.islink(index),
               f'a {what} stays in place of the index')
    with open(canary) as f:
        expect(f.read() == 'not ours', 'written through a link')
    expect(os.stat(canary).st_ino == before.st_ino, 'replaced behind a link')


def check_damage(path):
    cache = f'{DIR}/cache.damage'
    call = ['leaks', '--json', path]
    anew = run(call, cache, 'never')
    run(call, cache)
    index = only_index(cache)
    with open(index, 'rb') as f:
        good = f.read()
    seed = random.randrange(1 << 32)
    print('seed', seed)
    for what, bad in damages(good, seed):
        with open(index, 'wb') as f:
            f.write(bad)
        expect(run(call, cache) == anew, f'{what}: another report')
        expect(len(index_files(cache)) == 1, f'{what}: a file is left')
        with open(index, 'rb') as f:
            # A page's end may hold what nobody looks at.
            expect(f.read() in (good, bad), f'{what}: neither old nor new')
        expect(is_used(path, cache), f'{what}: not replaced')
    check_places_taken(index, call, cache, anew)
    os.chmod(index, 0o620)
    expect(not is_used(path, cache), 'used though others may write it')
    shutil.rmtree(cache)


def check_no_room(path):
    """A cache that cannot be written costs a note at most."""
    cache = f'{DIR}/cache.none'
    anew = run(['leaks', path], cache, 'never')
    with open(cache, 'w'):
        pass
    expect(run(['leaks', path], cache) == anew, 'a file as cache')
    os.unlink(cache)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    done = subprocess.run([HOLDFAST, 'leaks', path], preexec_fn=limit,
                          env=environment(cache, 'always'), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    expect(done.returncode == 0 and done.stdout == anew,
           f'no room for the index: {done}')
    expect(done.stderr.startswith('holdfast: note: the analysis was not kept')
           and done.stderr.count('\n') == 1, f'no note: {done.stderr}')
    expect(not index_files(cache), 'a piece of an index is left')
    shutil.rmtree(cache)


def check_together(path):
    """Several at once on an empty cache."""
    cache = f'{DIR}/cache.together'
    anew = run(['types', '--json', path], cache, 'never')
    for _ in range(3):
        children = [subprocess.Popen(
            [HOLDFAST, 'types', '--json', path], stdout=subprocess.PIPE,
            text=True, env=environment(cache, 'always')) for _ in range(6)]
        for child in children:
            expect(child.communicate()[0] == anew, 'differs among several')
            expect(child.returncode == 0, 'failed among several')
        expect(is_used(path, cache), 'none of several kept it')
        os.unlink(only_index(cache))
    shutil.rmtree(cache)


def check_damaged_snapshot(path):
    """What is damaged must be told again at each look."""
    cache = f'{DIR}/cache.damaged'
    run(['info', path], cache)
    with open(path, 'rb') as f:
        data = bytearray(f.read())
    data[len(data) // 3] ^= 0xff
    bad = f'{DIR}/damaged.core.zst'
    with open(bad, 'wb') as f:
        f.write(data)
    shutil.rmtree(cache)
    texts = {run(['info', bad], cache) for _ in range(2)}
    expect(len(texts) == 1 and 'damaged' in texts.pop(), 'damage not told')
    expect(not index_files(cache), 'an index of a damaged file')
    expect(not is_used(path, cache), 'the good one has the index of the bad')
    shutil.rmtree(cache)


def check_core(pid, program):
    """A core knows its types from files; where they go, so does the index."""
    if not shutil.which('gcore'):
        return
    cache = f'{DIR}/cache.core'
    subprocess.run(['gcore', '-o', f'{DIR}/core', str(pid)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    core = f'{DIR}/core.{pid}'
    for call in (['types', '--json', core], ['leaks', '--json', core],
                 ['threads', core], ['dominators', core]):
        anew = run(call, cache, 'never')
        for _ in range(2):
            expect(run(call, cache) == anew, f'{call} of a core differs')
    expect(is_used(core, cache), 'not used for a core')
    os.rename(program, program + '.gone')
    call = ['types', '--json', core]
    expect(not is_used(core, cache), 'used though the types are gone')
    expect(run(call, cache) == run(call, cache, 'never'), 'types that are gone')
    os.rename(program + '.gone', program)
    expect(not is_used(core, cache), 'used though the types are back')
    expect(run(call, cache) == run(call, cache, 'never'), 'types that are back')
    os.utime(core)
    expect(not is_used(core, cache), 'used for a core that was touched')


def screens(path, keys):
    terminal = sys_tui.Terminal('tui', path)
    terminal.until(sys_tui.MARK)
    seen = [terminal.screen(key) for key in keys]
    expect(terminal.end() == 0, 'the browser failed')
    return seen


def check_browser(path):
    """Every view is the same."""
    cache = f'{DIR}/cache.browser'
    keys = list('12345678') + ['2', '\r', '\r', 'r', 'q', 'p', 'q', 'd']
    os.environ.update(XDG_CACHE_HOME=cache, HOLDFAST_INDEX='never')
    anew = screens(path, keys)
    os.environ['HOLDFAST_INDEX'] = 'always'
    for when in ('kept', 'used'):
        for key, old, new in zip(keys, anew, screens(path, keys)):
            expect(old == new, f'the browser differs behind {key!r} when '
                               f'results are {when}:\n{old}\n{new}')
    expect(is_used(path, cache), 'the browser kept nothing')


def main():
    names = samples_check.sample_names()
    random.seed(os.environ.get('TEST_SEED', '1'))
    for name in names:
        program = f'{BUILD}/samples/{name}'
        if name == 'server':		# may be moved away
            program = shutil.copy(program, f'{DIR}/server')
        with samples_check.stopped(program) as (pid, _):
            path = capture(pid, name)
            if name == 'server':
                check_core(pid, program)
        check_same(path, name, name in ('server', 'containers', 'ended_threads'))
        if name in ('server', 'shared_cycle'):
            check_threads(path)
    server = f'{DIR}/server.core.zst'
    check_choice(server)
    check_damage(server)
    check_no_room(server)
    check_together(server)
    check_damaged_snapshot(server)
    check_browser(server)
    print(f'{len(names)} samples with and without index')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
