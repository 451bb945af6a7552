/* SPDX-License-Identifier: MIT */
/* The host's own ping: an ICMP echo request by lwIP's raw interface, and the wait for its answer (RFC 792). */
#include "hv/net/lwip_internal.h"
#include <lwip/icmp.h>
#include <lwip/inet_chksum.h>
#include <lwip/ip4.h>
#include <lwip/raw.h>
#include "hv/clock.h"
#include "hv/lib/string.h"

#define DATA_MAX 1400u

/* One that is under way; on its caller's stack. */
struct echo {
	u16 identifier, sequence;
	u32 address;
	u64 answered_ns;         /* (a) 0: not yet */
	struct waitqueue wait;
};

/* [host_stack_lock] Of each ICMP packet that came for the host; 1: ours, and freed. */
static u8_t receive(void *context, struct raw_pcb *pcb, struct pbuf *buffer, const ip_addr_t *from)
{
	struct echo *echo = context;
	struct icmp_echo_hdr header;
	u16 ip_bytes = (u16)(IPH_HL((const struct ip_hdr *)buffer->payload) * 4u);

	(void)pcb;
	if (pbuf_copy_partial(buffer, &header, sizeof(header), ip_bytes) != sizeof(header) || header.type != ICMP_ER ||
	    header.id != echo->identifier || header.seqno != echo->sequence || lwip_ntohl(ip4_addr_get_u32(from)) != echo->address)
		return 0;
	pbuf_free(buffer);
	__atomic_store_n(&echo->answered_ns, clock_ns(), __ATOMIC_RELEASE);
	waitqueue_wake_all(&echo->wait);
	return 1;
}

static struct pbuf *request(const struct echo *echo, u32 data_bytes)
{
	struct pbuf *buffer = pbuf_alloc(PBUF_IP, (u16_t)(sizeof(struct icmp_echo_hdr) + data_bytes), PBUF_RAM);
	struct icmp_echo_hdr *header;

	if (!buffer)
		return NULL;
	header = buffer->payload;
	memset(header, 0, sizeof(*header));
	header->type = ICMP_ECHO;
	header->id = echo->identifier;
	header->seqno = echo->sequence;
	for (u32 i = 0; i < data_bytes; i++)
		((u8 *)(header + 1))[i] = (u8)i;
	header->chksum = inet_chksum(header, (u16_t)(sizeof(*header) + data_bytes));
	return buffer;
}

/* [host_stack_lock] *pcb listens afterwards. */
static int send(struct echo *echo, u32 data_bytes, struct raw_pcb **pcb)
{
	ip_addr_t address = { PP_HTONL(echo->address) };
	struct netif *netif = ip4_route(&address);
	struct pbuf *buffer;
	int code;

	if (!netif || !ip4_addr_get_u32(netif_ip4_addr(netif)) ||
	    (!ip4_addr_netcmp(&address, netif_ip4_addr(netif), netif_ip4_netmask(netif)) && !ip4_addr_get_u32(netif_ip4_gw(netif))))
		return ERR_NOT_FOUND;
	*pcb = raw_new(IP_PROTO_ICMP);
	buffer = request(echo, data_bytes);
	if (!*pcb || !buffer) {
		code = ERR_NO_MEMORY;
	} else {
		raw_recv(*pcb, receive, echo);
		code = raw_sendto(*pcb, buffer, &address) == ERR_OK ? OK : ERR_NO_MEMORY;
	}
	if (buffer)
		pbuf_free(buffer);
	if (code != OK && *pcb)
		raw_remove(*pcb);
	return code;
}

int host_ping(u32 address, u16 sequence, u32 data_bytes, u64 timeout_ns, u64 *round_trip_ns)
{
	struct echo echo = { .identifier = (u16)(LWIP_RAND() | 0x00c0), .sequence = lwip_htons(sequence), .address = address };
	struct raw_pcb *pcb = NULL;
	u64 start = clock_ns(), answered;
	int code;

	waitqueue_init(&echo.wait, "ping");
	host_stack_lock();
	code = send(&echo, MIN(data_bytes, DATA_MAX), &pcb);
	host_stack_unlock();
	if (code != OK)
		return code;
	(void)waitqueue_wait_until(&echo.wait, __atomic_load_n(&echo.answered_ns, __ATOMIC_ACQUIRE) != 0, start + timeout_ns);
	host_stack_lock();
	raw_remove(pcb);
	host_stack_unlock();
	answered = echo.answered_ns;
	*round_trip_ns = answered - MIN(start, answered);
	return answered ? OK : ERR_TIMEOUT;
}
