/* SPDX-License-Identifier: MIT */
#include "dump/find_call.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dump/inject_arch.h"
#include "dump/proc_file.h"

enum { PART = 1 << 16, INSN_MAX = 8, SEARCH_MAX = 64 << 20 };

static bool is_call(int mem, uint64_t addr)
{
	uint8_t buf[INSN_MAX];

	return pread(mem, buf, arch_call_size, (off_t)addr) ==
		       (ssize_t)arch_call_size &&
	       memcmp(buf, arch_call_insn, arch_call_size) == 0;
}

static bool near_threads(const struct stopped *stopped, int mem, uint64_t *ret)
{
	for (size_t i = 0; i < stopped->threads.len; i++) {
		const struct held_thread *t = &stopped->threads.at[i];
		struct arch_regs regs;

		if (t->hold != HOLD_STOPPED || !arch_regs_get(t->tid, &regs) ||
		    !arch_in_call(&regs))
			continue;
		*ret = arch_pc(&regs) - arch_call_size;
		if (is_call(mem, *ret))
			return true;
	}
	return false;
}

/** Look through [start, end), at most *@left bytes of it. */
static bool search(int mem, uint64_t start, uint64_t end, uint64_t *left,
		   uint64_t *ret)
{
	uint8_t buf[PART];

	while (start + arch_call_size <= end && *left > 0) {
		size_t n = end - start < PART ? (size_t)(end - start) : PART;
		ssize_t got = pread(mem, buf, n, (off_t)start);

		if (got < (ssize_t)arch_call_size)
			return false;
		n = (size_t)got;
		for (size_t i = 0; i + arch_call_size <= n;
		     i += arch_call_align) {
			if (memcmp(buf + i, arch_call_insn,
				   arch_call_size) == 0) {
				*ret = start + i;
				return true;
			}
		}
		/* One that lies across two parts begins in the next. */
		n -= arch_call_size - arch_call_align;
		*left -= n < *left ? n : *left;
		start += n;
	}
	return false;
}

/** Look through the executable mappings of which the name holds @name. */
static bool in_mappings(const struct proc_text *maps, int mem,
			const char *name, uint64_t *ret)
{
	uint64_t left = SEARCH_MAX;
	size_t pos = 0, len;
	const char *at;

	while (proc_line(maps, &pos, &at, &len)) {
		unsigned long long start, end;
		char line[256], perms[5];

		snprintf(line, sizeof(line), "%.*s", (int)len, at);
		/* What starts in the upper half is not in user space. */
		if (sscanf(line, "%llx-%llx %4s", &start, &end, perms) != 3 ||
		    perms[0] != 'r' || perms[2] != 'x' ||
		    start > INT64_MAX || end < start || !strstr(line, name))
			continue;
		if (search(mem, start, end, &left, ret))
			return true;
	}
	return false;
}

bool find_call_insn(const struct stopped *stopped, int mem, uint64_t *ret,
		    struct err *why)
{
	struct proc_text maps;
	bool found;

	if (near_threads(stopped, mem, ret))
		return true;
	if (!proc_read(stop_memory_pid(stopped), "maps", &maps, why))
		return false;
	found = in_mappings(&maps, mem, "[vdso]", ret) ||
		in_mappings(&maps, mem, "libc", ret) ||
		in_mappings(&maps, mem, "", ret);
	proc_text_free(&maps);
	return found || err_set(why, ERR_UNSUPPORTED, "no instruction that "
				"calls the kernel was found in its code");
}
