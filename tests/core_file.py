# SPDX-License-Identifier: MIT
"""Memory of ELF cores, read by hand."""
import mmap
import struct

PAGE = 4096
PF_W = 2


class Core:
    def __init__(self, path):
        with open(path, 'rb') as f:
            self.data = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        phoff, = struct.unpack_from('<Q', self.data, 32)
        count, = struct.unpack_from('<H', self.data, 56)
        self.loads = []		# (address, size in file, in memory, offset, flags)
        for i in range(count):
            kind, flags, offset, addr, _, in_file, in_memory, _ = \
                struct.unpack_from('<IIQQQQQQ', self.data, phoff + 56 * i)
            if kind == 1:
                self.loads.append((addr, in_file, in_memory, offset, flags))

    def page(self, addr):
        """The bytes of a page, or None when they are not there."""
        for start, in_file, in_memory, offset, _ in self.loads:
            if start <= addr < start + in_file:
                at = offset + addr - start
                return self.data[at:at + PAGE]
            if start <= addr < start + in_memory:
                return bytes(PAGE)
        return None

    def word(self, addr):
        page = self.page(addr & -PAGE)
        return page and struct.unpack_from('<q', page, addr % PAGE)[0]


def differences(theirs, ours):
    """([address of a page of writable memory that differs], pages seen)"""
    a, b, wrong, pages = Core(theirs), Core(ours), [], 0
    for start, in_file, _, _, flags in a.loads:
        for addr in range(start, start + in_file, PAGE):
            if not flags & PF_W:
                continue
            want = a.page(addr)
            pages += 1
            if want != b.page(addr) and (any(want) or b.page(addr)):
                wrong.append(hex(addr))
    return wrong, pages
