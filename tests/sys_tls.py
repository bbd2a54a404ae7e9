#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Thread-local variables of the program, of its libraries and of plugins.

Each thread says which block each of its variables holds; the roots of that
thread must say the same, by name. The variables lie in static TLS, in blocks
that the dynamic linker made on first use, and in those of a plugin that took
the number of another one that is gone.
"""
import json
import os
import shutil
import subprocess

HOLDFAST = os.environ["HOLDFAST"]
DIR = os.environ["TEST_DIR"]

# Each library has a variable behind so much else that a wrong base shows.
LIBRARY = r"""
#include <stdlib.h>

static volatile __thread char padding[PADDING] __attribute__((aligned(ALIGN)));
__thread char *NAME_cache;
static volatile __thread struct { long n; void *held[3]; } NAME_table = { 7, { 0 } };

void NAME_use(size_t size, void **ret)
{
	padding[0] = 1;
	NAME_cache = malloc(size);
	NAME_table.held[1] = malloc(size + 16);
	ret[0] = NAME_cache;
	ret[1] = NAME_table.held[1];
}
"""

PROGRAM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 3 };

void linked_use(size_t size, void **ret);
static __thread void *volatile own_cache __attribute__((aligned(64)));
static void (*plugin_use)(size_t, void **), (*second_use)(size_t, void **);
static pthread_barrier_t opened, used, end;

static void use(int n)
{
	void *held[7] = { 0 };

	held[0] = own_cache = malloc(100 + n);
	linked_use(200 + n, held + 1);
	plugin_use(300 + n, held + 3);
	/* One thread never touches it. */
	if (n != 1)
		second_use(400 + n, held + 5);
	flockfile(stdout);
	printf("{\"thread\": \"t%d\"", n);
	printf(", \"prog:own_cache\": %lu", (unsigned long)held[0]);
	printf(", \"liblinked.so:linked_cache\": %lu", (unsigned long)held[1]);
	printf(", \"liblinked.so:linked_table\": %lu", (unsigned long)held[2]);
	printf(", \"plugin.so:plugin_cache\": %lu", (unsigned long)held[3]);
	printf(", \"plugin.so:plugin_table\": %lu", (unsigned long)held[4]);
	if (n != 1) {
		printf(", \"second.so:second_cache\": %lu",
		       (unsigned long)held[5]);
		printf(", \"second.so:second_table\": %lu",
		       (unsigned long)held[6]);
	}
	printf("}\n");
	fflush(stdout);
	funlockfile(stdout);
}

static void *run(void *arg)
{
	char name[16];

	snprintf(name, sizeof(name), "t%d", (int)(long)arg);
	pthread_setname_np(pthread_self(), name);
	pthread_barrier_wait(&opened);
	use((int)(long)arg);
	pthread_barrier_wait(&used);
	pthread_barrier_wait(&end);
	return NULL;
}

static void *open_plugin(const char *path)
{
	void *plugin = dlopen(path, RTLD_NOW);

	if (!plugin) {
		fprintf(stderr, "%s\n", dlerror());
		exit(3);
	}
	return plugin;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	void *gone[2], *held[2];

	(void)argc;
	pthread_barrier_init(&opened, NULL, THREADS + 1);
	pthread_barrier_init(&used, NULL, THREADS + 1);
	pthread_barrier_init(&end, NULL, THREADS + 1);
	for (long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, run, (void *)(i + 1));
	pthread_setname_np(pthread_self(), "t0");
	/* Use a plugin and let it go, so that its number is given again. */
	gone[0] = open_plugin(argv[1]);
	((void (*)(size_t, void **))dlsym(gone[0], "gone_use"))(50, held);
	free(held[0]);
	free(held[1]);
	dlclose(gone[0]);
	plugin_use = (void (*)(size_t, void **))
		dlsym(open_plugin(argv[2]), "plugin_use");
	second_use = (void (*)(size_t, void **))
		dlsym(open_plugin(argv[3]), "second_use");
	pthread_barrier_wait(&opened);
	use(0);
	pthread_barrier_wait(&used);
	puts("ready");
	fflush(stdout);
	getchar();
	pthread_barrier_wait(&end);
	return 0;
}
"""


def build(cc, folder, strip):
    os.makedirs(folder)
    env = dict(os.environ)
    for name, padding, align in (("linked", 100, 16), ("gone", 700, 8),
                                 ("plugin", 9000, 64), ("second", 40, 8)):
        source = f"{folder}/{name}.c"
        with open(source, "w") as f:
            f.write(LIBRARY.replace("NAME", name)
                    .replace("PADDING", str(padding))
                    .replace("ALIGN", str(align)))
        out = "liblinked.so" if name == "linked" else f"{name}.so"
        subprocess.run([*cc, "-g", "-O1", "-shared", "-fPIC", "-o",
                        f"{folder}/{out}", source], check=True, env=env)
        os.unlink(source)
    with open(f"{folder}/prog.c", "w") as f:
        f.write(PROGRAM)
    subprocess.run([*cc, "-g", "-O1", "-pthread", "-o", f"{folder}/prog",
                    f"{folder}/prog.c", f"-L{folder}", "-llinked",
                    "-Wl,-rpath,."], check=True, env=env)
    if strip:
        subprocess.run(["strip", f"{folder}/prog"] + [
            f"{folder}/{n}" for n in os.listdir(folder) if n.endswith(".so")],
            check=True)


def start(folder):
    # Memory that is given again must not hold what it held before.
    env = dict(os.environ, MALLOC_PERTURB_="85",
               GLIBC_TUNABLES="glibc.malloc.tcache_count=0")
    # Short names: the rest of a chunk behind a long one may hold old pointers.
    process = subprocess.Popen(
        ["./prog"] + [f"./{n}.so" for n in ("gone", "plugin", "second")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env,
        cwd=folder)
    truth = {}
    for line in process.stdout:
        if line == "ready\n":
            break
        said = json.loads(line)
        truth[said.pop("thread")] = said
    assert sorted(truth) == ["t0", "t1", "t2", "t3"], truth
    return process, truth


def ask(command, snap):
    done = subprocess.run([HOLDFAST, command, "--json", snap],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def roots_of(snap):
    """(thread name, name of a TLS variable, address that it holds)."""
    return {(thread["name"], root["root"][4:], int(held["addr"], 16))
            for thread in ask("threads", snap)["threads"]
            for root in thread["roots"] if root["root"].startswith("tls ")
            for held in root["holds"]}


def check(snap, truth, names=True):
    """Each variable of ours in each thread holds what it says, no other."""
    found = {(thread if names else "", name, addr)
             for thread, name, addr in roots_of(snap)
             if not name.startswith(("libc.so", "libc-"))}
    wanted = {(thread if names else "", name, addr)
              for thread, said in truth.items()
              for name, addr in said.items()}
    assert found == wanted, (found - wanted, wanted - found)
    heap = ask("info", snap)["heap"]
    assert heap["leaked_blocks"] == 0 and heap["stale_blocks"] == 0, heap


def dump(process, snap, *options):
    done = subprocess.run([HOLDFAST, "dump", "--force", "-o", snap, *options,
                           str(process.pid)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def end(process):
    process.stdin.close()
    assert process.wait() == 0
    process.stdout.close()


def test_glibc():
    build(["cc"], f"{DIR}/glibc", False)
    process, truth = start(f"{DIR}/glibc")
    dump(process, f"{DIR}/tls.zst")
    check(f"{DIR}/tls.zst", truth)
    end(process)


def test_stripped():
    """Exported variables have names without debug information, too."""
    build(["cc"], f"{DIR}/stripped", True)
    process, truth = start(f"{DIR}/stripped")
    dump(process, f"{DIR}/tls.zst")
    for said in truth.values():
        for name in list(said):
            if not name.endswith("_cache") or name == "prog:own_cache":
                said.pop(name)
    check(f"{DIR}/tls.zst", truth)
    end(process)


def test_core_of_the_kernel():
    """A core has no names of threads, nor libc's constants."""
    if not shutil.which("gcore"):
        print("no gcore: not tested")
        return
    process, truth = start(f"{DIR}/glibc")
    subprocess.run(["gcore", "-o", f"{DIR}/core", str(process.pid)],
                   check=True, capture_output=True)
    core = f"{DIR}/core.{process.pid}"
    done = subprocess.run([HOLDFAST, "dump", "--force", "-o",
                           f"{DIR}/tls.zst", "--core", core],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    check(f"{DIR}/tls.zst", truth, names=False)
    end(process)


test_glibc()
test_stripped()
test_core_of_the_kernel()
