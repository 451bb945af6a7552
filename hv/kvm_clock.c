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

void kvm_clock_scale(u64 tsc_hz, u32 *multiplier, s8 *shift)
{
	s8 by = 0;

	/* The multiplier 1e9 * 2^32 / hz must fit 32 bits and keep its precision: bring hz to (1e9, 2e9]. */
	while (tsc_hz > 2 * NS_PER_S) {
		tsc_hz >>= 1;
		by--;
	}
	while (tsc_hz && tsc_hz <= NS_PER_S) {
		tsc_hz <<= 1;
		by++;
	}
	*shift = by;
	*multiplier = tsc_hz ? (u32)((NS_PER_S << 32) / tsc_hz) : 0;
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

static void update_time(struct vcpu *vcpu)
{
	struct pvclock_time time = { .flags = PVCLOCK_TSC_STABLE };

	vcpu->clock_version += 2;
	time.version = vcpu->clock_version;
	time.tsc_timestamp = vcpu_tsc(vcpu);
	time.system_time = vm_kvm_clock_ns(vcpu->vm);
	kvm_clock_scale(clock_tsc_hz(), &time.tsc_to_system_mul, &time.tsc_shift);
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
