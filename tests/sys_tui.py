#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The program itself in a terminal: from a snapshot of a running server to the
variable that holds its memory, and out again."""
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios

HOLDFAST = os.environ['HOLDFAST']
SNAPSHOT = os.path.join(os.environ['TEST_DIR'], 'server.core.zst')
MARK = b'\033]777;idle\a'
REDRAW = '\014'
PATIENCE = 600		# seconds


def capture():
    """A snapshot of the sample, and what the sample says of itself."""
    server = subprocess.Popen([os.path.join(os.environ['BUILD'], 'samples/server')],
                              stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    try:
        truth = json.loads(server.stdout.readline())
        done = subprocess.run([HOLDFAST, 'dump', '-o', SNAPSHOT, str(server.pid)],
                              stderr=subprocess.PIPE, text=True)
        if done.returncode != 0 and 'permitted' in done.stderr:
            print('no permission to trace a process here')
            sys.exit(77)
        assert done.returncode == 0, done.stderr
        return truth
    finally:
        server.kill()
        server.wait()


class Terminal:
    """The program in a terminal; keys in, bytes out."""

    def __init__(self, *args):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM='screen-256color', LC_ALL='C.UTF-8',
                              HOLDFAST_MARK_IDLE='1')
            fcntl.ioctl(0, termios.TIOCSWINSZ,
                        struct.pack('HHHH', 40, 160, 0, 0))
            os.execv(HOLDFAST, [HOLDFAST, *args])
        self.data = b''

    def until(self, what):
        """What comes up to and with the bytes @what."""
        while what not in self.data:
            assert select.select([self.fd], [], [], PATIENCE)[0], \
                f'{what} never came: {self.data[-2000:]}'
            more = os.read(self.fd, 65536)
            assert more, 'the program ended'
            self.data += more
        end = self.data.index(what) + len(what)
        seen, self.data = self.data[:end], self.data[end:]
        return seen

    def press(self, key):
        """Press @key; the text that was drawn, without its escapes."""
        os.write(self.fd, key.encode())
        seen = self.until(MARK)
        return re.sub(rb'\033\[[0-9;?]*[A-Za-z@]|\033[()][A-Z0-9]|\033[=>]|\r',
                      b' ', seen).decode(errors='replace')

    def screen(self, key):
        """Press @key; all that is on the screen then. What was drawn meanwhile
        depends on how fast the machine is."""
        self.press(key)
        return self.press(REDRAW)

    def press_at_once(self, keys, last):
        """Keys that nobody waits for; what is on the screen when it has
        come to where it shows @last."""
        os.write(self.fd, keys.encode())
        screen = self.press(REDRAW)
        while last not in screen:
            screen = self.press(REDRAW)
        return screen

    def end(self):
        os.write(self.fd, b'Q')
        try:
            while os.read(self.fd, 65536):
                pass
        except OSError:
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def main():
    truth = capture()
    terminal = Terminal(SNAPSHOT)
    terminal.until(MARK)
    assert 'chat::' in terminal.press(REDRAW)
    types = terminal.screen('2')
    assert 'chat::Session' in types, types
    holders = terminal.screen('3')
    assert 'server:chat::avatar_cache' in holders, holders
    root = terminal.screen('\r')
    assert 'retains' in root, root
    leaks = terminal.screen('4')
    assert 'definite' in leaks, leaks
    for key in ':' + truth['leaked'][0]:
        terminal.press(key)
    block = terminal.screen('\r')
    assert 'leaked' in block, block
    # Waste and counts are reached from the overview; a group of copies opens
    # the blocks that are equal.
    terminal.press('1')
    for key in '/waste\r':
        terminal.press(key)
    waste = terminal.screen('\r')
    assert 'copies' in waste and 'slack' in waste and 'chat::' in waste, waste
    copies = terminal.screen('\r')
    assert 'blocks of equal content' in copies, copies
    terminal.press('1')
    for key in '/counts\r':
        terminal.press(key)
    counts = terminal.screen('\r')
    assert 'control blocks' in counts, counts
    assert terminal.end() == 0

    # Compared with itself nothing has changed; without a second file there
    # is nothing to compare.
    terminal = Terminal('tui', SNAPSHOT, SNAPSHOT)
    terminal.until(MARK)
    diff = terminal.screen('9')
    assert 'No type has changed' in diff and 'No new leaks' in diff, diff
    cycles = terminal.screen('5')
    assert 'make_shared<chat::Room>' in cycles, cycles
    assert terminal.end() == 0
    terminal = Terminal('tui', SNAPSHOT)
    terminal.until(MARK)
    assert 'nothing to compare with' in terminal.press('9')
    assert terminal.end() == 0

    # Keys come faster than views open: none is lost, and all in order.
    terminal = Terminal('tui', SNAPSHOT)
    terminal.until(MARK)
    ahead = terminal.press_at_once('5hp2/session\r\rGg/leaked\rjjkk:' +
                                   truth['leaked'][0] + '\rxhdhp', 'path to')
    assert f"path to {truth['leaked'][0]}" in ahead, ahead
    assert terminal.end() == 0

    # Without a terminal the browser says what to do instead.
    done = subprocess.run([HOLDFAST, 'tui', SNAPSHOT], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    assert done.returncode == 2 and 'needs a terminal' in done.stderr, done
    print('from the first screen to the holder and back')


if __name__ == '__main__':
    main()
