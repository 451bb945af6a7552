/* SPDX-License-Identifier: MIT */
/*
 * The host's devices as libvirt names and describes them: `computer`, `pci_0000_00_1f_0`, `usb_1_4`, ….
 *
 * Data only; hv/shell prints it. What there is comes from hv/main.c, once, by nodedev_init. Thread context; the lists are
 * constant but for USB, so no lock. Next to read: nodedev.c, sysinfo.c.
 */
#ifndef HV_MANAGE_NODEDEV_H
#define HV_MANAGE_NODEDEV_H

#include "hv/manage/error.h"
#include "hv/usb_info.h"

struct pci_device_list;
struct smbios_info;

struct nodedev_host {
	const struct pci_device_list *pci; /* NULL: none found */
	const struct smbios_info *smbios;  /* NULL: none */
	void (*usb)(usb_visit visit, void *context); /* NULL: none. What is plugged in changes at any time */
};
void nodedev_init(const struct nodedev_host *host); /* copied; what it points to stays */

#define NODEDEV_NAME_MAX 40

struct nodedev {
	char name[NODEDEV_NAME_MAX];
	u32 parent;       /* index in the list; its own index: none */
	const char *kind; /* libvirt's capability: "system", "pci", "usb_device" */
};

/*
 * All devices, or those whose capability is among the comma-separated names (NULL: all). *list is kmalloc'd, the caller
 * frees it. An unknown name is refused with libvirt's words. With names given, parent indices are meaningless.
 */
MUST_CHECK int nodedev_list(const char *capabilities, struct nodedev **list, u32 *count, struct manage_error *error);
/* libvirt's XML of one device; *xml is kmalloc'd. */
MUST_CHECK int nodedev_xml(const char *name, char **xml, struct manage_error *error);
/* <sysinfo type='smbios'>…; *xml is kmalloc'd. */
MUST_CHECK int nodedev_sysinfo_xml(char **xml, struct manage_error *error);

#endif
