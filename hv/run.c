/* SPDX-License-Identifier: MIT */
/*
 * The run loop of a vCPU: one thread, from resume to stop.
 *
 *   wait until the machine runs
 *     serve what needs the slow level (clock page, INIT…)
 *     virt_ops->vcpu_run: the guest, and all fast exits
 *     exit_slow: the one exit that needed more
 *     HLT: wait for work
 *   tell hv/vm.c that this vCPU stands
 *
 * What lies between a fast exit and the next entry (vcpu_prepare_entry) stands here as well. Next to read: hv/exit.c.
 */
#include "hv/run.h"
#include "arch/x86/cpu.h"
#include "arch/x86/lapic.h"
#include "arch/x86/msr.h"
#include "arch/x86/vectors.h"
#include "hv/clock.h"
#include "hv/exit.h"
#include "hv/kvm_clock.h"
#include "hv/kvm_steal.h"
#include "hv/vcpu_init.h"
#include "hv/vcpu_state.h"
#include "hv/vcpu_yield.h"
#include "hv/vm_internal.h"

/*
 * Why no request is missed. A sender first writes what it has to say (an interrupt request bit, say), then the request
 * bit, then reads where the vCPU is. The vCPU writes where it is, then reads its requests. Both have a full barrier between
 * their write and their read (the locked OR here; the exchanges that write guest_cpu and mode), so at least one of the
 * two sees the other's write:
 *
 *   guest_cpu set   written by vcpu_load_cpu_state with interrupts off, before the loop that reads the requests ahead of
 *                   each entry. The sender sees it: it sends an interrupt, which ends the guest's run, or pends until the
 *                   entry and ends it there. The sender does not see it: then the loop sees the request.
 *   HALTED          written before the last look for work ahead of the sleep. The sender sees it and wakes, or that look
 *                   finds the request; a wake-up between look and sleep is what wait queues are made for (hv/wait.c).
 *   neither         the vCPU is on its way: it reads its requests before it enters or sleeps.
 *
 * guest_cpu stays set while fast exits are handled, so an interrupt may be sent that only repeats what the vCPU would have
 * seen; it is never the sender's own CPU, except for requests that a vCPU makes of itself, which it sees without.
 */
void vcpu_request(struct vcpu *vcpu, u32 bits)
{
	struct cpu *cpu;

	__atomic_fetch_or(&vcpu->requests, bits, __ATOMIC_SEQ_CST);
	cpu = __atomic_load_n(&vcpu->guest_cpu, __ATOMIC_RELAXED);
	if (cpu) {
		/* Read after guest_cpu: if this thread came to that CPU in between, the vCPU has left the guest there. */
		if (UNLIKELY(cpu != this_cpu()))
			lapic_send_ipi(cpu->apic_id, VECTOR_RESCHEDULE);
	} else if (UNLIKELY(__atomic_load_n(&vcpu->mode, __ATOMIC_RELAXED) == VCPU_HALTED)) {
		waitqueue_wake_all(&vcpu->wait);
	}
}

void vcpu_interrupt_taken(struct vcpu *vcpu)
{
	s16 vector = vcpu->offered_vector;

	vcpu->offered_vector = INTERRUPT_NONE;
	(void)vcpu->interrupts->acknowledge(vcpu->interrupt_controller, vector);
}

static void offer(struct vcpu *vcpu)
{
	int vector = vcpu->interrupts->pending(vcpu->interrupt_controller);

	if (vcpu->task_priority)
		virt_ops->hold_interrupt(vcpu, vector < 0 ? vcpu->interrupts->held(vcpu->interrupt_controller) : 0);
	if (vector == vcpu->offered_vector)
		return;
	vcpu->offered_vector = (s16)vector;
	virt_ops->offer_interrupt(vcpu, vector);
}

static void offer_nmi(struct vcpu *vcpu)
{
	if (!vcpu->nmi_pending)
		return;
	if (!virt_ops->accepts_nmi(vcpu)) {
		virt_ops->request_nmi_window(vcpu);
		return;
	}
	vcpu->event = (struct vcpu_event){ .type = EVENT_NMI, .vector = 2, .valid = true };
	vcpu->nmi_pending = false;
}

/* After the exception that overtook it, when the guest has interrupts on again. */
static void redeliver(struct vcpu *vcpu)
{
	if (vcpu->event.valid || !(vcpu->regs.rflags & RFLAGS_IF)) {
		vcpu_request(vcpu, VCPU_REQUEST_EVENT);
		return;
	}
	vcpu->event = vcpu->deferred;
	vcpu->deferred.valid = false;
}

/* Read once: what comes later is another entry's, before which it interrupts this CPU (vcpu_request, above). */
bool vcpu_prepare_entry(struct vcpu *vcpu)
{
	u32 requests = __atomic_load_n(&vcpu->requests, __ATOMIC_ACQUIRE);

	if (requests & VCPU_REQUESTS_SLOW) {
		vcpu->exit_pending = false;
		return false;
	}
	vcpu_request_clear(vcpu, requests);
	if (requests & VCPU_REQUEST_TLB_FLUSH) {
		vcpu->code.cr3 = CODE_CACHE_EMPTY; /* its pointers may be to pages that were given back */
		virt_ops->flush_tlb(vcpu);
	}
	if (requests & VCPU_REQUEST_NMI) {
		vcpu->nmi_pending = true;
		offer_nmi(vcpu);
	}
	if (requests & VCPU_REQUEST_EVENT) {
		if (UNLIKELY(vcpu->deferred.valid))
			redeliver(vcpu);
		offer(vcpu);
	}
	return true;
}

static bool stop_requested(const struct vcpu *vcpu)
{
	return vcpu_requested(vcpu, VCPU_REQUEST_STOP);
}

/* What ends a HLT. */
static bool halt_ends(struct vcpu *vcpu)
{
	if (vcpu_requested(vcpu, VCPU_REQUEST_NMI) || vcpu->nmi_pending ||
	    __atomic_load_n(&vcpu->unhalted, __ATOMIC_RELAXED))
		return true;
	return (vcpu->regs.rflags & RFLAGS_IF) &&
	       vcpu->interrupts->pending(vcpu->interrupt_controller) != INTERRUPT_NONE;
}

/* Something for a vCPU that stands to get up for: to go on, or to serve a request and stand again. */
static bool has_work(struct vcpu *vcpu)
{
	if (vcpu_requested(vcpu, VCPU_REQUEST_STOP | VCPU_REQUEST_INIT | VCPU_REQUEST_SIPI | VCPU_REQUEST_PASS |
				 VCPU_REQUEST_SYNCHRONISE))
		return true;
	return !vcpu->waits_for_sipi && halt_ends(vcpu);
}

static void sleep_until_work(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->mode, VCPU_HALTED, __ATOMIC_SEQ_CST);
	waitqueue_wait(&vcpu->wait, has_work(vcpu));
	__atomic_store_n(&vcpu->mode, VCPU_HOST, __ATOMIC_SEQ_CST);
}

/* After HLT or without a start: true when the vCPU may enter its guest. */
static bool stand(struct vcpu *vcpu)
{
	if (!has_work(vcpu))
		sleep_until_work(vcpu);
	if (vcpu->waits_for_sipi || !halt_ends(vcpu))
		return false;
	__atomic_store_n(&vcpu->unhalted, false, __ATOMIC_RELAXED);
	vcpu->halted = false;
	return true;
}

bool vcpu_came_by(const struct vcpu *vcpu, u32 seen)
{
	u8 mode = __atomic_load_n(&vcpu->mode, __ATOMIC_SEQ_CST);

	return mode == VCPU_STOPPED || mode == VCPU_SYNCHRONISING || __atomic_load_n(&vcpu->passes, __ATOMIC_SEQ_CST) != seen;
}

/*
 * Frees the io maps' old tables once no other vCPU can be using them: each has come by the head of its run loop, where it
 * holds no region, or stands still. Two that do this at once count each other as come by, and nothing is locked meanwhile.
 */
static void synchronise(struct vcpu *self)
{
	struct vm *vm = self->vm;
	struct io_table *ports, *mmio;
	u32 seen[VM_VCPUS_MAX];

	vm_take_retired_maps(vm, &ports, &mmio);
	__atomic_store_n(&self->mode, VCPU_SYNCHRONISING, __ATOMIC_SEQ_CST);
	waitqueue_wake_all(&vm->stopped);
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		seen[i] = __atomic_load_n(&vm->vcpus[i]->passes, __ATOMIC_SEQ_CST);
		if (vm->vcpus[i] != self)
			vcpu_request(vm->vcpus[i], VCPU_REQUEST_PASS);
	}
	for (u32 i = 0; i < vm->vcpu_count; i++)
		waitqueue_wait(&vm->stopped, vcpu_came_by(vm->vcpus[i], seen[i]));
	__atomic_store_n(&self->mode, VCPU_HOST, __ATOMIC_SEQ_CST);
	io_table_free(ports);
	io_table_free(mmio);
}

void vm_await_vcpus(struct vm *vm)
{
	u32 seen[VM_VCPUS_MAX];

	for (u32 i = 0; i < vm->vcpu_count; i++) {
		seen[i] = __atomic_load_n(&vm->vcpus[i]->passes, __ATOMIC_SEQ_CST);
		vcpu_request(vm->vcpus[i], VCPU_REQUEST_PASS);
	}
	for (u32 i = 0; i < vm->vcpu_count; i++)
		waitqueue_wait(&vm->stopped, vcpu_came_by(vm->vcpus[i], seen[i]));
}

static void serve_slow_requests(struct vcpu *vcpu)
{
	if (vcpu_requested(vcpu, VCPU_REQUEST_PASS)) {
		vcpu_request_clear(vcpu, VCPU_REQUEST_PASS);
		__atomic_fetch_add(&vcpu->passes, 1, __ATOMIC_SEQ_CST);
		waitqueue_wake_all(&vcpu->vm->stopped);
	}
	if (vcpu_requested(vcpu, VCPU_REQUEST_SYNCHRONISE)) {
		vcpu_request_clear(vcpu, VCPU_REQUEST_SYNCHRONISE);
		synchronise(vcpu);
	}
	if (vcpu_requested(vcpu, VCPU_REQUEST_CLOCK)) {
		vcpu_request_clear(vcpu, VCPU_REQUEST_CLOCK);
		kvm_clock_update(vcpu);
		kvm_steal_update(vcpu);
	}
	if (vcpu_requested(vcpu, VCPU_REQUEST_RESCHEDULE)) {
		vcpu_request_clear(vcpu, VCPU_REQUEST_RESCHEDULE);
		vcpu_yield_to(vcpu, vcpu->turn_for);
	}
	if (vcpu_requested(vcpu, VCPU_REQUEST_INIT)) {
		vcpu_request_clear(vcpu, VCPU_REQUEST_INIT);
		vcpu_take_init(vcpu);
	}
	if (vcpu_requested(vcpu, VCPU_REQUEST_SIPI)) {
		vcpu_request_clear(vcpu, VCPU_REQUEST_SIPI);
		vcpu_take_sipi(vcpu);
	}
}

static void run_until_stop(struct vcpu *vcpu)
{
	while (!stop_requested(vcpu)) {
		if (vcpu_requested(vcpu, VCPU_REQUESTS_SLOW))
			serve_slow_requests(vcpu);
		if ((vcpu->halted || vcpu->waits_for_sipi) && !stand(vcpu))
			continue;
		vcpu->fast_level = true;
		virt_ops->vcpu_run(vcpu);
		vcpu->fast_level = false;
		__atomic_store_n(&vcpu->guest_cpu, NULL, __ATOMIC_RELEASE);
		if (vcpu->exit_pending)
			vcpu->halted = exit_slow(vcpu) == VERDICT_BLOCK;
	}
}

/* Each start of the machine is one turn of each vCPU, however soon it is stopped again. */
static bool may_run(const struct vcpu *vcpu, u32 turns)
{
	return vcpu->vm->dying || __atomic_load_n(&vcpu->vm->turns, __ATOMIC_SEQ_CST) != turns;
}

/* The thread's switch hooks. The time of an exit that is being timed stands still while other threads run. */
static void leave(void *argument)
{
	struct vcpu *vcpu = argument;

	vcpu_state_leave(vcpu);
	if (UNLIKELY(vcpu->exit_began))
		vcpu->exit_began -= rdtsc();
}

static void arrive(void *argument)
{
	struct vcpu *vcpu = argument;

	vcpu_state_arrive(vcpu);
	if (UNLIKELY(vcpu->exit_began))
		vcpu->exit_began += rdtsc();
}

void run_vcpu(void *argument)
{
	static const struct thread_switch_hooks hooks = { leave, arrive };
	struct vcpu *vcpu = argument;
	struct vm *vm = vcpu->vm;
	u32 turns = 0;

	thread_set_switch_hooks(&hooks, vcpu);
	for (;;) {
		waitqueue_wait(&vcpu->wait, may_run(vcpu, turns));
		if (vm->dying)
			break;
		turns = __atomic_load_n(&vm->turns, __ATOMIC_SEQ_CST);
		__atomic_store_n(&vcpu->mode, VCPU_HOST, __ATOMIC_SEQ_CST);
		run_until_stop(vcpu);
		__atomic_store_n(&vcpu->mode, VCPU_STOPPED, __ATOMIC_SEQ_CST);
		vm_vcpu_stopped(vcpu);
	}
	thread_set_switch_hooks(NULL, NULL);
}
