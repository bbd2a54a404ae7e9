/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The numbers that the dynamic linker gave to modules with TLS (see tls.h).
 */
#ifndef ANALYZE_TLS_SLOTS_H
#define ANALYZE_TLS_SLOTS_H

#include "base/vec.h"
#include "formats/image.h"

enum tls_linker { TLS_UNKNOWN, TLS_GLIBC, TLS_MUSL };

struct tls_slot {
	uint32_t id;		/* place in the vectors of threads */
	uint32_t module;	/* index in image.modules */
	uint64_t generation;	/* glibc: vectors of an older one lack it */
	uint64_t offset;	/* below the thread pointer; 0: not fixed */
};

struct tls_slots {
	VEC(struct tls_slot) at;
	enum tls_linker linker;
	uint64_t dtv;		/* offset of the vector's address in the TCB */
	uint64_t entry;		/* bytes of an entry of the vector */
};

/** Read them. Release with tls_slots_free(). */
bool tls_slots_read(const struct image *image, struct tls_slots *ret,
		    struct err *err) MUST_CHECK;

void tls_slots_free(struct tls_slots *slots);

#endif
