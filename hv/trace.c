/* SPDX-License-Identifier: MIT */
/* The exit trace (hv/trace.h): a ring per vCPU, made when it is first asked for. */
#include "hv/trace.h"
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"

void trace_exit(struct vcpu *vcpu)
{
	struct exit_trace *trace = vcpu->trace;
	u64 sequence;
	struct trace_record *record;

	if (!(READ_ONCE(trace->kinds) & BIT64(vcpu->exit.kind)))
		return;
	sequence = trace->next;
	record = &trace->records[sequence % TRACE_RECORDS];
	__atomic_store_n(&record->sequence, 0, __ATOMIC_RELEASE);
	record->time_ns = clock_ns();
	record->rip = vcpu->regs.rip;
	record->rax = vcpu->regs.gpr[GPR_RAX];
	record->rcx = vcpu->regs.gpr[GPR_RCX];
	record->rdx = vcpu->regs.gpr[GPR_RDX];
	record->kind = vcpu->exit.kind;
	for (unsigned i = 0; i < 4; i++)
		record->raw[i] = vcpu->exit.raw[i];
	__atomic_store_n(&record->sequence, sequence, __ATOMIC_RELEASE);
	__atomic_store_n(&trace->next, sequence + 1, __ATOMIC_RELEASE);
}

int trace_start(struct vcpu *vcpu, u64 kinds)
{
	struct exit_trace *trace = vcpu->trace;

	if (trace) {
		WRITE_ONCE(trace->kinds, kinds);
		vcpu_watch(vcpu, VCPU_WATCH_TRACE, true);
		return OK;
	}
	trace = kzalloc(sizeof(*trace));
	if (!trace)
		return ERR_NO_MEMORY;
	trace->next = 1;
	trace->kinds = kinds;
	__atomic_store_n(&vcpu->trace, trace, __ATOMIC_RELEASE);
	vcpu_watch(vcpu, VCPU_WATCH_TRACE, true);
	return OK;
}

/* The ring stays until the vCPU ends: it may be writing right now. */
void trace_stop(struct vcpu *vcpu)
{
	vcpu_watch(vcpu, VCPU_WATCH_TRACE, false);
	if (vcpu->trace)
		WRITE_ONCE(vcpu->trace->kinds, 0);
}

bool trace_read(struct vcpu *vcpu, u64 *sequence, struct trace_record *record)
{
	struct exit_trace *trace = vcpu->trace;
	u64 next;

	if (!trace)
		return false;
	next = __atomic_load_n(&trace->next, __ATOMIC_ACQUIRE);
	if (*sequence + TRACE_RECORDS <= next)
		*sequence = next - TRACE_RECORDS + 1;
	if (!*sequence)
		*sequence = 1;
	for (; *sequence < next; ++*sequence) {
		const struct trace_record *from = &trace->records[*sequence % TRACE_RECORDS];

		*record = *from;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (record->sequence == *sequence && __atomic_load_n(&from->sequence, __ATOMIC_ACQUIRE) == *sequence) {
			++*sequence;
			return true;
		}
	}
	return false;
}

size_t trace_describe(const struct trace_record *record, char *text, size_t size)
{
	const char *name = exit_kind_name(record->kind);
	unsigned long long rip = record->rip;
	u32 eax = (u32)record->rax, ecx = (u32)record->rcx;

	switch ((enum exit_kind)record->kind) {
	case EXIT_CPUID:
		return format(text, size, "CPUID leaf 0x%x, subleaf 0x%x at %llx", eax, ecx, rip);
	case EXIT_MSR_READ:
		return format(text, size, "RDMSR 0x%x at %llx", ecx, rip);
	case EXIT_MSR_WRITE:
		return format(text, size, "WRMSR 0x%x = 0x%llx at %llx", ecx,
			      (unsigned long long)((record->rdx << 32) | eax), rip);
	case EXIT_IO:
		return format(text, size, "port I/O, rax 0x%x, information 0x%llx at %llx", eax, (unsigned long long)record->raw[1], rip);
	case EXIT_NESTED_FAULT:
		return format(text, size, "nested page fault at guest-physical 0x%llx, error code 0x%llx, at %llx",
			      (unsigned long long)record->raw[2], (unsigned long long)record->raw[1], rip);
	case EXIT_HYPERCALL:
		return format(text, size, "hypercall %llu at %llx", (unsigned long long)record->rax, rip);
	default:
		return format(text, size, "%s at %llx (%s)", name, rip, virt_ops->exit_name(record->raw[0]));
	}
}
