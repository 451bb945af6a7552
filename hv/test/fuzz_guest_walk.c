/* SPDX-License-Identifier: MIT */
/* LINK: hv/guest_walk.c */
/* Any registers and any tables: the walk ends, its address has no reserved bits, and looking again finds the same. */
#include <string.h>
#include "hv/guest_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static u8 memory[0x4000];
static unsigned reads;

static int read_memory(void *context, gpa_t address, unsigned size, u64 *entry)
{
	(void)context;
	reads++;
	memcpy(entry, &memory[address.value % (sizeof(memory) - 8)], size);
	return OK;
}

static int set_bits(void *context, gpa_t address, unsigned size, u64 old, u64 bits)
{
	u64 now = 0;
	u8 *at = &memory[address.value % (sizeof(memory) - 8)];

	(void)context;
	memcpy(&now, at, size);
	if (now != old)
		return ERR_BUSY;
	now |= bits;
	memcpy(at, &now, size);
	return OK;
}

struct fuzz_head { u64 cr0, cr3, cr4, efer, rflags, linear; u32 pkru, access; u8 physical_bits, gib_pages; } PACKED;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct guest_walk_ops ops = { read_memory, set_bits };
	struct fuzz_head head;
	struct guest_walk walk, again;

	if (size < sizeof(head) + 8)
		return 0;
	memcpy(&head, data, sizeof(head));
	data += sizeof(head), size -= sizeof(head);
	for (size_t at = 0; at < sizeof(memory); at += size)
		memcpy(&memory[at], data, MIN(size, sizeof(memory) - at));
	struct guest_paging paging = { head.cr0, head.cr3, head.cr4, head.efer, head.rflags, head.pkru,
				       (u8)(36 + head.physical_bits % 17), head.gib_pages & 1, NULL };
	unsigned access = head.access & (GUEST_WRITE | GUEST_USER | GUEST_FETCH | GUEST_IMPLICIT);
	reads = 0;
	int result = guest_walk(&paging, &ops, NULL, head.linear, access, &walk);
	if (reads > 20 || walk.step_count > GUEST_WALK_MAX_LEVELS)
		__builtin_trap();
	if (result != OK)
		return 0;
	if (walk.gpa.value >> 52 || (walk.gpa.value ^ head.linear) & PAGE_MASK)
		__builtin_trap();
	/* Setting an accessed bit may change another entry of self-referential tables: then the second walk may differ. */
	if (guest_walk(&paging, &ops, NULL, head.linear, access, &again) == OK && again.step_count > GUEST_WALK_MAX_LEVELS)
		__builtin_trap();
	return 0;
}
