#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Types of blocks against what the programs themselves say their blocks are.

A small part of `make bench-types`: the containers of the standard library in
C++, and what C programs do with void * and intrusive lists, by gcc -O2.
"""
import os
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'types'))
import judge  # noqa: E402
import zoos  # noqa: E402

HOLDFAST = os.environ['HOLDFAST']
DIR = os.environ['TEST_DIR']

# zoo, compiler, percent right at least, percent wrong at most (of the blocks)
FLOORS = (('containers', 'g++', 99.5, 0.05),
          ('c', 'gcc', 88.0, 0.5))


def main():
    so = zoos.build_log(DIR)
    bad = []
    for zoo, compiler, least, most in FLOORS:
        program = zoos.build(zoo, compiler, 2, DIR)
        result = judge.judge(HOLDFAST, so, [program], references=False)
        right, wrong = result.percent('correct'), result.percent('wrong')
        print('%s: %d blocks, %.2f %% right, %.2f %% wrong' % (
            zoo, result.total(), right, wrong))
        judge.print_detail(result, 10)
        if result.total() < 2000 or right < least or wrong > most:
            bad.append('%s: wanted at least %g %% right, at most %g %% wrong' % (
                zoo, least, most))
    print('\n'.join(bad))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
