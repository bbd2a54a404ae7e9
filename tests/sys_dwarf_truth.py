#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Debug information of real libraries: as many DIEs as readelf has, and every
struct of its in our type table, with its size and the offsets of members."""
import glob
import os
import re
import subprocess
import sys

DIR = os.environ.get("TEST_DIR", ".")
READER = os.path.join(os.environ.get("BUILD", "build"), "tests/test_dwarf")
RECORDS = ("DW_TAG_structure_type", "DW_TAG_class_type", "DW_TAG_union_type")
DIE = re.compile(r"^ <([0-9a-f]+)><([0-9a-f]+)>: Abbrev Number: \d+ \((\w+)\)")
ATTR = re.compile(r"^    <[0-9a-f]+>   (DW_AT_\w+)\s*: (.*)$")


def lines_of(*command):
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                          errors="replace",
                          stderr=subprocess.DEVNULL) as process:
        yield from process.stdout


def number(text):
    """An offset or a size; None for what no constant is."""
    m = re.search(r"plus_uconst: (\d+)", text)
    text = m[1] if m else text.split()[0]
    try:
        return int(text, 0)
    except ValueError:
        return None


def spelled(name):
    return name.rsplit("): ", 1)[-1].strip()


class Record:
    def __init__(self, level, tag):
        self.level, self.is_union = level, tag == "DW_TAG_union_type"
        self.name = self.size = None
        self.members = []		# [name, offset]

    def is_complete(self):
        return self.name and self.size and "<" not in self.name


def companion(path):
    """The file of what dwz found in more than one file, or None."""
    text = "".join(lines_of("readelf", "--string-dump=.gnu_debugaltlink",
                            path))
    m = re.search(r"^\s*\[ *0\]  (\S+)", text, re.M)
    return m and os.path.join(os.path.dirname(os.path.realpath(path)), m[1])


def strings_of(path):
    """The bytes of .debug_str."""
    out = os.path.join(DIR, "strings")
    subprocess.run(["objcopy", "--decompress-debug-sections",
                    "--dump-section", f".debug_str={out}", path, "/dev/null"],
                   check=True)
    with open(out, "rb") as f:
        return f.read()


def info_of(path):
    """What readelf prints of .debug_info of @path alone, with the names that
    lie in its companion: readelf itself mixes up the strings of the two."""
    other = companion(path)
    strings = strings_of(other) if other else b""

    def name(m):
        at = int(m[1], 16)
        return strings[at:strings.index(b"\0", at)].decode()

    for line in lines_of("readelf", "--debug-dump=info",
                         "--debug-dump=no-follow-links", path):
        yield re.sub(r"\(alt indirect string, offset: 0x([0-9a-f]+)\)", name,
                     line)


class Unit:
    def __init__(self):
        self.n_dies = 0
        self.records = set()		# (name, size, members)
        self.imports = []		# "<0x1>", in the companion "<alt 0x1>"
        self.stack, self.target, self.tag = [], None, None

    def close(self, level):
        """Records from @level on are at their end."""
        while self.stack and self.stack[-1].level >= level:
            r = self.stack.pop()
            if r.is_complete() and all(m[0] for m in r.members):
                self.records.add((r.name, r.size,
                                  tuple((m[0], m[1]) for m in r.members
                                        if m[1] is not None)))

    def begin(self, level, tag):
        self.n_dies += 1
        self.target, self.tag = None, tag
        self.close(level)
        if tag in RECORDS:
            self.target = Record(level, tag)
            self.stack.append(self.target)
        elif tag == "DW_TAG_member" and self.stack and \
                self.stack[-1].level == level - 1:
            self.target = [None, 0 if self.stack[-1].is_union else None, None]
            self.stack[-1].members.append(self.target)

    def add(self, attribute, value):
        if self.tag == "DW_TAG_imported_unit":
            self.imports.append(value)
        elif isinstance(self.target, Record):
            if attribute == "DW_AT_name":
                self.target.name = spelled(value)
            elif attribute == "DW_AT_byte_size":
                self.target.size = number(value)
        elif self.target is not None:
            if attribute == "DW_AT_name":
                self.target[0] = spelled(value)
            elif attribute == "DW_AT_data_member_location":
                self.target[1] = number(value)
            elif attribute in ("DW_AT_bit_size", "DW_AT_external"):
                self.stack[-1].members.remove(self.target)
                self.target = None


def readelf_units(path):
    """{offset of its first DIE: unit}, with records that have a name and are
    no templates."""
    units, unit = {}, Unit()
    for line in info_of(path):
        m = DIE.match(line)
        if m and m[1] == "0":
            unit.close(0)
            unit = units[int(m[2], 16)] = Unit()
        if m:
            unit.begin(int(m[1], 16), m[3])
            continue
        m = ATTR.match(line)
        if m:
            unit.add(m[1], m[2])
    unit.close(0)
    return units


def readelf_records(path):
    """Those of @path and what it imports from its companion, and how many
    DIEs there are in both."""
    own = readelf_units(path).values()
    other = companion(path)
    shared = readelf_units(other) if other else {}
    records = set().union(*(u.records for u in own))
    todo = [text for u in own for text in u.imports if "<alt" in text]
    seen = set()
    while todo:
        at = int(re.search("0x([0-9a-f]+)", todo.pop())[1], 16)
        if at not in seen:
            seen.add(at)
            records |= shared[at].records
            todo += shared[at].imports
    return records, sum(u.n_dies for u in [*own, *shared.values()])


def our_records(path):
    """By the last part of their name: [(size, {member: offset})]."""
    records, members = {}, None
    for line in lines_of(READER, path):
        tag, rest = line.rstrip("\n").split(" ", 1)
        if tag == "T":
            kind, size, name = rest.split(" ", 2)
            members = {}
            if kind in ("11", "12", "13"):
                records.setdefault(name.rsplit("::", 1)[-1], []).append(
                    (int(size), members))
        elif tag == "M":
            bit, _, name, _ = rest.split(" ", 3)
            members[name] = int(bit) // 8
        elif tag == "D":
            print(f"{path}: {rest}")
            sys.exit(1)
    return records


def compare(path):
    wanted, n = readelf_records(path)
    ours = our_records(path)
    missing = [(name, size, members) for name, size, members in wanted
               if not any(size == s and
                          all(have.get(m) == at for m, at in members)
                          for s, have in ours.get(name, []))]
    counted = int("".join(lines_of(READER, "--count", path)))
    if counted != n:
        print(f"  readelf has {n} DIEs, read {counted}")
    print(f"{path}: {n} DIEs, {len(wanted)} records, {len(missing)} differ")
    for name, size, members in missing[:5]:
        print(f"  {name}, {size} bytes: {members}; read {ours.get(name)}")
    if len(wanted) < 20:
        print("  readelf said little")
    return not missing and len(wanted) >= 20 and counted == n


def packaged(package, pattern):
    """The largest debug file of a Debian package whose path fits."""
    files = [line.strip() for line in lines_of("dpkg", "-L", package)]
    files = [f for f in files if re.search(pattern, f) and os.path.isfile(f)]
    return max(files, key=os.path.getsize, default=None)


def main():
    paths = [packaged("libc6-dbg", r"\.debug$"),
             packaged("libstdc++6-12-dbg", r"libstdc\+\+.*\.so|\.debug$"),
             packaged("libbinutils-dbg", r"build-id.*\.debug$"),
             os.path.join(os.environ.get("BUILD", "build"), "holdfast")]
    paths += sys.argv[1:] + glob.glob(os.path.join(DIR, "*.debug"))
    paths = [p for p in paths if p and os.path.exists(p)]
    if not any("/usr/lib" in p for p in paths):
        print("no debug packages: libc6-dbg, libstdc++6-12-dbg")
        return 77
    return 0 if all([compare(p) for p in paths]) else 1


sys.exit(main())
