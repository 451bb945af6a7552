/* SPDX-License-Identifier: MIT */
/* The arithmetic of KVM's clock, as its guests do it: the host counts the same way, so that both agree to the nanosecond. */
#include "hv/clock.h"
#include "hv/kvm_clock.h"

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

u64 kvm_clock_elapsed(u64 ticks, u32 multiplier, s8 shift)
{
	ticks = shift < 0 ? ticks >> -shift : ticks << shift;
	return (u64)((unsigned __int128)ticks * multiplier >> 32);
}
