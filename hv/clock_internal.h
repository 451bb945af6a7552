/* SPDX-License-Identifier: MIT */
/* How start-up sets the clock. */
#ifndef HV_CLOCK_INTERNAL_H
#define HV_CLOCK_INTERNAL_H

#include "hv/lib/types.h"

struct acpi_info;
void clock_start(const struct acpi_info *acpi); /* local APIC, calibration, wall clock; interrupts off */

void clock_start_wall(void); /* boot CPU, thread context: the firmware's time where there is no CMOS clock */

void clock_set_start(u64 tsc);     /* the TSC at entry */
void clock_init(u64 tsc_hz);       /* calibrated */
void clock_set_wall(u64 wall_ns);  /* nanoseconds since 1970-01-01 UTC, now */

#endif
