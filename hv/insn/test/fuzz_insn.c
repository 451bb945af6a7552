/* SPDX-License-Identifier: MIT */
/* LINK: hv/insn/insn_decode.c hv/insn/insn_length.c hv/insn/insn_opcodes.c hv/insn/insn_emulate.c hv/insn/insn_operand.c hv/insn/insn_alu.c hv/insn/insn_string.c hv/insn/insn_stack.c hv/insn/insn_vector.c */
/*
 * Any bytes in any mode with any registers. The decoder reads nothing beyond what it was given and asks for more only when
 * it must; the emulator makes a bounded number of well-formed accesses, and changes nothing when it faults.
 */
#include <stdlib.h>
#include <string.h>
#include "hv/insn/insn_emulate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_head {
	u8 mode, bits, fault_mask, limit;
	u32 rflags;
	u64 rip, gprs[16], gpa, bases[6];
	u32 limits[6];
	u16 attributes[6];
} PACKED;

static struct fuzz_head head;
static unsigned calls, mutations;
static bool opened;

#define DEMAND(condition)                                                                                         \
	do {                                                                                                      \
		if (!(condition))                                                                                 \
			__builtin_trap();                                                                         \
	} while (0)

static int translate(void *context, u64 linear, unsigned access, gpa_t *gpa, struct insn_exception *exception)
{
	(void)context;
	calls++;
	DEMAND(head.mode == INSN_MODE_64 || linear <= 0xffffffff);
	opened = true;
	*gpa = GPA(linear & ~(0xfull << 60));
	if ((linear >> 12 & 7) == (head.fault_mask & 7u) && head.fault_mask & 8) {
		*exception = (struct insn_exception){ INSN_VECTOR_PF, true, access, linear };
		return ERR_FAULT;
	}
	if ((linear >> 12 & 7) == (head.fault_mask >> 4 & 7u) && head.fault_mask & 128)
		return ERR_AGAIN;
	return OK;
}

static void check_access(gpa_t gpa, unsigned size)
{
	calls++;
	DEMAND(opened && (size == 1 || size == 2 || size == 4 || size == 8));
	DEMAND((gpa.value & PAGE_MASK) + size <= PAGE_SIZE);
}

static int read_memory(void *context, gpa_t gpa, unsigned size, u64 *value)
{
	(void)context;
	check_access(gpa, size);
	*value = gpa.value * 0x9e3779b97f4a7c15ull;
	return OK;
}

static int write_memory(void *context, gpa_t gpa, unsigned size, u64 value)
{
	(void)context;
	check_access(gpa, size);
	DEMAND(size == 8 || value >> (8 * size) == 0);
	mutations++;
	return OK;
}

static u32 port_read(void *context, u16 port, unsigned size)
{
	(void)context;
	calls++;
	DEMAND(size == 1 || size == 2 || size == 4);
	return port * 0x01010101u;
}

static void port_write(void *context, u16 port, unsigned size, u32 value)
{
	(void)context, (void)port;
	calls++;
	mutations++;
	DEMAND(size == 4 || (size < 4 && size != 3 && value >> (8 * size) == 0));
}

static void segment(void *context, enum insn_segment_name name, struct insn_segment *out)
{
	(void)context;
	DEMAND(name <= INSN_GS);
	*out = (struct insn_segment){ head.bases[name], head.limits[name], (u16)(8 * name), head.attributes[name] };
}

static unsigned vector_bytes(void *context) { (void)context; return head.bits & 64 ? 32 : head.bits & 128 ? 16 : 0; }

static void vector_read(void *context, unsigned number, unsigned size, u8 *to)
{
	(void)context;
	DEMAND(number < 16 && (size == 16 || (size == 32 && head.bits & 64)));
	memset(to, (int)number, size);
}

static void vector_write(void *context, unsigned number, unsigned size, const u8 *from, bool zero_upper)
{
	volatile u8 sink = from[size - 1];

	(void)context, (void)zero_upper, (void)sink;
	mutations++;
	DEMAND(number < 16 && (size == 16 || (size == 32 && head.bits & 64)));
}

static const struct insn_ops ops = { translate, read_memory, write_memory, port_read, port_write, segment, vector_bytes, vector_read,
				     vector_write };

/* Each prefix of the bytes: AGAIN up to the length, then always the same answer. */
static int check_decode(const u8 *data, size_t size, struct insn *insn)
{
	int whole = insn_decode(insn, data, size, (enum insn_mode)head.mode);
	size_t limit = MIN(size, (size_t)INSN_MAX_BYTES);

	DEMAND(whole != ERR_AGAIN || size < INSN_MAX_BYTES);
	DEMAND(whole != OK || (insn->length >= 1 && insn->length <= limit));
	for (size_t cut = 0; cut < limit; cut++) {
		u8 *copy = malloc(cut ? cut : 1);
		int result;

		memcpy(copy, data, cut);
		result = insn_length(copy, cut, (enum insn_mode)head.mode);
		free(copy);
		if (whole == OK)
			DEMAND(result == (cut < insn->length ? ERR_AGAIN : insn->length));
		else
			DEMAND(result == ERR_AGAIN || result == whole);
		for (unsigned which = 0; cut == 0 && which < INSN_EXIT_COUNT; which++) {
			result = insn_exit_length(data, size, (enum insn_mode)head.mode, which);
			DEMAND(result < 0 || result == whole || (whole == OK && result == insn->length));
		}
	}
	return whole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	u64 gprs[16];
	struct insn insn;

	if (size < sizeof(head) + 1)
		return 0;
	memcpy(&head, data, sizeof(head));
	data += sizeof(head), size -= sizeof(head);
	head.mode %= 3;
	int decoded = check_decode(data, size, &insn);
	memcpy(gprs, head.gprs, sizeof(gprs));
	struct insn_cpu cpu = { .ops = &ops, .gprs = gprs, .rip = head.rip, .rflags = head.rflags, .mode = head.mode, .cpl = head.bits & 3,
				.linear_bits = head.mode == INSN_MODE_64 ? (head.bits & 4 ? 57 : 48) : 32, .protected_mode = head.bits & 8,
				.task_switched = head.bits & 16, .rep_limit = head.limit, .known_gpa = head.bits & 32, .gpa = GPA(head.gpa),
				.known_gpa_write = head.fault_mask & 1 };
	calls = mutations = 0;
	opened = cpu.known_gpa;
	if (decoded == OK) {
		bool repeated = insn.prefixes & (INSN_REP | INSN_REPNE);
		u64 flags = cpu.rflags;
		enum insn_result result = insn_emulate(&cpu, &insn);

		DEMAND(calls <= 40u + 40u * (head.limit ? head.limit : INSN_REP_LIMIT_DEFAULT));
		DEMAND(((cpu.rflags ^ flags) & ~0x8d5ull) == 0);
		if (result != INSN_DONE && result != INSN_CONTINUE && !repeated)
			DEMAND(!memcmp(gprs, head.gprs, sizeof(gprs)) && cpu.rflags == flags && !mutations);
		if (result == INSN_CONTINUE)
			DEMAND(repeated);
		if (result == INSN_EXCEPTION)
			DEMAND(cpu.exception.vector < 32);
	}
	calls = 0;
	opened = false;
	cpu.mode = head.mode;
	(void)insn_fetch(&cpu, &insn);
	DEMAND(calls <= 40);
	return 0;
}
