# SPDX-License-Identifier: MIT
"""Programs with leaks, made up from a seed: C source, and what is lost in it.

A program has record types with fields of many kinds, and clusters of blocks
that refer to each other as lists, trees, rings or at random. The first block
of a cluster is lost or held: by a variable, a thread, a block of another
cluster. What is lost follows here, from the links alone; the program only
carries them out, and registers its blocks (samples/truth.h) in order of their
number.
"""
import random

N_TYPES = 6
N_CLUSTERS = 60
MAX_CLUSTER = 18
N_THREADS = 3

# What a link stores in a field, given the address of its target.
WAYS = {
    'typed': '{}',
    'any': '{}',
    'word': '{}',
    'tagged': '{} | 1',
    'inside': '{} + 8',
    'choice': '{}',
}

HOLDERS = ('typed variable', 'any variable', 'array', 'thread-local', 'stack',
           'thread stack', 'block', 'block', 'lost', 'lost', 'lost',
           'ended thread', 'freed')
LOST = ('lost', 'ended thread', 'freed')


class Type:
    """A record; .slots are (field, way, target type or None)."""

    def __init__(self, number, rng):
        self.name = f't{number}'
        self.lines, self.slots = [], []
        for i in range(rng.randint(3, 7)):
            self.add_field(f'f{i}', rng)
        self.add_link('next', 'typed', number)

    def add_field(self, field, rng):
        kind = rng.choice(('typed', 'any', 'word', 'tagged', 'inside',
                           'choice', 'several', 'number', 'real', 'text',
                           'small'))
        if kind in WAYS:
            self.add_link(field, kind, rng.randrange(N_TYPES))
        elif kind == 'several':
            target = rng.randrange(N_TYPES)
            self.lines.append(f'struct t{target} *{field}[3];')
            for i in range(3):
                self.slots.append((f'{field}[{i}]', 'typed', target))
        else:
            self.lines.append({
                'number': f'long {field};', 'real': f'double {field};',
                'text': f'char {field}[{rng.choice((8, 24, 40))}];',
                'small': f'short {field}; char {field}_more;'}[kind])

    def add_link(self, field, way, target):
        if way == 'choice':
            self.lines.append(f'int {field}_is;')
            self.lines.append(f'union {{ double real; struct t{target} *to; '
                              f'long number; }} {field};')
            self.slots.append((field + '.to', way, target))
            return
        declared = {'typed': f'struct t{target} *', 'any': 'void *',
                    'word': 'uintptr_t ', 'tagged': 'uintptr_t ',
                    'inside': 'char *'}[way]
        self.lines.append(f'{declared}{field};')
        typed = way == 'typed'
        self.slots.append((field, way, target if typed else None))


class Program:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.types = [Type(i, self.rng) for i in range(N_TYPES)]
        self.blocks = []		# type of each
        self.links = []			# (from, slot, to)
        self.used = set()		# (block, slot)
        self.holds = []			# (holder, block)
        self.clusters = []
        for _ in range(N_CLUSTERS):
            self.add_cluster()

    def add_block(self, of):
        self.blocks.append(of)
        return len(self.blocks) - 1

    def link(self, source, target):
        """Let an unused field of `source` refer to `target`, if one can."""
        fits = [s for s in self.types[self.blocks[source]].slots
                if (source, s) not in self.used and
                s[2] in (None, self.blocks[target])]
        if not fits:
            return False
        slot = self.rng.choice(fits)
        self.used.add((source, slot))
        self.links.append((source, slot, target))
        return True

    def add_cluster(self):
        rng = self.rng
        first = len(self.blocks)
        of = rng.randrange(N_TYPES)
        mixed = rng.random() < 0.4
        for _ in range(rng.randint(1, MAX_CLUSTER)):
            self.add_block(rng.randrange(N_TYPES) if mixed else of)
        last = len(self.blocks)
        shape = rng.choice(('list', 'ring', 'tree', 'random'))
        for i in range(first + 1, last):
            above = {'list': i - 1, 'ring': i - 1,
                     'tree': first + (i - first - 1) // 2,
                     'random': rng.randrange(first, i)}[shape]
            self.link(above, i)
        if shape == 'ring':
            self.link(last - 1, first)
        for _ in range((last - first) // 3):
            self.link(rng.randrange(first, last), rng.randrange(first, last))
        self.hold(first, rng.choice(HOLDERS))
        self.clusters.append((first, last))

    def hold(self, block, holder):
        if holder == 'block' and not (self.clusters and self.link(
                self.rng.randrange(*self.rng.choice(self.clusters)), block)):
            holder = 'typed variable'
        self.holds.append((holder, block))

    def reached(self, holders):
        """Blocks that a path leads to from what `holders` hold."""
        after = {}
        for source, _, target in self.links:
            after.setdefault(source, []).append(target)
        work = [b for h, b in self.holds if h in holders]
        seen = set(work)
        while work:
            for target in after.get(work.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    work.append(target)
        return seen

    def kinds(self):
        """What the program states of each block; None: it is given back."""
        held = self.reached(set(HOLDERS) - set(LOST) - {'block'})
        dead = self.reached({'ended thread'})
        freed = self.freed(held)
        return [None if b in freed else 'TRUTH_HELD' if b in held else
                'TRUTH_STALE_ALLOWED' if b in dead else 'TRUTH_LEAKED'
                for b in range(len(self.blocks))]

    def freed(self, held):
        """First blocks given back after they lost what they referred to."""
        return {b for h, b in self.holds if h == 'freed' and b not in held and
                not any(t == b for _, _, t in self.links)}

    # --- source ---

    def source(self):
        held = [(h, b) for h, b in self.holds if h not in LOST + ('block',)]
        return '\n'.join([
            '#include <pthread.h>', '#include <stddef.h>',
            '#include "samples/truth.h"', '',
            *(line for t in self.types for line in (
                f'struct {t.name} {{', *('\t' + x for x in t.lines), '};')),
            *self.variables(held), *self.tables(), BODY % {
                'links': '\n'.join(map(self.store, self.links)),
                'holds': '\n'.join(self.assign(h, b) for h, b in held
                                   if h not in ('stack', 'thread stack')),
                'blocks': len(self.blocks), 'threads': N_THREADS,
            }])

    def variables(self, held):
        for holder, b in held:
            if holder == 'typed variable':
                yield f'struct t{self.blocks[b]} *typed{b};'
            elif holder == 'any variable':
                yield f'void *any{b};'
            elif holder == 'thread-local':
                yield f'__thread struct t{self.blocks[b]} *local{b};'
        yield 'void *array[%d];' % len(self.blocks)

    def tables(self):
        kinds = self.kinds()
        rows = ', '.join('{ %s, sizeof(struct t%d) }' % (kind or '-1', of)
                         for kind, of in zip(kinds, self.blocks))
        yield 'static const struct { int kind; size_t size; } ' \
            'plan[] = { %s };' % rows
        for name, holder in (('on_stack', 'stack'), ('on_threads', 'thread stack'),
                             ('on_ended', 'ended thread')):
            yield 'static const int %s[] = { %s };' % (name, ', '.join(
                [str(b) for h, b in self.holds if h == holder] + ['-1']))

    def store(self, link):
        source, (field, way, _), target = link
        value = WAYS[way].format(f'shown({target})')
        where = f'((struct t{self.blocks[source]} *)shown({source}))->{field}'
        extra = ''
        if way == 'choice':
            extra = f'((struct t{self.blocks[source]} *)shown({source}))->' \
                    f'{field[:-3]}_is = 1; '
        return f'\t{extra}*(uintptr_t *)&{where} = {value};'

    def assign(self, holder, b):
        name = {'typed variable': f'typed{b}', 'any variable': f'any{b}',
                'array': f'array[{b}]', 'thread-local': f'local{b}'}[holder]
        return f'\t*(uintptr_t *)&{name} = shown({b});'


BODY = r'''
enum { N_BLOCKS = %(blocks)d, N_THREADS = %(threads)d, MOST = N_BLOCKS + 1 };
static uintptr_t *hidden;		/* addresses, inverted */
static pthread_barrier_t ready, never;

TRUTH_APART static uintptr_t shown(int i)
{
	return ~hidden[i];
}

TRUTH_APART static void make_blocks(void)
{
	for (int i = 0; i < N_BLOCKS; i++) {
		void *block = calloc(1, plan[i].size);

		hidden[i] = ~(uintptr_t)block;
		if (plan[i].kind >= 0)
			truth_add(block, (enum truth_kind)plan[i].kind);
	}
}

TRUTH_APART static void link_blocks(void)
{
%(links)s
}

TRUTH_APART static void hold_blocks(void)
{
%(holds)s
}

TRUTH_APART static void give_back(void)
{
	for (int i = 0; i < N_BLOCKS; i++) {
		if (plan[i].kind < 0)
			free((void *)shown(i));
	}
}

static void *live_thread(void *arg)
{
	void *volatile mine[MOST];

	for (int i = 0; i < MOST; i++)
		mine[i] = NULL;
	for (int i = (int)(intptr_t)arg; on_threads[0] >= 0; i += N_THREADS) {
		if (i >= (int)(sizeof(on_threads) / sizeof(int)) - 1)
			break;
		mine[i] = (void *)shown(on_threads[i]);
	}
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&never);
	return mine[0];
}

static void *ended_thread(void *arg)
{
	void *volatile mine[MOST];

	for (int i = 0; on_ended[i] >= 0; i++)
		mine[i] = (void *)shown(on_ended[i]);
	return arg;
}

TRUTH_APART static void run_threads(void)
{
	pthread_t thread;

	pthread_barrier_init(&ready, NULL, N_THREADS + 1);
	pthread_barrier_init(&never, NULL, N_THREADS + 1);
	for (intptr_t i = 0; i < N_THREADS; i++)
		pthread_create(&thread, NULL, live_thread, (void *)i);
	pthread_barrier_wait(&ready);
	pthread_create(&thread, NULL, ended_thread, NULL);
	pthread_join(thread, NULL);
}

TRUTH_APART static int stop_holding(void)
{
	void *volatile mine[MOST];

	for (int i = 0; i < MOST; i++)
		mine[i] = NULL;
	for (int i = 0; on_stack[i] >= 0; i++)
		mine[i] = (void *)shown(on_stack[i]);
	munmap(hidden, N_BLOCKS * sizeof(*hidden));
	truth_scrub();
	truth_stop();
	return mine[0] != NULL;
}

int main(void)
{
	truth_begin("made up");
	hidden = (uintptr_t *)mmap(NULL, N_BLOCKS * sizeof(*hidden),
				   PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	make_blocks();
	truth_scrub();
	link_blocks();
	hold_blocks();
	give_back();
	truth_scrub();
	run_threads();
	truth_scrub();
	stop_holding();
	_exit(0);
}
'''


if __name__ == '__main__':
    import sys
    print(Program(int(sys.argv[1])).source())
