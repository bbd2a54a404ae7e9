/* SPDX-License-Identifier: MIT */
#include "analyze/fatal_signal.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "base/human.h"

/* siginfo_t on 64-bit targets, include/uapi/asm-generic/siginfo.h */
enum { INFO_CODE = 8, INFO_ADDR = 16, INFO_MIN = 24 };

/* What its kernel says of the signal that ended the process. */
struct fault {
	int code;
	uint64_t addr;
};

bool thread_is_fatal(const struct image *image, uint32_t thread)
{
	/* Others have the signal that stopped them for the capture. */
	return image->meta.signal > 0 &&
	       image->threads.at[thread].signal == image->meta.signal;
}

static bool read_fault(const struct image *image, struct fault *ret)
{
	int signal = image->meta.signal;

	if (signal != SIGSEGV && signal != SIGBUS)
		return false;
	for (uint32_t i = 0; i < image->threads.len; i++) {
		const struct thread *t = &image->threads.at[i];

		if (!thread_is_fatal(image, i) || t->siginfo_size < INFO_MIN)
			continue;
		memcpy(&ret->code, t->siginfo + INFO_CODE, sizeof(ret->code));
		memcpy(&ret->addr, t->siginfo + INFO_ADDR, sizeof(ret->addr));
		/* Others are the kernel's word for "somebody sent it". */
		return ret->code > 0 && ret->code < SI_KERNEL;
	}
	return false;
}

bool fault_address(const struct image *image, uint64_t *ret)
{
	struct fault fault;

	/* What is no pointer was zeroed in a capture of pointers alone. */
	if (!read_fault(image, &fault) ||
	    (image->meta.pointers_only && fault.addr == 0))
		return false;
	*ret = fault.addr;
	return true;
}

/* "unmapped", "in [heap], rw-"; of a core that does not say, "not mapped or
 * not accessible". */
static void put_place(const struct image *image, const struct fault *fault,
		      char *buf, size_t size)
{
	const struct mapping *m = image_mapping(image, fault->addr);

	if (image->meta.signal == SIGSEGV && fault->code == SEGV_MAPERR)
		snprintf(buf, size, "unmapped");
	else if (m)
		snprintf(buf, size, "in %s, %c%c%c",
			 m->path[0] ? m->path : "anonymous memory",
			 m->perms & PERM_READ ? 'r' : '-',
			 m->perms & PERM_WRITE ? 'w' : '-',
			 m->perms & PERM_EXEC ? 'x' : '-');
	else
		snprintf(buf, size, "not accessible");
}

const char *fatal_signal_text(const struct image *image,
			      char buf[FATAL_SIGNAL_MAX])
{
	char name[HUMAN_MAX], place[FATAL_SIGNAL_MAX - 64];
	struct fault fault;

	if (image->meta.signal <= 0)
		return NULL;
	human_signal(image->meta.signal, name);
	if (!fault_address(image, &fault.addr) || !read_fault(image, &fault)) {
		snprintf(buf, FATAL_SIGNAL_MAX, "%s", name);
		return buf;
	}
	put_place(image, &fault, place, sizeof(place));
	snprintf(buf, FATAL_SIGNAL_MAX, "%s at address 0x%" PRIx64 " (%s)",
		 name, fault.addr, place);
	return buf;
}
