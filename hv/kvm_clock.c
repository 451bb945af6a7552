/* SPDX-License-Identifier: MIT */
/*
 * KVM's clock (hv/kvm_clock.h). The guest gives an address by MSR; we write the record there once, and again when the
 * TSC's relation to time changes (pause, a moved TSC): version odd, fields, version even.
 */
#include "hv/kvm_clock.h"
#include "hv/clock.h"
#include "hv/lib/error.h"
#include "hv/vm.h"

#define MSR_KVM_WALL_CLOCK_OLD 0x11u
#define MSR_KVM_SYSTEM_TIME_OLD 0x12u
#define MSR_KVM_WALL_CLOCK 0x4b564d00u
#define CLOCK_ENABLED 1u
#define PVCLOCK_TSC_STABLE 1u
#define PVCLOCK_GUEST_STOPPED 2u /* the guest's watchdogs have slept through it */

struct pvclock_time {
	u32 version, pad0;
	u64 tsc_timestamp, system_time;
	u32 tsc_to_system_mul;
	s8 tsc_shift;
	u8 flags, pad[2];
};
STATIC_ASSERT(sizeof(struct pvclock_time) == 32, "the guest's layout");

struct pvclock_wall { u32 version, sec, nsec; };

static bool is_wall(u32 msr)
{
	return msr == MSR_KVM_WALL_CLOCK || msr == MSR_KVM_WALL_CLOCK_OLD;
}

bool kvm_clock_read_msr(struct vcpu *vcpu, u32 msr, u64 *value)
{
	*value = is_wall(msr) ? vcpu->wall_clock_msr : vcpu->clock_msr;
	return !vcpu->vm->config.no_kvm;
}

bool kvm_clock_write_msr(struct vcpu *vcpu, u32 msr, u64 value)
{
	if (vcpu->vm->config.no_kvm)
		return false;
	if (is_wall(msr)) {
		vcpu->wall_clock_msr = value;
		vcpu->wall_clock_wanted = true;
	} else {
		vcpu->clock_msr = value;
	}
	vcpu_request(vcpu, VCPU_REQUEST_CLOCK);
	return true;
}

/* A guest that names no RAM gets no clock; that is its own loss. */
static void write_record(struct vm *vm, u64 address, const void *record, size_t size_bytes, u32 version)
{
	u32 odd = version - 1;

	if (gmem_write(vm, GPA(address), &odd, sizeof(odd)) == OK &&
	    gmem_write(vm, GPA(address + sizeof(version)), (const u8 *)record + sizeof(version), size_bytes - sizeof(version)) == OK &&
	    gmem_write(vm, GPA(address), &version, sizeof(version)) == OK)
		return;
}

/* A guest that moved the TSC of one vCPU alone may not compare times of two. */
static bool tscs_are_alike(const struct vm *vm)
{
	for (u32 i = 1; i < vm->vcpu_count; i++)
		if (READ_ONCE(vm->vcpus[i]->tsc_offset) != READ_ONCE(vm->vcpus[0]->tsc_offset))
			return false;
	return true;
}

/*
 * Every vCPU is given the same point from which to count, the machine's last start, so all records are one function of the
 * host's TSC, and time does not go back from one vCPU to another. Stops are counted by the same function (hv/vm.c).
 */
static void update_time(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	struct pvclock_time time = { .flags = tscs_are_alike(vm) ? PVCLOCK_TSC_STABLE : 0 };

	if (vcpu->clock_stops != vm->clock_stops)
		time.flags |= PVCLOCK_GUEST_STOPPED;
	vcpu->clock_stops = vm->clock_stops;
	vcpu->clock_version += 2;
	time.version = vcpu->clock_version;
	time.tsc_timestamp = vm->clock_start_tsc + vcpu->tsc_offset;
	time.system_time = vm->clock_paused_ns;
	time.tsc_to_system_mul = vm->clock_multiplier;
	time.tsc_shift = vm->clock_shift;
	write_record(vcpu->vm, vcpu->clock_msr & ~(u64)CLOCK_ENABLED, &time, sizeof(time), time.version);
}

static void update_wall(struct vcpu *vcpu)
{
	u64 start = clock_wall_ns() + vcpu->vm->config.wall_clock_offset_ns - vm_kvm_clock_ns(vcpu->vm);
	struct pvclock_wall wall = { .sec = (u32)(start / NS_PER_S), .nsec = (u32)(start % NS_PER_S) };

	vcpu->clock_version += 2;
	wall.version = vcpu->clock_version;
	write_record(vcpu->vm, vcpu->wall_clock_msr, &wall, sizeof(wall), wall.version);
}

void kvm_clock_update(struct vcpu *vcpu)
{
	if (vcpu->wall_clock_wanted)
		update_wall(vcpu);
	vcpu->wall_clock_wanted = false;
	if (vcpu->clock_msr & CLOCK_ENABLED)
		update_time(vcpu);
}
