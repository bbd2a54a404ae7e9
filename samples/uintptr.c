/* SPDX-License-Identifier: MIT */
/* Blocks held only by integers: handles of the kind that APIs give out. */
#include "samples/truth.h"

enum { N_HANDLES = 16 };

struct surface {
	unsigned width, height;
	double gamma;
	unsigned char *pixels;
};

/* What a C API shows of a surface, with the pointer as a number in it. */
struct binding {
	unsigned slot, flags;
	uintptr_t surface;
	unsigned long user_data;
};

uintptr_t primary;
struct binding *bindings[N_HANDLES];
unsigned long cookies[2];

static uintptr_t surface_new(unsigned width)
{
	struct surface *s = (struct surface *)calloc(1, sizeof(*s));

	s->width = width;
	s->height = 2;
	s->gamma = 2.2;
	s->pixels = (unsigned char *)calloc(width, s->height);
	truth_held(s);
	truth_held(s->pixels);
	return (uintptr_t)s;
}

static struct binding *binding_new(unsigned slot)
{
	struct binding *b = (struct binding *)calloc(1, sizeof(*b));
	char *note = (char *)malloc(40);

	snprintf(note, 40, "user data of slot %u", slot);
	truth_held(note);
	b->slot = slot;
	b->surface = surface_new(16 + 4 * slot);
	b->user_data = (unsigned long)note;
	truth_held(b);
	return b;
}

TRUTH_APART static void build(void)
{
	primary = surface_new(64);
	truth_root((void *)primary, "primary");
	for (unsigned i = 0; i < N_HANDLES; i++)
		bindings[i] = binding_new(i);
	cookies[1] = (unsigned long)malloc(100);
	truth_root((void *)cookies[1], "cookies");
}

/* The last handle of this one was overwritten. */
TRUTH_APART static void lose_surface(void)
{
	struct surface *s = (struct surface *)calloc(1, sizeof(*s));

	s->width = 8;
	s->height = 8;
	s->gamma = 1.8;
	s->pixels = (unsigned char *)calloc(8, 8);
	truth_leaked(s);
	truth_leaked(s->pixels);
}

int main(void)
{
	truth_begin("uintptr");
	build();
	for (int i = 0; i < 3; i++)
		lose_surface();
	truth_group("block", "surface", 3);
	return truth_stop();
}
