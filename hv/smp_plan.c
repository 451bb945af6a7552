/* SPDX-License-Identifier: MIT */
/* See smp_plan.h. SDM vol. 3, "Extended XAPIC (x2APIC)" (10.12): ids, and that FFH and FFFFFFFFH mean everybody. */
#include "hv/smp_plan.h"

#define XAPIC_BROADCAST 0xffu
#define X2APIC_BROADCAST 0xffffffffu

#define FIRMWARE_ENABLED BIT32(1)
#define FIRMWARE_HEALTHY BIT32(2)

static bool listed(const struct smp_plan *plan, u32 apic_id)
{
	for (u32 i = 0; i < plan->count; i++)
		if (plan->cpus[i].apic_id == apic_id)
			return true;
	return false;
}

static void add(struct smp_plan *plan, u32 apic_id, enum smp_refusal refusal, bool x2apic, u32 limit)
{
	u32 usable = 1; /* the boot CPU */

	if (plan->count == ACPI_MAX_CPUS)
		return;
	for (u32 i = 0; i < plan->count; i++)
		usable += plan->cpus[i].refusal == SMP_USABLE;
	if (refusal == SMP_USABLE && (apic_id == X2APIC_BROADCAST || listed(plan, apic_id)))
		refusal = SMP_IMPOSSIBLE;
	else if (refusal == SMP_USABLE && !x2apic && apic_id >= XAPIC_BROADCAST)
		refusal = SMP_NOT_REACHED;
	else if (refusal == SMP_USABLE && usable >= (limit && limit < CPU_MAX ? limit : CPU_MAX))
		refusal = SMP_TOO_MANY;
	plan->cpus[plan->count].apic_id = apic_id;
	plan->cpus[plan->count++].refusal = refusal;
}

void smp_plan_from_acpi(struct smp_plan *plan, const struct acpi_info *acpi, u32 boot_apic_id, bool x2apic, u32 limit)
{
	plan->count = 0;
	for (u32 i = 0; i < acpi->cpu_count; i++)
		if (acpi->cpus[i].apic_id != boot_apic_id)
			add(plan, acpi->cpus[i].apic_id, SMP_USABLE, x2apic, limit);
}

void smp_plan_from_firmware(struct smp_plan *plan, const struct boot_cpu *list, u32 count, u32 boot_apic_id, bool x2apic,
			    u32 limit)
{
	plan->count = 0;
	for (u32 i = 0; i < count; i++) {
		enum smp_refusal refusal = !(list[i].flags & FIRMWARE_ENABLED)   ? SMP_NOT_ENABLED
					   : !(list[i].flags & FIRMWARE_HEALTHY) ? SMP_NOT_HEALTHY
										 : SMP_USABLE;

		if (list[i].apic_id != boot_apic_id)
			add(plan, list[i].apic_id, refusal, x2apic, limit);
	}
}

const char *smp_refusal_words(enum smp_refusal refusal)
{
	static const char *const words[] = {
		[SMP_USABLE] = "usable",
		[SMP_NOT_REACHED] = "its APIC id is beyond what the boot CPU's APIC can address",
		[SMP_TOO_MANY] = "more CPUs than Solera uses (256, or cpus= on the command line)",
		[SMP_NOT_HEALTHY] = "the firmware found it faulty",
		[SMP_NOT_ENABLED] = "the firmware has it disabled",
		[SMP_IMPOSSIBLE] = "its APIC id is impossible or listed twice",
	};

	return words[refusal];
}
