/* SPDX-License-Identifier: MIT */
/* Numbers of "Network Device" (VIRTIO 1.2, 5.1) that device and driver share. */
#ifndef VIRTIO_SPEC_VIRTIO_NET_H
#define VIRTIO_SPEC_VIRTIO_NET_H

#include "hv/lib/types.h"

enum { VIRTIO_NET_F_CSUM = 0, VIRTIO_NET_F_GUEST_CSUM = 1, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS = 2, VIRTIO_NET_F_MTU = 3,
       VIRTIO_NET_F_MAC = 5, VIRTIO_NET_F_GUEST_TSO4 = 7, VIRTIO_NET_F_GUEST_TSO6 = 8, VIRTIO_NET_F_GUEST_ECN = 9,
       VIRTIO_NET_F_HOST_TSO4 = 11, VIRTIO_NET_F_HOST_TSO6 = 12, VIRTIO_NET_F_HOST_ECN = 13, VIRTIO_NET_F_MRG_RXBUF = 15,
       VIRTIO_NET_F_STATUS = 16, VIRTIO_NET_F_CTRL_VQ = 17, VIRTIO_NET_F_CTRL_RX = 18, VIRTIO_NET_F_CTRL_VLAN = 19,
       VIRTIO_NET_F_CTRL_RX_EXTRA = 20, VIRTIO_NET_F_GUEST_ANNOUNCE = 21, VIRTIO_NET_F_MQ = 22, VIRTIO_NET_F_CTRL_MAC_ADDR = 23 };

struct virtio_net_config {
	u8 mac[6];
	u16 status, max_virtqueue_pairs, mtu;
} PACKED;
STATIC_ASSERT(sizeof(struct virtio_net_config) == 12, "virtio_net_config");
#define VIRTIO_NET_CONFIG_STATUS 6
#define VIRTIO_NET_S_LINK_UP 1u

struct virtio_net_header {
	u8 flags, gso_type;
	u16 hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};
STATIC_ASSERT(sizeof(struct virtio_net_header) == 12, "virtio_net_header");
#define VIRTIO_NET_HDR_F_NEEDS_CSUM 1u
#define VIRTIO_NET_HDR_F_DATA_VALID 2u
enum { VIRTIO_NET_HDR_GSO_NONE = 0, VIRTIO_NET_HDR_GSO_TCPV4 = 1, VIRTIO_NET_HDR_GSO_TCPV6 = 4, VIRTIO_NET_HDR_GSO_ECN = 0x80 };

/* "Control Virtqueue" (5.1.6.5): class, command, data; then an acknowledgement. */
enum { VIRTIO_NET_CTRL_RX = 0, VIRTIO_NET_CTRL_MAC = 1, VIRTIO_NET_CTRL_VLAN = 2, VIRTIO_NET_CTRL_GUEST_OFFLOADS = 5 };
enum { VIRTIO_NET_CTRL_RX_PROMISC = 0, VIRTIO_NET_CTRL_RX_ALLMULTI = 1, VIRTIO_NET_CTRL_RX_ALLUNI = 2, VIRTIO_NET_CTRL_RX_NOMULTI = 3,
       VIRTIO_NET_CTRL_RX_NOUNI = 4, VIRTIO_NET_CTRL_RX_NOBCAST = 5 };
enum { VIRTIO_NET_CTRL_MAC_TABLE_SET = 0, VIRTIO_NET_CTRL_MAC_ADDR_SET = 1 };
enum { VIRTIO_NET_CTRL_VLAN_ADD = 0, VIRTIO_NET_CTRL_VLAN_DEL = 1 };
enum { VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET = 0 };
enum { VIRTIO_NET_OK = 0, VIRTIO_NET_ERR = 1 };

#endif
