/* SPDX-License-Identifier: MIT */
/* What an exception or interrupt leaves on the stack, and code that may fault on purpose. */
#ifndef ARCH_X86_TRAP_H
#define ARCH_X86_TRAP_H

#include "hv/lib/types.h"

struct trap_frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	u64 vector, error_code;
	u64 rip, cs, rflags, rsp, ss;
};

enum trap_vector {
	TRAP_DIVIDE = 0, TRAP_DEBUG = 1, TRAP_NMI = 2, TRAP_BREAKPOINT = 3, TRAP_INVALID_OPCODE = 6,
	TRAP_DOUBLE_FAULT = 8, TRAP_GENERAL_PROTECTION = 13, TRAP_PAGE_FAULT = 14, TRAP_MACHINE_CHECK = 18,
	TRAP_FIRST_INTERRUPT = 32,
};

/*
 * Inside an asm statement: a fault at label `from` sets the 32-bit register `flag` to 1 and goes on at label `to`.
 * The recovery code stands in its own section; the table (`trap_fixups`) is searched by arch/x86/trap.c.
 */
#define TRAP_FIXUP(from, to, flag)                                                                                \
	".pushsection .text.fixup, \"ax\"\n"                                                                      \
	"9: movl $1, " flag "\n"                                                                                  \
	"jmp " to "\n"                                                                                            \
	".popsection\n"                                                                                           \
	".pushsection .fixups, \"a\"\n"                                                                           \
	".long " from " - ., 9b - .\n"                                                                            \
	".popsection\n"

const char *trap_name(u64 vector);

/*
 * Owned here, given by the core: */
NORETURN void trap_fatal(const struct trap_frame *frame);  /* hv/panic.c: dump and stop */
void trap_nmi(struct trap_frame *frame);                   /* hv/panic.c: an NMI came */
/* A fault in firmware code that runs under guard (hv/efi_runtime.c): true: the frame was changed to unwind. */
extern bool (*trap_guard)(struct trap_frame *frame);

#endif
