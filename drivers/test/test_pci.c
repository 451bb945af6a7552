/* SPDX-License-Identifier: MIT */
/* LINK: drivers/pci.c drivers/pci_function.c drivers/pci_msi.c drivers/pci_driver.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* Enumeration, BARs, capabilities, MSI and binding over a fake configuration space, broken ones among them. */
#include "hv/lib/test/unit.h"
#include "drivers/pci.h"
#include "drivers/test/fake_pci.h"
#include "hv/lib/error.h"

static struct fake_pci pci;
static struct pci_device_list list;

static void enumerate(void)
{
	pci_list_release(&list);
	ck_assert_int_eq(pci_enumerate(&list, &pci.config, NULL, 0), OK);
}

static const struct pci_device *device_at(u8 bus, u8 slot, u8 function)
{
	for (u32 i = 0; i < list.count; i++) {
		const struct pci_address *a = &list.devices[i]->address;

		if (a->bus == bus && a->slot == slot && a->function == function)
			return list.devices[i];
	}
	return NULL;
}

START_TEST(buses_bridges_functions)
{
	char name[PCI_NAME_MAX];

	fake_init(&pci);
	fake_add(&pci, 0, 0, 0, 0x29c08086);
	fake_put(fake_add(&pci, 0, 0x1f, 0, 0x29188086), PCI_HEADER_TYPE, 0x80, 1);
	fake_add(&pci, 0, 0x1f, 2, 0x29228086);
	fake_add(&pci, 0, 0x1f, 3, 0x29308086);
	fake_add(&pci, 0, 5, 1, 0x12345678);                  /* no function 0: not there */
	fake_bridge(fake_add(&pci, 0, 1, 0, 0x000c1b36), 1, 2);
	fake_bridge(fake_add(&pci, 1, 0, 0, 0x000d1b36), 2, 2);
	fake_add(&pci, 2, 3, 0, 0x10411af4);
	fake_add(&pci, 0x80, 0, 0, 0x20208086);               /* a second root bus */
	enumerate();
	ck_assert_uint_eq(list.count, 8);
	ck_assert_ptr_null(device_at(0, 5, 1));
	ck_assert_ptr_eq(device_at(2, 3, 0)->parent, device_at(1, 0, 0));
	ck_assert_ptr_eq(device_at(1, 0, 0)->parent, device_at(0, 1, 0));
	ck_assert_ptr_null(device_at(0x80, 0, 0)->parent);
	ck_assert_str_eq(pci_name(&device_at(0, 0x1f, 3)->address, name), "0000:00:1f.3");
	ck_assert_uint_eq(list.complaints, 0);
	pci_list_release(&list);
}
END_TEST

START_TEST(bridges_that_loop)
{
	fake_init(&pci);
	fake_bridge(fake_add(&pci, 0, 1, 0, 0x000c1b36), 1, 1);
	fake_bridge(fake_add(&pci, 0, 2, 0, 0x000c1b36), 1, 1);  /* the same bus */
	fake_bridge(fake_add(&pci, 0, 3, 0, 0x000c1b36), 0, 0);  /* closed: no complaint */
	fake_bridge(fake_add(&pci, 1, 0, 0, 0x000c1b36), 1, 1);  /* itself */
	fake_bridge(fake_add(&pci, 1, 1, 0, 0x000c1b36), 9, 8);  /* ends before it begins */
	enumerate();
	ck_assert_uint_eq(list.count, 5);
	ck_assert_uint_eq(list.complaints, 3);
	pci_list_release(&list);
}
END_TEST

START_TEST(bars_are_sized_with_decoding_off)
{
	struct fake_function *function;
	const struct pci_device *device;

	fake_init(&pci);
	function = fake_add(&pci, 0, 3, 0, 0x10411af4);
	fake_bar(function, 0, 0xc040, 0x40, 1);
	function->writable[PCI_BAR0 + 2] = function->writable[PCI_BAR0 + 3] = 0; /* a 16-bit I/O BAR */
	fake_bar(function, 1, 0xfebd1000, 0x1000, 0);
	fake_bar(function, 4, 0x380000000000ull, 8 * GIB, 0xc);
	fake_put(function, PCI_ROM, 0xfeb80000, 4);
	memset(function->writable + PCI_ROM + 2, 0xfc, 1);
	function->writable[PCI_ROM + 3] = 0xff;
	function = fake_add(&pci, 0, 4, 0, 0x11111111);
	fake_bar(function, 0, 0xfebd1800, 0x1000, 0); /* a bit of the base is hard-wired */
	function->writable[PCI_BAR0 + 1] = 0xf0;
	enumerate();
	device = device_at(0, 3, 0);
	ck_assert(!device->bars[0].memory);
	ck_assert_uint_eq(device->bars[0].base, 0xc040);
	ck_assert_uint_eq(device->bars[0].size_bytes, 0x40);
	ck_assert(device->bars[1].memory && !device->bars[1].is_64bit);
	ck_assert_uint_eq(device->bars[1].size_bytes, 0x1000);
	ck_assert(device->bars[4].is_64bit && device->bars[4].prefetchable);
	ck_assert_uint_eq(device->bars[4].base, 0x380000000000ull);
	ck_assert_uint_eq(device->bars[4].size_bytes, 8 * GIB);
	ck_assert_uint_eq(device->bars[5].size_bytes, 0);
	ck_assert_uint_eq(device->rom.base, 0xfeb80000);
	ck_assert_uint_eq(device->rom.size_bytes, 0x40000);
	for (unsigned i = 0; i < pci.count; i++) {
		ck_assert(!pci.functions[i].decoding_while_sized);
		ck_assert_uint_eq(pci.functions[i].space[PCI_COMMAND], 7);
	}
	ck_assert_uint_eq(list.complaints, 0);
	ck_assert_uint_eq(device_at(0, 4, 0)->bars[0].size_bytes, 0x800);
	pci_list_release(&list);
}
END_TEST

static struct fake_function *with_capabilities(u8 first)
{
	struct fake_function *function;

	fake_init(&pci);
	function = fake_add(&pci, 0, 3, 0, 0x10411af4);
	fake_put(function, PCI_STATUS, PCI_STATUS_CAPABILITIES, 2);
	fake_put(function, PCI_CAPABILITY_POINTER, first, 1);
	return function;
}

START_TEST(capability_lists)
{
	struct fake_function *function = with_capabilities(0x40);
	const struct pci_device *device;

	fake_put(function, 0x40, 0x5010, 2);  /* PCI Express, next 0x50 */
	fake_put(function, 0x42, 0x42, 2);    /* root port */
	fake_put(function, 0x4c, 0x0103, 4);  /* 8 GT/s, x16 */
	fake_put(function, 0x52 - 0, 0, 2);
	fake_put(function, 0x50, 0x0005, 2);  /* MSI, the last */
	fake_put(function, 0x100, 0x14010001, 4); /* AER, next 0x140 */
	fake_put(function, 0x140, 0x0001000d, 4); /* ACS, the last */
	enumerate();
	device = device_at(0, 3, 0);
	ck_assert_uint_eq(device->capability_count, 4);
	ck_assert_uint_eq(pci_capability_find(device, PCI_CAP_MSI), 0x50);
	ck_assert_uint_eq(pci_extended_capability_find(device, 0x0d), 0x140);
	ck_assert_uint_eq(pci_capability_find(device, 0x0d), 0);
	ck_assert(device->express.present);
	ck_assert_uint_eq(device->express.type, 4);
	ck_assert_uint_eq(device->express.max_speed, 3);
	ck_assert_uint_eq(device->express.max_width, 16);
	pci.only_256 = true;
	enumerate();
	ck_assert_uint_eq(device_at(0, 3, 0)->capability_count, 2);
	pci_list_release(&list);
}
END_TEST

START_TEST(capability_lists_that_loop)
{
	struct fake_function *function = with_capabilities(0x40);

	fake_put(function, 0x40, 0x4810, 2);
	fake_put(function, 0x48, 0x4001, 2); /* back to the first */
	fake_put(function, 0x100, 0x10010001, 4); /* itself */
	enumerate();
	ck_assert_uint_eq(list.complaints, 2);
	ck_assert_uint_eq(device_at(0, 3, 0)->capability_count, 3);

	function = with_capabilities(0x10); /* into the header */
	enumerate();
	ck_assert_uint_eq(list.complaints, 1);
	ck_assert_uint_eq(device_at(0, 3, 0)->capability_count, 0);

	function = with_capabilities(0x40);
	fake_put(function, 0x40, 0x0010, 2);
	fake_put(function, 0x100, 0x08010001, 4); /* into the first 256 bytes */
	enumerate();
	ck_assert_uint_eq(list.complaints, 1);
	pci_list_release(&list);
}
END_TEST

START_TEST(msi_and_msix)
{
	struct fake_function *function = with_capabilities(0x40);
	struct pci_msix msix;
	u32 table[8] = { 0, 0, 0, 1, 0, 0, 0, 1 };

	fake_bar(function, 1, 0xfebd1000, 0x1000, 0);
	fake_put(function, 0x40, 0x6005, 2);
	fake_put(function, 0x42, 0x00e0, 2); /* 64 bits; multiple-enable garbage */
	memset(function->writable + 0x42, 0xff, 14);
	fake_put(function, 0x60, 0x0011, 2);
	fake_put(function, 0x62, 2, 2);      /* 3 vectors */
	memset(function->writable + 0x62, 0xff, 2);
	fake_put(function, 0x64, 0x001 | 0x40, 4);
	fake_put(function, 0x68, 0x001 | 0x800, 4);
	enumerate();
	ck_assert_int_eq(pci_msi_enable(device_at(0, 3, 0), 0x1fee00000ull, 0x4041), OK);
	ck_assert_uint_eq(function->space[0x42], 0x81);
	ck_assert_uint_eq(function->space[0x48], 1);
	ck_assert_uint_eq(function->space[0x4c], 0x41);
	pci_msi_disable(device_at(0, 3, 0));
	ck_assert_uint_eq(function->space[0x42], 0x80);
	function->space[0x42] = 0;
	ck_assert_int_eq(pci_msi_enable(device_at(0, 3, 0), 0x1fee00000ull, 0), ERR_RANGE);

	ck_assert_int_eq(pci_msix_find(device_at(0, 3, 0), &msix), OK);
	ck_assert_uint_eq(msix.vectors, 3);
	ck_assert_uint_eq(msix.table, 0xfebd1040);
	ck_assert_uint_eq(msix.pending, 0xfebd1800);
	pci_msix_set(table, 1, 0xfee01000, 0x42, false);
	ck_assert_uint_eq(table[4], 0xfee01000);
	ck_assert_uint_eq(table[6], 0x42);
	ck_assert_uint_eq(table[7], 0);
	ck_assert_uint_eq(table[3], 1);
	pci_msix_enable(device_at(0, 3, 0), &msix, true);
	ck_assert_uint_eq(function->space[0x63], 0x80);

	fake_put(function, 0x64, 0x001 | 0xfe0, 4); /* three entries do not fit */
	ck_assert_int_eq(pci_msix_find(device_at(0, 3, 0), &msix), ERR_INVALID);
	fake_put(function, 0x64, 0x007, 4);         /* no such BAR */
	ck_assert_int_eq(pci_msix_find(device_at(0, 3, 0), &msix), ERR_INVALID);
	pci_list_release(&list);
}
END_TEST

static int probe_takes(struct pci_device *device) { return device->address.slot == 4 ? ERR_IO : OK; }

START_TEST(binding)
{
	static const struct pci_match by_id[] = { { 0x1af4, 0x1041, 0, 0 }, { 0 } };
	static const struct pci_match by_class[] = { { PCI_ANY, PCI_ANY, 0x010800, 0xffff00 }, { 0 } };
	static const struct pci_driver one = { "virtio-net", by_id, probe_takes }, two = { "nvme", by_class, probe_takes };
	static const struct pci_driver *const drivers[] = { &one, &two, NULL };

	fake_init(&pci);
	fake_add(&pci, 0, 3, 0, 0x10411af4);
	fake_put(fake_add(&pci, 0, 4, 0, 0x00101b36), PCI_REVISION, 0x01080202, 4);
	fake_put(fake_add(&pci, 0, 5, 0, 0x00101b36), PCI_REVISION, 0x01080202, 4);
	fake_add(&pci, 0, 6, 0, 0x11111234);
	enumerate();
	ck_assert_uint_eq(pci_bind(&list, drivers), 2);
	ck_assert_str_eq(device_at(0, 3, 0)->driver, "virtio-net");
	ck_assert_ptr_null(device_at(0, 4, 0)->driver);
	ck_assert_str_eq(device_at(0, 5, 0)->driver, "nvme");
	ck_assert_ptr_null(device_at(0, 6, 0)->driver);
	pci_list_release(&list);
}
END_TEST

START_TEST(a_bus_where_everything_answers)
{
	/* Each slot a multifunction bridge to bus 1: bounded, and named. */
	fake_init(&pci);
	for (u8 slot = 0; slot < 32; slot++) {
		struct fake_function *function = fake_add(&pci, 0, slot, 0, 0x000c1b36);

		fake_bridge(function, 1, 255);
		fake_put(function, PCI_HEADER_TYPE, 0x81, 1);
	}
	enumerate();
	ck_assert_uint_eq(list.count, 32);
	ck_assert_uint_eq(list.complaints, 31);
	pci_list_release(&list);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("pci");
	TCase *tcase = tcase_create("pci");

	tcase_add_test(tcase, buses_bridges_functions);
	tcase_add_test(tcase, bridges_that_loop);
	tcase_add_test(tcase, bars_are_sized_with_decoding_off);
	tcase_add_test(tcase, capability_lists);
	tcase_add_test(tcase, capability_lists_that_loop);
	tcase_add_test(tcase, msi_and_msix);
	tcase_add_test(tcase, binding);
	tcase_add_test(tcase, a_bus_where_everything_answers);
	suite_add_tcase(suite, tcase);
	return suite;
}
