/* SPDX-License-Identifier: MIT */
/* A network card of a machine's description. Next to read: domain_xml_nic.c (in and out of XML), domain_nics.c (its plug). */
#ifndef HV_MANAGE_DOMAIN_NIC_H
#define HV_MANAGE_DOMAIN_NIC_H

#include "hv/manage/network_forward.h"
#include "hv/net_port.h"

#define DOMAIN_NICS_MAX 8
#define DOMAIN_NETWORK_NAME_MAX 63
#define DOMAIN_NIC_FORWARDS_MAX 8

enum domain_nic_filter { NIC_FILTER_UNSET, NIC_FILTER_CLEAN_TRAFFIC, NIC_FILTER_NONE };

struct domain_nic {
	char network[DOMAIN_NETWORK_NAME_MAX + 1];
	u8 mac[NET_MAC_BYTES]; /* made up when the description does not say */
	u16 mtu_bytes;         /* 0: not written, 1500 */
	u8 slot;               /* on PCI bus 0; assigned when the description does not say */
	u8 filter;             /* enum domain_nic_filter */
	u8 forward_count;
	struct network_forward forwards[DOMAIN_NIC_FORWARDS_MAX];
	u8 link;               /* 0: not written, 1: up, 2: down */
};

#endif
