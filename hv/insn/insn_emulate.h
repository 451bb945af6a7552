/* SPDX-License-Identifier: MIT */
/*
 * The instruction emulator: executes one decoded instruction against callbacks, for accesses that the hardware could not
 * do by itself (MMIO, string I/O). Pure; everything it is told is the guest's and may be hostile or out of date.
 *
 * It covers moves, arithmetic, bit tests, exchanges, stack and string instructions, port I/O, and plain vector moves
 * (docs/instruction-emulation.md lists them). It does not fetch by itself, does not move RIP, and does not check whether
 * the port or the intercepted instruction was allowed: the CPU has done that before the exit.
 * Read next: insn_operand.c (addresses and memory), insn_emulate.c (the instructions).
 */
#ifndef HV_INSN_INSN_EMULATE_H
#define HV_INSN_INSN_EMULATE_H

#include "hv/insn/insn.h"

enum insn_access { /* as in the error code of #PF */
	INSN_READ = 0, INSN_WRITE = 2, INSN_USER = 4, INSN_FETCH = 16,
};

enum insn_result {
	INSN_DONE,        /* executed: RIP goes on by insn->length; then, if cpu->single_step, #DB with DR6.BS */
	INSN_CONTINUE,    /* a REP that did its share: registers are consistent, RIP stays; enter the guest, it comes again */
	INSN_EXCEPTION,   /* cpu->exception is the guest's; nothing but finished iterations of a REP has changed */
	INSN_RETRY,       /* a callback said ERR_AGAIN: the same call on the slow level; nothing has changed but as above */
	INSN_UNSUPPORTED, /* an instruction that is not emulated here */
};

enum { INSN_VECTOR_DB = 1, INSN_VECTOR_UD = 6, INSN_VECTOR_NM = 7, INSN_VECTOR_SS = 12, INSN_VECTOR_GP = 13, INSN_VECTOR_PF = 14 };

struct insn_exception {
	u8 vector;
	bool has_error_code;
	u32 error_code;
	u64 address;      /* #PF: CR2 */
};

/* A segment register as the CPU has it loaded; attributes are bits 52-55 and 40-47 of a descriptor, joined (12 bits). */
struct insn_segment {
	u64 base;
	u32 limit;        /* in bytes, already scaled */
	u16 selector, attributes;
};

/*
 * translate: guest-physical address of a linear one, for one access within one page. OK; ERR_FAULT with *exception filled
 * (#PF); ERR_AGAIN. After OK, read and write of that page in this call do not say ERR_AGAIN (a page that has to be
 * populated first is translate's matter), because devices would see an access twice.
 * read, write: size_bytes is 1, 2, 4 or 8 and the access stays within its page; RAM or MMIO, reads of nothing give ones.
 * vector_*: registers 0 to 15, 16 or 32 bytes at a time; a 16-byte write leaves the upper half unless zero_upper.
 * vector_bytes: 0 when the guest may not use vectors (#UD), else 16, or 32 with AVX. vector callbacks may be NULL.
 */
struct insn_ops {
	int (*translate)(void *context, u64 linear, unsigned access, gpa_t *gpa, struct insn_exception *exception);
	int (*read)(void *context, gpa_t gpa, unsigned size_bytes, u64 *value);
	int (*write)(void *context, gpa_t gpa, unsigned size_bytes, u64 value);
	u32 (*port_read)(void *context, u16 port, unsigned size_bytes);
	void (*port_write)(void *context, u16 port, unsigned size_bytes, u32 value);
	void (*segment)(void *context, enum insn_segment_name name, struct insn_segment *segment);
	unsigned (*vector_bytes)(void *context);
	void (*vector_read)(void *context, unsigned number, unsigned size_bytes, u8 *to);
	void (*vector_write)(void *context, unsigned number, unsigned size_bytes, const u8 *from, bool zero_upper);
};

#define INSN_REP_LIMIT_DEFAULT 256

struct insn_cpu {
	const struct insn_ops *ops;
	void *context;
	u64 *gprs;            /* sixteen, in the order of enum insn_register; changed in place */
	u64 rip, rflags;      /* rflags is changed in place (status flags only) */
	u8 mode;              /* enum insn_mode */
	u8 cpl;
	u8 linear_bits;       /* 32, 48 or 57: what canonical means in 64-bit mode */
	bool protected_mode;  /* CR0.PE and not RFLAGS.VM: segment types count */
	bool task_switched;   /* CR0.TS: vector moves raise #NM */
	u32 rep_limit;        /* iterations of a REP per call; 0: INSN_REP_LIMIT_DEFAULT */

	/*
	 * The address that the exit reported, if any: an access whose linear address has the same offset in its page, that is
	 * of the same kind (known_gpa_write), and that is the instruction's only one, uses it instead of translate.
	 */
	bool known_gpa, known_gpa_write;
	gpa_t gpa;

	struct insn_exception exception; /* out */
	bool single_step;     /* out: RFLAGS.TF was set */
};

/*
 * Reads and decodes the instruction at cpu->rip through translate (INSN_FETCH) and read, the second page only if it is
 * reached. INSN_DONE: *insn is filled. Callers that got the bytes from the CPU call insn_decode themselves.
 */
enum insn_result insn_fetch(struct insn_cpu *cpu, struct insn *insn);
/* What a failed insn_decode means to the guest: fills cpu->exception (#UD, #GP) or says INSN_UNSUPPORTED. */
enum insn_result insn_decode_failed(struct insn_cpu *cpu, int error);

/* At most rep_limit iterations, each a bounded number of callbacks. Any context that the callbacks allow. */
enum insn_result insn_emulate(struct insn_cpu *cpu, const struct insn *insn);

/* The linear address of the memory operand, segment base and checks included (INSN_DONE, INSN_EXCEPTION). */
enum insn_result insn_linear_address(struct insn_cpu *cpu, const struct insn *insn, unsigned size_bytes, unsigned access,
				     u64 *linear);
/* INVLPG's: base and wrap-around, but no limit, type or canonical check (INVLPG does not fault on them). */
u64 insn_linear_unchecked(struct insn_cpu *cpu, const struct insn *insn);
/* LMSW, SMSW and the like: the r/m operand of 2, 4 or 8 bytes, register or memory. */
enum insn_result insn_read_rm(struct insn_cpu *cpu, const struct insn *insn, unsigned size_bytes, u64 *value);
enum insn_result insn_write_rm(struct insn_cpu *cpu, const struct insn *insn, unsigned size_bytes, u64 value);

#endif
