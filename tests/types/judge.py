#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Are the types that holdfast gives to blocks true?

Runs a program under alloc_log.so, which stops it and tells who allocated each
block; captures it there; and compares `holdfast blocks --json` with the truth:
types that the program registered itself, else the T of
__new_allocator<T>::allocate() among the (inlined) frames that allocated.

    judge.py [--verbose] HOLDFAST ALLOC_LOG.SO PROGRAM [ARG...]

Prints a line: correct, ambiguous, wrong, untyped, in percent of the blocks
with a truth, then of their bytes, and the precision of each confidence level.
"""
import collections
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile


def normal(name):
    """One spelling for what gcc, clang, and demanglers spell differently."""
    if name is None:
        return None
    name = re.sub(r"\b(const|volatile|struct|class|enum)\b", "", name)
    name = name.replace("std::__cxx11::", "std::").replace("std::__1::", "std::")
    name = re.sub(r"std::basic_string<char[^<>]*(<[^<>]*>[^<>]*)*>", "std::string", name)
    for a, b in (("unsigned long", "ulong"), ("long unsigned int", "ulong"),
                 ("long int", "long"), ("unsigned int", "uint"),
                 ("char32_t", "char32"), ("wchar_t", "wchar")):
        name = name.replace(a, b)
    name = re.sub(r"(\d)(ul|u|l)\b", r"\1", name)
    return re.sub(r"\s+", "", name)


def element(name):
    return name[:-2] if name and name.endswith("[]") else name


def run_to_log(so, argv, folder):
    env = dict(os.environ, LD_PRELOAD=so, ALLOC_LOG=folder + "/log")
    out = open(folder + "/out", "w")
    process = subprocess.Popen(argv, env=env, stdout=out, stderr=out, cwd=folder,
                               stdin=subprocess.DEVNULL)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        sys.exit("%s ended before it stopped: status %#x" % (argv[0], status))
    return process


def read_log(path):
    maps, blocks = [], {}
    for line in open(path):
        words = line.split()
        if words[0] == "map":
            start, end = (int(x, 16) for x in words[1].split("-"))
            maps.append((start, end, int(words[3], 16), words[6]))
        else:
            blocks[int(words[0], 16)] = (int(words[1]),
                                         [int(x, 16) for x in words[2:]])
    return maps, blocks


class Symbols:
    """Function names, inlined ones first, for addresses in modules."""

    def __init__(self, maps):
        self.maps = maps
        self.names = {}

    def place(self, addr):
        for start, end, offset, path in self.maps:
            if start <= addr < end:
                base = min(s for s, _, o, p in self.maps if p == path)
                return path, addr - (base if self.is_dyn(path) else 0)
        return None, 0

    def is_dyn(self, path):
        if not hasattr(self, "dyn"):
            self.dyn = {}
        if path not in self.dyn:
            with open(path, "rb") as f:
                self.dyn[path] = f.read(18)[16] == 3
        return self.dyn[path]

    def load(self, addresses):
        by_path = collections.defaultdict(list)
        for a in addresses:
            path, at = self.place(a - 1)
            if path and "alloc_log" not in path:
                by_path[path].append((a, at))
        for path, places in by_path.items():
            text = "\n".join(hex(at) for _, at in places) + "\n"
            out = subprocess.run(["addr2line", "-a", "-i", "-f", "-C", "-e", path],
                                 input=text, capture_output=True, text=True).stdout
            groups, current = [], None
            for line in out.splitlines():
                if re.match(r"^0x[0-9a-f]+$", line):
                    current = []
                    groups.append(current)
                else:
                    current.append(line)
            for (a, _), g in zip(places, groups):
                self.names[a] = g[0::2]


def argument(name, before):
    """The first template argument behind @before, brackets balanced."""
    at = name.find(before)
    if at < 0:
        return None
    depth, out = 0, ""
    for c in name[at + len(before):]:
        if depth == 0 and c in ",>":
            return out.strip() if c == "," or ">::allocate(" in name else None
        depth += {"<": 1, ">": -1}.get(c, 0)
        out += c
    return None


def allocated(names):
    """The T of the allocator among function names."""
    for name in names:
        if ">::allocate(" in name:
            t = argument(name, "__new_allocator<") or argument(name, "std::__1::allocator<")
            if t:
                return t
        if re.search(r"basic_string<char, .*::_M_(create|mutate|assign|replace)", name):
            return "char"
    return None


def truths(argv_truth, maps, blocks):
    own = {}
    if os.path.exists(argv_truth):
        for line in open(argv_truth):
            addr, name = line.rstrip("\n").split(" ", 1)
            own[int(addr, 16)] = name
    symbols = Symbols(maps)
    symbols.load({f for _, frames in blocks.values() for f in frames})
    for addr, (_, frames) in blocks.items():
        if addr not in own:
            t = allocated([n for f in frames for n in symbols.names.get(f, [])])
            if t:
                own[addr] = t
    return own


def shown(name):
    """What holdfast calls the control block of make_shared<T>."""
    m = re.match(r"std::_Sp_counted_ptr_inplace<(.*)", name)
    if not m:
        return name
    depth, out = 0, ""
    for c in m.group(1):
        if c == "," and depth == 0:
            break
        depth += {"<": 1, ">": -1}.get(c, 0)
        out += c
    return "make_shared<%s>" % out


def main():
    argv = sys.argv[1:]
    verbose = argv[0] == "--verbose"
    holdfast, so, *program = argv[verbose:]
    keep = os.environ.get("JUDGE_KEEP")
    if keep:
        os.makedirs(keep, exist_ok=True)
    with contextlib.nullcontext(keep) if keep else tempfile.TemporaryDirectory() as folder:
        truth_file = folder + "/truth.txt"
        process = run_to_log(so, program, folder)
        try:
            subprocess.run([holdfast, "dump", "--force", "-o", folder + "/s", str(process.pid)],
                           check=True, stderr=subprocess.DEVNULL)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        maps, blocks = read_log(folder + "/log")
        truth = truths(truth_file, maps, blocks)
        lines = subprocess.run([holdfast, "blocks", "--json", folder + "/s"],
                               check=True, capture_output=True, text=True).stdout
    judge(truth, blocks, lines, verbose)


def same(got, want):
    got, want = normal(element(got)), normal(shown(want))
    pointer = got.endswith("*") and want.endswith("*")
    return got == want or pointer


def judge(truth, blocks, lines, verbose):
    count = collections.Counter()
    size = collections.Counter()
    levels = collections.defaultdict(collections.Counter)
    detail = collections.Counter()
    sample = {}
    seen = 0
    for line in lines.splitlines():
        block = json.loads(line)
        addr = int(block["addr"], 16)
        # A cookie of new[] may stand between the block and what is registered.
        want = truth.get(addr, truth.get(addr + 8) if addr + 8 in truth else None)
        if want is None or addr not in blocks:
            continue
        seen += 1
        got = block["type"]
        verdict = "untyped" if got is None else \
            "correct" if same(got, want) else "wrong"
        count[verdict] += 1
        size[verdict] += blocks[addr][0]
        if got:
            levels[round(block["confidence"] * 100)][verdict] += 1
        if verdict != "correct":
            detail[verdict, want, got, block["evidence"]] += 1
            sample.setdefault((verdict, want, got, block["evidence"]), block["addr"])
    total, total_bytes = sum(count.values()), sum(size.values())
    print("%6d blocks: %s; bytes: %s" % (
        total,
        ", ".join("%s %.2f %%" % (v, 100.0 * count[v] / max(total, 1))
                  for v in ("correct", "wrong", "untyped")),
        ", ".join("%s %.2f %%" % (v, 100.0 * size[v] / max(total_bytes, 1))
                  for v in ("correct", "wrong", "untyped"))))
    for level in sorted(levels, reverse=True):
        c = levels[level]
        print("    confidence %3d %%: %d of %d right (%.2f %%)" % (
            level, c["correct"], sum(c.values()),
            100.0 * c["correct"] / sum(c.values())))
    if verbose:
        for (verdict, want, got, evidence), n in detail.most_common(60):
            print("    %-8s %5d  want %.110s  got %.110s (%s) as %s" %
                  (verdict, n, want, got, evidence,
                   sample[verdict, want, got, evidence]))


main()
