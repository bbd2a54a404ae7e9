/* SPDX-License-Identifier: MIT */
/* Blocks so large that each has a mapping of its own; aligned ones too. */
#include <malloc.h>

#include "samples/truth.h"

enum { N_FRAMES = 5, N_LOST = 4, N_PLANES = 3 };

struct frame {
	unsigned width, height;
	unsigned char pixels[];
};

struct pool {
	unsigned char *planes[N_PLANES];	/* each aligned to a page */
	unsigned char *ring;			/* aligned to 64 KiB */
	unsigned used;
};

struct frame *frames[N_FRAMES];
struct pool *pool;

static struct frame *frame_new(unsigned width, unsigned height)
{
	struct frame *f = (struct frame *)calloc(1, sizeof(*f) + width * height);

	f->width = width;
	f->height = height;
	f->pixels[0] = 0x7f;
	return f;
}

static unsigned char *plane_new(size_t alignment, size_t size)
{
	unsigned char *p = (unsigned char *)memalign(alignment, size);

	p[0] = 1;
	p[size - 1] = 1;
	return p;
}

TRUTH_APART static void hold_frames(void)
{
	for (unsigned i = 0; i < N_FRAMES; i++) {
		frames[i] = frame_new(640, 400 + 8 * i);
		truth_held(frames[i]);
	}
	truth_root(frames[4], "frames");
}

TRUTH_APART static void hold_pool(void)
{
	pool = (struct pool *)calloc(1, sizeof(*pool));
	truth_root(pool, "pool");
	for (unsigned i = 0; i < N_PLANES; i++) {
		pool->planes[i] = plane_new(4096, 300000 + 1000 * i);
		truth_held(pool->planes[i]);
	}
	pool->ring = plane_new(65536, 400000);
	truth_held(pool->ring);
}

TRUTH_APART static void lose_frames(void)
{
	for (unsigned i = 0; i < N_LOST; i++)
		truth_leaked(frame_new(800, 600 + i));
	truth_leaked(plane_new(4096, 500000));
	truth_leaked(plane_new(1 << 20, 200000));
}

/* A mapping of its own that moves when it grows. */
TRUTH_APART static void grow_and_free(void)
{
	struct frame *f = frame_new(1000, 300);

	f = (struct frame *)realloc(f, 2000000);
	truth_leaked(f);
	free(frame_new(1000, 1000));
}

int main(void)
{
	/* Fixed, or freeing one frame would move the next into the heap. */
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	truth_begin("mmapped");
	hold_frames();
	lose_frames();
	hold_pool();
	grow_and_free();
	return truth_stop();
}
