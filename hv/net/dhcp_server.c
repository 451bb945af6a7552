/* SPDX-License-Identifier: MIT */
/*
 * The DHCP server (dhcp_server.h), after RFC 2131, "DHCP Server Behaviour" (4.3). Clients of other networks' relays are not served.
 */
#include "hv/net/dhcp_server.h"
#include "hv/lib/string.h"
#include "hv/net/bytes.h"
#include "hv/net/headers.h"

#define SECOND_NS 1000000000ull

/* A client's message, its options found. */
struct request {
	const u8 *message;
	u64 mac;
	u8 type;
	u32 ciaddr, wanted, server; /* 0: not there */
	char name[DHCP_NAME_MAX];
	u8 client_id[DHCP_CLIENT_ID_MAX], client_id_bytes;
};

bool dhcp_name_is_good(const char *name)
{
	size_t length = strnlen(name, DHCP_NAME_MAX);

	if (!length || length == DHCP_NAME_MAX || name[0] == '-' || name[length - 1] == '-')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') || (name[i] >= '0' && name[i] <= '9') ||
		      name[i] == '-'))
			return false;
	return true;
}

static void take_option(struct request *request, u8 code, const u8 *value, u8 length)
{
	switch (code) {
	case DHCP_OPTION_TYPE:
		request->type = length == 1 ? value[0] : 0;
		break;
	case DHCP_OPTION_ADDRESS:
		request->wanted = length == 4 ? get_be32(value) : 0;
		break;
	case DHCP_OPTION_SERVER:
		request->server = length == 4 ? get_be32(value) : 0;
		break;
	case DHCP_OPTION_HOST_NAME:
		memset(request->name, 0, sizeof(request->name));
		memcpy(request->name, value, MIN(length, DHCP_NAME_MAX - 1));
		if (!dhcp_name_is_good(request->name))
			request->name[0] = '\0';
		break;
	case DHCP_OPTION_CLIENT_ID:
		request->client_id_bytes = (u8)MIN(length, DHCP_CLIENT_ID_MAX);
		memcpy(request->client_id, value, request->client_id_bytes);
		break;
	default:
		break;
	}
}

/* False: not a request that this server answers. Options after the first malformed one are not looked at. */
static bool read_request(struct request *request, const u8 *message, u32 size_bytes)
{
	memset(request, 0, sizeof(*request));
	if (size_bytes < DHCP_OPTIONS || message[DHCP_OP] != DHCP_BOOTREQUEST || message[DHCP_HTYPE] != 1 ||
	    message[DHCP_HLEN] != NET_MAC_BYTES || get_be32(message + DHCP_COOKIE) != DHCP_COOKIE_VALUE || get_be32(message + DHCP_GIADDR))
		return false;
	request->message = message;
	request->mac = net_mac(message + DHCP_CHADDR);
	request->ciaddr = get_be32(message + DHCP_CIADDR);
	for (u32 at = DHCP_OPTIONS; at < size_bytes && message[at] != DHCP_OPTION_END;) {
		if (message[at] == DHCP_OPTION_PAD) {
			at++;
			continue;
		}
		if (at + 2 > size_bytes || at + 2 + message[at + 1] > size_bytes)
			break;
		take_option(request, message[at], message + at + 2, message[at + 1]);
		at += 2u + message[at + 1];
	}
	return request->mac && !(message[DHCP_CHADDR] & 1);
}

/* Addresses */

static const struct dhcp_host *fixed_host(const struct dhcp_server *server, u64 mac)
{
	for (u32 i = 0; i < server->host_count; i++)
		if (server->hosts[i].mac == mac)
			return &server->hosts[i];
	return NULL;
}

static struct dhcp_lease *lease_of(struct dhcp_server *server, u64 mac)
{
	for (u32 i = 0; i < DHCP_LEASES_MAX; i++)
		if (server->leases[i].mac == mac)
			return &server->leases[i];
	return NULL;
}

static bool in_range(const struct dhcp_server *server, u32 address)
{
	return server->start && address >= server->start && address <= server->end && address != server->address;
}

/* May this client have it: in the range, nobody's by description, lease or complaint. */
static bool is_free(struct dhcp_server *server, u32 address, u64 mac, u64 now_ns)
{
	if (!in_range(server, address))
		return false;
	for (u32 i = 0; i < server->host_count; i++)
		if (server->hosts[i].address == address)
			return false;
	for (u32 i = 0; i < DHCP_DECLINED_MAX; i++)
		if (server->declined[i].address == address && server->declined[i].end_ns > now_ns)
			return false;
	for (u32 i = 0; i < DHCP_LEASES_MAX; i++) {
		const struct dhcp_lease *lease = &server->leases[i];

		if (lease->mac && lease->mac != mac && lease->address == address && lease->end_ns > now_ns)
			return false;
	}
	return true;
}

/* Where the search begins: the same client gets the same address as long as it is free, also after a start of the host. */
static u32 first_guess(const struct dhcp_server *server, u64 mac)
{
	u64 hash = mac * 0x9e3779b97f4a7c15ull;

	return server->start + (u32)((hash >> 32) % ((u64)server->end - server->start + 1));
}

/* 0: none is left. */
static u32 choose(struct dhcp_server *server, const struct request *request, u64 now_ns)
{
	const struct dhcp_host *host = fixed_host(server, request->mac);
	const struct dhcp_lease *lease = lease_of(server, request->mac);
	u32 address;

	if (host && host->address)
		return host->address;
	if (lease && is_free(server, lease->address, request->mac, now_ns))
		return lease->address;
	if (request->wanted && is_free(server, request->wanted, request->mac, now_ns))
		return request->wanted;
	if (!server->start)
		return 0;
	address = first_guess(server, request->mac);
	/* So many tries are enough: no more addresses can be taken than there are leases, hosts and complaints. */
	for (u32 i = 0; i <= DHCP_LEASES_MAX + DHCP_HOSTS_MAX + DHCP_DECLINED_MAX + 1; i++) {
		if (is_free(server, address, request->mac, now_ns))
			return address;
		address = address == server->end ? server->start : address + 1;
	}
	return 0;
}

/* The client's record: its own, a free one, or the one that ended first. NULL: all are in use. */
static struct dhcp_lease *record_for(struct dhcp_server *server, u64 mac, u64 now_ns)
{
	struct dhcp_lease *own = lease_of(server, mac), *best = NULL;

	for (u32 i = 0; !own && i < DHCP_LEASES_MAX; i++) {
		struct dhcp_lease *lease = &server->leases[i];

		if (lease->mac && lease->end_ns > now_ns)
			continue;
		if (!best || (best->mac && (!lease->mac || lease->end_ns < best->end_ns)))
			best = lease;
	}
	return own ? own : best;
}

static bool record(struct dhcp_server *server, const struct request *request, u32 address, bool bound, u64 now_ns)
{
	struct dhcp_lease *lease = record_for(server, request->mac, now_ns);
	u64 seconds = bound ? DHCP_LEASE_SECONDS : DHCP_OFFER_SECONDS;

	if (!lease)
		return false;
	if (!bound && lease->mac == request->mac && lease->bound && lease->end_ns > now_ns)
		return true; /* an offer of what it has changes nothing */
	*lease = (struct dhcp_lease){ .mac = request->mac, .address = address, .bound = bound, .end_ns = now_ns + seconds * SECOND_NS,
				      .client_id_bytes = request->client_id_bytes };
	memcpy(lease->name, request->name, sizeof(lease->name));
	memcpy(lease->client_id, request->client_id, sizeof(lease->client_id));
	return true;
}

/* Answers */

struct writer {
	u8 *reply;
	u32 at;
};

static void option(struct writer *writer, u8 code, const void *value, u32 length)
{
	if (!length || writer->at + 2 + length + 1 > DHCP_REPLY_MAX)
		return;
	writer->reply[writer->at] = code;
	writer->reply[writer->at + 1] = (u8)length;
	memcpy(writer->reply + writer->at + 2, value, length);
	writer->at += 2 + length;
}

static void option_u32(struct writer *writer, u8 code, u32 value)
{
	u8 bytes[4];

	put_be32(bytes, value);
	option(writer, code, bytes, 4);
}

static void begin(struct writer *writer, const struct request *request, u8 type, u32 address)
{
	u8 *reply = writer->reply;

	memset(reply, 0, DHCP_REPLY_MAX);
	reply[DHCP_OP] = DHCP_BOOTREPLY;
	reply[DHCP_HTYPE] = 1;
	reply[DHCP_HLEN] = NET_MAC_BYTES;
	memcpy(reply + DHCP_XID, request->message + DHCP_XID, 4);
	memcpy(reply + DHCP_FLAGS, request->message + DHCP_FLAGS, 2);
	memcpy(reply + DHCP_CHADDR, request->message + DHCP_CHADDR, 16);
	if (type == DHCP_ACK)
		put_be32(reply + DHCP_CIADDR, request->ciaddr);
	put_be32(reply + DHCP_YIADDR, address);
	put_be32(reply + DHCP_COOKIE, DHCP_COOKIE_VALUE);
	writer->at = DHCP_OPTIONS;
	option(writer, DHCP_OPTION_TYPE, &type, 1); /* first: filter.c looks for it there */
}

static void write_network(struct writer *writer, const struct dhcp_server *server, const struct request *request)
{
	const struct dhcp_host *host = fixed_host(server, request->mac);
	u8 mtu[2];

	option_u32(writer, DHCP_OPTION_MASK, server->mask);
	option_u32(writer, DHCP_OPTION_BROADCAST, server->address | ~server->mask);
	if (server->router)
		option_u32(writer, DHCP_OPTION_ROUTER, server->router);
	if (server->dns)
		option_u32(writer, DHCP_OPTION_DNS, server->dns);
	option(writer, DHCP_OPTION_DOMAIN, server->domain, (u32)strnlen(server->domain, DHCP_NAME_MAX));
	if (host)
		option(writer, DHCP_OPTION_HOST_NAME, host->name, (u32)strnlen(host->name, DHCP_NAME_MAX));
	put_be16(mtu, server->mtu_bytes);
	if (server->mtu_bytes != NET_MTU_DEFAULT)
		option(writer, DHCP_OPTION_MTU, mtu, 2);
}

static u32 finish(struct writer *writer)
{
	writer->reply[writer->at++] = DHCP_OPTION_END;
	return MAX(writer->at, DHCP_REPLY_MIN);
}

/* OFFER, or ACK of an address (0: of INFORM, which has no lease). */
static u32 give(const struct dhcp_server *server, const struct request *request, u8 type, u32 address, u8 *reply)
{
	struct writer writer = { .reply = reply };

	begin(&writer, request, type, address);
	option_u32(&writer, DHCP_OPTION_SERVER, server->address);
	if (address) {
		option_u32(&writer, DHCP_OPTION_LEASE, DHCP_LEASE_SECONDS);
		option_u32(&writer, DHCP_OPTION_RENEWAL, DHCP_LEASE_SECONDS / 2);
		option_u32(&writer, DHCP_OPTION_REBINDING, DHCP_LEASE_SECONDS / 8 * 7);
	}
	write_network(&writer, server, request);
	return finish(&writer);
}

static u32 refuse(const struct dhcp_server *server, const struct request *request, u8 *reply)
{
	struct writer writer = { .reply = reply };

	begin(&writer, request, DHCP_NAK, 0);
	option_u32(&writer, DHCP_OPTION_SERVER, server->address);
	return finish(&writer);
}

static u32 answer_discover(struct dhcp_server *server, const struct request *request, u64 now_ns, u8 *reply)
{
	u32 address = choose(server, request, now_ns);

	if (!address || !record(server, request, address, false, now_ns))
		return 0;
	return give(server, request, DHCP_OFFER, address, reply);
}

/* SELECTING names a server, INIT-REBOOT an address without one, RENEWING and REBINDING only ciaddr (4.3.2). */
static u32 answer_request(struct dhcp_server *server, const struct request *request, u64 now_ns, u8 *reply)
{
	u32 wanted = request->wanted ? request->wanted : request->ciaddr;
	const struct dhcp_host *host = fixed_host(server, request->mac);
	bool good;

	if (request->server && request->server != server->address)
		return 0; /* it took another's offer */
	good = host && host->address ? wanted == host->address : is_free(server, wanted, request->mac, now_ns);
	if (!good || !record(server, request, wanted, true, now_ns))
		return refuse(server, request, reply);
	return give(server, request, DHCP_ACK, wanted, reply);
}

static void answer_decline(struct dhcp_server *server, const struct request *request, u64 now_ns)
{
	struct dhcp_lease *lease = lease_of(server, request->mac);
	u32 oldest = 0;

	if (!lease || lease->address != request->wanted)
		return;
	for (u32 i = 1; i < DHCP_DECLINED_MAX; i++)
		if (server->declined[i].end_ns < server->declined[oldest].end_ns)
			oldest = i;
	server->declined[oldest].address = lease->address;
	server->declined[oldest].end_ns = now_ns + DHCP_DECLINED_SECONDS * SECOND_NS;
	memset(lease, 0, sizeof(*lease));
}

static void answer_release(struct dhcp_server *server, const struct request *request, u64 now_ns)
{
	struct dhcp_lease *lease = lease_of(server, request->mac);

	if (lease && lease->address == request->ciaddr)
		lease->end_ns = now_ns; /* kept: it gets the same one again if it comes back soon */
}

u32 dhcp_server_answer(struct dhcp_server *server, const u8 *message, u32 size_bytes, u64 now_ns, u8 *reply, u32 *to)
{
	struct request request;

	if (!read_request(&request, message, size_bytes))
		return 0;
	*to = request.ciaddr && (request.ciaddr & server->mask) == (server->address & server->mask) ? request.ciaddr : 0xffffffff;
	switch (request.type) {
	case DHCP_DISCOVER:
		*to = 0xffffffff;
		return answer_discover(server, &request, now_ns, reply);
	case DHCP_REQUEST: {
		u32 size = answer_request(server, &request, now_ns, reply);

		if (size && reply[DHCP_OPTIONS + 2] == DHCP_NAK)
			*to = 0xffffffff;
		return size;
	}
	case DHCP_INFORM:
		return *to == 0xffffffff ? 0 : give(server, &request, DHCP_ACK, 0, reply);
	case DHCP_DECLINE:
		answer_decline(server, &request, now_ns);
		return 0;
	case DHCP_RELEASE:
		answer_release(server, &request, now_ns);
		return 0;
	default:
		return 0;
	}
}
