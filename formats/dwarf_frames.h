/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Functions, lines and locals of the frames that lie in one module, from its
 * DWARF.
 *
 * An address is looked up once (dwarf_scopes.h); what it says is evaluated
 * for each frame there, with that frame's registers. Entry values come from
 * the caller's call site, if the caller lies in the same module and the call
 * says that it called this function: behind tail calls it did not. Runs where
 * a crash does no harm (worker_retry.h).
 */
#ifndef FORMATS_DWARF_FRAMES_H
#define FORMATS_DWARF_FRAMES_H

#include "formats/dwarf_types.h"
#include "formats/unwind.h"

/* A frame, and how it stands among all. */
struct stack_frame {
	struct unwind_frame at;
	uint32_t thread;	/* index in image.threads */
	bool is_innermost;	/* of its thread */
	bool has_caller;	/* the next one */
};

/* What is found out. Texts lie in the arena. Never freed: it is a worker's,
 * which sends it and ends. */
struct described_frames {
	VEC(struct frame) frames;	/* of one physical frame together */
	VEC(struct local) locals;	/* types: see dwarf_frames_read() */
	struct arena arena;
};

/* Frames of one physical frame in described_frames.frames. */
struct described {
	size_t first, n;
};

struct dwarf_frames_job {
	const struct image *image;		/* borrowed */
	const struct stack_frame *frames;	/* [n] of all modules; borrowed */
	size_t n;
	uint32_t module;
	struct elf_file *elf;			/* borrowed; has the DWARF */
	struct dwarf_places places;	/* where the rest of it may be */
	uint32_t first_type;	/* added to the ids of locals' types */
};

/**
 * Describe the frames of job->module.
 *
 * @param at	[job->n] set where something was found
 * @param types	The types of the units that frames lie in. Owned by the
 *		caller; release with dwarf_types_free().
 */
bool dwarf_frames_read(const struct dwarf_frames_job *job,
		       struct described_frames *ret, struct described *at,
		       struct dwarf_types *types, struct diag *diag,
		       struct err *err) MUST_CHECK;

#endif
