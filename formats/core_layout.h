/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Sizes and offsets in the notes of an x86-64 Linux core, for those who read
 * them and those who write them.
 *
 * struct elf_prstatus and struct elf_prpsinfo of include/linux/elfcore.h,
 * siginfo_t of include/uapi/asm-generic/siginfo.h.
 */
#ifndef FORMATS_CORE_LAYOUT_H
#define FORMATS_CORE_LAYOUT_H

enum {
	PRSTATUS_SIZE = 336,
	PRSTATUS_SIGNO = 0,	/* int pr_info.si_signo */
	PRSTATUS_CURSIG = 12,	/* short */
	PRSTATUS_PID = 32,	/* int: the thread id */
	PRSTATUS_PPID = 36,
	PRSTATUS_REGS = 112,	/* 27 words, as enum x86_reg */
	PRSTATUS_FPVALID = 328,	/* int */

	PRPSINFO_SIZE = 136,
	PRPSINFO_SNAME = 1,	/* char: state letter */
	PRPSINFO_PID = 24,
	PRPSINFO_PPID = 28,
	PRPSINFO_FNAME = 40,	/* char [16] */
	PRPSINFO_PSARGS = 56,	/* char [80] */
	FNAME_SIZE = 16,
	PSARGS_SIZE = 80,

	SIGINFO_SIZE = 128,
};

#endif
