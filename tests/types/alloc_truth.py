# SPDX-License-Identifier: MIT
"""What the log of alloc_log.c says about the types of blocks.

Containers allocate in functions whose names tell the type of the elements,
even when they were inlined: `std::__new_allocator<T>::allocate` in libstdc++,
`std::__1::allocator<T>::allocate` in libc++, `<alloc::raw_vec::RawVec<T>>` and
`<alloc::boxed::Box<T>>` in Rust (symbols in the v0 mangling keep T). Functions
of equal code must not be merged: gcc needs -fno-ipa-icf.
"""
import bisect
import collections
import os
import re
import subprocess

CXX_ALLOCATORS = ("__new_allocator<", "std::__1::allocator<")
STRING = re.compile(r"std::__cxx11::basic_string<char, [^()]*>::_M_(create|mutate|assign|replace)")
RUST_OWNERS = ("<alloc::boxed::Box<", "<alloc::raw_vec::RawVec<", "<alloc::vec::Vec<",
               "<hashbrown::raw::RawTable<")
RUST_COUNTED = (("<alloc::rc::Rc<", "alloc::rc::RcInner<%s>"),
                ("<alloc::sync::Arc<", "alloc::sync::ArcInner<%s>"))
# Many types live in what these take from malloc.
MIXED = ("monotonic_buffer_resource", "__pool_resource", "unsynchronized_pool_resource",
         "_Pool::")


def read_log(path):
    """(mappings of files, {address: (size, return addresses)})"""
    maps, blocks = [], {}
    with open(path) as log:
        for line in log:
            words = line.split()
            if words[0] == "map":
                start, end = (int(x, 16) for x in words[1].split("-"))
                maps.append((start, end, words[6]))
            else:
                blocks[int(words[0], 16)] = (int(words[1]),
                                             [int(x, 16) for x in words[2:]])
    return maps, blocks


class Symbols:
    """Names of the functions at return addresses, inlined ones first."""

    def __init__(self, maps, addresses):
        self.maps = sorted(maps)
        self.base = {}
        for start, _, path in self.maps:
            self.base.setdefault(path, start)
        self.names = {}
        by_path = collections.defaultdict(list)
        for a in sorted(addresses):
            path = self.path_of(a - 1)
            if path and "alloc_log" not in path and os.path.exists(path):
                by_path[path].append(a)
        for path, places in by_path.items():
            self.load(path, places)

    def path_of(self, addr):
        i = bisect.bisect_right(self.maps, (addr, float("inf"), "")) - 1
        if i >= 0 and addr < self.maps[i][1]:
            return self.maps[i][2]
        return None

    def load(self, path, places):
        with open(path, "rb") as f:
            moved = f.read(18)[16] == 3     # ET_DYN
        base = self.base[path] if moved else 0
        text = "".join("%#x\n" % (a - 1 - base) for a in places)
        out = subprocess.run(["addr2line", "-a", "-i", "-f", "-C", "-e", path],
                             input=text, capture_output=True, text=True,
                             check=True).stdout
        groups = []
        for line in out.splitlines():
            if re.match(r"^0x[0-9a-f]+$", line):
                groups.append([])
            else:
                groups[-1].append(line)
        for a, g in zip(places, groups):
            self.names[a] = g[0::2]

    def of(self, frames):
        return [n for f in frames for n in self.names.get(f, [])]


def argument(name, before, all_of_them=False):
    """The first template argument behind @before, brackets balanced."""
    at = name.find(before)
    if at < 0:
        return None
    depth, out = 0, ""
    for i in range(at + len(before), len(name)):
        c = name[i]
        if depth == 0 and c in ",>" and name[i - 1] != "-":
            return out.strip()
        depth += c in "<([{"
        depth -= c in ">)]}" and name[i - 1] != "-"
        out += c
    return None


def type_by_names(names):
    """The type of the block that functions called @names allocated, or None."""
    if any(m in n for n in names for m in MIXED):
        return "-"
    for name in names:
        # It asks for something of its own, within from_iter() or call_once().
        if name.startswith(("std::sys::", "<std::sys::", "__cxa_thread_atexit")):
            return None
        if ">::allocate(" in name:
            for allocator in CXX_ALLOCATORS + ("Mallocator<",):
                t = argument(name, allocator)
                if t:
                    return t
        if STRING.match(name):
            return "char"
        if name.startswith("<"):
            for owner, inner in RUST_COUNTED:
                t = name.startswith(owner) and argument(name, owner)
                if t:
                    return inner % t
            for owner in RUST_OWNERS:
                t = name.startswith(owner) and argument(name, owner)
                if t and t not in ("_", "T"):
                    return None if t.startswith("dyn ") else t
    return None


def truths(own_file, maps, blocks):
    """{address: type}: what the program says itself, else what the log says."""
    own = {}
    if os.path.exists(own_file):
        with open(own_file) as f:
            for line in f:
                addr, name = line.rstrip("\n").split(" ", 1)
                own[int(addr, 16)] = name
    symbols = Symbols(maps, {f for _, frames in blocks.values() for f in frames})
    found = {}
    for addr, (_, frames) in blocks.items():
        # A cookie of new[] may stand between the block and what is registered.
        t = own.get(addr) or own.get(addr + 8) or type_by_names(symbols.of(frames))
        if t:
            found[addr] = t
    return found


def by_sites(sites, maps, blocks):
    """{address: type} by a list of (regular expression, type): the first whose
    expression is found in "innermost<outer<outermost" of the block's callers."""
    if not sites:
        return {}
    symbols = Symbols(maps, {f for _, frames in blocks.values() for f in frames})
    rules = [(re.compile(r), t) for r, t in sites]
    found = {}
    for addr, (_, frames) in blocks.items():
        path = "<".join(symbols.of(frames)) + "<"
        for rule, t in rules:
            if rule.search(path):
                found[addr] = t
                break
    return found
