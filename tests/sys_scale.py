#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Memory grows with blocks and references, not with contents; and where there
is less than that, an analysis gets slower and says the same."""
import hashlib
import os
import subprocess
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
import samples_check  # noqa: E402
from cgroups import cgroup  # noqa: E402

HOLDFAST = os.environ['HOLDFAST']
DIR = os.environ['TEST_DIR']
SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MIB = 1 << 20

SMALL, LARGE = 200_000, 1_500_000	# blocks
BALLAST = 300				# MiB of contents in other blocks
# Half of it is less than the tables of LARGE blocks, and all of it less than
# the contents.
LIMIT = 144 * MIB
# Per block and per reference, and what does not grow with the heap.
BLOCK, REFERENCE, FIXED = 64, 9, 256 * MIB
GENEROUS = 1.5				# of two measured peaks
REPORTS = (['types', '--json'], ['leaks', '--json'],
           ['dominators', '--json', '--depth', '3', '--limit', '200'])


def snapshot(program, *args):
    args = [str(arg) for arg in args]
    return samples_check.snapshot(
        os.path.join(DIR, '-'.join(args) + '.core.zst'), program, *args)


def timings(path, times=1, **options):
    """Bytes of the peak, blocks and references, as `info --timings` has it:
    the highest of several, since a busy machine may not look at the highest
    moment."""
    return max(look(path, **options) for _ in range(times))


def look(path, **options):
    done = subprocess.run([HOLDFAST, 'info', '--no-index', '--timings', path],
                          check=True, text=True, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, **options)
    *_, whole, counts = done.stderr.splitlines()
    blocks, _, references, _ = counts.split()
    return float(whole.split()[3]) * MIB, int(blocks), int(references)


def digests(path, **options):
    """Of all reports; None for one that was killed."""
    ret = []
    for report in REPORTS:
        done = subprocess.run([HOLDFAST, report[0], '--no-index', *report[1:],
                               path], stdout=subprocess.PIPE, **options)
        ret.append(hashlib.sha256(done.stdout).hexdigest()
                   if done.returncode == 0 else None)
    return ret


def check_growth(small, large):
    peak, blocks, refs = timings(large, 3)
    least, few_blocks, few_refs = timings(small, 3)
    most = BLOCK * blocks + REFERENCE * refs + FIXED
    print(f'{blocks} blocks, {refs} references: {peak / MIB:.0f} MiB')
    if peak > most:
        sys.exit(f'more than {most / MIB:.0f} MiB')
    grown = peak - least
    most = GENEROUS * (BLOCK * (blocks - few_blocks) +
                       REFERENCE * (refs - few_refs))
    print(f'{grown / (blocks - few_blocks):.1f} bytes for each block more')
    if grown > most:
        sys.exit(f'more than {most / (blocks - few_blocks):.1f}')
    return peak


def check_contents(large, ballast):
    """Contents of many times the window, and no more memory."""
    peak, _, _ = timings(ballast)
    print(f'{(peak - large) / MIB:.0f} MiB more with {BALLAST} MiB of numbers')
    if peak - large > 32 * MIB:
        sys.exit('contents stay in memory')


def folder_on_disk():
    """Files of a tmpfs are memory, and count as such."""
    for folder in (DIR, os.environ['BUILD']):
        kind = subprocess.run(['stat', '-f', '-c', '%T', folder], check=True,
                              text=True, stdout=subprocess.PIPE).stdout
        if kind.strip() != 'tmpfs':
            return folder
    return None


def check_limited(path, whole):
    """In a cgroup with less memory than contents, and tables of more than half
    of it; False when there are no cgroups to be had."""
    disk = folder_on_disk()
    with cgroup('memory') as group:
        if not group or not disk:
            print('no cgroup, or no disk: limited memory is not tested')
            return False
        group.limit_memory(LIMIT)
        inside = {'preexec_fn': group.enter,
                  'env': {**os.environ, 'TMPDIR': disk}}
        limited = digests(path, **inside)
        killed = group.killed()
        if killed or None in limited:
            sys.exit(f'with {LIMIT // MIB} MiB: {killed} killed, {limited}')
        peak, _, _ = timings(path, **inside)
    print(f'{(whole - peak) / MIB:.0f} MiB of tables in a file')
    if whole - peak < 8 * MIB:
        sys.exit('no table is in a file')
    if limited != digests(path):
        sys.exit('reports differ where memory is limited')
    return True


def main():
    with open(HOLDFAST, 'rb') as f:
        if b'__asan_init' in f.read():
            print('the sanitizer has memory of its own')
            return 77
    program = os.path.join(DIR, 'many_blocks')
    subprocess.run(['cc', '-O1', '-g', '-o', program,
                    f'{SOURCE}/tests/programs/many_blocks.c'], check=True)
    # Contents of at least what is kept decoded, else that would grow, too.
    small = snapshot(program, SMALL, BALLAST)
    large = snapshot(program, LARGE)
    ballast = snapshot(program, LARGE, BALLAST)
    peak = check_growth(small, large)
    check_contents(peak, ballast)
    if not check_limited(ballast, peak):
        return 77
    print('ok')
    return 0


sys.exit(main())
