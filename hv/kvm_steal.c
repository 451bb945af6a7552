/* SPDX-License-Identifier: MIT */
/*
 * Steal time (hv/kvm_steal.h). The time is counted for every vCPU, whether its guest asked for the record or not.
 *
 * The record changes hands without a lock: other vCPUs of the guest turn PREEMPTED into PREEMPTED | FLUSH_TLB by a
 * compare-and-exchange and then count the flush as done; the owner takes the byte by an exchange when it has a CPU again. So
 * the flush is either seen here, before the guest runs an instruction, or the compare-and-exchange fails and the other one
 * sends its interrupt.
 */
#include "hv/kvm_steal.h"
#include "arch/x86/cpu.h"
#include "arch/x86/msr.h"
#include "hv/clock.h"
#include "hv/gmem_internal.h"
#include "hv/lib/error.h"

#define STEAL_ENABLED 1u
#define STEAL_RESERVED MASK64(5, 1)
#define PREEMPTED BIT32(0)
#define FLUSH_TLB BIT32(1)

struct steal_record {
	u64 steal_ns;
	u32 version, flags;
	u8 preempted, pad[3];
	u32 pad2[11];
};
STATIC_ASSERT(sizeof(struct steal_record) == 64, "the guest's layout; with its alignment it never crosses a page");

/* The guest's record in the host's memory; NULL: it wants none, or named no RAM, or RAM that is not there yet. */
static struct steal_record *record_of(const struct vcpu *vcpu)
{
	if (LIKELY(!(vcpu->steal_msr & STEAL_ENABLED)))
		return NULL;
	return (struct steal_record *)(void *)gmem_pointer(vcpu->vm->gmem, vcpu->steal_msr & ~(u64)63);
}

bool kvm_steal_write_msr(struct vcpu *vcpu, u64 value)
{
	if (vcpu->vm->config.no_kvm || (value & STEAL_RESERVED))
		return false;
	vcpu->steal_msr = value;
	vcpu_request(vcpu, VCPU_REQUEST_CLOCK);
	return true;
}

/* Version odd, time, version even: the guest reads until it has the same even one twice. Interrupts off. */
static void write_time(struct vcpu *vcpu)
{
	struct steal_record *record = record_of(vcpu);

	if (!record)
		return;
	WRITE_ONCE(record->version, (vcpu->steal_version += 2) - 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	WRITE_ONCE(record->steal_ns, clock_tsc_to_ns(clock_ns_to_tsc(0) + vcpu->steal_ticks));
	__atomic_store_n(&record->version, vcpu->steal_version, __ATOMIC_RELEASE);
}

void kvm_steal_update(struct vcpu *vcpu)
{
	u8 byte;
	u64 flags;

	if (!(vcpu->steal_msr & STEAL_ENABLED) || gmem_read(vcpu->vm, GPA(vcpu->steal_msr & ~(u64)63), &byte, sizeof(byte)) != OK)
		return;
	flags = irq_save();
	write_time(vcpu);
	irq_restore(flags);
}

static void add(struct vcpu *vcpu, u64 since_tsc)
{
	u64 now = rdtsc();

	if (now > since_tsc)
		vcpu->steal_ticks += now - since_tsc;
}

void kvm_steal_leave(struct vcpu *vcpu)
{
	struct steal_record *record = record_of(vcpu);

	/* One that sleeps of its own will counts as away, too: to wake it for a flush would be for nothing. */
	if (record)
		__atomic_store_n(&record->preempted, PREEMPTED, __ATOMIC_SEQ_CST);
	vcpu->left_tsc = READ_ONCE(vcpu->mode) == VCPU_HOST ? rdtsc() : 0;
}

void kvm_steal_arrive(struct vcpu *vcpu)
{
	struct steal_record *record = record_of(vcpu);

	if (vcpu->left_tsc)
		add(vcpu, vcpu->left_tsc);
	vcpu->left_tsc = 0;
	if (!record)
		return;
	if (__atomic_exchange_n(&record->preempted, 0, __ATOMIC_SEQ_CST) & FLUSH_TLB)
		vcpu_request(vcpu, VCPU_REQUEST_TLB_FLUSH);
	write_time(vcpu);
}

void kvm_steal_woken(struct vcpu *vcpu)
{
	u64 nobody = 0;

	(void)__atomic_compare_exchange_n(&vcpu->woken_tsc, &nobody, rdtsc(), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

void kvm_steal_runs(struct vcpu *vcpu)
{
	u64 woken = __atomic_exchange_n(&vcpu->woken_tsc, 0, __ATOMIC_RELAXED), flags;

	if (!woken)
		return;
	flags = irq_save();
	add(vcpu, woken);
	write_time(vcpu);
	irq_restore(flags);
}
