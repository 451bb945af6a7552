/* SPDX-License-Identifier: MIT */
/*
 * Firmware run-time services: time, reset, power-off. They are code that we did not write, in our CPU, at ring 0: so they
 * run in an address space of their own, on a stack of their own, under a guard that ends them at their first fault. After a
 * fault they are never called again. Whoever calls, they run on the boot CPU. UEFI specification, "Services - Runtime Services" (8).
 */
#ifndef HV_EFI_RUNTIME_H
#define HV_EFI_RUNTIME_H

#include "hv/lib/types.h"

/* After memory_init and kmalloc. Says in the log why there are none. system_table: physical, 0: booted without UEFI. */
void efi_runtime_init(u64 system_table);
bool efi_runtime_available(void);

enum efi_reset { EFI_RESET_COLD = 0, EFI_RESET_WARM = 1, EFI_RESET_SHUTDOWN = 2 };
/* Does not return if the firmware does it; ERR_UNSUPPORTED or ERR_IO otherwise. Any CPU, no spin lock held. */
MUST_CHECK int efi_runtime_reset(enum efi_reset kind);
/* The firmware's clock as nanoseconds since 1970-01-01 UTC. Thread context. */
MUST_CHECK int efi_runtime_get_time(u64 *wall_ns);

/* Pure: an EFI_TIME's fields to the same; ERR_INVALID when one is out of its range. */
struct efi_time {
	u16 year;
	u8 month, day, hour, minute, second, pad1;
	u32 nanosecond;
	s16 timezone_minutes; /* 0x7ff: local time of an unknown zone, taken as UTC */
	u8 daylight, pad2;
};
MUST_CHECK int efi_time_to_ns(const struct efi_time *time, u64 *wall_ns);

#endif
