/* SPDX-License-Identifier: MIT */
/* The state that stays in the CPU across exits (hv/vcpu_state.h). */
#include "hv/vcpu_state.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/fpu.h"
#include "arch/x86/msr.h"
#include "hv/kvm_steal.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/pages.h"

#define CR0_EM_BIT BIT64(2)
#define AREA_XMM 160
#define AREA_HEADER 512

static u64 host_components(void)
{
	return fpu_has_xsave() ? fpu_supported_xcr0() : XCR0_X87 | XCR0_SSE;
}

int vcpu_state_create(struct vcpu *vcpu)
{
	hpa_t page;

	if (fpu_area_bytes(host_components()) > PAGE_SIZE)
		return ERR_UNSUPPORTED;
	page = pages_alloc(0, PAGE_OWNER_HOST, PAGES_ZERO);
	if (!page.value)
		return ERR_NO_MEMORY;
	vcpu->fpu_area = direct_map(page);
	return OK;
}

void vcpu_state_destroy(struct vcpu *vcpu)
{
	if (vcpu->fpu_area)
		pages_free(direct_unmap(vcpu->fpu_area), 0);
	vcpu->fpu_area = NULL;
}

void vcpu_state_reset(struct vcpu *vcpu)
{
	fpu_area_reset(vcpu->fpu_area, PAGE_SIZE);
	vcpu->xcr0 = 1;
	vcpu->tsc_aux = 0;
	vcpu_debug_forget(vcpu);
}

static void write_tsc_aux(u64 value)
{
	static s8 known = -1; /* the same answer on every CPU */

	if (known < 0)
		known = (cpuid_if_present(0x80000001, 0).edx & CPUID_EXT1_EDX_RDTSCP) != 0;
	if (known)
		wrmsr(MSR_TSC_AUX, value);
}

#define DEBUG_REGISTERS(X) X(0) X(1) X(2) X(3)

void vcpu_debug_load(struct vcpu *vcpu)
{
#define X(n) __asm__ volatile("mov %0, %%db" #n ::"r"(vcpu->dr[n]));
	DEBUG_REGISTERS(X)
#undef X
}

u64 vcpu_debug_address(const struct vcpu *vcpu, unsigned number)
{
	u64 in_cpu[4];

	if (!vcpu->state_loaded)
		return vcpu->dr[number];
#define X(n) __asm__ volatile("mov %%db" #n ", %0" : "=r"(in_cpu[n]));
	DEBUG_REGISTERS(X)
#undef X
	return in_cpu[number];
}

static void debug_save(struct vcpu *vcpu)
{
#define X(n) __asm__ volatile("mov %%db" #n ", %0" : "=r"(vcpu->dr[n]));
	DEBUG_REGISTERS(X)
#undef X
}

void vcpu_debug_forget(struct vcpu *vcpu)
{
	memset(vcpu->dr, 0, sizeof(vcpu->dr));
	vcpu->debug_used = false;
}

/* QEMU 7.2's TCG does not intercept XSETBV (seen by guest-tests/mmio.c and cpuid.c): the register itself is the truth. */
void vcpu_xcr0_read(struct vcpu *vcpu)
{
	if (vcpu->state_loaded && fpu_has_xsave())
		vcpu->xcr0 = xgetbv(0);
}

/* Every component that the host has, whatever the guest's XCR0 says: nothing that one guest left is seen by another. */
void vcpu_state_leave(void *context)
{
	struct vcpu *vcpu = context;

	__atomic_store_n(&vcpu->guest_cpu, NULL, __ATOMIC_RELEASE);
	kvm_steal_leave(vcpu);
	vcpu->exit_began = 0; /* others' time is not the cost of the exit that is being timed */
	if (!vcpu->state_loaded)
		return;
	vcpu_xcr0_read(vcpu);
	if (fpu_has_xsave())
		xsetbv(0, host_components());
	fpu_save(vcpu->fpu_area, host_components());
	if (vcpu->debug_used)
		debug_save(vcpu);
	vcpu->state_loaded = false;
}

void vcpu_state_arrive(void *context)
{
	if (virt_ops->vcpu_arrive)
		virt_ops->vcpu_arrive(context);
	kvm_steal_arrive(context);
}

void vcpu_load_cpu_state(struct vcpu *vcpu)
{
	/* From here on a request interrupts this CPU; the barrier is half of vcpu_request's argument (hv/run.c). */
	__atomic_store_n(&vcpu->guest_cpu, this_cpu(), __ATOMIC_SEQ_CST);
	if (LIKELY(vcpu->state_loaded))
		return;
	if (fpu_has_xsave())
		xsetbv(0, host_components());
	fpu_load(vcpu->fpu_area, host_components());
	if (fpu_has_xsave())
		xsetbv(0, vcpu->xcr0);
	if (vcpu->debug_used)
		vcpu_debug_load(vcpu);
	write_tsc_aux(vcpu->tsc_aux);
	vcpu->state_loaded = true;
}

void vcpu_xcr0_load(struct vcpu *vcpu)
{
	u64 flags = irq_save();

	if (vcpu->state_loaded)
		xsetbv(0, vcpu->xcr0);
	irq_restore(flags);
}

unsigned vcpu_vector_bytes(struct vcpu *vcpu)
{
	u64 cr4 = virt_ops->get_system(vcpu, SYSTEM_CR4);

	vcpu_xcr0_read(vcpu);
	if (!(cr4 & CR4_OSFXSR) || (virt_ops->get_system(vcpu, SYSTEM_CR0) & CR0_EM_BIT))
		return 0;
	return (cr4 & CR4_OSXSAVE) && (vcpu->xcr0 & XCR0_AVX) ? 32 : 16;
}

/* The registers go to the save area first; there they are plain memory. They come back at the next entry. */
static u8 *vector_in_area(struct vcpu *vcpu, unsigned number, bool upper)
{
	u32 avx_offset = cpuid(0xd, 2).ebx;

	return (u8 *)vcpu->fpu_area + (upper ? avx_offset : AREA_XMM) + (number & 15) * 16;
}

static u64 *state_components(struct vcpu *vcpu)
{
	return (u64 *)(void *)((u8 *)vcpu->fpu_area + AREA_HEADER);
}

/* A component that the header says is in its initial state has no bytes in the area yet. */
static void settle_component(struct vcpu *vcpu, unsigned component, bool upper)
{
	if (!fpu_has_xsave() || (*state_components(vcpu) & BIT64(component)))
		return;
	for (unsigned i = 0; i < 16; i++)
		memset(vector_in_area(vcpu, i, upper), 0, 16);
	*state_components(vcpu) |= BIT64(component);
}

/* At the fast level the registers must be the guest's again when the handler returns. */
static void from_area(struct vcpu *vcpu)
{
	if (vcpu->fast_level)
		vcpu_load_cpu_state(vcpu);
}

static void to_area(struct vcpu *vcpu, unsigned size_bytes)
{
	u64 flags = irq_save();

	vcpu_state_leave(vcpu);
	irq_restore(flags);
	settle_component(vcpu, 1, false);
	if (size_bytes == 32)
		settle_component(vcpu, 2, true);
}

void vcpu_vector_read(struct vcpu *vcpu, unsigned number, unsigned size_bytes, u8 *to)
{
	to_area(vcpu, size_bytes);
	memcpy(to, vector_in_area(vcpu, number, false), 16);
	if (size_bytes == 32)
		memcpy(to + 16, vector_in_area(vcpu, number, true), 16);
	from_area(vcpu);
}

void vcpu_vector_write(struct vcpu *vcpu, unsigned number, unsigned size_bytes, const u8 *from, bool zero_upper)
{
	bool upper = size_bytes == 32 || (zero_upper && (vcpu->xcr0 & XCR0_AVX));

	to_area(vcpu, upper ? 32 : 16);
	memcpy(vector_in_area(vcpu, number, false), from, 16);
	if (size_bytes == 32)
		memcpy(vector_in_area(vcpu, number, true), from + 16, 16);
	else if (upper)
		memset(vector_in_area(vcpu, number, true), 0, 16);
	from_area(vcpu);
}
