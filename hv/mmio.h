/* SPDX-License-Identifier: MIT */
/*
 * A host device's registers in memory: mapped uncached, read and written whole. In the hosted tests the accesses are
 * functions of the test.
 */
#ifndef HV_MMIO_H
#define HV_MMIO_H

#include "hv/lib/types.h"

/* NULL: no memory, or an impossible range. Thread context. */
volatile void *mmio_map(hpa_t address, u64 size_bytes);

#if __STDC_HOSTED__
u8 mmio_read8(const volatile void *registers, u64 offset);
u16 mmio_read16(const volatile void *registers, u64 offset);
void mmio_write8(volatile void *registers, u64 offset, u8 value);
void mmio_write16(volatile void *registers, u64 offset, u16 value);
u32 mmio_read32(const volatile void *registers, u64 offset);
void mmio_write32(volatile void *registers, u64 offset, u32 value);
#else
static inline u8 mmio_read8(const volatile void *registers, u64 offset)
{
	return *((const volatile u8 *)registers + offset);
}
static inline u16 mmio_read16(const volatile void *registers, u64 offset)
{
	return *(const volatile u16 *)((const volatile u8 *)registers + offset);
}
static inline u32 mmio_read32(const volatile void *registers, u64 offset)
{
	return *(const volatile u32 *)((const volatile u8 *)registers + offset);
}
static inline void mmio_write8(volatile void *registers, u64 offset, u8 value)
{
	COMPILER_BARRIER(); /* as below */
	*((volatile u8 *)registers + offset) = value;
}
static inline void mmio_write16(volatile void *registers, u64 offset, u16 value)
{
	COMPILER_BARRIER();
	*(volatile u16 *)((volatile u8 *)registers + offset) = value;
}
static inline void mmio_write32(volatile void *registers, u64 offset, u32 value)
{
	__asm__ volatile("" ::: "memory"); /* x86 keeps stores in order; so must the compiler */
	*(volatile u32 *)((volatile u8 *)registers + offset) = value;
}
#endif

/* 64-bit registers as two halves, low one first: every device allows that. */
static inline u64 mmio_read64(const volatile void *registers, u64 offset)
{
	u64 low = mmio_read32(registers, offset);

	return low | (u64)mmio_read32(registers, offset + 4) << 32;
}
static inline void mmio_write64(volatile void *registers, u64 offset, u64 value)
{
	mmio_write32(registers, offset, (u32)value);
	mmio_write32(registers, offset + 4, (u32)(value >> 32));
}

#endif
