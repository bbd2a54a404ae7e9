#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Captures of pointers alone: what is gone, and what is still the same.

A program puts secrets wherever a program can; none of their bytes may be in
the decompressed snapshot. And for one stopped process after the other, the
analysis of all its memory and of its pointers must agree: the same blocks in
the same states, the same dominators; types the same, or not known.
"""
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys

import samples_check

HOLDFAST = os.environ["HOLDFAST"]
BUILD = os.environ["BUILD"]
DIR = os.environ["TEST_DIR"]
SOURCE = samples_check.SOURCE
SIGNS = "!#$%&;?^`{|}~+=<>]["	# with digits: rare in types and code
GRAM = 4


def fail(text):
    print(text)
    sys.exit(1)


def run(*args, **kw):
    done = subprocess.run([HOLDFAST, *args], capture_output=True, timeout=600,
                          **kw)
    if done.returncode:
        fail(f"holdfast {' '.join(args)}: status {done.returncode}\n"
             f"{done.stderr.decode(errors='replace')}")
    return done.stdout


def plain(snapshot):
    """Its bytes, decompressed."""
    return subprocess.run(["zstd", "-dqc", snapshot], check=True,
                          capture_output=True).stdout


def compile_secrets(name, *flags):
    program = f"{DIR}/{name}"
    subprocess.run(["g++", "-O1", "-g", "-pthread", *flags, "-o", program,
                    f"{SOURCE}/tests/programs/secrets.cc"], check=True)
    return program


class Stopped:
    """A program that has stopped itself, or that is stopped after a while."""

    def __init__(self, argv, text=None, env=None, ready=None):
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, env=env)
        if text is not None:
            self.child.stdin.write(text)
        if ready is None or text is not None:
            self.child.stdin.close()
        if ready is not None:
            if not self.child.stdout.readline().startswith(ready):
                fail(f"{argv[0]} did not start")
            if text is None:
                os.kill(self.child.pid, 19)
        _, status = os.waitpid(self.child.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            fail(f"{argv[0]} ended with {status:#x}")
        self.pid = self.child.pid

    def __enter__(self):
        return self.pid

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        for file in (self.child.stdin, self.child.stdout):
            if file and not file.closed:
                file.close()


def dump(pid, name, *options):
    path = f"{DIR}/{name}.core.zst"
    run("dump", "--force", "-o", path, *options, str(pid))
    return path


def make_secrets(rng, taken):
    """Texts of 40 signs; none of their parts is in the bytes @taken."""
    def fresh():
        while True:
            text = "".join(rng.choice(SIGNS + "0123456789")
                           for _ in range(40))
            if not any(g in taken for g in grams(text.encode())):
                return text
    secrets = [fresh() for _ in range(8)]
    # One in UTF-8: two bytes a letter.
    secrets.append("".join(rng.choice("жщюяфыэ") for _ in range(20)))
    return secrets


def grams(text):
    return {text[i:i + GRAM] for i in range(len(text) - GRAM + 1)}


def find(data, secrets):
    """Parts of secrets in @data: [(part, offset)]."""
    wanted = set().union(*(grams(s.encode()) for s in secrets))
    signs = re.escape(bytes({sign for part in wanted for sign in part}))
    found = []
    # Only what has nothing but signs of secrets is looked at more closely.
    for run in re.finditer(b"[%s]{%d,}" % (signs, GRAM), data):
        for at in range(run.start(), run.end() - GRAM + 1):
            if data[at:at + GRAM] in wanted:
                found.append((data[at:at + GRAM], at))
    return found


def start_secrets(program, secrets):
    text = "\n".join(secrets[:7] + secrets[8:]).encode() + b"\n"
    env = {"PATH": os.environ["PATH"], "TOKEN": secrets[7],
           "OTHER": "x" + secrets[0]}
    return Stopped([program, secrets[7], "--password=" + secrets[3]], text,
                   env, b"ready")


def capture_secrets(program, rng, taken):
    """What full captures and captures of pointers know of new secrets."""
    secrets = make_secrets(rng, taken)
    results = {}
    with start_secrets(program, secrets) as pid:
        full = plain(dump(pid, "full"))
        results["dump"] = plain(dump(pid, "p", "--content=pointers"))
        results["dump --no-fork"] = plain(
            dump(pid, "p", "--content=pointers", "--no-fork"))
        core = f"{DIR}/gcore"
        subprocess.run(["gcore", "-o", core, str(pid)], check=True,
                       capture_output=True)
    core += f".{pid}"
    path = f"{DIR}/c.core.zst"
    run("dump", "--force", "-o", path, "--content=pointers", "--core", core)
    results["dump --core"] = plain(path)
    # What was left out once does not come back.
    again = f"{DIR}/d.core.zst"
    run("dump", "--force", "-o", again, "--content=full", "--core", path)
    results["dump --core of that"] = plain(again)
    os.unlink(core)
    return secrets, full, results


def check_secrets(name, *flags):
    seed = random.randrange(1 << 32)
    print(f"{name}: seed {seed}")
    rng = random.Random(seed)
    program = compile_secrets(name, *flags)
    # What is in the file without any secret: types, names, constants.
    with start_secrets(program, ["a" * 40] * 9) as pid:
        taken = plain(dump(pid, "none", "--content=pointers"))
    # An address, or a number in what is said of the process, may happen to
    # have four bytes of a secret, but not each time.
    for attempt in range(1, 6):
        secrets, full, results = capture_secrets(program, rng, taken)
        for s in secrets:
            missing = [g for g in grams(s.encode()) if g not in full]
            if missing:
                fail(f"{name}: the test is blind: {missing[0]} is not even "
                     "in the full snapshot")
        found = {how: find(data, secrets) for how, data in results.items()}
        found = {how: hits for how, hits in found.items() if hits}
        if not found:
            return
        for how, hits in found.items():
            print(f"{name}, {how}, attempt {attempt}: {len(hits)} parts: "
                  f"{hits[:5]}")
    fail(f"{name}: secrets in a capture of pointers")


def check_crash():
    """`crash handle` is fed by the kernel in sys_crash; here, run."""
    secret = "".join(random.choice(SIGNS + "0123456789") for _ in range(40))
    path = f"{DIR}/crash.core.zst"
    code = ("import os, sys; held = [bytearray(os.environb[b'TOKEN']) for _ in"
            " range(9)]; os.abort()")
    if subprocess.run([HOLDFAST, "run", "--help"],
                      capture_output=True).returncode:
        return
    subprocess.run([HOLDFAST, "run", "--force", "-o", path,
                    "--content=pointers", "--", sys.executable, "-c", code],
                   env=dict(os.environ, TOKEN=secret), capture_output=True,
                   timeout=600)
    data = plain(path)
    hits = find(data, [secret])
    # Parts of four may be anywhere in Python's constants; eight are not.
    for i in range(len(secret) - 8):
        if secret[i:i + 8].encode() in data:
            fail(f"run: {secret[i:i + 8]} of a secret; {len(hits)} parts")


# --- the same analysis ---

def blocks(path):
    return [json.loads(line) for line in
            run("blocks", "--json", "--free", path).splitlines()]


def without_types(value):
    """Reports name blocks by their types; what is left are places, sizes."""
    if isinstance(value, dict):
        return {k: without_types(v) for k, v in value.items()
                if k not in ("type", "class", "file", "notes", "name")}
    if isinstance(value, list):
        return [without_types(v) for v in value]
    return value


def compare_blocks(name, full, reduced):
    """Number of types that are not known any more."""
    a, b = blocks(full), blocks(reduced)
    keys = ("addr", "size", "state", "allocator")
    for x, y in zip(a, b):
        if any(x[k] != y[k] for k in keys):
            fail(f"{name}: {x} became {y}")
    if len(a) != len(b):
        fail(f"{name}: {len(a)} blocks became {len(b)}")
    lost = 0
    for x, y in zip(a, b):
        if x["type"] == y["type"]:
            if not x["type"] and x["class"] != y["class"] != "unknown":
                fail(f"{name}: class of {x} became {y['class']}")
        elif y["type"] is None:
            lost += 1
        else:
            fail(f"{name}: type of {x} became {y['type']}")
    return len(a), lost


def report(command, path):
    return without_types(json.loads(run(command, "--json", path)))


def ordered(rows):
    return sorted(json.dumps(r, sort_keys=True) for r in rows)


def tree_nodes(tree):
    """Leak groups are named by their types: what they hold, in their place."""
    nodes = []
    for node in tree["nodes"]:
        if node.get("root", "").split(" ")[0] in ("leaked", "stale", "weak"):
            nodes += node["children"]
        else:
            nodes.append(node)
    return ordered(nodes)


def compare(name, pid, *options):
    full = dump(pid, "full")
    reduced = dump(pid, "reduced", "--content=pointers", *options)
    n, lost = compare_blocks(name, full, reduced)
    leaks = [report("leaks", p) for p in (full, reduced)]
    cycles = [report("cycles", p) for p in (full, reduced)]
    trees = [report("dominators", p) for p in (full, reduced)]
    for key in ("leaked", "stale", "weak"):
        if leaks[0][key] != leaks[1][key]:
            fail(f"{name}: {key}: {leaks[0][key]} became {leaks[1][key]}")
    # Blocks that lost their types stand in other groups.
    if lost == 0 and (ordered(leaks[0]["groups"]) !=
                      ordered(leaks[1]["groups"]) or
                      ordered(cycles[0]["cycles"]) !=
                      ordered(cycles[1]["cycles"])):
        fail(f"{name}: leaks or cycles differ")
    if sum(c["blocks"] for c in cycles[0]["cycles"]) != \
            sum(c["blocks"] for c in cycles[1]["cycles"]):
        fail(f"{name}: cycles differ")
    if trees[0]["total"] != trees[1]["total"] or \
            tree_nodes(trees[0]) != tree_nodes(trees[1]):
        fail(f"{name}: dominators differ")
    info = [json.loads(run("info", "--json", p)) for p in (full, reduced)]
    if [i["content"] for i in info] != ["full", "pointers"]:
        fail(f"{name}: info does not say what was left out")
    if info[0]["allocators"] != info[1]["allocators"]:
        fail(f"{name}: allocators {info[0]['allocators']} became "
             f"{info[1]['allocators']}")
    print(f"{name}: {n} blocks, {lost} types not known any more")


def check_samples():
    for name in samples_check.sample_names():
        with samples_check.stopped(f"{BUILD}/samples/{name}") as (pid, _):
            compare(name, pid)


def check_python():
    code = ("import json, sys; d = [{'k%d' % i: [i, str(i), i / 3]} for i in"
            " range(20000)]; s = json.dumps(d); print('ready', flush=True);"
            " sys.stdin.read()")
    with Stopped([sys.executable, "-c", code], ready=b"ready") as pid:
        compare("python", pid)


def redis_command(*words):
    return b"".join([b"*%d\r\n" % len(words)] +
                    [b"$%d\r\n%s\r\n" % (len(w), w) for w in words])


def check_redis():
    server = shutil.which("redis-server")
    if not server:
        print("redis: not installed")
        return
    import socket
    path = f"{DIR}/redis.sock"
    child = subprocess.Popen([server, "--port", "0", "--unixsocket", path,
                              "--save", "", "--dir", DIR],
                             stdout=subprocess.PIPE)
    try:
        for line in child.stdout:
            if b"ready to accept" in line.lower() or \
                    b"now ready" in line.lower():
                break
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        for i in range(3000):
            key = b"key:%d" % i
            s.sendall(redis_command(b"SET", key, b"v" * (i % 300)) +
                      redis_command(b"LPUSH", b"list", key) +
                      redis_command(b"HSET", b"hash", key, key) +
                      redis_command(b"ZADD", b"sorted", b"%d" % i, key))
        s.sendall(redis_command(b"PING"))
        data = b""
        while b"PONG" not in data:
            data = data[-8:] + s.recv(65536)
        os.kill(child.pid, 19)
        os.waitpid(child.pid, os.WUNTRACED)
        compare("redis", child.pid)
        s.close()
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


# --- mappings left out ---

def check_exclude():
    program = f"{BUILD}/samples/lost_list"
    with samples_check.stopped(program) as (pid, _):
        with open(f"/proc/{pid}/maps") as maps:
            heap = next(line for line in maps if "[heap]" in line)
        start, end = heap.split()[0].split("-")
        middle = f"0x{int(start, 16) + 4096:x}"
        for what in ("[heap]", middle, f"0x{start}-0x{end}"):
            path = dump(pid, "without", "--exclude", what, "--exclude",
                        "libc.so.6")
            check_excluded(what, path, int(start, 16), int(end, 16))
        full = dump(pid, "full")
    path = f"{DIR}/without.core.zst"
    run("dump", "--force", "-o", path, "--exclude", "[heap]", "--core", full)
    check_excluded("core", path, int(start, 16), int(end, 16))
    for bad in ("0x", "0x12z", "0x20-0x10", ""):
        done = subprocess.run([HOLDFAST, "dump", "--exclude", bad, "1"],
                              capture_output=True)
        if done.returncode != 2:
            fail(f"--exclude '{bad}' was taken")
    with samples_check.stopped(program) as (pid, _):
        done = subprocess.run([HOLDFAST, "dump", "--force", "-o", path,
                               "--exclude", "nosuch", str(pid)],
                              capture_output=True, text=True)
    if "--exclude nosuch: there is no such mapping" not in done.stderr:
        fail(f"an exclude that names nothing: {done.stderr}")


def check_excluded(what, path, start, end):
    data = plain(path)
    phoff, = struct.unpack_from("<Q", data, 32)
    n, = struct.unpack_from("<H", data, 56)
    for i in range(n):
        kind, _, _, at, _, _, size, _ = struct.unpack_from(
            "<IIQQQQQQ", data, phoff + 56 * i)
        if kind == 1 and at < end and at + size > start:
            fail(f"--exclude {what}: {at:#x} is there")
    notes = json.loads(run("info", "--json", path))["diagnostics"]
    if not any("--exclude" in d["what"] for d in notes):
        fail(f"--exclude {what}: not said in info")


def main():
    check_secrets("secrets")
    check_secrets("secrets_low", "-no-pie", "-static")
    check_crash()
    check_exclude()
    check_samples()
    check_python()
    check_redis()


main()
