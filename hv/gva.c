/* SPDX-License-Identifier: MIT */
/*
 * Linear addresses of a guest (hv/gva.h), and the short way to its instruction bytes.
 *
 * vcpu_code_bytes stands on the exit path of CPUs without next RIP: four-level long mode is walked inline there, checking
 * nothing but presence (the CPU has just executed from that address); all other modes go through guest_walk.
 */
#include "hv/gva.h"
#include "hv/cpuid_policy.h"
#include "hv/gmem_internal.h"
#include "hv/lib/error.h"

#define CR0_PG BIT64(31)
#define CR4_LA57 BIT64(12)
#define EFER_LMA BIT64(10)
#define ENTRY_PRESENT BIT64(0)
#define ENTRY_LARGE BIT64(7)
#define ENTRY_ADDRESS MASK64(51, 12)

static int read_entry(void *context, gpa_t address, unsigned size_bytes, u64 *entry)
{
	struct vcpu *vcpu = context;
	int result;

	*entry = 0;
	result = gmem_read_nofault(vcpu->vm, address, entry, size_bytes);
	if (result == ERR_AGAIN && !vcpu->fast_level && gmem_populate(vcpu->vm, address) == OK)
		result = gmem_read_nofault(vcpu->vm, address, entry, size_bytes);
	return result;
}

static int set_entry_bits(void *context, gpa_t address, unsigned size_bytes, u64 old, u64 bits)
{
	struct vcpu *vcpu = context;

	return gmem_compare_exchange(vcpu->vm, address, size_bytes, old, old | bits);
}

static const struct guest_walk_ops walk_ops = { read_entry, set_entry_bits };
static const struct guest_walk_ops look_ops = { read_entry, NULL };

void gva_paging(struct vcpu *vcpu, struct guest_paging *paging)
{
	u64 registers[4] __attribute__((uninitialized)); /* all four are written below */

	if (LIKELY(virt_ops->get_paging != NULL)) {
		virt_ops->get_paging(vcpu, registers);
	} else {
		registers[0] = virt_ops->get_system(vcpu, SYSTEM_CR0);
		registers[1] = virt_ops->get_system(vcpu, SYSTEM_CR3);
		registers[2] = virt_ops->get_system(vcpu, SYSTEM_CR4);
		registers[3] = virt_ops->get_system(vcpu, SYSTEM_EFER);
	}
	*paging = (struct guest_paging){
		.cr0 = registers[0], .cr3 = registers[1], .cr4 = registers[2], .efer = registers[3],
		.rflags = vcpu->regs.rflags,
		.physical_bits = vcpu->vm->cpuid->physical_bits,
		.gib_pages = true,
	};
}

int gva_walk(struct vcpu *vcpu, const struct guest_paging *paging, u64 linear, unsigned access, struct guest_walk *walk)
{
	return guest_walk(paging, &walk_ops, vcpu, linear, access, walk);
}

int gva_look(struct vcpu *vcpu, u64 linear, struct guest_walk *walk)
{
	struct guest_paging paging;

	gva_paging(vcpu, &paging);
	return guest_walk(&paging, &look_ops, vcpu, linear, GUEST_READ, walk);
}

/* Everything but four-level paging. */
static __attribute__((noinline)) bool code_gpa_slow(struct vcpu *vcpu, const struct code_address *where, u64 *gpa)
{
	struct guest_paging paging = { .cr0 = where->cr0, .cr3 = where->cr3, .cr4 = where->cr4, .efer = where->efer,
				       .physical_bits = vcpu->vm->cpuid->physical_bits, .gib_pages = true };
	struct guest_walk walk;

	if (guest_walk(&paging, &look_ops, vcpu, where->linear, GUEST_READ, &walk) != OK)
		return false;
	*gpa = walk.gpa.value;
	return true;
}

/* The walk, noted in the cache on its way; the caller completes the cache or leaves it empty. */
static inline bool code_gpa_long_mode(const struct gmem *gmem, const struct code_address *where, struct code_cache *cache,
				      u64 *gpa)
{
	u64 table = where->cr3 & ENTRY_ADDRESS, linear = where->linear, entry;
	unsigned level = 0;

	for (unsigned shift = 39;; shift -= 9) {
		const u8 *at = gmem_pointer(gmem, table + ((linear >> shift) & 511) * 8);

		if (UNLIKELY(!at))
			return false;
		entry = READ_ONCE(*(const u64 *)(const void *)at);
		for (unsigned i = level++; i < ARRAY_SIZE(cache->entries); i++) {
			cache->entries[i] = (const u64 *)(const void *)at;
			cache->values[i] = entry;
		}
		if (UNLIKELY(!(entry & ENTRY_PRESENT)))
			return false;
		if (shift == 12 || ((entry & ENTRY_LARGE) && shift < 39)) {
			u64 offset = BIT64(shift) - 1;

			*gpa = (entry & ENTRY_ADDRESS & ~offset) | (linear & offset);
			return true;
		}
		table = entry & ENTRY_ADDRESS;
	}
}

const u8 *vcpu_code_bytes(struct vcpu *vcpu, const struct code_address *where, u32 *available)
{
	const struct gmem *gmem = vcpu->vm->gmem;
	struct code_cache *cache = &vcpu->code;
	u64 gpa = where->linear;
	const u8 *bytes;

	*available = (u32)(PAGE_SIZE - (where->linear & PAGE_MASK));
	if (LIKELY((where->efer & EFER_LMA) && !(where->cr4 & CR4_LA57))) {
		bytes = vcpu_cached_code(vcpu, where->cr3, where->linear, PAGE_MASK);
		if (bytes)
			return bytes;
		cache->cr3 = CODE_CACHE_EMPTY;
		if (!code_gpa_long_mode(gmem, where, cache, &gpa))
			return NULL;
		bytes = gmem_pointer(gmem, gpa);
		if (bytes && !(vcpu->vm->cpuid->cr4_allowed & CR4_LA57)) {
			cache->page = where->linear & ~(u64)PAGE_MASK;
			cache->cr3 = where->cr3;
			cache->bytes = bytes - (gpa & PAGE_MASK);
		}
		return bytes;
	} else if ((where->cr0 & CR0_PG) && !code_gpa_slow(vcpu, where, &gpa)) {
		return NULL;
	}
	return gmem_pointer(gmem, gpa);
}
