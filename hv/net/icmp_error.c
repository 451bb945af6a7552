/* SPDX-License-Identifier: MIT */
/* ICMP errors (icmp_error.h): the type, the router's address, and the first 28 bytes of what was not sent on. */
#include "hv/net/icmp_error.h"
#include "hv/lib/string.h"
#include "hv/net/bytes.h"
#include "hv/net/checksum.h"
#include "hv/net/nat_internal.h"

#define QUOTED_BYTES 28u
enum { CODE_NET_UNREACHABLE = 0, CODE_FRAGMENTATION_NEEDED = 4 };

/* Type and code of a reason; false: it is not told. */
static bool words_of(const struct net_frame *frame, enum nat_drop reason, u8 *type, u8 *code)
{
	*code = 0;
	switch (reason) {
	case NAT_DROP_TTL:
		*type = ICMP_TIME_EXCEEDED;
		return true;
	case NAT_DROP_UNREACHABLE:
		*type = ICMP_UNREACHABLE;
		*code = CODE_NET_UNREACHABLE;
		return true;
	case NAT_DROP_TOO_BIG: /* who did not forbid fragments does not listen for this */
		*type = ICMP_UNREACHABLE;
		*code = CODE_FRAGMENTATION_NEEDED;
		return frame->header[NAT_IP_FRAGMENT] & 0x40;
	default:
		return false;
	}
}

u32 icmp_error_make(const struct net_frame *frame, enum nat_drop reason, u32 from, u32 mtu_bytes, u8 out[ICMP_ERROR_MAX])
{
	u8 *ip = out + NAT_IP, *icmp = out + NAT_TRANSPORT;
	u8 type, code;

	if (!words_of(frame, reason, &type, &code) || frame->header_bytes < NAT_IP + QUOTED_BYTES || net_is_multicast(frame->header) ||
	    (get_be16(frame->header + NAT_IP_FRAGMENT) & 0x1fff) ||
	    (frame->header[NAT_IP_PROTOCOL] == IP_PROTOCOL_ICMP && frame->header[NAT_TRANSPORT] != ICMP_ECHO_REQUEST))
		return 0;
	memset(out, 0, ICMP_ERROR_MAX);
	memcpy(out, frame->header + NET_MAC_BYTES, NET_MAC_BYTES);
	memcpy(out + NET_MAC_BYTES, frame->header, NET_MAC_BYTES);
	put_be16(out + 2 * NET_MAC_BYTES, ETHERTYPE_IPV4);
	ip[0] = 0x45;
	put_be16(ip + 2, ICMP_ERROR_MAX - NET_ETHERNET_BYTES);
	ip[8] = 64;
	ip[9] = IP_PROTOCOL_ICMP;
	put_be32(ip + 12, from);
	memcpy(ip + 16, frame->header + NAT_IP_SOURCE, 4);
	put_be16(ip + 10, (u16)~checksum_fold(checksum_add(0, ip, 20)));
	icmp[0] = type;
	icmp[1] = code;
	if (reason == NAT_DROP_TOO_BIG)
		put_be16(icmp + 6, mtu_bytes);
	memcpy(icmp + 8, frame->header + NAT_IP, QUOTED_BYTES);
	put_be16(icmp + 2, (u16)~checksum_fold(checksum_add(0, icmp, 8 + QUOTED_BYTES)));
	return ICMP_ERROR_MAX;
}
