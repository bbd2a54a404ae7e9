# SPDX-License-Identifier: MIT
"""What system tests share: what they are told, and what they find wrong."""
import json
import os
import signal
import subprocess

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


def snapshot(name, *dump_options):
    """Run a program in DIR that prints JSON and stops itself; what it said, and
    the path of the snapshot."""
    path = os.path.join(DIR, f'{name}{len(dump_options)}.core.zst')
    child = subprocess.Popen([os.path.join(DIR, name)], stdout=subprocess.PIPE)
    try:
        truth = json.loads(child.stdout.readline())
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), f'{name} did not stop: {status:#x}'
        subprocess.run([HOLDFAST, 'dump', *dump_options, '-o', path,
                        str(child.pid)], check=True,
                       stdout=subprocess.DEVNULL)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    return truth, path
