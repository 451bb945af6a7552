/* SPDX-License-Identifier: MIT */
/*
 * The host's network cards: eth0, eth1, …, each a struct net_port whose far side is the wire.
 *
 * A driver (drivers/) fills a struct host_card and registers it; it stays for ever. Nobody receives from a card until somebody
 * attaches to it, and one at a time may: with a receive function of its own (the host's own stack, NAT), or without one and with
 * net_switch_plug on card->port (a bridge). A card has one thread: interrupts only wake it; it takes frames in rounds of
 * HOST_CARD_ROUND and lets others run in between. Frames to the wire are copied by the sender's thread.
 * Next to read: host_card.c, host_card_thread.c, then drivers/e1000.c or drivers/virtio_net_host.c.
 */
#ifndef HV_HOST_CARD_H
#define HV_HOST_CARD_H

#include "hv/net_port.h"
#include "hv/pci_device.h"
#include "hv/thread.h"

#define HOST_CARDS_MAX 16u
#define HOST_CARD_ROUND 64u                 /* frames that a card's thread takes before it looks whether others wait */
#define HOST_CARD_TICK_NS 1000000000ull
#define HOST_CARD_LINK_PAUSE_NS 200000000ull /* between two reports of a link that flaps */

struct host_card;

/* Which frames a card takes off the wire. Groups' frames always come with the own ones. */
enum host_card_reception { HOST_CARD_OFF, HOST_CARD_OWN, HOST_CARD_ALL };

/* The driver's. All but what is said: in the card's thread only. */
struct host_card_ops {
	/* Hands up to `frames` received ones to host_card_received, frees what was sent, reads the link. Returns frames taken. */
	u32 (*work)(struct host_card *card, u32 frames);
	/* Asks for interrupts again. True: something came in between, so work is to be called again. */
	bool (*arm)(struct host_card *card);
	/* Every second while somebody is attached: a transmitter that hangs is reset here. */
	void (*tick)(struct host_card *card);
	/* Any thread, one at a time, no spin lock held. */
	void (*set_reception)(struct host_card *card, enum host_card_reception reception);
};

/* Who uses a card. All functions are called in the card's thread, and none after host_card_detach returned. */
struct host_card_user {
	const char *who;  /* for people: "network 'default'" */
	/* A frame from the wire, with the rules of net_port_ops.receive. NULL: card->port is plugged into a switch instead. */
	int (*receive)(void *context, const struct net_frame *frame);
	/* May be NULL. Called once after attaching, and whenever the link changed since; flapping is told 5 times a second at most. */
	void (*link_changed)(void *context, bool up);
	void *context;
};

/* (a) single words, for people: what the hardware did. */
struct host_card_counters {
	u64 interrupts, resets, link_changes;
	u64 no_buffer;   /* frames that came while the ring was empty */
	u64 bad_device;  /* what the device said made no sense: a length, an index */
};

struct host_card {
	/*
	 * name: given by host_card_register. mac, mtu_bytes, offload, ops (receive: to the wire), link_up: the driver's. statistics: the
	 * switch's. send: of the attached receiver, or of the switch. To send without a switch: host_card_send.
	 */
	struct net_port port;
	const char *driver;                    /* (c) "e1000e" */
	char model[48];                        /* (c) "Intel 82574L" */
	struct pci_address address;            /* (c) */
	const struct host_card_ops *ops;       /* (c) */
	void *context;                         /* (c) the driver's */
	u32 speed_mbps;                        /* (a) while the link is up; 0: not known */
	bool half_duplex;                      /* (a) */
	struct net_statistics wire;            /* (a) seen from the host: rx came off the wire */
	struct host_card_counters counters;

	/* hv/host_card*.c's from here. */
	struct spinlock lock;
	struct host_card_user user;            /* [lock] who: NULL: nobody */
	u32 inside;                            /* [lock] a function of the user's runs */
	bool leaving;                          /* [lock] */
	enum host_card_reception reception;    /* (a) */
	struct waitqueue quiet;                /* who detaches */
	struct waitqueue attention;            /* the card's thread */
	u8 asked;                              /* (a) there is work, or news of the link */
	bool told_up, told;                    /* [thread] the last report of the link; whether there was one */
	u64 told_ns;                           /* [thread] when */
	u8 header[NET_HEADER_BYTES];           /* [thread] the received frame's beginning, copied */
};

/* Drivers, before the first interrupt can come. */
void host_card_init(struct host_card *card);
/* Drivers, at start: everything above is filled and the link, as far as known, is told. ERR_FULL, ERR_NO_MEMORY: not registered. */
MUST_CHECK int host_card_register(struct host_card *card);
/* Drivers' interrupt handlers, and whoever else has work for the card's thread. Any context. */
void host_card_interrupt(struct host_card *card);
/* Drivers, in the card's thread, or before it is registered. */
void host_card_set_link(struct host_card *card, bool up, u32 speed_mbps, bool half_duplex);

/*
 * Drivers, in the card's thread: a frame lies in these pieces, which the device does not write to before this returns. Checked
 * here, counted, and handed on. checksum words: with NET_CSUM_PARTIAL only.
 */
struct host_card_frame {
	struct net_segment segments[NET_SEGMENTS_MAX];
	u32 segment_count, size_bytes, offload;
	u16 checksum_start, checksum_offset;
};
void host_card_received(struct host_card *card, struct host_card_frame *frame);

/* Everybody; thread context. Cards are numbered from 0 without a gap and never go. */
struct host_card *host_card_at(u32 index);          /* NULL: no more */
struct host_card *host_card_find(const char *name); /* NULL: none */
/* The user is copied; its strings are not. ERR_BUSY: somebody else has it (*other, may be NULL: who). No spin lock held. */
MUST_CHECK int host_card_attach(struct host_card *card, const struct host_card_user *user, enum host_card_reception reception,
				const char **other);
/* Never from a function of the user's own. A port that is plugged into a switch is unplugged first. */
void host_card_detach(struct host_card *card);
/* A frame to the wire, as net_port_ops.receive says. ERR_NOT_FOUND: no link; ERR_INVALID: it needs what port.offload does not have. */
int host_card_send(struct host_card *card, const struct net_frame *frame);
/* "52:54:00:12:34:56, link up 1000 Mb/s", cut to size. */
void host_card_words(const struct host_card *card, char *text, size_t size);
/* Who is attached; "": nobody. */
void host_card_user_words(struct host_card *card, char *text, size_t size);

/* host_card_thread.c: the thread's beginning, and one turn of it (until_ns: when it is to run again unasked). */
MUST_CHECK int host_card_start(struct host_card *card);
u64 host_card_turn(struct host_card *card);

#endif
