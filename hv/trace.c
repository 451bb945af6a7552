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
	u64 sequence = trace->next;
	struct trace_record *record = &trace->records[sequence % TRACE_RECORDS];

	if (!(READ_ONCE(trace->kinds) & BIT64(vcpu->exit.kind)))
		return;
	__atomic_store_n(&record->sequence, 0, __ATOMIC_RELEASE);
	record->time_ns = clock_ns();
	record->rip = vcpu->regs.rip;
	record->rax = vcpu->regs.gpr[GPR_RAX];
	record->rcx = vcpu->regs.gpr[GPR_RCX];
	record->rdx = vcpu->regs.gpr[GPR_RDX];
	record->exit = vcpu->exit;
	__atomic_store_n(&record->sequence, sequence, __ATOMIC_RELEASE);
	__atomic_store_n(&trace->next, sequence + 1, __ATOMIC_RELEASE);
}

int trace_start(struct vcpu *vcpu, u64 kinds, u64 *sequence)
{
	struct exit_trace *trace = vcpu->trace;

	if (!trace) {
		trace = kzalloc(sizeof(*trace));
		if (!trace)
			return ERR_NO_MEMORY;
		trace->next = 1;
		__atomic_store_n(&vcpu->trace, trace, __ATOMIC_RELEASE);
	}
	*sequence = __atomic_load_n(&trace->next, __ATOMIC_ACQUIRE);
	WRITE_ONCE(trace->kinds, kinds);
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

bool trace_read(const struct vcpu *vcpu, u64 *sequence, struct trace_record *record)
{
	const struct exit_trace *trace = vcpu->trace;
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

static size_t describe_io(const struct trace_record *record, char *text, size_t size)
{
	const struct vm_exit *exit = &record->exit;
	static const char *const widths[] = { "?", "byte", "word", "?", "double word" };
	const char *width = exit->io.size_bytes < ARRAY_SIZE(widths) ? widths[exit->io.size_bytes] : "?";
	unsigned long long rip = record->rip;
	u32 mask = exit->io.size_bytes >= 4 ? ~0u : BIT32(8 * exit->io.size_bytes) - 1;

	if (exit->io.string)
		return format(text, size, "%s%s, a %s each, port 0x%x at %llx", exit->io.rep ? "REP " : "", exit->io.in ? "INS" : "OUTS",
			      width, exit->io.port, rip);
	if (exit->io.in)
		return format(text, size, "IN a %s from port 0x%x at %llx", width, exit->io.port, rip);
	return format(text, size, "OUT 0x%x, a %s, to port 0x%x at %llx", (u32)record->rax & mask, width, exit->io.port, rip);
}

static size_t describe_fault(const struct trace_record *record, char *text, size_t size)
{
	const struct vm_exit *exit = &record->exit;

	return format(text, size, "nested page fault: %s guest-physical 0x%llx, %s, at %llx",
		      exit->fault.in_table_walk ? "the walk of the guest's tables reads" :
		      exit->fault.fetch ? "an instruction at" : exit->fault.write ? "a write to" : "a read of",
		      (unsigned long long)exit->fault.gpa.value, exit->fault.present ? "which is mapped but forbids it" : "not mapped",
		      (unsigned long long)record->rip);
}

size_t trace_describe(const struct trace_record *record, char *text, size_t size)
{
	const struct vm_exit *exit = &record->exit;
	unsigned long long rip = record->rip;
	u32 eax = (u32)record->rax, ecx = (u32)record->rcx;

	switch ((enum exit_kind)exit->kind) {
	case EXIT_CPUID:
		return format(text, size, "CPUID leaf 0x%x, subleaf 0x%x at %llx", eax, ecx, rip);
	case EXIT_MSR_READ:
		return format(text, size, "RDMSR 0x%x at %llx", ecx, rip);
	case EXIT_MSR_WRITE:
		return format(text, size, "WRMSR 0x%x = 0x%llx at %llx", ecx,
			      (unsigned long long)((record->rdx << 32) | eax), rip);
	case EXIT_IO:
		return describe_io(record, text, size);
	case EXIT_NESTED_FAULT:
		return describe_fault(record, text, size);
	case EXIT_CR_ACCESS:
		return format(text, size, "MOV %s CR%u at %llx", exit->move.write ? "to" : "from", exit->move.number, rip);
	case EXIT_DR_ACCESS:
		return format(text, size, "MOV %s DR%u at %llx", exit->move.write ? "to" : "from", exit->move.number, rip);
	case EXIT_HYPERCALL:
		return format(text, size, "hypercall %llu at %llx", (unsigned long long)record->rax, rip);
	case EXIT_EXCEPTION:
		return format(text, size, "exception %u at %llx", exit->exception.vector, rip);
	default:
		return format(text, size, "%s at %llx (%s)", exit_kind_name(exit->kind), rip, virt_ops->exit_name(exit->raw[0]));
	}
}
