/* SPDX-License-Identifier: MIT */
/* What the parts of the driver of Intel's gigabit cards share. Tags as in hv/vcpu.h. */
#ifndef DRIVERS_E1000_INTERNAL_H
#define DRIVERS_E1000_INTERNAL_H

#include "drivers/e1000.h"
#include "drivers/e1000_regs.h"
#include "drivers/pci_interrupt.h"
#include "hv/host_card.h"

#define E1000_RING 256u          /* descriptors; a power of two, one stays unused, so that head and tail differ when full */
#define E1000_BUFFER_BYTES 2048u
#define E1000_FRAME_MAX 1518u    /* with a VLAN tag */


struct e1000 {
	struct host_card card;
	struct pci_device *pci;            /* (c) */
	volatile void *registers;          /* (c) */
	bool express;                      /* (c) */
	struct pci_interrupt interrupt;
	u32 causes;                        /* (a) what the handler found, until the thread looks */

	volatile struct e1000_receive_descriptor *receive;   /* (c) DMA */
	volatile struct e1000_transmit_descriptor *transmit; /* (c) DMA */
	u8 *receive_memory, *transmit_memory;                /* (c) DMA: a buffer for each descriptor */
	hpa_t receive_address, transmit_address, receive_memory_address, transmit_memory_address; /* (c) */
	u32 receive_next;                  /* [thread] the descriptor that is filled next */
	bool skipping;                     /* [thread] in the midst of a frame that is longer than a buffer */
	struct spinlock lock;              /* rank LOCK_RANK_DRIVER */
	u32 transmit_next, transmit_clean; /* [lock] what is filled next; the oldest that is not known to be sent */
	bool live;                         /* [lock] */
	u32 clean_seen, still_ticks;       /* [thread] for so many ticks nothing was sent that waits */
	enum host_card_reception reception; /* [control] */
	struct mutex control;              /* set-up, reset, and what is received */
	bool dead;                         /* [thread] it does not come back */
};

/* e1000_models.c */
extern const struct pci_match e1000_matches[], e1000e_matches[];
const char *e1000_model_name(u16 device); /* "Intel 82574L" */

/* e1000_ring.c */
MUST_CHECK int e1000_rings_create(struct e1000 *e1000);
void e1000_rings_free(struct e1000 *e1000);
void e1000_rings_start(struct e1000 *e1000); /* empty, and told to the card, which is stopped */
u32 e1000_receive(struct e1000 *e1000, u32 frames);
bool e1000_received_more(const struct e1000 *e1000);
int e1000_transmit(struct net_port *port, const struct net_frame *frame);
void e1000_take_sent(struct e1000 *e1000); /* [lock] */

#endif
