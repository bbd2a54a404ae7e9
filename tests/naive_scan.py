#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A second opinion on which blocks of a stopped process are lost.

A conservative mark over /proc/PID/mem, written to be obviously right rather
than fast or general: every aligned word of every root is a pointer if it lies
in a chunk, and so is every word of a chunk so reached. It shares nothing with
the program under test; it knows glibc's chunk headers and nothing of types,
so a block held by a dead word inside a live block counts as held here.

Roots: registers, stacks from sp upward, writable data of modules, thread
control blocks, and mappings that hold no chunk. Only tested on x86-64.

As a program: naive_scan.py PID prints the lost blocks.
"""
import bisect
import ctypes
import os
import struct
import sys
from array import array

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
PTRACE_GETREGSET = 0x4204
NT_PRSTATUS, NT_X86_XSTATE = 1, 0x202
WALL = 0x40000000
HEAP_MAX = 64 << 20
MAX_FAST = 0x78				# usable bytes of a fastbin's chunk
PAGE = os.sysconf('SC_PAGESIZE')
REG_SP, REG_FS_BASE = 19, 21		# in struct user_regs_struct


class Iovec(ctypes.Structure):
    _fields_ = [('base', ctypes.c_void_p), ('len', ctypes.c_size_t)]


def ptrace(request, tid, addr, data):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p,
                            ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(request, tid, addr, data) < 0:
        raise OSError(ctypes.get_errno(), 'ptrace')


def regset(tid, which):
    buf = ctypes.create_string_buffer(16384)
    iov = Iovec(ctypes.addressof(buf), len(buf))
    try:
        ptrace(PTRACE_GETREGSET, tid, which, ctypes.addressof(iov))
    except OSError:
        return array('Q')
    return words_of(buf.raw[:iov.len])


def words_of(data):
    return array('Q', data[:len(data) & ~7])


def read_threads(pid):
    """[(general registers, vector registers)] of every thread, as words."""
    threads = []
    for tid in map(int, os.listdir(f'/proc/{pid}/task')):
        ptrace(PTRACE_SEIZE, tid, 0, 0)
        ptrace(PTRACE_INTERRUPT, tid, 0, 0)
        os.waitpid(tid, WALL)
        threads.append((regset(tid, NT_PRSTATUS), regset(tid, NT_X86_XSTATE)))
        ptrace(PTRACE_DETACH, tid, 0, 0)
    return threads


class Mapping:
    def __init__(self, line):
        fields = line.split(None, 5)
        self.start, self.end = (int(x, 16) for x in fields[0].split('-'))
        self.perms, self.inode = fields[1], int(fields[4])
        self.path = fields[5].strip() if len(fields) > 5 else ''


class Scan:
    """The chunks and roots of process `pid`; `known` are block addresses
    that it told us of, needed to find mmapped chunks."""

    def __init__(self, pid, known=()):
        self.threads = read_threads(pid)
        self.memory = os.open(f'/proc/{pid}/mem', os.O_RDONLY)
        with open(f'/proc/{pid}/maps') as f:
            self.maps = [Mapping(line) for line in f]
        self.maps = [m for m in self.maps if m.perms.startswith('rw') and
                     not m.path.startswith('[v')]
        self.known = sorted(known)
        self.chunks = {}		# user address -> usable size
        self.in_use = set()		# by PREV_INUSE; cached ones are in here
        self.roots = []			# (name, words)
        for i, (general, vector) in enumerate(self.threads):
            self.roots.append((f'registers {i}', general + vector))
        self.states = []		# words of malloc_state of other arenas
        for m in self.maps:
            self.take(m)
        os.close(self.memory)
        self.starts = sorted(self.chunks)
        self.headers = {a - 16 for a in self.starts}

    def words(self, start, end):
        start, end = start + 7 & ~7, end & ~7
        return words_of(os.pread(self.memory, end - start, start))

    def take(self, m):
        """Split one mapping into chunks and roots."""
        data = self.words(m.start, m.end)
        sps = [general[REG_SP] for general, _ in self.threads
               if m.start <= general[REG_SP] < m.end]
        if m.path == '[heap]':
            self.walk(m.start, data, 0)
        elif sps:
            low = min(sps) - 128 - m.start & ~7
            self.add_root(m, data[max(low, 0) // 8:])
        elif not m.path and m.start % HEAP_MAX == 0 and \
                data[0] % HEAP_MAX < 0x100 and data[0] > PAGE:
            self.walk_arena(m, data)
        elif not m.path:
            self.take_anonymous(m, data)
        else:
            self.add_root(m, data)

    def add_root(self, m, words):
        self.roots.append((f'{m.path or "anonymous"} {m.start:#x}', words))

    def walk(self, start, data, offset):
        """Chunks from `offset` bytes on; False where it is no chunk list."""
        found, previous = [], None
        while offset + 16 <= len(data) * 8:
            size = data[offset // 8 + 1]
            if previous is not None and size & 1:
                self.in_use.add(previous)
            if size & ~7 < 32 or offset + (size & ~7) > len(data) * 8:
                break
            previous = start + offset + 16
            found.append((previous, (size & ~7) - 8))
            offset += size & ~7
        self.chunks.update(found)
        return found

    def walk_arena(self, m, data):
        first = data[0] & ~(HEAP_MAX - 1) == m.start
        for offset in (0x8d0, 0x8c0, 0x8b0, 0x870) if first else (0x30, 0x20):
            size = data[offset // 8 + 1]
            if size & 3 == 1 and 32 <= size & ~7 <= m.end - m.start:
                self.walk(m.start, data, offset)
                self.states.append(data[:offset // 8])
                return
        raise ValueError(f'arena at {m.start:#x} is not understood')

    def take_anonymous(self, m, data):
        """mmapped chunks, a stack of an ended thread, or a root."""
        at = 0
        low = bisect.bisect_left(self.known, m.start)
        high = bisect.bisect_left(self.known, m.end)
        for user in sorted(set(self.known[low:high])):
            header = user - 16 - m.start
            size = data[header // 8 + 1]
            base = header - data[header // 8]
            if size & 7 != 2 or base % PAGE or base < at:
                raise ValueError(f'no mmapped chunk at {user:#x}')
            self.chunks[user] = (size & ~7) - 16
            self.in_use.add(user)
            self.add_root(m, data[at // 8:base // 8])
            at = header + (size & ~7)
        dead = self.control_block(m, data)
        self.add_root(m, data[max(at, dead) // 8:])

    def control_block(self, m, data):
        """Offset of the control block of an ended thread, else 0."""
        live = {general[REG_FS_BASE] for general, _ in self.threads}
        for i in range(len(data) - 3, 0, -1):
            at = m.start + 8 * i
            if data[i] == at and data[i + 2] == at and at not in live:
                return 8 * i
        return 0

    def find(self, word):
        """The chunk that `word` points into, or None."""
        i = bisect.bisect_right(self.starts, word) - 1
        if i < 0 or word >= self.starts[i] + self.chunks[self.starts[i]]:
            return None
        return self.starts[i]

    def cached(self, addr, words):
        """The entries of a tcache, if that is what this block is."""
        if self.chunks[addr] & ~0x18 not in (0x240, 0x280, 0x2e0, 0x300):
            return None
        counts = array('H', words.tobytes()[:128])
        if max(counts) > 7 or words[16:].count(0) == len(words[16:]):
            return None
        heads = [w for w in words[16:80] if w]
        if any(w not in self.chunks for w in heads) or sum(counts) < len(heads):
            return None
        return heads

    def chain(self, head, shift, contents):
        """Follow free-list links, mangled (glibc 2.32) or plain."""
        seen = set()
        while head in self.chunks and head not in seen:
            seen.add(head)
            word = contents(head)[0]
            for link in (word, word ^ head >> 12):
                if link + shift in self.chunks:
                    head = link + shift
                    break
        return seen

    def mark(self, pid):
        """{chunk: path} of all chunks that a root reaches, and free ones."""
        memory = os.open(f'/proc/{pid}/mem', os.O_RDONLY)
        low, high = (self.starts[0], self.starts[-1] +
                     self.chunks[self.starts[-1]]) if self.starts else (0, 0)

        def contents(addr):
            return words_of(os.pread(memory, self.chunks[addr], addr))

        reached, work, self.free = {}, [], set()

        def scan(words, path):
            # libc's bins name chunks by their headers, which overlap the
            # last word of the block before.
            bins = path == 'arena' or '/libc' in str(path)
            for i, word in enumerate(words):
                if not low <= word < high:
                    continue
                if bins and word in self.headers:
                    if self.chunks[word + 16] <= MAX_FAST:
                        self.free |= self.chain(word + 16, 16, contents)
                    continue
                chunk = self.find(word)
                if chunk is not None and chunk not in reached:
                    reached[chunk] = (path, i * 8)
                    work.append(chunk)

        for name, words in self.roots:
            scan(words, name)
        for words in self.states:
            scan([w for w in words if w in self.headers], 'arena')
        while work:
            addr = work.pop()
            words = contents(addr)
            heads = self.cached(addr, words)
            if heads is None:
                scan(words, addr)
                continue
            for head in heads:
                self.free |= self.chain(head, 0, contents)
        self.drop_orphans(reached, contents)
        os.close(memory)
        return reached

    def drop_orphans(self, reached, contents):
        """Caches of threads that a fork left behind are free, entries too."""
        for addr in self.in_use - set(reached):
            if self.chunks[addr] > 0x320:
                continue
            heads = self.cached(addr, contents(addr))
            if heads is not None:
                self.free.add(addr)
                for head in heads:
                    self.free |= self.chain(head, 0, contents)

    def lost(self, pid):
        """(lost blocks in use, what reaches the others)."""
        reached = self.mark(pid)
        return {a for a in self.in_use if a not in reached and
                a not in self.free}, reached


def path_of(reached, addr):
    steps = []
    while addr in reached and len(steps) < 20:
        source, offset = reached[addr]
        name = f'{source:#x}' if isinstance(source, int) else source
        steps.append(f'{name}+{offset:#x}')
        addr = source
    return ' <- '.join(steps)


def main():
    pid = int(sys.argv[1])
    lost, _ = Scan(pid).lost(pid)
    for addr in sorted(lost):
        print(f'{addr:#x}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
