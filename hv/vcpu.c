/* SPDX-License-Identifier: MIT */
/* A vCPU's making and reset, the exceptions that it is given, and small questions about it. */
#include "hv/vcpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/msr.h"
#include "hv/clock.h"
#include "hv/cpuid_policy.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/run.h"
#include "hv/vcpu_state.h"
#include "hv/vm_internal.h"

#define VECTOR_DF 8
#define VECTOR_PF 14

static const char *const kind_names[EXIT_KIND_COUNT] = {
#define X(name) #name,
	EXIT_KINDS(X)
#undef X
};

const char *exit_kind_name(enum exit_kind kind)
{
	return (unsigned)kind < EXIT_KIND_COUNT ? kind_names[kind] : "?";
}

enum exit_kind exit_kind_by_name(const char *name)
{
	for (unsigned i = 0; i < EXIT_KIND_COUNT; i++)
		if (string_equal_ignore_case(name, kind_names[i]))
			return (enum exit_kind)i;
	return EXIT_KIND_COUNT;
}

u64 vcpu_known_cr4(void)
{
	struct cpuid_result seven = cpuid_if_present(7, 0);
	u64 known = MASK64(10, 0);

	known |= seven.ecx & BIT32(2) ? BIT64(11) : 0;
	known |= seven.ecx & BIT32(16) ? BIT64(12) : 0;
	known |= seven.ebx & BIT32(0) ? BIT64(16) : 0;
	known |= cpuid(1, 0).ecx & BIT32(17) ? BIT64(17) : 0;
	known |= cpuid(1, 0).ecx & BIT32(26) ? BIT64(18) : 0;
	known |= seven.ebx & BIT32(7) ? BIT64(20) : 0;
	known |= seven.ebx & BIT32(20) ? BIT64(21) : 0;
	known |= seven.ecx & BIT32(3) ? BIT64(22) : 0;
	known |= seven.ecx & BIT32(7) ? BIT64(23) : 0; /* CET */
	return known;
}

int vcpu_create(struct vm *vm, u32 index)
{
	struct vcpu *vcpu = kzalloc(sizeof(*vcpu));
	int result;

	if (!vcpu)
		return ERR_NO_MEMORY;
	vcpu->vm = vm;
	vcpu->index = index;
	vcpu->apic_id = cpu_topology_apic_id(&vm->config.topology, index);
	/* Bits that the CPU knows beyond what the guest was shown: then its CR4 writes are looked at. */
	vcpu->cr4_guarded = vcpu_known_cr4() & ~vm->cpuid->cr4_allowed;
	waitqueue_init(&vcpu->wait, "vcpu");
	result = vcpu_state_create(vcpu);
	if (!result)
		result = virt_ops->vcpu_create(vcpu);
	if (result) {
		vcpu_state_destroy(vcpu);
		kfree(vcpu);
		return result;
	}
	vm->vcpus[index] = vcpu;
	vm->vcpu_count = index + 1;
	return OK;
}

void vcpu_destroy(struct vcpu *vcpu)
{
	virt_ops->vcpu_destroy(vcpu);
	vcpu_state_destroy(vcpu);
	kfree(vcpu->trace);
	kfree(vcpu);
}

void vcpu_reset_core(struct vcpu *vcpu)
{
	memset(&vcpu->regs, 0, sizeof(vcpu->regs));
	memset(&vcpu->event, 0, sizeof(vcpu->event));
	memset(&vcpu->deferred, 0, sizeof(vcpu->deferred));
	vcpu->regs.rip = 0xfff0;
	vcpu->regs.rflags = RFLAGS_FIXED;
	vcpu->regs.gpr[GPR_RDX] = cpuid(1, 0).eax;
	vcpu->offered_vector = INTERRUPT_NONE;
	vcpu->code.cr3 = CODE_CACHE_EMPTY;
	vcpu->exit_pending = vcpu->instruction_done = vcpu->nmi_pending = vcpu->nmi_blocked = vcpu->halted = false;
	__atomic_store_n(&vcpu->unhalted, false, __ATOMIC_RELAXED);
}

void vcpu_reset(struct vcpu *vcpu)
{
	vcpu_reset_core(vcpu);
	vcpu->requests = 0;
	vcpu->enter_unsound = false;
	vcpu->unsound = NULL;
	vcpu->sipi = 0;
	vcpu->waits_for_sipi = vcpu->index != 0;
	vcpu->tsc_offset = vcpu->vm->tsc_offset;
	vcpu->tsc_adjust = 0;
	vcpu->xss = 0;
	vcpu->clock_msr = vcpu->wall_clock_msr = vcpu->steal_msr = vcpu->end_msr = 0;
	vcpu->poll_control = 1;
	vcpu->clock_stops = 0;
	vcpu->wall_clock_wanted = false;
	vcpu->mtrr_def_type = 0;
	memset(vcpu->mtrr_fixed, 0, sizeof(vcpu->mtrr_fixed));
	memset(vcpu->mtrr_variable, 0, sizeof(vcpu->mtrr_variable));
	vcpu_state_reset(vcpu);
	virt_ops->vcpu_reset(vcpu);
}

/* APM vol. 2, "#DF—Double-Fault Exception" (8.2.9): which pairs become one. */
static bool is_contributory(u8 vector)
{
	return vector == 0 || (vector >= 10 && vector <= 13);
}

void vcpu_inject_exception(struct vcpu *vcpu, u8 vector, bool has_error_code, u32 error_code)
{
	const struct vcpu_event *first = &vcpu->event;

	if (first->valid && first->type == EVENT_EXCEPTION) {
		if (first->vector == VECTOR_DF) {
			vm_request_reset(vcpu->vm, "triple fault");
			return;
		}
		if ((is_contributory(first->vector) && is_contributory(vector)) ||
		    (first->vector == VECTOR_PF && (vector == VECTOR_PF || is_contributory(vector)))) {
			vector = VECTOR_DF;
			has_error_code = true;
			error_code = 0;
		}
	}
	/* An interrupt whose delivery was cut short goes after the exception, as EVENTINJ's order has it. */
	if (first->valid && first->type != EVENT_EXCEPTION) {
		vcpu->deferred = *first;
		vcpu_request(vcpu, VCPU_REQUEST_EVENT);
	}
	vcpu->event = (struct vcpu_event){ .type = EVENT_EXCEPTION, .vector = vector, .valid = true,
					   .has_error_code = has_error_code, .error_code = error_code };
}

void vcpu_inject_gp(struct vcpu *vcpu)
{
	vcpu_inject_exception(vcpu, 13, true, 0);
}

void vcpu_inject_ud(struct vcpu *vcpu)
{
	vcpu_inject_exception(vcpu, 6, false, 0);
}

void vcpu_inject_page_fault(struct vcpu *vcpu, u64 address, u32 error_code)
{
	virt_ops->set_system(vcpu, SYSTEM_CR2, address);
	vcpu_inject_exception(vcpu, VECTOR_PF, true, error_code);
}

u64 vcpu_tsc(const struct vcpu *vcpu)
{
	return rdtsc() + vcpu->tsc_offset;
}

u64 vcpu_tsc_to_ns(const struct vcpu *vcpu, u64 guest_tsc)
{
	return clock_tsc_to_ns(guest_tsc - vcpu->tsc_offset);
}

bool vcpu_in_long_mode(struct vcpu *vcpu)
{
	return virt_ops->get_system(vcpu, SYSTEM_EFER) & EFER_LMA;
}

bool vcpu_in_64_bit_mode(struct vcpu *vcpu)
{
	return virt_ops->code_bits(vcpu) == 64;
}
