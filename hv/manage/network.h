/* SPDX-License-Identifier: MIT */
/*
 * Networks, as libvirt knows them: a switch with the host's own address on it, and a DHCP server.
 *
 * Everything here takes and returns data, for threads, no spin lock held; functions that can fail return OK or MANAGE_FAILED with
 * *error in words. One lock (networks_lock, sleeping, inside of a domain's operation) serialises all that changes them.
 * A network is named by name or UUID. Next to read: network.c, network_xml.c, domain_nics.c, hv/net/switch.h.
 */
#ifndef HV_MANAGE_NETWORK_H
#define HV_MANAGE_NETWORK_H

#include "hv/manage/domain_config.h"
#include "hv/manage/error.h"
#include "hv/manage/network_forward.h"
#include "hv/net/dhcp_server.h"
#include "hv/net_port.h"

#define NETWORK_NAME_MAX 63
#define NETWORKS_MAX 32u

/* A <network>, checked. Fixed in size: a plain copy is a copy. */
struct network_config {
	char name[NETWORK_NAME_MAX + 1];
	struct domain_uuid uuid;
	bool has_uuid, autostart;
	char bridge[16];            /* "virbr0"; "": define chooses */
	u8 mac[NET_MAC_BYTES];      /* of the host's address; all 0: define chooses */
	u16 mtu_bytes;              /* 0: not written, 1500 */
	char domain[DHCP_NAME_MAX]; /* "": none */
	u8 forward;                 /* enum nat_mode: 0: to nowhere */
	u16 nat_port_first, nat_port_last; /* <nat><port>; 0: not written */
	u32 address, mask;          /* 0: the host has no address here */
	bool prefix;                /* written so, not as a netmask */
	u32 dhcp_start, dhcp_end;   /* 0: no range */
	bool dhcp;                  /* <dhcp> was written */
	u32 host_count;
	struct dhcp_host hosts[DHCP_HOSTS_MAX];
};

struct network_info {
	char name[NETWORK_NAME_MAX + 1], bridge[16];
	struct domain_uuid uuid;
	bool active, persistent, autostart;
	char kept[300];             /* after a change: where the definition is kept, or why it is not; "": nothing to say */
};

struct network_lease {
	u64 mac, end_wall_seconds;  /* the end: seconds since 1970 */
	u32 address, prefix_bits;
	char name[DHCP_NAME_MAX];
	u8 client_id[DHCP_CLIENT_ID_MAX], client_id_bytes;
};

/* Once, from hv/main.c: the host's stack, the network `default`; those marked autostart are started. Tells the log. */
void networks_init(void);

MUST_CHECK int network_define(const char *file, const char *xml, size_t size, struct network_info *out, struct manage_error *error);
/* A transient one, at once started. */
MUST_CHECK int network_create(const char *file, const char *xml, size_t size, struct network_info *out, struct manage_error *error);
MUST_CHECK int network_undefine(const char *name, struct network_info *out, struct manage_error *error);
MUST_CHECK int network_start(const char *name, struct network_info *out, struct manage_error *error);
/* Machines on it lose it; they get it back at their next start. */
MUST_CHECK int network_destroy(const char *name, struct network_info *out, struct manage_error *error);
MUST_CHECK int network_set_autostart(const char *name, bool autostart, struct network_info *out, struct manage_error *error);
MUST_CHECK int network_get(const char *name, struct network_info *info, struct manage_error *error);
/* The first of at most max, in order of definition; returns how many. */
u32 networks_list(struct network_info *infos, u32 max);
/* As net-dumpxml shows it, kmalloc; NULL with *error. */
char *network_dump_xml(const char *name, bool inactive, struct manage_error *error);
/* Leases that hold, the first of at most max; *count: how many. */
MUST_CHECK int network_leases(const char *name, struct network_lease *leases, u32 max, u32 *count, struct manage_error *error);

/* network_store.c; network.c's verbs call them. */
void network_keep(struct network_info *info);   /* fills info->kept */
void network_forget(struct network_info *info);
bool networks_load_store(void);                 /* true: `default` was undefined by a person */
/* The verbs without the store. */
MUST_CHECK int network_define_unkept(const char *file, const char *xml, size_t size, struct network_info *out, struct manage_error *error);
MUST_CHECK int network_mark_autostart(const char *name, bool autostart, struct network_info *out, struct manage_error *error);

/* network_xml.c */
MUST_CHECK int network_xml_parse(struct network_config *config, const char *file, const char *xml, size_t size, struct manage_error *error);
char *network_xml_format(const struct network_config *config); /* kmalloc; NULL: no memory */

/* uplink.c: the host's address on a card, as the command line has it. Once, before the first network starts. Tells the log. */
void uplink_start(void);

/* A connection between a network and the outside, or between networks by a port forward. */
struct network_connection {
	u8 protocol;                  /* 6 TCP, 17 UDP, 1 ICMP echo */
	const char *state;            /* "established" */
	/* Who began it and whom it meant; as whom it is seen by the one that it really goes to. Ports of an echo: its number, or 0. */
	u32 from, to, seen_as, goes_to;
	u16 from_port, to_port, seen_as_port, goes_to_port;
	u64 frames[2];                /* of who began it, and of the other */
};
/* Calls row with each, no lock held; returns how many. */
u32 network_connections(void (*row)(void *context, const struct network_connection *connection), void *context);
/* In words, lines, kmalloc: the host's address outside, what passed and was dropped; NULL with *error: nothing is routed. */
char *network_router_summary(struct manage_error *error);

/* For machines (domain_nics.c). */
/* A plugged port's. MANAGE_FAILED: one of the ports is another machine's. */
MUST_CHECK int network_forward_ports(struct net_port *port, const struct network_forward *forwards, u32 count, struct manage_error *error);
/* Is the network there and active? */
MUST_CHECK int network_check(const char *name, struct manage_error *error);
/* The port's owner is ready to receive. machine: its name, for the name server. open: no clean-traffic. */
MUST_CHECK int network_plug(const char *name, struct net_port *port, const char *machine, bool open, struct manage_error *error);
void network_unplug(struct net_port *port); /* nobody is inside of its receive or send any more; nothing when not plugged in */
/* The IPv4 address that a plugged port speaks from, with its network's prefix; 0: not known, or not plugged in. */
u32 network_port_address(struct net_port *port, u32 *prefix_bits);

/* Addresses in words. */
#define ADDRESS_TEXT_SIZE 16
void address_format(char text[ADDRESS_TEXT_SIZE], u32 address);
MUST_CHECK int address_parse(u32 *address, const char *text); /* ERR_INVALID */
/* An address, or a name that the outside's name servers know. */
MUST_CHECK int network_resolve(const char *text, u32 *address, struct manage_error *error);
/* The host asks a machine, or somebody outside, to answer. OK and *round_trip_ns (0: no answer within a second). */
MUST_CHECK int network_ping(u32 address, u32 sequence, u64 *round_trip_ns, struct manage_error *error);
void wall_time_format(char text[20], u64 seconds); /* since 1970: "2026-11-24 14:00:00" */
#define MAC_TEXT_SIZE 18
void mac_format(char text[MAC_TEXT_SIZE], const u8 *mac);
MUST_CHECK int mac_parse(u8 *mac, const char *text); /* ERR_INVALID: also a group's */

#endif
