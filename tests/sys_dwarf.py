#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Types and variables against three independent readers: the compiler itself
(the sample prints sizeof and offsetof), readelf, and nm."""
import os
import re
import shutil
import subprocess
import sys

DIR = os.path.abspath(os.environ.get("TEST_DIR", "."))
READER = os.path.join(os.environ.get("BUILD", "build"), "tests/test_dwarf")

C = r"""
#include <stdio.h>
#include <stddef.h>
#include <stdint.h>
struct later;
struct node { struct node *next, **prev; uint8_t tag; };
struct mixed {
	char c; short s; int i; long l; float f; double d; long double ld;
	struct later *later;
	union { int number; char text[20]; struct node node; } u;
	struct { int x, y; } point[3];
	int matrix[4][5];
	void (*call)(int, struct mixed *);
	const volatile char *const text;
	enum color { RED, GREEN } color;
	_Bool yes;
	struct node tail[];
};
struct bits { unsigned a : 3, b : 7, c : 22; unsigned long d : 33; signed e : 5; };
struct __attribute__((packed)) packed { char c; long l; short s; };
typedef struct { int w, h; } size;
struct later { size size; };
struct node list_head;
static struct mixed mixed = { .i = 7 };
struct bits bits; struct packed packed; size a_size; struct later later;
static __thread struct node *volatile tls_node;
__thread int tls_count = 3;
static int counter(void) { static int count = 5; return count++; }
#define S(T) printf("S %zu %s\n", sizeof(struct T), #T)
#define O(T, M) printf("O %zu %s %s\n", offsetof(struct T, M), #T, #M)
int main(void)
{
	S(node); O(node, next); O(node, prev); O(node, tag);
	S(mixed); O(mixed, c); O(mixed, s); O(mixed, i); O(mixed, l);
	O(mixed, f); O(mixed, d); O(mixed, ld); O(mixed, later); O(mixed, u);
	O(mixed, point); O(mixed, matrix); O(mixed, call); O(mixed, text);
	O(mixed, color); O(mixed, yes); O(mixed, tail);
	S(bits); S(packed); O(packed, l); O(packed, s);
	S(later); O(later, size);
	printf("S %zu size\n", sizeof(size));
	tls_node = &list_head; tls_count += counter();
	return mixed.i == 8 + (tls_node == NULL) + later.size.w;
}
"""

CXX = r"""
#include <cstdio>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>
namespace app {
struct shape { virtual ~shape() {} int id = 1; };
struct named { std::string name; };
struct circle : shape, named { double r = 2; virtual void draw() {} };
template <class T, int n> struct ring { T slots[n]; ring *next; };
struct owner {
	std::vector<unsigned long> v; std::map<int, std::string> m;
	std::unique_ptr<circle> c; ring<circle *, 4> r;
	static int instances;
	struct inner { short s; } in;
};
int owner::instances = 2;
inline namespace v1 { struct cache { owner *first; }; }
namespace { struct hidden { int h; }; hidden a_hidden; }
cache a_cache;
owner an_owner;
int use() { static circle once; struct local { int q; }; static local here;
	    return once.id + here.q++ + a_hidden.h; }
}
#define S(T) printf("S %zu %s\n", sizeof(T), #T)
#define O(T, M) printf("O %zu %s %s\n", offsetof(T, M), #T, #M)
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
int main()
{
	S(app::shape); S(app::named); S(app::circle); S(app::owner);
	S(app::owner::inner); O(app::shape, id); O(app::circle, r);
	O(app::named, name); O(app::owner, v); O(app::owner, m);
	O(app::owner, c); O(app::owner, r); O(app::owner, in);
	printf("S %zu app::v1::cache\n", sizeof(app::cache));
	printf("S %zu app::(anonymous namespace)::hidden\n", sizeof(app::hidden));
	printf("S %zu app::ring<app::circle*, 4>\n", sizeof(app::ring<app::circle *, 4>));
	printf("S %zu std::vector<unsigned long, std::allocator<unsigned long>>\n",
	       sizeof(std::vector<unsigned long>));
	return app::use() < app::owner::instances - 9;
}
"""

MADE = r"""
#include <coroutine>
#include <cstdio>
struct task {
	struct promise_type {
		int v;
		task get_return_object() { return { std::coroutine_handle<promise_type>::from_promise(*this) }; }
		std::suspend_always initial_suspend() { return {}; }
		std::suspend_always final_suspend() noexcept { return {}; }
		std::suspend_always yield_value(int x) { v = x; return {}; }
		void return_void() {}
		void unhandled_exception() {}
	};
	std::coroutine_handle<promise_type> h;
};
namespace app {
task count(int n) { long local = n; for (int i = 0; i < n; i++) { co_yield i; local++; } }
struct worker { int base = 1; task run(int k) { int z = base + k; co_yield z; } };
}
template <class F> __attribute__((noinline)) int call(F f) { return f(2); }
int main()
{
	app::worker w;
	task a = app::count(3), b = w.run(2);
	int one = 1; long two = 2;
	auto first = [one](int x) { return x + one; };
	auto second = [one, two](int x) { return x + one + (int)two; };
	printf("C %p\nC %p\n", *(void **)a.h.address(), *(void **)b.h.address());
	printf("L %zu\nL %zu\n", sizeof(first), sizeof(second));
	return call(first) + call(second) == 0;
}
"""

C_VARS = ["list_head", "mixed", "bits", "packed", "a_size", "later",
          "counter::count"]
CXX_VARS = ["app::owner::instances", "app::v1::cache", "app::a_cache",
            "app::an_owner", "app::use::once", "app::use::here"]


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE,
                          text=True).stdout


class Read:
    """What test_dwarf prints about a file."""

    def __init__(self, path):
        self.types, self.members, self.vars, self.findings = {}, {}, {}, []
        self.type_at = {}
        name = None
        for line in run(READER, path).splitlines():
            tag, rest = line.split(" ", 1)
            if tag == "T":
                kind, size, name = rest.split(" ", 2)
                if int(size) or name not in self.types:
                    self.types[name] = int(size)
                    fields = self.members[name] = {}
            elif tag == "M":
                bit, bits, field, typ = rest.split(" ", 3)
                fields[field] = (int(bit), int(bits), typ)
            elif tag == "V":
                addr, tls, var = rest.split(" ", 2)
                self.vars.setdefault(var.split(" ")[0], []).append(
                    (int(addr, 16), tls))
                self.type_at[int(addr, 16)] = var.split(" ", 1)[1]
            else:
                self.findings.append(rest)


def check(ok, what):
    if not ok:
        print("wrong:", what)
        sys.exit(1)


def check_sample(read, output, label):
    n = 0
    for line in output.splitlines():
        tag, number, rest = line.split(" ", 2)
        if tag == "S":
            check(read.types.get(rest) == int(number),
                  f"{label}: sizeof {rest} is {number}, "
                  f"read {read.types.get(rest)}")
        else:
            name, field = rest.rsplit(" ", 1)
            got = read.members[name].get(field)
            check(got and got[0] == 8 * int(number),
                  f"{label}: {name}.{field} at {number}, read {got}")
        n += 1
    check(n > 10, f"{label}: the sample said little")


DIE = re.compile(r"^ <(\d+)><([0-9a-f]+)>: Abbrev Number: \d+ \((DW_TAG_\w+)\)")
ATTR = re.compile(r"^    <[0-9a-f]+>   (DW_AT_\w+)\s*: (.*)$")


def readelf_structs(path):
    """{name: (size, [(member, offset)])} of the structs of a C program."""
    dies, die = [], None
    for line in run("readelf", "--debug-dump=info", path).splitlines():
        m = DIE.match(line)
        if m:
            die = (int(m[1]), m[3], {})
            dies.append(die)
            continue
        m = ATTR.match(line)
        if m and die:
            die[2][m[1]] = m[2].strip()
    structs = {}
    for i, (level, tag, attrs) in enumerate(dies):
        if tag != "DW_TAG_structure_type" or "DW_AT_byte_size" not in attrs:
            continue
        if "DW_AT_name" not in attrs:
            continue
        members = []
        for below, t, a in dies[i + 1:]:
            if below <= level:
                break
            if below == level + 1 and t == "DW_TAG_member" and \
                    "DW_AT_bit_size" not in a and "DW_AT_name" in a:
                where = a.get("DW_AT_data_member_location", "0")
                m = re.search(r"plus_uconst: (\d+)", where)
                members.append((plain(a["DW_AT_name"]),
                                int(m[1] if m else where, 0)))
        structs[plain(attrs["DW_AT_name"])] = (
            int(attrs["DW_AT_byte_size"], 0), members)
    return structs


def plain(text):
    return text.rsplit(": ", 1)[-1].strip()


def check_readelf(read, path, label):
    structs = readelf_structs(path)
    check({"node", "mixed", "bits"} <= set(structs), f"{label}: readelf {structs}")
    for name, (size, members) in structs.items():
        check(read.types.get(name) == size, f"{label}: readelf: size of {name}")
        for member, offset in members:
            got = read.members[name].get(member)
            check(got and got[0] == 8 * offset,
                  f"{label}: readelf: {name}.{member} at {offset}, read {got}")


def check_nm(read, path, wanted, label):
    symbols = {}
    for line in run("nm", "-C", path).splitlines():
        m = re.match(r"^([0-9a-f]{16}) (\w) (.*)$", line)
        if m:
            symbols[m[3]] = (int(m[1], 16), m[2])
    for name in wanted:
        short = re.sub(r"\(\)", "", name).split("::")[-1]
        found = [a for s, (a, _) in symbols.items()
                 if s.replace("()", "") == name or
                 re.fullmatch(re.escape(short) + r"(\.\d+)?", s) or
                 re.fullmatch(r"counter\." + re.escape(short), s)]
        check(found, f"{label}: nm knows no {name}")
        got = [a for a, _ in read.vars.get(name, [])]
        check(set(got) & set(found), f"{label}: {name} at {found}, read {got}")


def check_bits(read, label):
    bits = read.members["bits"]
    for name, where in (("a", (0, 3)), ("b", (3, 7)), ("c", (10, 22)),
                        ("d", (64, 33)), ("e", (97, 5))):
        check(bits[name][:2] == where,
              f"{label}: bit-field {name} {where}, read {bits[name]}")


def check_c(read, label):
    mixed = read.members["mixed"]
    check(mixed["call"][2] == "void (*)(int, mixed *)", f"{label}: call {mixed}")
    check(mixed["matrix"][2] == "int [4][5]", f"{label}: matrix")
    check(mixed["text"][2] == "char *", f"{label}: text")
    check(mixed["tail"][2] == "node []", f"{label}: tail {mixed['tail']}")
    check(mixed["later"][2] == "later *", f"{label}: later")
    check(read.members["node"]["prev"][2] == "node **", f"{label}: prev")
    tls = {name: dict((t, a) for a, t in places)
           for name, places in read.vars.items()}
    check("T" in tls["tls_node"] and "T" in tls["tls_count"],
          f"{label}: thread-local variables {tls}")
    check_bits(read, label)


def check_cxx(read, label):
    circle = read.members["app::circle"]
    # clang 14 leaves out the name of a function that LTO inlined.
    if label != "clang++ -O2 -flto":
        check(read.types.get("app::use::local") == 4, f"{label}: local type")
    check(circle["-"][2] in ("app::shape", "app::named"), f"{label}: bases")
    check(read.members["app::v1::cache"]["first"][2] == "app::owner *",
          f"{label}: cache.first")


def build(compiler, source, flags, name):
    path = os.path.join(DIR, name)
    src = path + (".cc" if "++" in compiler else ".c")
    with open(src, "w") as f:
        f.write(source)
    # clang writes .dwo files into the current folder.
    done = subprocess.run([compiler, "-g", *flags, "-o", path, src],
                          stderr=subprocess.PIPE, text=True, cwd=DIR)
    if done.returncode != 0:
        print(f"{compiler} {flags}: {done.stderr.strip().splitlines()[:1]}")
        return None
    return path


# --- what is done to a program after it was built ---

def packager(*tools):
    def package(path):
        """All .dwo files become one .dwp file."""
        dwos = [os.path.join(DIR, f) for f in os.listdir(DIR)
                if f.startswith(os.path.basename(path)) and f.endswith(".dwo")]
        for tool in tools:
            # Names of .dwo files are relative to the folder of the compiler.
            if shutil.which(tool) and subprocess.run(
                    [tool, "-e", path, "-o", path + ".dwp"], cwd=DIR,
                    stderr=subprocess.DEVNULL).returncode == 0:
                for dwo in dwos:
                    os.unlink(dwo)
                return True
        return False
    return package


LLVM = ("llvm-dwp", "llvm-dwp-14")


def objcopy_zstd(path):
    return subprocess.run(
        ["objcopy", "--compress-debug-sections=zstd", path],
        stderr=subprocess.DEVNULL).returncode == 0


def dwz(*options):
    def share(path):
        """What two programs have in common goes to a third file."""
        twin = path + ".twin"
        shutil.copy(path, twin)
        return bool(shutil.which("dwz")) and subprocess.run(
            ["dwz", *options, "-m", path + ".common", "-r", path, twin],
            stderr=subprocess.DEVNULL).returncode == 0 and \
            os.path.exists(path + ".common")
    return share


def check_made(compiler, level):
    """Types of closures, and of coroutine frames by their first word."""
    flags = ["-std=c++20", "-no-pie", level]
    if compiler == "clang++":
        flags.append("-stdlib=libstdc++")
    path = build(compiler, MADE, flags, f"made-{compiler}-{level}-")
    if not path:
        return False
    label = f"{compiler} {level}"
    read = Read(path)
    frames, closures = [], []
    for line in run(path).splitlines():
        tag, number = line.split()
        if tag == "C":
            frames.append(read.type_at.get(int(number, 16), "nothing"))
        else:
            closures.append(int(number))
    check(frames == ["app::count::{coroutine#1}", "app::worker::run::{coroutine#1}"],
          f"{label}: frames of coroutines are {frames}")
    got = sorted(size for name, size in read.types.items()
                 if re.fullmatch(r"main::\{lambda\(int\)#\d\}", name))
    # Optimised, clang says nothing of closures that are nowhere in memory.
    check(got == sorted(closures) or (level == "-O2" and not got), f"{label}: closures {closures}, read "
          f"{[n for n in read.types if 'lambda' in n]}")
    return True


VARIANTS = [
    (["-gdwarf-2"], None), (["-gdwarf-3"], None), (["-gdwarf-4"], None),
    (["-gdwarf-5"], None), (["-gdwarf-5", "-O2"], None), (["-gz=zlib"], None),
    (["-gdwarf-4", "-gz=zlib-gnu"], None),
    (["-gdwarf-4", "-fdebug-types-section"], None),
    (["-gdwarf-5", "-fdebug-types-section"], None),
    (["-O2", "-flto"], None),
    (["-gdwarf-4", "-gdwarf64"], None), (["-gdwarf-5", "-gdwarf64"], None),
    (["-gdwarf-5", "-Wl,--build-id"], objcopy_zstd),
    (["-gdwarf-4", "-gsplit-dwarf"], None),
    (["-gdwarf-5", "-gsplit-dwarf"], None),
    (["-gdwarf-5", "-gsplit-dwarf", "-O2"], None),
    (["-gdwarf-4", "-gsplit-dwarf", "-fdebug-types-section"], None),
    (["-gdwarf-5", "-gsplit-dwarf", "-fdebug-types-section"], None),
    (["-gdwarf-4", "-gsplit-dwarf", "-Wl,--build-id"],
     packager("dwp", *LLVM)),
    (["-gdwarf-4", "-gsplit-dwarf", "-fdebug-types-section", "-DPACKAGE"],
     packager("dwp", *LLVM)),
    (["-gdwarf-5", "-gsplit-dwarf", "-DPACKAGE"], packager(*LLVM)),
    (["-gdwarf-4", "-Wl,--build-id", "-DSHARED"], dwz()),
    (["-gdwarf-5", "-Wl,--build-id", "-DSHARED"], dwz()),
    (["-gdwarf-5", "-Wl,--build-id", "-DSHARED_5"], dwz("-5")),
]


def is_plain(flags):
    """Can readelf and the symbols of a program be compared with?"""
    return not {"-fdebug-types-section", "-gsplit-dwarf", "-DSHARED",
                "-DSHARED_5"} & set(flags)


def check_program(compiler, source, flags, change, name):
    is_cxx = "++" in compiler
    label = " ".join([compiler, *flags])
    path = build(compiler, source, flags, name)
    if not path:
        return False
    if change and not change(path):
        print(f"{label}: {change.__name__} failed")
        return False
    read = Read(path)
    check_sample(read, run(path), label)
    if is_cxx:
        check_cxx(read, label)
    else:
        check_c(read, label)
        if is_plain(flags):
            check_readelf(read, path, label)
    if "-O2" not in flags:
        wanted = [v for v in CXX_VARS if v != "app::v1::cache"] if is_cxx \
            else C_VARS
        check_nm(read, path, wanted, label)
    check(not read.findings, f"{label}: {read.findings}")
    return True


def main():
    tested = 0
    for c, cxx in (("gcc", "g++"), ("clang", "clang++")):
        if not shutil.which(c):
            continue
        for i, (flags, change) in enumerate(VARIANTS):
            tested += check_program(c, C, flags, change, f"c-{c}-{i}-")
            tested += check_program(cxx, CXX, flags, change, f"cxx-{c}-{i}-")
        for level in "-O0", "-O2":
            tested += check_made(cxx, level)
    if tested == 0:
        print("no compiler")
        sys.exit(77)
    print(f"{tested} programs read")


main()
