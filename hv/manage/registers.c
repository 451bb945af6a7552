/* SPDX-License-Identifier: MIT */
/* A stopped vCPU's registers as text: what stays of a machine that crashed, and what vcpu-regs shows. */
#include "hv/manage/domain_internal.h"
#include "hv/manage/inspect.h"

static void general(struct text *to, const struct vcpu *vcpu)
{
	static const char *const names[GPR_COUNT] = {
		"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
		"R8 ", "R9 ", "R10", "R11", "R12", "R13", "R14", "R15",
	};

	for (unsigned i = 0; i < GPR_COUNT; i++)
		text_append(to, "%s=%016llx%s", names[i], (unsigned long long)vcpu->regs.gpr[i], i % 4 == 3 ? "\n" : " ");
	text_append(to, "RIP=%016llx RFLAGS=%08llx CPL=%u\n", (unsigned long long)vcpu->regs.rip,
		    (unsigned long long)vcpu->regs.rflags, virt_ops->privilege_level((struct vcpu *)vcpu));
}

static void segments(struct text *to, struct vcpu *vcpu)
{
	static const char *const names[SEGMENT_COUNT] = { "ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR" };
	struct descriptor_table table;

	for (unsigned i = 0; i < SEGMENT_COUNT; i++) {
		struct segment segment;

		virt_ops->get_segment(vcpu, i, &segment);
		text_append(to, "%-4s=%04x base=%016llx limit=%08x attributes=%04x%s\n", names[i], segment.selector,
			    (unsigned long long)segment.base, segment.limit_bytes, segment.attributes,
			    segment.attributes & SEGMENT_P ? "" : " (not present)");
	}
	virt_ops->get_table(vcpu, false, &table);
	text_append(to, "GDT      base=%016llx limit=%08x\n", (unsigned long long)table.base, table.limit);
	virt_ops->get_table(vcpu, true, &table);
	text_append(to, "IDT      base=%016llx limit=%08x\n", (unsigned long long)table.base, table.limit);
}

static void control(struct text *to, struct vcpu *vcpu)
{
	static const struct { enum system_register which; const char *name; } rows[] = {
		{ SYSTEM_CR0, "CR0" }, { SYSTEM_CR2, "CR2" }, { SYSTEM_CR3, "CR3" }, { SYSTEM_CR4, "CR4" },
		{ SYSTEM_EFER, "EFER" }, { SYSTEM_PAT, "PAT" }, { SYSTEM_DR6, "DR6" }, { SYSTEM_DR7, "DR7" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		text_append(to, "%-4s=%016llx%s", rows[i].name,
			    (unsigned long long)virt_ops->get_system(vcpu, rows[i].which), i % 4 == 3 ? "\n" : " ");
	text_append(to, "CR8 =%016llx XCR0=%016llx\n",
		    (unsigned long long)vcpu->interrupts->read_cr8(vcpu->interrupt_controller), (unsigned long long)vcpu->xcr0);
}

/* What a vCPU does when it runs no instructions. */
static const char *activity(const struct vcpu *vcpu)
{
	if (vcpu->waits_for_sipi)
		return " (waits for its start-up IPI)";
	return vcpu->halted ? " (halted)" : "";
}

char *domain_registers_text(struct vm *vm, u32 index)
{
	struct text to;

	text_init(&to);
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		if (index != DOMAIN_ALL_VCPUS && index != i)
			continue;
		text_append(&to, "vCPU %u%s\n", i, activity(vm->vcpus[i]));
		general(&to, vm->vcpus[i]);
		segments(&to, vm->vcpus[i]);
		control(&to, vm->vcpus[i]);
	}
	return text_take(&to);
}
