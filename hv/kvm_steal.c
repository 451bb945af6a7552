/* SPDX-License-Identifier: MIT */
/*
 * Steal time (hv/kvm_steal.h). The time is what the scheduler counts for the vCPU's thread (thread_times.steal_ns): from there it
 * is copied into the guest's record each time that the thread is given a CPU.
 *
 * The record changes hands without a lock: other vCPUs of the guest turn PREEMPTED into PREEMPTED | FLUSH_TLB by a
 * compare-and-exchange and then count the flush as done; the owner takes the byte by an exchange when it has a CPU again. So
 * the flush is either seen here, before the guest runs an instruction, or the compare-and-exchange fails and the other one
 * sends its interrupt.
 */
#include "hv/kvm_steal.h"
#include "arch/x86/cpu.h"
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
	WRITE_ONCE(record->steal_ns, thread_own_steal_ns());
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

void kvm_steal_leave(struct vcpu *vcpu)
{
	struct steal_record *record = record_of(vcpu);

	/* One that sleeps of its own will counts as away, too: to wake it for a flush would be for nothing. */
	if (record)
		__atomic_store_n(&record->preempted, PREEMPTED, __ATOMIC_SEQ_CST);
}

void kvm_steal_arrive(struct vcpu *vcpu)
{
	struct steal_record *record = record_of(vcpu);

	if (!record)
		return;
	if (__atomic_exchange_n(&record->preempted, 0, __ATOMIC_SEQ_CST) & FLUSH_TLB)
		vcpu_request(vcpu, VCPU_REQUEST_TLB_FLUSH);
	write_time(vcpu);
}
