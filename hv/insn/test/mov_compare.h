/* SPDX-License-Identifier: MIT */
/* insn_mov_decode held against the general decoder and emulator, for one instruction: the unit test's and the fuzzer's. */
#ifndef HV_INSN_TEST_MOV_COMPARE_H
#define HV_INSN_TEST_MOV_COMPARE_H

#include <string.h>
#include "hv/insn/insn_emulate.h"
#include "hv/insn/insn_mov.h"

struct mov_seen {
	u64 linear, written, to_read;
	unsigned reads, writes, size;
};

static int mov_translate(void *context, u64 linear, unsigned access, gpa_t *gpa, struct insn_exception *exception)
{
	(void)context, (void)access, (void)exception;
	*gpa = GPA(linear);
	return OK;
}

static int mov_read(void *context, gpa_t gpa, unsigned size_bytes, u64 *value)
{
	struct mov_seen *seen = context;

	seen->linear = gpa.value;
	seen->size = size_bytes;
	seen->reads++;
	*value = seen->to_read & (~(u64)0 >> (64 - 8 * size_bytes));
	return OK;
}

static int mov_write(void *context, gpa_t gpa, unsigned size_bytes, u64 value)
{
	struct mov_seen *seen = context;

	seen->linear = gpa.value;
	seen->size = size_bytes;
	seen->writes++;
	seen->written = value & (~(u64)0 >> (64 - 8 * size_bytes));
	return OK;
}

static void mov_segment(void *context, enum insn_segment_name name, struct insn_segment *segment)
{
	(void)context, (void)name;
	*segment = (struct insn_segment){ 0, 0xffffffff, 0, 0xc93 };
}

/* NULL: both agree, or the short way does not know these bytes (*known false); else what differs. */
static inline const char *mov_compare(const u8 bytes[INSN_MOV_BYTES], const u64 gprs[16], u64 rip, u64 to_read, bool *known)
{
	static const struct insn_ops ops = { .translate = mov_translate, .read = mov_read, .write = mov_write, .segment = mov_segment };
	struct mov_seen seen = { .to_read = to_read };
	u64 general[16], fast[16];
	struct insn_cpu cpu = { .ops = &ops, .context = &seen, .gprs = general, .rip = rip, .rflags = 0x202, .mode = INSN_MODE_64,
				.linear_bits = 57, .protected_mode = true };
	struct insn_mov mov;
	struct insn insn;

	memcpy(general, gprs, sizeof(general));
	memcpy(fast, gprs, sizeof(fast));
	*known = insn_mov_decode(&mov, bytes, fast, rip);
	if (!*known)
		return NULL;
	if (insn_decode(&insn, bytes, INSN_MOV_BYTES, INSN_MODE_64) != OK)
		return "the general decoder refuses it";
	if (insn.length != mov.length)
		return "length";
	/* The CPU has made the access already when the short way is asked: faults and page ends are not its matter. */
	if ((u64)((s64)(mov.linear << 7) >> 7) != mov.linear || (mov.linear & PAGE_MASK) + mov.size_bytes > PAGE_SIZE ||
	    (u64)((s64)((mov.linear + mov.size_bytes - 1) << 7) >> 7) != mov.linear + mov.size_bytes - 1)
		return NULL;
	if (insn_emulate(&cpu, &insn) != INSN_DONE)
		return "the general emulator does not do it";
	if (seen.reads != !mov.store || seen.writes != mov.store || seen.size != mov.size_bytes)
		return "kind or size of the access";
	if (seen.linear != mov.linear)
		return "address";
	if (mov.store && seen.written != mov.value)
		return "what is written";
	if (!mov.store)
		insn_mov_load(&mov, fast, to_read);
	if (memcmp(fast, general, sizeof(fast)))
		return "registers";
	return cpu.rflags == 0x202 ? NULL : "flags";
}

#endif
