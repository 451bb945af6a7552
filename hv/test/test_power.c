/* SPDX-License-Identifier: MIT */
/* LINK: hv/power_sequence.c */
/* The writes of power-off and reset, in their order, on fake registers. */
#include "hv/lib/test/unit.h"
#include <stdio.h>
#include <string.h>
#include "hv/power.h"

static char journal[512];
static u32 control_a, waits_until_acpi;

static u32 fake_read(void *context, const struct acpi_address *reg, unsigned size_bytes)
{
	(void)context;
	(void)size_bytes;
	return reg->address == 0x604 ? control_a : 0x1c00;
}

static void fake_write(void *context, const struct acpi_address *reg, unsigned size_bytes, u32 value)
{
	size_t used = strlen(journal);

	(void)context;
	snprintf(journal + used, sizeof(journal) - used, "%llx.%u=%x ", (unsigned long long)reg->address, size_bytes, value);
	if (reg->address == 0x604)
		control_a = value;
}

static void fake_wait(void *context, u32 us)
{
	(void)context;
	(void)us;
	if (waits_until_acpi && !--waits_until_acpi)
		control_a |= 1;
}

static const struct power_io io = { fake_read, fake_write, fake_wait, NULL };
static struct acpi_info acpi;

static void machine_new(void)
{
	memset(&acpi, 0, sizeof(acpi));
	journal[0] = '\0';
	control_a = waits_until_acpi = 0;
	acpi.s5 = (struct acpi_s5){ true, 5, 6 };
	acpi.pm.pm1a_control = (struct acpi_address){ 0x604, ACPI_SPACE_IO, 16, 0, 0 };
	acpi.pm.pm1a_event = (struct acpi_address){ 0x600, ACPI_SPACE_IO, 32, 0, 0 };
}

START_TEST(off_by_pm1)
{
	machine_new();
	control_a = 0x1c01; /* SCI_EN and an old sleep type */
	power_acpi_off(&acpi, &io);
	ck_assert_str_eq(journal, "600.2=8000 604.2=1401 604.2=3401 ");
	machine_new();
	acpi.pm.pm1b_control = (struct acpi_address){ 0x704, ACPI_SPACE_IO, 16, 0, 0 };
	power_acpi_off(&acpi, &io);
	ck_assert_str_eq(journal, "600.2=8000 604.2=1400 704.2=1800 604.2=3400 704.2=3800 ");
}
END_TEST

START_TEST(off_from_legacy_mode)
{
	machine_new();
	acpi.pm.smi_command = 0xb2;
	acpi.pm.acpi_enable = 2;
	waits_until_acpi = 7;
	power_acpi_off(&acpi, &io);
	ck_assert_str_eq(journal, "b2.1=2 600.2=8000 604.2=1401 604.2=3401 ");
	machine_new(); /* firmware that never answers: tried all the same */
	acpi.pm.smi_command = 0xb2;
	acpi.pm.acpi_enable = 2;
	power_acpi_off(&acpi, &io);
	ck_assert_str_eq(journal, "b2.1=2 600.2=8000 604.2=1400 604.2=3400 ");
}
END_TEST

START_TEST(off_hardware_reduced_and_impossible)
{
	machine_new();
	acpi.pm.hardware_reduced = true;
	acpi.pm.sleep_control = (struct acpi_address){ 0xfe000000, ACPI_SPACE_MEMORY, 8, 0, 1 };
	acpi.pm.sleep_status = (struct acpi_address){ 0xfe000001, ACPI_SPACE_MEMORY, 8, 0, 1 };
	power_acpi_off(&acpi, &io);
	ck_assert_str_eq(journal, "fe000001.1=80 fe000000.1=34 ");
	machine_new();
	acpi.s5.present = false;
	power_acpi_off(&acpi, &io);
	ck_assert_str_eq(journal, "");
	machine_new();
	acpi.pm.pm1a_control.address = 0;
	power_acpi_off(&acpi, &io);
	ck_assert_str_eq(journal, "");
}
END_TEST

START_TEST(reset)
{
	machine_new();
	power_acpi_reset(&acpi, &io);
	ck_assert_str_eq(journal, "");
	acpi.reset = (struct acpi_reset){ true, { 0xcf9, ACPI_SPACE_IO, 8, 0, 1 }, 0x0f };
	power_acpi_reset(&acpi, &io);
	ck_assert_str_eq(journal, "cf9.1=f ");
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("power");
	TCase *tcase = tcase_create("power");

	tcase_add_test(tcase, off_by_pm1);
	tcase_add_test(tcase, off_from_legacy_mode);
	tcase_add_test(tcase, off_hardware_reduced_and_impossible);
	tcase_add_test(tcase, reset);
	suite_add_tcase(suite, tcase);
	return suite;
}
