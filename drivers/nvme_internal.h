/* SPDX-License-Identifier: MIT */
/* What the parts of the NVMe driver share. Tags as in hv/vcpu.h. */
#ifndef DRIVERS_NVME_INTERNAL_H
#define DRIVERS_NVME_INTERNAL_H

#include "drivers/nvme.h"
#include "drivers/nvme_prp.h"
#include "drivers/nvme_regs.h"
#include "drivers/pci_interrupt.h"
#include "hv/block_device.h"
#include "hv/thread.h"
#include "hv/timer.h"

#define NVME_NAMESPACES_MAX 16u
#define NVME_QUEUE_ENTRIES 64u      /* a power of two; one slot fewer is used, so that head and tail differ when full */
#define NVME_QUEUES_MAX 16u
#define NVME_COMMAND_TIMEOUT_NS (30 * 1000000000ull)

/* One command under way. Its number is the command's identifier. */
struct nvme_slot {
	struct block_request *request; /* NULL: free */
	u64 offset_bytes, bounce_bytes; /* where a bounced block belongs; 0 bytes: nothing is bounced */
	u64 issued_ns;
};

/* A submission queue and its completion queue. Completions come by interrupt. */
struct nvme_queue {
	struct spinlock lock;          /* rank LOCK_RANK_DRIVER */
	struct nvme_controller *controller; /* (c) */
	u16 id;                        /* (c) 0: admin */
	u32 entries;                   /* (c) */
	struct nvme_command *commands; /* (c) DMA */
	volatile struct nvme_completion *completions; /* (c) DMA */
	u8 *pages;                     /* (c) DMA: one page a slot, for PRP lists, DSM ranges, bounced blocks */
	hpa_t commands_address, completions_address, pages_address; /* (c) */
	u32 tail, head;                /* [lock] of submission, of completion */
	u16 phase;                     /* [lock] */
	u32 free_count;                /* [lock] */
	u32 next_slot;                 /* [lock] where the search for a free one begins */
	struct nvme_slot slots[NVME_QUEUE_ENTRIES]; /* [lock] */
	struct list_node waiting;      /* [lock] requests that are not wholly issued yet, oldest first */
	struct timer watchdog;         /* armed while commands are under way */
};

struct nvme_namespace {
	struct block_device device;
	struct nvme_controller *controller; /* (c) */
	u32 id;                        /* (c) 0: none */
	u32 block_shift;               /* (c) log2 of the logical block in 512-byte sectors */
	bool registered;
};

struct nvme_controller {
	struct pci_device *pci;        /* (c) */
	char name[16];                 /* (c) "nvme0" */
	volatile void *registers;      /* (c) */
	u64 capabilities;              /* (c) */
	char model[41], serial[21];    /* (c) */
	u32 max_transfer_bytes;        /* (c) */
	u32 namespace_count, optional_commands; /* (c) */
	bool volatile_cache;           /* (c) */
	struct pci_interrupt interrupt;
	struct nvme_queue admin;
	struct nvme_queue queues[NVME_QUEUES_MAX];
	u32 queue_count;               /* (c) */
	struct nvme_namespace namespaces[NVME_NAMESPACES_MAX];
	u64 bounced;                   /* (a) blocks that were copied */
	u8 broken;                     /* (a) resets or is given up: nothing is issued */
	bool stuck;                    /* (a) a command took too long: the keeper is to reset the controller */
	struct waitqueue attention;    /* the keeper's */
};

/* nvme_queue.c */
MUST_CHECK int nvme_queue_create(struct nvme_queue *queue, struct nvme_controller *controller, u16 id, u32 entries);
void nvme_queue_start(struct nvme_queue *queue); /* empties it: the controller is about to know it anew */
void nvme_submit(struct block_device *device, struct block_request *request);
void nvme_queue_interrupt(void *queue);
/* Ends everything that is under way or waits. The controller is stopped: it touches no memory any more. */
void nvme_queue_fail(struct nvme_queue *queue, int status);
void nvme_ring(struct nvme_queue *queue, bool completion, u32 value);

/* nvme_admin.c: one command at a time, thread context, polled. words: command dwords 10 to 15. */
MUST_CHECK int nvme_admin(struct nvme_controller *controller, u8 opcode, u32 namespace_id, hpa_t data, const u32 words[2],
			  u32 *result);
MUST_CHECK int nvme_identify(struct nvme_controller *controller);
MUST_CHECK int nvme_create_queues(struct nvme_controller *controller);
void nvme_find_namespaces(struct nvme_controller *controller);

#endif
