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
#include "arch/x86/msr.h"
#include "hv/clock.h"
#include "hv/exit.h"
#include "hv/kvm_clock.h"
#include "hv/vcpu_state.h"
#include "hv/vm_internal.h"

void vcpu_request(struct vcpu *vcpu, u32 bits)
{
	__atomic_fetch_or(&vcpu->requests, bits, __ATOMIC_SEQ_CST);
	if (UNLIKELY(__atomic_load_n(&vcpu->mode, __ATOMIC_SEQ_CST) == VCPU_HALTED))
		waitqueue_wake_all(&vcpu->wait);
	else if (vcpu->thread)
		thread_kick(vcpu->thread);
}

void vcpu_interrupt_taken(struct vcpu *vcpu)
{
	s16 vector = vcpu->offered_vector;

	vcpu->offered_vector = INTERRUPT_NONE;
	(void)vcpu->interrupts->acknowledge(vcpu->interrupt_controller, vector);
	vcpu_request(vcpu, VCPU_REQUEST_EVENT);
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

bool vcpu_prepare_entry(struct vcpu *vcpu)
{
	if (vcpu_requested(vcpu, VCPU_REQUESTS_SLOW)) {
		vcpu->exit_pending = false;
		return false;
	}
	if (vcpu_requested(vcpu, VCPU_REQUEST_TLB_FLUSH)) {
		vcpu_request_clear(vcpu, VCPU_REQUEST_TLB_FLUSH);
		virt_ops->flush_tlb(vcpu);
	}
	if (vcpu_requested(vcpu, VCPU_REQUEST_NMI)) {
		vcpu_request_clear(vcpu, VCPU_REQUEST_NMI);
		vcpu->nmi_pending = true;
		offer_nmi(vcpu);
	}
	if (vcpu_requested(vcpu, VCPU_REQUEST_EVENT)) {
		vcpu_request_clear(vcpu, VCPU_REQUEST_EVENT);
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

/* Something for a halted vCPU to wake up for. */
static bool has_work(struct vcpu *vcpu)
{
	if (vcpu_requested(vcpu, VCPU_REQUEST_STOP | VCPU_REQUEST_NMI | VCPU_REQUEST_INIT | VCPU_REQUEST_SIPI))
		return true;
	if (vcpu->nmi_pending)
		return true;
	return (vcpu->regs.rflags & RFLAGS_IF) &&
	       vcpu->interrupts->pending(vcpu->interrupt_controller) != INTERRUPT_NONE;
}

static void account_sleep(struct vcpu *vcpu)
{
	vcpu->run_ns += clock_ns() - vcpu->resumed_ns;
	vcpu->resumed_ns = 0;
}

static void halt(struct vcpu *vcpu)
{
	if (has_work(vcpu))
		return;
	account_sleep(vcpu);
	__atomic_store_n(&vcpu->mode, VCPU_HALTED, __ATOMIC_SEQ_CST);
	waitqueue_wait(&vcpu->wait, has_work(vcpu));
	__atomic_store_n(&vcpu->mode, VCPU_HOST, __ATOMIC_SEQ_CST);
	vcpu->resumed_ns = clock_ns();
}

static void serve_slow_requests(struct vcpu *vcpu)
{
	if (vcpu_requested(vcpu, VCPU_REQUEST_CLOCK)) {
		vcpu_request_clear(vcpu, VCPU_REQUEST_CLOCK);
		kvm_clock_update(vcpu);
	}
	if (vcpu_requested(vcpu, VCPU_REQUEST_RESCHEDULE)) {
		vcpu_request_clear(vcpu, VCPU_REQUEST_RESCHEDULE);
		thread_yield();
	}
	/* INIT on the boot CPU with no second one to start it again would leave it waiting: it is a reset then. */
	if (vcpu_requested(vcpu, VCPU_REQUEST_INIT | VCPU_REQUEST_SIPI)) {
		if (vcpu_requested(vcpu, VCPU_REQUEST_INIT))
			vm_request_reset(vcpu->vm, "INIT");
		vcpu_request_clear(vcpu, VCPU_REQUEST_INIT | VCPU_REQUEST_SIPI);
	}
}

static void run_until_stop(struct vcpu *vcpu)
{
	vcpu->resumed_ns = clock_ns();
	if (vcpu->halted)
		halt(vcpu);
	vcpu->halted = false;
	while (!stop_requested(vcpu)) {
		enum verdict verdict = VERDICT_SAME;

		if (vcpu_requested(vcpu, VCPU_REQUESTS_SLOW))
			serve_slow_requests(vcpu);
		vcpu->fast_level = true;
		virt_ops->vcpu_run(vcpu);
		vcpu->fast_level = false;
		if (vcpu->exit_pending)
			verdict = exit_slow(vcpu);
		if (verdict == VERDICT_BLOCK) {
			vcpu->halted = true;
			halt(vcpu);
			vcpu->halted = !has_work(vcpu) || stop_requested(vcpu);
		}
	}
	account_sleep(vcpu);
}

static bool may_run(const struct vcpu *vcpu)
{
	return vcpu->vm->dying || vm_may_run(vcpu->vm);
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

	thread_set_switch_hooks(&hooks, vcpu);
	for (;;) {
		waitqueue_wait(&vcpu->wait, may_run(vcpu));
		if (vm->dying)
			break;
		__atomic_store_n(&vcpu->mode, VCPU_HOST, __ATOMIC_SEQ_CST);
		run_until_stop(vcpu);
		__atomic_store_n(&vcpu->mode, VCPU_STOPPED, __ATOMIC_SEQ_CST);
		vm_vcpu_stopped(vcpu);
	}
	thread_set_switch_hooks(NULL, NULL);
}

bool run_all_stopped(const struct vm *vm)
{
	for (u32 i = 0; i < vm->vcpu_count; i++)
		if (__atomic_load_n(&vm->vcpus[i]->mode, __ATOMIC_SEQ_CST) != VCPU_STOPPED)
			return false;
	return true;
}
