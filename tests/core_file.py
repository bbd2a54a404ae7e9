# SPDX-License-Identifier: MIT
"""ELF cores, read by hand: by other means than the program under test."""
import mmap
import struct
import subprocess
from typing import NamedTuple

PAGE = 4096
PF_W = 2
PT_LOAD, PT_NOTE = 1, 4
NT_PRSTATUS = 1


class Load(NamedTuple):
    """A segment: addresses from @addr on, bytes of the file from @offset on."""
    addr: int
    in_memory: int
    offset: int
    in_file: int
    flags: int

    def has(self, addr):
        return self.addr <= addr < self.addr + self.in_memory


class Core:
    def __init__(self, path):
        self.path = path
        with open(path, 'rb') as f:
            self.data = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        assert self.data[:4] == b'\x7fELF' and self.data[16] == 4, path
        phoff, = struct.unpack_from('<Q', self.data, 32)
        count, = struct.unpack_from('<H', self.data, 56)
        assert count < 0xFFFF
        self.loads, self.notes = [], b''
        for i in range(count):
            kind, flags, offset, addr, _, in_file, in_memory, _ = \
                struct.unpack_from('<IIQQQQQQ', self.data, phoff + 56 * i)
            if kind == PT_LOAD:
                self.loads.append(Load(addr, in_memory, offset, in_file, flags))
            elif kind == PT_NOTE:
                self.notes += self.data[offset:offset + in_file]

    def load_of(self, addr):
        return next((load for load in self.loads if load.has(addr)), None)

    def read(self, addr, n):
        """Bytes, zeros for untouched memory, None for absent memory."""
        out = b''
        while len(out) < n:
            load = self.load_of(addr + len(out))
            if not load:
                return None
            skip = addr + len(out) - load.addr
            part = min(n - len(out), load.in_memory - skip)
            here = max(0, min(part, load.in_file - skip))
            at = load.offset + skip
            out += self.data[at:at + here] + bytes(part - here)
        return out

    def word(self, addr):
        data = self.read(addr, 8)
        return data and struct.unpack('<q', data)[0]

    def stored(self, addr):
        """True when the file has bytes for the address."""
        load = self.load_of(addr)
        return load is not None and addr < load.addr + load.in_file

    def threads(self):
        """The ids of the threads, in the order of their notes."""
        at, found = 0, []
        while at < len(self.notes):
            namesz, descsz, kind = struct.unpack_from('<III', self.notes, at)
            at += 12 + (namesz + 3) // 4 * 4
            if kind == NT_PRSTATUS:
                found.append(struct.unpack_from('<i', self.notes, at + 32)[0])
            at += (descsz + 3) // 4 * 4
        return found


def unpack(path):
    """The core that a snapshot is, beside it."""
    plain = path + '.plain'
    subprocess.run(['zstd', '-dqf', path, '-o', plain], check=True)
    return Core(plain)


def differences(theirs, ours):
    """([address of a page of writable memory that differs], pages seen)"""
    a, b, wrong, pages = Core(theirs), Core(ours), [], 0
    for load in a.loads:
        if not load.flags & PF_W:
            continue
        for addr in range(load.addr, load.addr + load.in_file, PAGE):
            want, got = a.read(addr, PAGE), b.read(addr, PAGE)
            pages += 1
            if want != got and (any(want) or got):
                wrong.append(hex(addr))
    return wrong, pages
