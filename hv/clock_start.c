/* SPDX-License-Identifier: MIT */
/*
 * Start-up of time: the local APIC, the TSC's frequency against the best reference that this machine has, the wall clock.
 * CPUID's word on the TSC is only compared: emulators run it at other speeds.
 */
#include "arch/x86/cmos.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/lapic.h"
#include "arch/x86/tsc.h"
#include "hv/acpi.h"
#include "hv/clock.h"
#include "hv/clock_internal.h"
#include "hv/efi_runtime.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/rtc_time.h"
#include "hv/vmap.h"

#define HPET_BYTES 0x400

/* In this order: what is exact and cheap first. The PIT is gone from some new machines, ACPI from some emulators. */
static bool choose_reference(const struct acpi_info *acpi, struct tsc_reference *reference)
{
	if (acpi->pm.present && acpi->pm.timer.address && acpi->pm.timer.space == ACPI_SPACE_IO) {
		tsc_reference_pm_timer(reference, (u16)acpi->pm.timer.address, acpi->pm.timer_32bit);
		if (tsc_reference_works(reference))
			return true;
	}
	if (acpi->hpet.present) {
		volatile void *registers = vmap_mmio(HPA(acpi->hpet.address), HPET_BYTES);

		if (registers && tsc_reference_hpet(reference, registers) && tsc_reference_works(reference))
			return true;
	}
	*reference = tsc_reference_pit;
	return tsc_reference_works(reference);
}

static bool wall_known;

static void set_wall_clock(const struct acpi_info *acpi)
{
	u8 raw[8];
	struct rtc_registers registers;
	struct calendar calendar;

	if (acpi->pm.present && !acpi->pm.has_cmos_rtc)
		return;
	if (!cmos_read_clock(acpi->pm.century_register, raw)) {
		log_warning("the CMOS clock does not answer");
		return;
	}
	registers = (struct rtc_registers){ raw[0], raw[1], raw[2], raw[3], raw[4], raw[5], raw[6], raw[7] };
	if (rtc_decode(&registers, acpi->pm.century_register != 0, &calendar) != OK) {
		log_warning("the CMOS clock holds no possible date: set it in the firmware's settings");
		return;
	}
	clock_set_wall(calendar_to_unix(&calendar) * NS_PER_S);
	wall_known = true;
	log_info("%04u-%02u-%02u %02u:%02u:%02u UTC by the CMOS clock", calendar.year, calendar.month, calendar.day, calendar.hour,
		 calendar.minute, calendar.second);
}

void clock_start_wall(void)
{
	u64 wall_ns;

	if (wall_known)
		return;
	if (efi_runtime_available() && efi_runtime_get_time(&wall_ns) == OK) {
		clock_set_wall(wall_ns);
		log_info("the date is the firmware's");
	} else {
		log_warning("no clock knows the date: it starts at 1970-01-01");
	}
}

void clock_start(const struct acpi_info *acpi)
{
	struct tsc_reference reference;
	struct tsc_measurement measured = { 0, 0 };
	u64 claimed = tsc_hz_by_cpuid();

	lapic_choose(vmap_mmio(HPA(lapic_physical_base()), 4096));
	lapic_enable_cpu();
	this_cpu()->apic_id = lapic_id();
	if (choose_reference(acpi, &reference))
		tsc_measure(&reference, &measured);
	if (measured.tsc_hz < 10000000u || measured.lapic_hz < 10000u) {
		if (claimed == 0)
			panic("no clock to measure the TSC by: neither ACPI PM timer nor HPET nor PIT counts");
		log_warning("no working reference clock: the TSC's %llu Hz are CPUID's word", (unsigned long long)claimed);
		measured = (struct tsc_measurement){ claimed, MAX(measured.lapic_hz, 1000000u) };
		reference.name = "CPUID";
	}
	clock_init(measured.tsc_hz);
	lapic_timer_set_frequency(measured.lapic_hz, measured.tsc_hz);
	log_info("TSC %llu.%03llu MHz by the %s; %s, timer %s", (unsigned long long)(measured.tsc_hz / 1000000),
		 (unsigned long long)(measured.tsc_hz / 1000 % 1000), reference.name, lapic_is_x2apic() ? "x2APIC" : "xAPIC",
		 lapic_timer_is_deadline() ? "by TSC deadline" : "counting down");
	if (!(cpuid_if_present(0x80000007u, 0).edx & CPUID_EXT7_EDX_INVARIANT_TSC))
		log_debug("CPUID does not promise that the TSC runs at one speed");
	set_wall_clock(acpi);
}
