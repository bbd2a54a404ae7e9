#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What C programs keep in void pointers, as their machine code tells it: the
program says in comments what it keeps where. Code that was not optimized does
what the source says, so it must tell all of it, and nothing else. What an
optimizer leaves of that differs from release to release (it joins stores to
vectors, for one), so of its code most must be told, and nothing else."""
import os
import shutil
import subprocess
import sys

DIR = os.path.abspath(os.environ.get("TEST_DIR", "."))
READER = os.path.join(os.environ.get("BUILD", "build"), "tests/test_dwarf")

# Not main(): what is called from elsewhere is compiled as it stands.
PROGRAM = r"""
typedef unsigned long size_t;
void *malloc(size_t);
void free(void *);

struct dict { struct dict *next; long used; };
struct list { struct list *head; long length; };
struct set { void *members; int n; };
struct stream { long id; struct dict *groups; };
struct user { char *name; long id; };
struct session { long id; struct session *next; };
struct event { long when; };

struct object {
	int type;
	void *ptr;
	struct object *next;
};
struct entry {
	char *key;
	union { void *val; unsigned long number; double score; } v;
	struct entry *next;
};
struct outer {
	long flags;
	struct { void *first, *second; } pair;
	void *many[4];
	size_t word;
};

/* Read through a cast. */
long dict_used(struct object *o)
{
	struct dict *d = o->ptr;		/* object.ptr: dict */

	return d->used + d->next->used;
}

/* Stored. */
void set_list(struct object *o, struct list *l)
{
	l->length = 0;
	o->ptr = l;				/* object.ptr: list */
}

/* Passed to a function that is declared. */
__attribute__((noinline)) void set_free(struct set *s)
{
	free(s->members);
	free(s);
}
void object_free(struct object *o)
{
	if (o->type == 3)
		set_free(o->ptr);		/* object.ptr: set */
	free(o);
}

/* Handed through a void pointer. */
__attribute__((noinline)) struct object *object_new(int type, void *ptr)
{
	struct object *o = malloc(sizeof(*o));

	o->type = type;
	o->ptr = ptr;
	o->next = 0;
	return o;
}
struct object *stream_new(struct dict *groups)
{
	struct stream *s = malloc(sizeof(*s));

	s->id = 7;
	s->groups = groups;
	return object_new(4, s);		/* object.ptr: stream */
}

/* Returned as a void pointer. */
__attribute__((noinline)) void *entry_value(struct entry *e)
{
	return e->v.val;
}
long user_id(struct entry *e)
{
	struct user *u = entry_value(e);	/* entry.v: user */

	return u ? u->id : -1;
}

/* In a struct within another; in an array; as a number. */
void outer_fill(struct outer *o, struct session *s, struct event *e)
{
	s->id = 1;
	e->when = 2;
	o->pair.second = s;
	o->many[2] = e;
	o->word = (size_t)e;
}

/* Of declared types: nothing new. */
long walk(struct object *o)
{
	long n = 0;

	for (; o; o = o->next)
		n += o->type;
	return n;
}
int main(void)
{
	return 0;
}
"""

WANT = {
    ("object", 8): {"dict", "list", "set", "stream"},
    ("entry", 8): {"user"},
    ("outer", 16): {"session"},     # pair.second: its struct has no name
    ("outer", 24): {"event"},
    ("outer", 56): {"event"},
}


def build(compiler, level, source):
    program = os.path.join(DIR, "slots-%s%s" % (compiler, level))
    subprocess.run([compiler, "-g", level, "-w", "-o", program, source], check=True)
    return program


def mined(program):
    out = subprocess.run([READER, program], check=True, capture_output=True,
                         text=True).stdout
    slots = {}
    for line in out.splitlines():
        if line.startswith("S "):
            _, offset, _, names = line.split(" ", 3)
            owner, target = names.split(", ")
            slots.setdefault((owner, int(offset)), set()).add(target)
    return slots


def check(what, program, all_of_it, problems):
    slots = mined(program)
    n_told = 0
    for key, want in WANT.items():
        got = slots.pop(key, set())
        if key == ("outer", 16):
            # The inner struct is the owner, whatever it is called.
            inner = [k for k in slots if k[1] == 8 and slots[k] == want]
            for k in inner:
                got |= slots.pop(k)
        n_told += len(got & want)
        if got - want or (all_of_it and got != want):
            problems.append("%s: %s+%d holds %s, told %s" % (
                what, *key, sorted(want), sorted(got)))
    n_kept = sum(map(len, WANT.values()))
    if n_told <= n_kept / 2:
        problems.append("%s: %d of %d are told" % (what, n_told, n_kept))
    for key, got in slots.items():
        if got != {"char"}:
            problems.append("%s: nobody keeps %s in %s+%d" % (
                what, sorted(got), *key))


def main():
    source = os.path.join(DIR, "slots.c")
    with open(source, "w") as f:
        f.write(PROGRAM)
    problems = []
    compilers = [c for c in ("gcc", "clang", "aarch64-linux-gnu-gcc") if shutil.which(c)]
    if not compilers:
        print("no compiler")
        return 77
    for compiler in compilers:
        for level in ("-O0", "-O1", "-O2"):
            check(compiler + " " + level, build(compiler, level, source),
                  level == "-O0", problems)
    print("\n".join(problems) or "as the programs say")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
