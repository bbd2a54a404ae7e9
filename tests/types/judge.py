#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Are the types that holdfast gives to blocks true?

Runs a program under alloc_log.so, which stops it and tells who allocated each
block; captures it there; and compares `holdfast blocks --json` with the truth:
types that the program registered itself in truth.txt (its first argument),
else what the allocating functions were called (alloc_truth.py).

    judge.py [--verbose] HOLDFAST ALLOC_LOG.SO PROGRAM [ARG...]

Prints correct, wrong, untyped in percent of the blocks with a truth, then of
their bytes; the precision of each confidence level; how many of the words in
typed blocks that refer to a block are fields with a name. JUDGE_KEEP=DIR keeps
snapshot, log and truth.

A truth is a type; several that are equally right, with bars between; or "-"
when no type is right (a block that many objects share): untyped is correct. A
type that is given and not true is wrong; without one, a truth among the
candidates is called ambiguous.
"""
import bisect
import collections
import contextlib
import json
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import alloc_truth

VERDICTS = ("correct", "ambiguous", "wrong", "untyped")
MAX_SHOWN = 40     # blocks whose fields are asked for, one by one


def normal(name):
    """One spelling for what gcc, clang, rustc and demanglers spell differently."""
    name = rust_plain(name)
    name = re.sub(r"\b(const|volatile|struct|class|enum|union)\b", "", name)
    name = name.replace("std::__cxx11::", "std::").replace("std::__1::", "std::")
    name = name.replace("std::filesystem::__cxx11::", "std::filesystem::")
    for a, b in (("long long unsigned int", "ulong"), ("unsigned long long", "ulong"),
                 ("unsigned long", "ulong"), ("long unsigned int", "ulong"),
                 ("long int", "long"), ("unsigned int", "uint"), ("short int", "short"),
                 ("unsigned short", "ushort"), ("short unsigned int", "ushort"),
                 ("(anonymous namespace)", "{anonymous}"),
                 (", alloc::alloc::Global", ""), (", std::hash::random::RandomState", ""),
                 ("{closure_env#", "{closure#"), ("{async_fn_env#", "{closure#"),
                 ("{async_block_env#", "{closure#"), (",)", ")"),
                 ("__gnu_cxx::_S_atomic", "(__gnu_cxx::_Lock_policy)2"),
                 # One code serves both.
                 ("Inner<str>", "Inner<[u8]>"),
                 ("alloc::vec::Vec<u8>", "alloc::string::String")):
        name = name.replace(a, b)
    name = re.sub(r"(\d)(ul|u|l)\b", r"\1", name, flags=re.IGNORECASE)
    name = re.sub(r"\b(u?int(?:8|16|32|64)_t|size_t)\b", lambda m: FIXED[m.group()], name)
    name = without_defaults(re.sub(r"\s+", "", name))
    return name.replace("std::basic_string<char>", "std::string")


FIXED = {"int8_t": "signedchar", "uint8_t": "unsignedchar", "int16_t": "short",
         "uint16_t": "ushort", "int32_t": "int", "uint32_t": "uint", "int64_t": "long",
         "uint64_t": "ulong", "size_t": "ulong"}
DEFAULTS = ("std::allocator<", "std::char_traits<", "std::default_delete<", "std::less<",
            "std::hash<", "std::equal_to<")


def without_defaults(name):
    """Without default arguments of templates, which gcc leaves out at times."""
    for default in DEFAULTS:
        at = name.find("," + default)
        while at >= 0:
            depth, end = 0, at + 1
            while end < len(name):
                depth += name[end] == "<"
                depth -= name[end] == ">" and name[end - 1] != "-"
                end += 1
                if depth == 0 and name[end - 1] == ">":
                    break
            if name[end:end + 1] in (",", ">"):
                name = name[:at] + name[end:]
                at = name.find("," + default)
            else:
                at = name.find("," + default, at + 1)
    return name


def rust_plain(name):
    """Without lifetimes, and bounds of dyn that are spelled in any order."""
    name = re.sub(r"for<'[^>]*>|'[a-z]+\b ?", "", name)
    name = re.sub(r"\s*\+ core::marker::(Send|Sync)", "", name)
    name = re.sub(r"\s*\+ core::panic::unwind_safe::\w+", "", name)
    return re.sub(r"\((dyn [^()]*(\([^()]*\)[^()]*)*)\)", r"\1", name)


def rust_array(name):
    """vec![a, b] makes a [T; 2] that becomes T[]."""
    m = re.match(r"\[(.*); \d+\]$", name)
    return m.group(1) if m else name


def rust_box(name):
    """Box<T> is a pointer to T, and so it is described; *mut T, too."""
    m = re.match(r"\*(?:mut)?(.+)$", name)
    if m:
        return m.group(1) + "*"
    m = re.match(r"alloc::boxed::Box<(.*)>$", name)
    return m.group(1) + "*" if m and not m.group(1).startswith(("dyn", "[")) else name


def rust_impl(name):
    """What lies in an impl is called by its traits here, by a number there; and
    the arguments of generic functions stand at another place."""
    if "{closure#" in name and not name.startswith("alloc::"):
        name = re.sub(r"<[^<>]*>", "", re.sub(r"<[^<>]*>", "", name)) \
            if not name.startswith("<") else name
    m = re.match(r".*\{impl#\d+\}::(.*)$", name)
    if m:
        return "{impl}::" + m.group(1)
    depth = 0
    for i, c in enumerate(name if name.startswith("<") else ""):
        depth += (c == "<") - (c == ">" and name[i - 1] != "-")
        if depth == 0:
            return "{impl}" + name[i + 1:] if name[i + 1:] else name
    return name


def element(name):
    return name[:-2] if name.endswith("[]") else name


def shown(name):
    """What holdfast calls the control block of make_shared<T>."""
    t = alloc_truth.argument(name, "std::_Sp_counted_ptr_inplace<") \
        if name.startswith("std::_Sp_counted_ptr_inplace<") else None
    t = t or (alloc_truth.argument(name, "std::__1::__shared_ptr_emplace<")
              if name.startswith("std::__1::__shared_ptr_emplace<") else None)
    return "make_shared<%s>" % t if t else name


def same(got, want):
    got = normal(element(got))
    if re.search(r"(^|::)__node_base(\*|_ptr)$", got):
        got = "std::__detail::_Hash_node_base*"     # an alias in libstdc++
    if got == "char" and want == "u8":
        return True         # text that no class says more about
    if want.startswith("coroutine "):   # the function; its frame has no name
        return re.search(r"(^|::)%s::\{coroutine#\d+\}$" % want[10:], got) is not None
    return any(rust_impl(rust_box(got)) in (rust_impl(rust_box(normal(w))),
                                            normal(shown(w)), normal(rust_array(w))) or
               re.sub(r"\[\d+\]$", "", got) == normal(rust_array(w))
               for w in want.split("|"))


def verdict_of(block, want):
    got = block["type"]
    if want == "-":
        return "wrong" if got else "correct"
    if got is not None:
        return "correct" if same(got, want) else "wrong"
    return "ambiguous" if any(same(c["type"], want) for c in block["candidates"]) \
        else "untyped"


class Result:
    """What came out of one run, or of many added up."""

    def __init__(self):
        self.blocks = collections.Counter()     # verdict -> number
        self.bytes = collections.Counter()
        self.levels = collections.defaultdict(collections.Counter)
        self.rules = collections.defaultdict(collections.Counter)   # by evidence
        self.detail = collections.Counter()
        self.sample = {}
        self.named = self.words = 0

    def note(self, block, want, size):
        v = verdict_of(block, want)
        self.blocks[v] += 1
        self.bytes[v] += size
        if block["type"]:
            self.levels[round(block["confidence"] * 100)][v] += 1
            self.rules[block["evidence"]][v] += 1
        if v != "correct":
            key = v, want, block["type"], block["evidence"]
            self.detail[key] += 1
            self.sample.setdefault(key, block["addr"])

    def add(self, other):
        for mine, more in ((self.blocks, other.blocks), (self.bytes, other.bytes),
                           (self.detail, other.detail)):
            mine.update(more)
        for level, counts in other.levels.items():
            self.levels[level].update(counts)
        for rule, counts in other.rules.items():
            self.rules[rule].update(counts)
        self.named += other.named
        self.words += other.words

    def total(self):
        return sum(self.blocks.values())

    def percent(self, verdict, counter=None):
        counter = self.blocks if counter is None else counter
        return 100.0 * counter[verdict] / max(sum(counter.values()), 1)


def run_to_log(so, argv, folder, env=None, drive=None):
    """Start the program, let drive(process) talk to it, wait until it stops."""
    env = dict(os.environ, LD_PRELOAD=so, ALLOC_LOG=folder + "/log", **(env or {}))
    with open(folder + "/out", "w") as out:
        process = subprocess.Popen(argv, env=env, stdout=out, stderr=out, cwd=folder,
                                   stdin=subprocess.DEVNULL)
    if drive:
        drive(process)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        with open(folder + "/out") as out:
            print(out.read(), file=sys.stderr)
        raise RuntimeError("%s ended before it stopped: status %#x" % (argv[0], status))
    return process


def fields_of(holdfast, snapshot, addr):
    out = subprocess.run([holdfast, "show", "--json", snapshot, addr], check=True,
                         capture_output=True, text=True).stdout
    return {f["offset"] for f in json.loads(out)["fields"]
            if f["target"] and f["name"]}


def coverage(holdfast, snapshot, listed, memory):
    """Of the words in typed blocks that refer to blocks: how many have a name.
    A sample of the blocks, evenly spread."""
    listed.sort(key=lambda b: int(b["addr"], 16))
    starts = [int(b["addr"], 16) for b in listed]
    typed = []
    for block in listed:
        if not block["type"]:
            continue
        addr = int(block["addr"], 16)
        words = memory.get(addr)
        if not words:
            continue
        refers = set()
        for i in range(len(words) // 8):
            value, = struct.unpack_from("<Q", words, i * 8)
            at = bisect.bisect_right(starts, value) - 1
            if at >= 0 and value < starts[at] + listed[at]["size"]:
                refers.add(i * 8)
        if refers:
            typed.append((block["addr"], refers))
    step = max(1, -(-len(typed) // MAX_SHOWN))
    named = words = 0
    for addr, refers in typed[::step]:
        words += len(refers)
        named += len(refers & fields_of(holdfast, snapshot, addr))
    return named, words


def read_memory(pid, blocks):
    """{address: bytes} of blocks up to 4 KiB, while the process is stopped."""
    memory = {}
    with open("/proc/%d/mem" % pid, "rb", buffering=0) as mem:
        for addr, (size, _) in blocks.items():
            if size <= 4096:
                memory[addr] = os.pread(mem.fileno(), size, addr)
    return memory


def judge(holdfast, so, argv, keep=None, sites=None, env=None, drive=None,
          references=True):
    """Run, capture, compare. @sites: see alloc_truth.by_sites()."""
    with contextlib.nullcontext(keep) if keep else tempfile.TemporaryDirectory() as folder:
        os.makedirs(folder, exist_ok=True)
        process = run_to_log(so, argv, folder, env, drive)
        snapshot = folder + "/s"
        try:
            subprocess.run([holdfast, "dump", "--force", "-o", snapshot, str(process.pid)],
                           check=True, stderr=subprocess.DEVNULL)
            maps, blocks = alloc_truth.read_log(folder + "/log")
            memory = read_memory(process.pid, blocks) if references else {}
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        lines = subprocess.run([holdfast, "blocks", "--json", "--candidates", snapshot],
                               check=True, capture_output=True, text=True).stdout
        listed = [json.loads(line) for line in lines.splitlines()]
        truth = alloc_truth.truths(folder + "/truth.txt", maps, blocks)
        truth.update(alloc_truth.by_sites(sites or (), maps, blocks))
        result = Result()
        for block in listed:
            addr = int(block["addr"], 16)
            if addr in truth and addr in blocks:
                result.note(block, truth[addr], blocks[addr][0])
        if references:
            result.named, result.words = coverage(holdfast, snapshot, listed, memory)
    return result


def print_precision(what, table):
    """Of the types that were given: how many are right."""
    for key in sorted(table, reverse=True):
        c = table[key]
        print("    %s %s: %d of %d right (%.2f %%)" % (
            what, key, c["correct"], sum(c.values()),
            100.0 * c["correct"] / sum(c.values())))


def print_detail(result, limit=60):
    for key, n in result.detail.most_common(limit):
        verdict, want, got, evidence = key
        print("    %-8s %5d  want %.110s  got %.110s (%s)%s" % (
            verdict, n, want, got, evidence,
            " as " + result.sample[key] if key in result.sample else ""))


def main():
    argv = sys.argv[1:]
    verbose = argv[0] == "--verbose"
    holdfast, so, *program = argv[verbose:]
    result = judge(os.path.abspath(holdfast), os.path.abspath(so),
                   [os.path.abspath(program[0]), *program[1:]],
                   keep=os.environ.get("JUDGE_KEEP"))
    print("%6d blocks: %s; bytes: %s; %d of %d references by name" % (
        result.total(),
        ", ".join("%s %.2f %%" % (v, result.percent(v)) for v in VERDICTS),
        ", ".join("%s %.2f %%" % (v, result.percent(v, result.bytes)) for v in VERDICTS),
        result.named, result.words))
    print_precision("confidence", result.levels)
    print_precision("evidence", result.rules)
    if verbose:
        print_detail(result)


if __name__ == "__main__":
    main()
