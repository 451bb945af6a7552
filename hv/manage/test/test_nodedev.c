/* SPDX-License-Identifier: MIT */
/* LINK: hv/kstrdup.c hv/manage/nodedev.c hv/manage/sysinfo.c hv/manage/text.c hv/manage/error.c hv/lib/format.c hv/lib/string.c hv/lib/test/log_stderr.c */
/*
 * Node devices: names, parents, capabilities, errors; and every XML that is printed passes libvirt's own schema
 * (virt-xml-validate of Debian's libvirt-clients).
 */
#include "hv/lib/test/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "hv/lib/error.h"
#include "hv/manage/nodedev.h"
#include "hv/pci_device.h"
#include "hv/smbios.h"

static struct pci_device host_bridge = { .address = { 0, 0, 0, 0 }, .vendor = 0x8086, .device = 0x29c0, .class_code = 0x060000 };
static struct pci_device port = { .address = { 0, 0, 0x1c, 3 }, .vendor = 0x1b36, .device = 0x0c, .class_code = 0x060400,
				  .bridge = true, .header_type = 1, .secondary_bus = 1,
				  .express = { true, 4, 4, 16, 1, 1 } };
static struct pci_device nic = { .address = { 0, 1, 0, 0 }, .vendor = 0x1af4, .device = 0x1041, .class_code = 0x020000,
				 .parent = &port, .driver = "virtio-net" };
static struct pci_device far_away = { .address = { 1, 0xff, 31, 7 }, .vendor = 1, .device = 2 };
static struct pci_device *devices[] = { &host_bridge, &port, &nic, &far_away };
static const struct pci_device_list list = { devices, 4, 0 };
static struct smbios_info smbios;

/* A hub in the first function, a keyboard behind it, a thing that says nothing of itself in the second. */
static void usb_devices(usb_visit visit, void *context)
{
	visit(context, &(struct usb_info){ "1-4", "", &host_bridge.address, 1, 2, 0x1d6b, 2, "A & B", "Hub", "usb-hub" });
	visit(context, &(struct usb_info){ "1-4.2", "1-4", &host_bridge.address, 1, 3, 0x0627, 1, "", "Keyboard <1>", "usb-keyboard" });
	visit(context, &(struct usb_info){ "2-1", "", &port.address, 2, 4, 0xabcd, 0xef01, "", "", NULL });
}

static void host_new(void)
{
	memset(&smbios, 0, sizeof(smbios));
	smbios.present = smbios.has_bios = smbios.has_system = smbios.has_uuid = smbios.has_release = true;
	strcpy(smbios.bios.vendor, "A & <B>");
	strcpy(smbios.bios.date, "01/02/2026");
	strcpy(smbios.system.product, "Thing");
	memset(smbios.system.uuid, 0xab, 16);
	smbios.memory_count = 2;
	smbios.memory[0].size_kib = 16 * MIB;
	smbios.memory[0].type = 0x1a;
	smbios.memory[0].form_factor = 9;
	smbios.processor_count = 1;
	smbios.processors[0].status = 0x41;
	nodedev_init(&(struct nodedev_host){ &list, &smbios, usb_devices });
}

/* True when libvirt's schema accepts the text; false too where virt-xml-validate is not installed. */
static bool schema_accepts(const char *xml)
{
	char path[] = "/tmp/nodedev-XXXXXX", command[128];
	int fd = mkstemp(path), code;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq((int)write(fd, xml, strlen(xml)), (int)strlen(xml));
	close(fd);
	snprintf(command, sizeof(command), "virt-xml-validate %s nodedev >/dev/null 2>%s.log", path, path);
	code = system(command);
	if (code)
		fprintf(stderr, "%s", xml);
	unlink(path);
	snprintf(command, sizeof(command), "rm -f %s.log", path);
	ck_assert_int_eq(system(command), 0);
	return code == 0;
}

START_TEST(names_and_parents)
{
	struct nodedev *nodes;
	u32 count;

	host_new();
	ck_assert_int_eq(nodedev_list(NULL, &nodes, &count, NULL), OK);
	ck_assert_uint_eq(count, 8);
	ck_assert_str_eq(nodes[0].name, "computer");
	ck_assert_str_eq(nodes[2].name, "pci_0000_00_1c_3");
	ck_assert_str_eq(nodes[3].name, "pci_0000_01_00_0");
	ck_assert_str_eq(nodes[4].name, "pci_0001_ff_1f_7");
	ck_assert_str_eq(nodes[5].name, "usb_1_4");
	ck_assert_str_eq(nodes[6].name, "usb_1_4_2");
	ck_assert_str_eq(nodes[6].kind, "usb_device");
	ck_assert_uint_eq(nodes[5].parent, 1);
	ck_assert_uint_eq(nodes[6].parent, 5);
	ck_assert_uint_eq(nodes[7].parent, 2);
	ck_assert_uint_eq(nodes[3].parent, 2);
	ck_assert_uint_eq(nodes[1].parent, 0);
	free(nodes);
}
END_TEST

START_TEST(capability_filter)
{
	static const struct { const char *names; u32 count; bool good; } rows[] = {
		{ "pci", 4, true }, { "system", 1, true }, { "system,pci", 5, true }, { "net,storage", 0, true },
		{ "pc", 0, false }, { "pci,", 0, false }, { "", 0, false }, { "pcix", 0, false }, { "mdev_types,pci", 4, true },
		{ "usb_device", 3, true }, { "usb", 0, true },
	};
	struct manage_error error;
	struct nodedev *nodes;
	u32 count;

	host_new();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int code = nodedev_list(rows[i].names, &nodes, &count, &error);

		ck_assert_msg(code == (rows[i].good ? OK : MANAGE_FAILED), "%s", rows[i].names);
		if (!rows[i].good) {
			ck_assert_str_eq(error.text, "Invalid capability type");
			continue;
		}
		ck_assert_uint_eq(count, rows[i].count);
		free(nodes);
	}
}
END_TEST

START_TEST(xml_passes_the_schema)
{
	struct nodedev *nodes;
	u32 count;
	char *xml;

	host_new();
	ck_assert_int_eq(nodedev_list(NULL, &nodes, &count, NULL), OK);
	for (u32 i = 0; i < count; i++) {
		ck_assert_int_eq(nodedev_xml(nodes[i].name, &xml, NULL), OK);
		ck_assert(schema_accepts(xml));
		free(xml);
	}
	free(nodes);
	nodedev_init(&(struct nodedev_host){ NULL, NULL, NULL });
	ck_assert_int_eq(nodedev_xml("computer", &xml, NULL), OK);
	ck_assert(schema_accepts(xml));
	free(xml);
}
END_TEST

START_TEST(xml_contents)
{
	char *xml;

	host_new();
	ck_assert_int_eq(nodedev_xml("pci_0000_01_00_0", &xml, NULL), OK);
	ck_assert_str_eq(xml, "<device>\n  <name>pci_0000_01_00_0</name>\n  <parent>pci_0000_00_1c_3</parent>\n"
			      "  <driver>\n    <name>virtio-net</name>\n  </driver>\n"
			      "  <capability type='pci'>\n    <class>0x020000</class>\n    <domain>0</domain>\n"
			      "    <bus>1</bus>\n    <slot>0</slot>\n    <function>0</function>\n"
			      "    <product id='0x1041'/>\n    <vendor id='0x1af4'/>\n  </capability>\n</device>\n");
	free(xml);
	ck_assert_int_eq(nodedev_xml("pci_0000_00_1c_3", &xml, NULL), OK);
	ck_assert_ptr_nonnull(strstr(xml, "<capability type='pci-bridge'/>"));
	ck_assert_ptr_nonnull(strstr(xml, "<link validity='cap' speed='16' width='16'/>"));
	free(xml);
	ck_assert_int_eq(nodedev_xml("usb_1_4_2", &xml, NULL), OK);
	ck_assert_str_eq(xml, "<device>\n  <name>usb_1_4_2</name>\n  <parent>usb_1_4</parent>\n"
			      "  <driver>\n    <name>usb-keyboard</name>\n  </driver>\n"
			      "  <capability type='usb_device'>\n    <bus>1</bus>\n    <device>3</device>\n"
			      "    <product id='0x0001'>Keyboard &lt;1&gt;</product>\n    <vendor id='0x0627'/>\n  </capability>\n</device>\n");
	free(xml);
	ck_assert_int_eq(nodedev_xml("computer", &xml, NULL), OK);
	ck_assert_ptr_nonnull(strstr(xml, "<vendor>A &amp; &lt;B&gt;</vendor>"));
	ck_assert_ptr_nonnull(strstr(xml, "<uuid>abababab-abab-abab-abab-abababababab</uuid>"));
	free(xml);
}
END_TEST

START_TEST(sysinfo)
{
	struct manage_error error;
	char *xml;

	host_new();
	ck_assert_int_eq(nodedev_sysinfo_xml(&xml, &error), OK);
	ck_assert_ptr_nonnull(strstr(xml, "    <entry name='size'>16 GB</entry>\n"));
	ck_assert_ptr_nonnull(strstr(xml, "    <entry name='status'>Populated, Enabled</entry>\n"));
	ck_assert_ptr_null(strstr(xml, "serial"));
	free(xml);
	nodedev_init(&(struct nodedev_host){ NULL, NULL, NULL });
	ck_assert_int_eq(nodedev_sysinfo_xml(&xml, &error), MANAGE_FAILED);
	ck_assert_str_eq(error.text, "unsupported configuration: Host SMBIOS information is not available");
	ck_assert_int_eq(nodedev_xml("pci_0000_00_00_0", &xml, &error), MANAGE_FAILED);
	ck_assert_str_eq(error.text, "Node device not found: no node device with matching name 'pci_0000_00_00_0'");
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("nodedev");
	TCase *tcase = tcase_create("nodedev");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, names_and_parents);
	tcase_add_test(tcase, capability_filter);
	tcase_add_test(tcase, xml_passes_the_schema);
	tcase_add_test(tcase, xml_contents);
	tcase_add_test(tcase, sysinfo);
	suite_add_tcase(suite, tcase);
	return suite;
}
