/* SPDX-License-Identifier: MIT */
/*
 * Names that the host does not know itself are asked of the outside's name servers: for machines (lwip_dns.c), and for the host.
 *
 * Each question has a socket of its own with a port and an id by chance, so that who wants to answer in a server's place must guess
 * both (RFC 5452). Bounded, for each asker too; a question without an answer is forgotten after five seconds, and the next one goes
 * to the next server.
 */
#include "hv/net/lwip_internal.h"
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/string.h"
#include "hv/net/bytes.h"
#include "hv/net/dns_forward.h"
#include "hv/random.h"

#define ASKED_MAX 64u
#define ASKED_CLIENT_MAX 16u
#define ASKED_NS (5 * NS_PER_S)
#define PORT_TRIES 8u

/* The host's own question, on its asker's stack. */
struct lookup {
	u32 address;
	u64 done;              /* (a) */
	struct waitqueue wait;
};

struct asked {
	struct udp_pcb *pcb;
	struct host_interface *interface; /* whose client; NULL: the host itself */
	struct lookup *lookup; /* the host's */
	u32 client;
	u16 client_port, client_id;
	u64 end_ns;
	u32 size_bytes;
	u8 query[DNS_MESSAGE_MAX];
};

static struct asked *asked[ASKED_MAX]; /* [host_stack_lock] */
static u32 turn;                       /* [host_stack_lock] which server is asked */

static void forget(u32 i)
{
	udp_remove(asked[i]->pcb);
	kfree(asked[i]);
	asked[i] = NULL;
}

void lwip_ask_expire(void)
{
	u64 now = clock_ns();

	for (u32 i = 0; i < ASKED_MAX; i++)
		if (asked[i] && asked[i]->end_ns <= now) {
			forget(i);
			turn++;
		}
}

void lwip_ask_forget(struct host_interface *interface)
{
	for (u32 i = 0; i < ASKED_MAX; i++)
		if (asked[i] && asked[i]->interface == interface)
			forget(i);
}

/* To the machine that asked, under its own id, from where it asked. */
static void pass_on(const struct asked *question, u8 *reply, u32 size_bytes)
{
	struct host_interface *interface = question->interface;
	struct pbuf *out = pbuf_alloc(PBUF_TRANSPORT, (u16_t)size_bytes, PBUF_RAM);
	ip_addr_t to = { PP_HTONL(question->client) };

	if (!out)
		return;
	put_be16(reply, question->client_id);
	pbuf_take(out, reply, (u16_t)size_bytes);
	(void)udp_sendto_if_src(interface->dns_pcb, out, &to, question->client_port, &interface->netif, netif_ip_addr4(&interface->netif));
	pbuf_free(out);
}

/* [host_stack_lock] From the server that was asked: the socket takes nobody else's. */
static void receive(void *context, struct udp_pcb *pcb, struct pbuf *buffer, const ip_addr_t *from, u16_t port)
{
	struct asked **at = context;
	struct asked *question = *at;
	u8 reply[DNS_REPLY_MAX];
	u32 size = buffer->tot_len > sizeof(reply) ? 0 : pbuf_copy_partial(buffer, reply, sizeof(reply), 0);

	(void)pcb;
	(void)from;
	(void)port;
	pbuf_free(buffer);
	if (!question || !dns_answers(question->query, question->size_bytes, reply, size))
		return;
	if (question->lookup) {
		question->lookup->address = dns_first_address(reply, size);
		__atomic_store_n(&question->lookup->done, 1, __ATOMIC_RELEASE);
		waitqueue_wake_all(&question->lookup->wait);
	} else {
		pass_on(question, reply, size);
	}
	forget((u32)(at - asked));
}

static struct udp_pcb *open_socket(const struct host_dns *server)
{
	ip_addr_t to = { PP_HTONL(server->address) };
	struct udp_pcb *pcb = udp_new();

	for (u32 i = 0; pcb && i < PORT_TRIES; i++) {
		u16 port;

		random_bytes(&port, sizeof(port));
		if (udp_bind(pcb, IP4_ADDR_ANY, port | 0xc000u) == ERR_OK && udp_connect(pcb, &to, server->port) == ERR_OK)
			return pcb;
	}
	if (pcb)
		udp_remove(pcb);
	return NULL;
}

/* A free place for one more question of the client; ASKED_MAX: none. */
static u32 find_place(u32 client)
{
	u32 place = ASKED_MAX, own = 0;

	lwip_ask_expire();
	for (u32 i = 0; i < ASKED_MAX; i++) {
		if (!asked[i])
			place = i;
		else
			own += asked[i]->client == client;
	}
	return own < ASKED_CLIENT_MAX ? place : ASKED_MAX;
}

/* The question, with an id of our own; NULL: there is no way to ask. */
static struct asked *ask(u32 client, const u8 *query, u32 size_bytes)
{
	u32 place = find_place(client);
	struct host_dns server;
	struct asked *question;
	struct pbuf *out;

	if (place == ASKED_MAX || !lwip_uplink_dns(turn, &server))
		return NULL;
	question = kzalloc(sizeof(*question));
	out = pbuf_alloc(PBUF_TRANSPORT, (u16_t)size_bytes, PBUF_RAM);
	if (!question || !out || (question->pcb = open_socket(&server)) == NULL)
		goto fail;
	question->client = client;
	question->client_id = get_be16(query);
	question->end_ns = clock_ns() + ASKED_NS;
	question->size_bytes = size_bytes;
	memcpy(question->query, query, size_bytes);
	random_bytes(question->query, 2);
	asked[place] = question;
	udp_recv(question->pcb, receive, &asked[place]);
	pbuf_take(out, question->query, (u16_t)size_bytes);
	(void)udp_send(question->pcb, out); /* lost: as on the way */
	pbuf_free(out);
	return question;
fail:
	kfree(question);
	if (out)
		pbuf_free(out);
	return NULL;
}

void lwip_ask(struct host_interface *interface, u32 client, u16 client_port, const u8 *query, u32 size_bytes)
{
	struct asked *question = ask(client, query, size_bytes);

	if (!question)
		return;
	question->interface = interface;
	question->client_port = client_port;
}

int host_resolve(const char *name, u64 timeout_ns, u32 *address)
{
	struct lookup lookup = { 0 };
	u8 query[DNS_MESSAGE_MAX];
	u32 size = dns_make_query(name, 0, query);
	struct asked *question;

	if (!size)
		return ERR_NOT_FOUND;
	waitqueue_init(&lookup.wait, "name server");
	host_stack_lock();
	question = ask(0, query, size);
	if (question)
		question->lookup = &lookup;
	host_stack_unlock();
	if (!question)
		return ERR_NOT_FOUND;
	(void)waitqueue_wait_until(&lookup.wait, __atomic_load_n(&lookup.done, __ATOMIC_ACQUIRE) != 0, clock_ns() + timeout_ns);
	host_stack_lock(); /* from here on nobody writes to it */
	for (u32 i = 0; i < ASKED_MAX; i++)
		if (asked[i] && asked[i]->lookup == &lookup)
			forget(i);
	host_stack_unlock();
	if (!lookup.done)
		return ERR_TIMEOUT;
	*address = lookup.address;
	return lookup.address ? OK : ERR_NOT_FOUND;
}
