# SPDX-License-Identifier: MIT
"""What system tests share: what they are told, and what they find wrong."""
import os

HOLDFAST = os.environ['HOLDFAST']	# the program
BUILD = os.environ['BUILD']		# the folder that it was built in
DIR = os.path.abspath(os.environ['TEST_DIR'])	# for what the test writes
SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
failures = []


def expect(ok, text):
    if not ok:
        failures.append(text)
        print('FAIL ', text)
    return ok


def same(what, got, want):
    return expect(got == want, f'{what}: {got!r} instead of {want!r}')
