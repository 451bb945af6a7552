/* SPDX-License-Identifier: MIT */
/*
 * Where a vCPU's time goes: inside the guest, or in Solera for it. Each CPU keeps the same account for nodecpustats.
 * Next to read: hv/lib/stopwatch.h, hv/host_cpu.h.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/msr.h"
#include "hv/clock.h"
#include "hv/vcpu.h"

void vcpu_guest_time_begin(struct vcpu *vcpu)
{
	u64 now = rdtsc();

	stopwatch_start(&this_cpu()->guest_time, now);
	stopwatch_start(&vcpu->guest_time, now);
}

void vcpu_guest_time_end(struct vcpu *vcpu)
{
	u64 now = rdtsc();

	stopwatch_stop(&vcpu->guest_time, now);
	stopwatch_stop(&this_cpu()->guest_time, now);
}

struct vcpu_cpu_time vcpu_cpu_time(const struct vcpu *vcpu)
{
	struct vcpu_cpu_time time = { 0 };

	if (vcpu->thread) {
		time.guest_ns = clock_ticks_to_ns(stopwatch_read(&vcpu->guest_time, rdtsc()));
		time.total_ns = MAX(thread_run_ns(vcpu->thread), time.guest_ns);
	}
	return time;
}
