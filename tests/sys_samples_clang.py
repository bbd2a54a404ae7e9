#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The samples once more, built by clang -O2: other layouts, other leftovers."""
import concurrent.futures
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
import samples_check  # noqa: E402

FLAGS = ['-O2', '-g', '-pthread', f'-I{samples_check.SOURCE}']


def build(name, folder):
    source = f'{samples_check.SOURCE}/samples/{name}'
    if os.path.exists(source + '.c'):
        command = ['clang', '-std=gnu11', *FLAGS, source + '.c']
    else:
        command = ['clang++', '-std=c++17', *FLAGS, source + '.cc']
    subprocess.run([*command, '-o', os.path.join(folder, name)], check=True)


def main():
    for compiler in ('clang', 'clang++'):
        if not shutil.which(compiler):
            print(f'{compiler} is not installed')
            return 77
    folder = os.path.join(os.environ.get('TEST_DIR') or '.', 'samples')
    os.makedirs(folder, exist_ok=True)
    names = sys.argv[1:] or samples_check.sample_names()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: build(name, folder), names))
    return samples_check.run_samples(folder, names)


if __name__ == '__main__':
    sys.exit(main())
