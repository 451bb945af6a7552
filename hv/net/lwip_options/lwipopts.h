/* SPDX-License-Identifier: MIT */
/*
 * lwIP as Solera builds it: no threads of its own (one mutex around all of it, lwip_host.c), memory from kmalloc, IPv4 with ARP,
 * ICMP and UDP, the DHCP client. What the host has no use for yet is off: TCP, IPv6, sockets; its DNS client (lwip_ask.c is ours).
 */
#ifndef HV_NET_LWIP_OPTIONS_LWIPOPTS_H
#define HV_NET_LWIP_OPTIONS_LWIPOPTS_H

#include "hv/kmalloc.h"

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0

#define MEM_LIBC_MALLOC 1
#define mem_clib_malloc kmalloc
#define mem_clib_calloc(count, size) kzalloc((count) * (size))
#define mem_clib_free kfree
#define MEMP_MEM_MALLOC 1
#define MEM_ALIGNMENT 8
#define PBUF_POOL_BUFSIZE 1600

#define LWIP_IPV4 1
#define LWIP_IPV6 0
#define LWIP_ARP 1
#define ARP_TABLE_SIZE 127
#define ARP_QUEUEING 0
#define ETHARP_TRUST_IP_MAC 0
#define ETHARP_SUPPORT_VLAN 0
#define ETH_PAD_SIZE 0
#define IP_FORWARD 0
#define IP_REASSEMBLY 1
#define IP_FRAG 1
#define IP_REASS_MAX_PBUFS 64
#define LWIP_ICMP 1
#define LWIP_BROADCAST_PING 0
#define LWIP_MULTICAST_PING 0
#define LWIP_RAW 1
#define LWIP_UDP 1
#define LWIP_TCP 0
#define LWIP_DHCP 1
#define LWIP_DHCP_CHECK_LINK_UP 1
#define LWIP_DHCP_PROVIDE_DNS_SERVERS 0
#define LWIP_HOOK_DHCP_PARSE_OPTION(netif, dhcp, state, msg, msg_type, option, len, pbuf, offset) \
	lwip_dhcp_option(netif, state, option, len, pbuf, offset)
#define LWIP_DNS 0
#define LWIP_IGMP 0
#define LWIP_SINGLE_NETIF 0
#define LWIP_NETIF_STATUS_CALLBACK 1
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
#define LWIP_NUM_NETIF_CLIENT_DATA 0
/* A DHCP client speaks from 0.0.0.0 to all: the server's port takes that. */
#define LWIP_IP_ACCEPT_UDP_PORT(port) ((port) == PP_NTOHS(67))

#define LWIP_STATS 0
#define LWIP_DEBUG 0

#endif
