/* SPDX-License-Identifier: MIT */
/* The rules of VMRUN, one line each: name, what must hold, and the expression that is true when it is broken. */
#include "arch/svm/svm_check.h"

#define CR0_PE BIT64(0)
#define CR0_NW BIT64(29)
#define CR0_CD BIT64(30)
#define CR0_PG BIT64(31)
#define CR4_PAE BIT64(5)
#define CR4_CET BIT64(23)
#define CR0_WP BIT64(16)
#define EFER_LME BIT64(8)
#define EFER_LMA BIT64(10)
#define EFER_SVME BIT64(12)
#define EVENT_VALID BIT64(31)
#define EVENT_ERROR_CODE BIT64(11)
#define IOPM_BYTES (3 * PAGE_SIZE)
#define MSRPM_BYTES (2 * PAGE_SIZE)

struct check {
	const struct vmcb *vmcb;
	const struct svm_check_host *host;
};

static bool beyond(const struct check *c, u64 base, u64 size)
{
	u64 end = (base & ~PAGE_MASK) + size - 1;

	return end >> c->host->physical_bits || end < base;
}

static bool paging_long(const struct vmcb *vmcb)
{
	return (vmcb->efer & EFER_LME) && (vmcb->cr0 & CR0_PG);
}

static bool pat_bad(u64 pat)
{
	for (int i = 0; i < 8; i++, pat >>= 8)
		if ((pat & 0xff) > 7 || (pat & 0xff) == 2 || (pat & 0xff) == 3)
			return true;
	return false;
}

/* Type 0 interrupt, 2 NMI, 3 exception, 4 software interrupt; an exception has a vector that is one. */
static bool event_bad(const struct check *c)
{
	u64 event = c->vmcb->event_injection;
	unsigned type = (event >> 8) & 7, vector = event & 0xff;

	if (!(event & EVENT_VALID))
		return false;
	if (type == 1 || type > 4)
		return true;
	return type == 3 && (vector == 2 || vector > 31 || (vector == 4 && paging_long(c->vmcb) && (c->vmcb->cs.attributes & SEGMENT_L)));
}

#define V (c->vmcb)
#define RULES(R)                                                                                                  \
	R(svme, "EFER.SVME is 1 in the guest's EFER", !(V->efer & EFER_SVME))                                             \
	R(cr0_cache, "CR0.NW is 1 only with CR0.CD", !(V->cr0 & CR0_CD) && (V->cr0 & CR0_NW))                              \
	R(cr0_high, "bits 63:32 of CR0 are 0", V->cr0 >> 32)                                                              \
	R(cr3_reserved, "bits of CR3 beyond the physical-address width are 0", paging_long(V) && V->cr3 >> c->host->physical_bits) \
	R(cr4_reserved, "CR4 has only bits that the CPU has", V->cr4 & ~c->host->cr4_valid)                               \
	R(cr4_cet, "CR4.CET goes only with CR0.WP", (V->cr4 & CR4_CET) && !(V->cr0 & CR0_WP))                             \
	R(dr6_high, "bits 63:32 of DR6 are 0", V->dr6 >> 32)                                                              \
	R(dr7_high, "bits 63:32 of DR7 are 0", V->dr7 >> 32)                                                              \
	R(efer_reserved, "EFER has only bits that the CPU has", V->efer & ~c->host->efer_valid)                           \
	R(long_pae, "long mode with paging has CR4.PAE", paging_long(V) && !(V->cr4 & CR4_PAE))                           \
	R(long_pe, "long mode with paging has CR0.PE", paging_long(V) && !(V->cr0 & CR0_PE))                              \
	R(long_cs, "CS does not have both L and D in long mode",                                                          \
	  paging_long(V) && (V->cr4 & CR4_PAE) && (V->cs.attributes & SEGMENT_L) && (V->cs.attributes & SEGMENT_DB)) \
	R(vmrun_intercept, "the VMRUN intercept is set", !(V->intercept[1] & BIT32(0)))                                   \
	R(iopm, "the I/O permission map lies within the physical-address width", beyond(c, V->iopm_base_pa, IOPM_BYTES))   \
	R(msrpm, "the MSR permission map lies within the physical-address width", beyond(c, V->msrpm_base_pa, MSRPM_BYTES)) \
	R(event, "the event to be injected has a type and a vector that go together", event_bad(c))                       \
	R(asid, "the ASID is not 0", V->guest_asid == 0)                                                                  \
	R(nested_cr3, "with nested paging, nested CR3 lies within the physical-address width",                            \
	  (V->nested_control & 1) && V->nested_cr3 >> c->host->physical_bits)                                      \
	R(g_pat, "with nested paging, G_PAT has valid memory types", (V->nested_control & 1) && pat_bad(V->g_pat))         \
	R(rflags, "reserved bits of RFLAGS are 0, and bit 1 is 1",                                                        \
	  (V->rflags & (MASK64(63, 22) | BIT64(15) | BIT64(5) | BIT64(3))) || !(V->rflags & BIT64(1)))

#define DEFINE_RULE(id, text, broken) static bool broken_##id(const struct check *c) { return (broken) != 0; }
RULES(DEFINE_RULE)

static const struct rule_row {
	struct entry_rule rule;
	bool (*broken)(const struct check *c);
} rules[] = {
#define ROW(id, text, broken) { { #id, "\"VMRUN: Canonicalization and Consistency Checks\" (15.5.1)", text }, broken_##id },
	RULES(ROW)
};

unsigned svm_check_all(const struct vmcb *vmcb, const struct svm_check_host *host, const struct entry_rule **broken,
		       unsigned max)
{
	struct check c = { vmcb, host };
	unsigned count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (!rules[i].broken(&c))
			continue;
		if (count < max)
			broken[count] = &rules[i].rule;
		count++;
	}
	return count;
}

const struct entry_rule *svm_check(const struct vmcb *vmcb, const struct svm_check_host *host)
{
	const struct entry_rule *first;

	return svm_check_all(vmcb, host, &first, 1) ? first : NULL;
}

size_t svm_check_rule_count(void)
{
	return ARRAY_SIZE(rules);
}

const struct entry_rule *svm_check_rule(size_t index)
{
	return &rules[index].rule;
}
