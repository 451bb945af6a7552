/* SPDX-License-Identifier: MIT */
/* What the parts of the AHCI driver share. Tags as in hv/vcpu.h. */
#ifndef DRIVERS_AHCI_INTERNAL_H
#define DRIVERS_AHCI_INTERNAL_H

#include "drivers/ahci.h"
#include "drivers/ahci_regs.h"
#include "drivers/ata_identify.h"
#include "drivers/pci_interrupt.h"
#include "hv/block_device.h"
#include "hv/thread.h"
#include "hv/timer.h"

#define AHCI_TRANSFER_MAX (1024u * 1024u)
#define AHCI_COMMAND_TIMEOUT_NS (30 * 1000000000ull)

enum ahci_kind { AHCI_NOTHING, AHCI_DISK, AHCI_CD };

/* One command under way; its number is its bit in PxCI and PxSACT, and its NCQ tag. */
struct ahci_slot {
	struct block_request *request; /* NULL: free */
	u64 issued_ns;
};

/*
 * A port has a thread, its keeper, for all that takes time: reset, identification, plug and unplug, the end of hung commands.
 * Requests go out in the order in which they came; native queueing lets many be out at once, but not beside other commands.
 */
struct ahci_port {
	struct ahci_controller *controller; /* (c) */
	u32 index;                     /* (c) */
	struct ahci_command_header *headers; /* (c) DMA, 32 */
	struct ahci_command_table *tables;   /* (c) DMA, a page a slot */
	hpa_t headers_address, tables_address, received_address; /* (c) */

	struct spinlock lock;          /* rank LOCK_RANK_DRIVER */
	struct ahci_slot slots[AHCI_SLOTS_MAX]; /* [lock] */
	u32 busy;                      /* [lock] slots under way */
	bool queued;                   /* [lock] what is under way is NCQ */
	bool ready;                    /* [lock] commands may be issued */
	bool by_itself;                /* [lock] after an error: one command at a time, so that the guilty one is found */
	struct list_node waiting;      /* [lock] */
	s32 kept_status;               /* [lock] of the keeper's own command in slot 0; 1: under way */
	struct timer watchdog;

	u8 attention;                  /* (a) the keeper has to look: a plug, an error, a hung command */
	struct waitqueue wait;         /* the keeper's */
	u8 kind;                       /* (o) keeper: enum ahci_kind */
	struct ata_identity identity;  /* (o) keeper; constant while registered */
	struct block_device *device;   /* (o) keeper; NULL: nothing is plugged */
	char name[16];                 /* (c) "sda", "sr0": the port's, once something was there */
};

struct ahci_controller {
	struct pci_device *pci;        /* (c) */
	volatile void *registers;      /* (c) */
	u32 capabilities, slot_count;  /* (c) */
	char name[16];                 /* (c) "ahci0" */
	struct pci_interrupt interrupt;
	struct ahci_port *ports[AHCI_PORTS_MAX]; /* (c) NULL: the controller has no such port */
};

static inline u32 ahci_slots(const struct ahci_port *port)
{
	return port->controller->slot_count;
}

u32 ahci_port_read(const struct ahci_port *port, u32 offset);
void ahci_port_write(struct ahci_port *port, u32 offset, u32 value);

/* ahci_command.c: writes slot number's header and table for a request, or for a plain command with one data page. */
void ahci_put_request(struct ahci_port *port, u32 slot, const struct block_request *request, bool queued);
void ahci_put_command(struct ahci_port *port, u32 slot, u8 command, const u8 packet[12], hpa_t data, u32 data_bytes);
bool ahci_is_queued(const struct ahci_port *port, const struct block_request *request);

/* ahci_queue.c */
void ahci_submit(struct block_device *device, struct block_request *request);
void ahci_port_interrupt(struct ahci_port *port);
/* Keeper: one command, waited for. data: 512 bytes at most are moved. OK, ERR_IO, ERR_TIMEOUT. */
MUST_CHECK int ahci_run(struct ahci_port *port, u8 command, const u8 packet[12], hpa_t data, u32 data_bytes);
/* Keeper: the port stands still. Requests under way go back in front of those that wait, or all are ended with status. */
void ahci_take_back(struct ahci_port *port);
void ahci_fail_all(struct ahci_port *port, int status);
/* Keeper: commands may be issued again. */
void ahci_go_on(struct ahci_port *port);
void ahci_queue_init(struct ahci_port *port);

/* ahci_port.c */
MUST_CHECK int ahci_port_start(struct ahci_port *port);
/* Looks what is plugged in, then goes on doing so in a thread of its own. Boot thread, after interrupts are on. */
MUST_CHECK int ahci_port_keep(struct ahci_port *port);
void ahci_ask_keeper(struct ahci_port *port);

#endif
