/* SPDX-License-Identifier: MIT */
/* What lwIP asks of a compiler and a platform, in the image and on the build machine. */
#ifndef HV_NET_LWIP_OPTIONS_ARCH_CC_H
#define HV_NET_LWIP_OPTIONS_ARCH_CC_H

#include "hv/lib/log.h"

#if !__STDC_HOSTED__
typedef long ssize_t;
#define SSIZE_MAX 0x7fffffffffffffffL
#define LWIP_NO_LIMITS_H 1
#define INT_MAX 0x7fffffff
#endif
#define BYTE_ORDER LITTLE_ENDIAN
#define LWIP_NO_INTTYPES_H 1
#define LWIP_NO_CTYPE_H 1
#define LWIP_NO_UNISTD_H 1
#define X8_F "02x"
#define U16_F "u"
#define S16_F "d"
#define X16_F "x"
#define U32_F "u"
#define S32_F "d"
#define X32_F "x"
#define SZT_F "zu"
#define LWIP_PLATFORM_DIAG(x) do { } while (0)
/* Its own invariants, which nothing from a network may break: the fuzz targets hold it to that. */
#define LWIP_PLATFORM_ASSERT(text) panic("lwIP: %s", text)
unsigned int lwip_random(void);
struct netif;
struct pbuf;
/* hv/net/lwip_uplink.c: an option that lwIP's DHCP client does not read itself. */
void lwip_dhcp_option(struct netif *netif, unsigned char state, unsigned char option, unsigned char size, struct pbuf *buffer,
		      unsigned short offset);
#define LWIP_RAND() lwip_random()

#endif
