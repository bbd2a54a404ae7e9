#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reports are the same to the byte at any number of threads."""
import hashlib
import os
import subprocess
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
import samples_check  # noqa: E402

HOLDFAST = os.environ['HOLDFAST']
BUILD = os.environ['BUILD']
DIR = os.environ['TEST_DIR']
SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

SAMPLES = ('server', 'containers', 'shared_cycle')
BLOCKS = 200_000
REPORTS = (
    ['info', '--json'], ['types', '--json'], ['leaks', '--json'],
    ['cycles', '--json'], ['dominators', '--json'],
    ['blocks', '--json', '--limit', '100000'], ['suspects', '--json'],
    ['waste', '--json'], ['waste'], ['refcounts', '--json'],
)


def snapshot(name, *command):
    return samples_check.snapshot(os.path.join(DIR, f'{name}.core.zst'),
                                  *command)


def many_blocks():
    program = os.path.join(DIR, 'many_blocks')
    subprocess.run(['cc', '-O1', '-g', '-o', program,
                    f'{SOURCE}/tests/programs/many_blocks.c'], check=True)
    return snapshot('many_blocks', program, str(BLOCKS))


def report(options, path, threads):
    """Digest and size of one report, read as it comes."""
    # Nothing that one run kept may serve another.
    env = {**os.environ, 'HOLDFAST_THREADS': str(threads),
           'XDG_CACHE_HOME': os.path.join(DIR, f'cache{threads}')}
    command = [HOLDFAST, options[0], *options[1:], path]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env=env)
    digest, size = hashlib.sha256(), 0
    while chunk := child.stdout.read(1 << 20):
        digest.update(chunk)
        size += len(chunk)
    child.stdout.close()
    if child.wait() != 0:
        sys.exit(f'{command}: exit status {child.returncode}')
    return digest.hexdigest(), size


def check(path, least):
    for options in REPORTS:
        alone = report(options, path, 1)
        if options[0] == 'blocks' and alone[1] < least:
            sys.exit(f'{path}: only {alone[1]} bytes of blocks')
        for threads in (2, 8):
            if report(options, path, threads) != alone:
                sys.exit(f'{path}: `{" ".join(options)}` differs '
                         f'with {threads} threads')


def main():
    for name in SAMPLES:
        check(snapshot(name, os.path.join(BUILD, 'samples', name)), 1000)
    # Enough nodes for several chunks, so that threads do share the work.
    check(many_blocks(), 10_000_000)


if __name__ == '__main__':
    main()
