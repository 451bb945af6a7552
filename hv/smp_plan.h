/* SPDX-License-Identifier: MIT */
/*
 * Which CPUs are to be started: from ACPI's MADT, or from the firmware's list where there is no ACPI. Pure.
 * A CPU that cannot be used is named with the reason. MADT entries of type 0 (8-bit ids) and 9 (32-bit ids) were joined by
 * hv/acpi_tables.c, which also drops those that are not enabled (online-capable ones are places for hot-plug).
 */
#ifndef HV_SMP_PLAN_H
#define HV_SMP_PLAN_H

#include "boot/handoff.h"
#include "hv/acpi.h"
#include "hv/lib/cpu_mask.h"

enum smp_refusal {
	SMP_USABLE,
	SMP_NOT_REACHED,   /* an APIC id beyond xAPIC's eight bits, and the boot CPU's APIC is none of the x2APIC kind */
	SMP_TOO_MANY,      /* more than CPU_MAX */
	SMP_NOT_HEALTHY,   /* the firmware's word */
	SMP_NOT_ENABLED,
	SMP_IMPOSSIBLE,    /* the broadcast id, or the same id twice */
};

struct smp_plan {
	u32 count;
	struct { u32 apic_id; enum smp_refusal refusal; } cpus[ACPI_MAX_CPUS]; /* without the boot CPU */
};

/* limit: how many CPUs at most, with the boot CPU (option cpus=N); 0 or more than CPU_MAX: CPU_MAX. */
void smp_plan_from_acpi(struct smp_plan *plan, const struct acpi_info *acpi, u32 boot_apic_id, bool x2apic, u32 limit);
void smp_plan_from_firmware(struct smp_plan *plan, const struct boot_cpu *cpus, u32 count, u32 boot_apic_id, bool x2apic,
			    u32 limit);
const char *smp_refusal_words(enum smp_refusal refusal);

#endif
