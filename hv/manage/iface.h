/* SPDX-License-Identifier: MIT */
/*
 * The host's network cards as libvirt's interfaces: names, addresses, state, XML; and what their drivers counted.
 *
 * Data only; hv/shell prints it. A card is active while its link is up. Thread context. Next to read: iface.c, hv/host_card.h.
 */
#ifndef HV_MANAGE_IFACE_H
#define HV_MANAGE_IFACE_H

#include "hv/host_card.h"
#include "hv/manage/error.h"

#define IFACE_WORDS_MAX 64

struct iface_info {
	char name[16];
	u8 mac[NET_MAC_BYTES];
	bool active;
	u32 speed_mbps;      /* 0: not known */
	u16 mtu_bytes;
	const char *driver, *model;
	struct pci_address address;
	char used_by[IFACE_WORDS_MAX]; /* "": nobody */
	struct net_statistics wire;
	struct host_card_counters counters;
};

/* The card with this number; false: there are no more. */
bool iface_at(u32 index, struct iface_info *info);
/* By its name, or by its MAC address in text. */
MUST_CHECK int iface_find(const char *name, struct iface_info *info, struct manage_error *error);
MUST_CHECK int iface_find_mac(const char *mac, struct iface_info *info, struct manage_error *error);
/* libvirt's XML; *xml is kmalloc'd. */
MUST_CHECK int iface_xml(const struct iface_info *info, char **xml, struct manage_error *error);

#endif
