/* SPDX-License-Identifier: MIT */
/*
 * What every virtio device is made of, whatever its kind and transport: status, features, queues, interrupts, a thread for what
 * a doorbell may not do, reset, pause, saved state.
 *
 * A device embeds struct virtio_device, fills the (c) fields and calls virtio_device_init; virtio_pci.c gives it to the guest.
 * A queue's lock is held for moments: to take a chain, to give one back. While the device is not live (before DRIVER_OK, after an
 * error, while it is paused or reset) nothing is taken, and whoever stops it waits until all that was taken was given back.
 * Next to read: virtio_device.c, then virtio_pci.c.
 */
#ifndef VIRTIO_VIRTIO_DEVICE_H
#define VIRTIO_VIRTIO_DEVICE_H

#include "hv/dev/vpci.h"
#include "virtio/spec/virtio.h"
#include "virtio/virtqueue.h"

#define VIRTIO_QUEUES_MAX 16u
#define VIRTIO_CONFIG_MAX 64u

struct virtio_device;

/* reset, features and config_written run in thread context under the configuration mutex, on a device that is not live. */
struct virtio_device_ops {
	/* Back to the power-on state; the queues are empty and unmapped. */
	void (*reset)(struct virtio_device *device);
	/* May be NULL. What else must hold of the features that the driver chose; false: FEATURES_OK stays clear. */
	bool (*features_ok)(struct virtio_device *device, u64 features);
	/* A doorbell of a live queue. Any context but NMI, the fast level included: do what may be done there, or virtio_kick. */
	void (*doorbell)(struct virtio_device *device, unsigned queue);
	/* virtio_kick's, in the device's thread: take chains until there are none. */
	void (*work)(struct virtio_device *device, unsigned queue);
	/* May be NULL: this queue was stopped and emptied by itself (RING_RESET). */
	void (*queue_reset)(struct virtio_device *device, unsigned queue);
	/* May be NULL: the driver wrote device->config[offset]. Also while live. */
	void (*config_written)(struct virtio_device *device, unsigned offset, unsigned size_bytes);
	/* May be NULL. The device's own record of saved state, behind the common one; paused. */
	void (*save)(struct virtio_device *device, struct state_writer *writer);
	MUST_CHECK int (*load)(struct virtio_device *device, struct state_reader *reader);
};

struct virtio_queue {
	struct spinlock lock;
	struct virtq ring;         /* [lock] once live; else [config_mutex] */
	u32 in_flight;             /* [lock] chains taken and not given back */
	bool stopped;              /* [lock] nothing is taken, nothing given back is written */
	u16 vector;                /* (a) */
};

struct virtio_transport_ops {
	void (*queue_interrupt)(struct virtio_device *device, unsigned queue); /* any context */
	void (*config_interrupt)(struct virtio_device *device);                /* any context */
};

struct virtio_device {
	const char *name;                        /* (c) the alias, for messages */
	struct vm *vm;                           /* (c) */
	const struct virtio_device_ops *ops;     /* (c) */
	const struct virtio_transport_ops *transport; /* (c) */
	void *transport_context;                 /* (c) the transport's */
	u16 type;                                /* (c) VIRTIO_ID_ */
	u16 queue_count;                         /* (c) */
	u64 offered;                             /* (c) features; VERSION_1, INDIRECT, EVENT_IDX, RING_RESET are added */
	u32 config_bytes;                        /* (c) */
	u8 config[VIRTIO_CONFIG_MAX];            /* (a) bytes; changed by virtio_config_changed and config_written */
	u8 config_writable[VIRTIO_CONFIG_MAX];   /* (c) which bits the driver may change */

	struct mutex config_mutex;               /* registers of the transport; outermost here */
	u64 features;                            /* [config_mutex] the driver's; constant while live */
	u8 status;                               /* (a) written under config_mutex, but for NEEDS_RESET */
	u8 generation;                           /* (a) */
	bool live;                               /* (a) DRIVER_OK and nothing against it */
	bool paused;                             /* [config_mutex] */
	struct virtio_queue queues[VIRTIO_QUEUES_MAX];
	struct waitqueue drained;

	struct thread *thread;                   /* (c) */
	struct waitqueue thread_wait;
	u32 kicks;                               /* (a) a bit per queue */
	bool ending;                             /* (a) */
};

/* sizes: of each queue, powers of two. ERR_NO_MEMORY. */
MUST_CHECK int virtio_device_init(struct virtio_device *device, const u16 *sizes);
void virtio_device_release(struct virtio_device *device); /* stops and waits; the guest is gone */

static inline bool virtio_has(const struct virtio_device *device, unsigned feature)
{
	return (device->features >> feature) & 1;
}

/* What the device's thread does at each turn; for hosted tests, which have no such thread. */
void virtio_run_kicks(struct virtio_device *device);

/* For devices; any context. */
void virtio_kick(struct virtio_device *device, unsigned queue); /* work() will run */
/*
 * Takes a chain; codes as virtq_pop, and ERR_BUSY: the queue is not live. A broken rule is told to the driver here. When there is
 * none, the next one is asked to ring. With `prepare`, that is called under the queue's lock, and gives the chain back by any code
 * but OK.
 */
MUST_CHECK int virtio_take(struct virtio_device *device, unsigned queue, struct virtq_chain *chain,
			   int (*prepare)(struct virtio_device *device, struct virtq_chain *chain, void *context), void *context);
/* Takes a chain anew that was taken and dropped without an answer; codes as virtio_take, but for ERR_NOT_FOUND. */
MUST_CHECK int virtio_take_again(struct virtio_device *device, unsigned queue, u16 head, struct virtq_chain *chain);
/* Gives a chain back, and interrupts if the driver wants it. The device must not touch what belongs to the chain afterwards. */
void virtio_give(struct virtio_device *device, unsigned queue, u16 head, u32 written);
/* Several chains of one message, in order, which the driver sees together. */
void virtio_give_many(struct virtio_device *device, unsigned queue, const struct virtq_used_element *elements, u32 count);
/* Puts back the chains that virtio_take gave last: they wait in the ring as before. One thread at a time takes of that queue. */
void virtio_untake(struct virtio_device *device, unsigned queue, u32 count);
/* As virtio_give for a chain that is not answered: it broke a rule, or will be taken again; nothing is written. */
void virtio_drop(struct virtio_device *device, unsigned queue);
/* The driver broke a rule: NEEDS_RESET, and nothing more is taken. why: constant. */
void virtio_driver_error(struct virtio_device *device, const char *why);
/* The device changes its own configuration; thread context. */
void virtio_config_changed(struct virtio_device *device, unsigned offset, const void *from, unsigned size_bytes);

/* For transports; thread context. */
void virtio_set_features(struct virtio_device *device, unsigned select, u32 value);
u32 virtio_offered(const struct virtio_device *device, unsigned select);
void virtio_set_status(struct virtio_device *device, u8 value);
void virtio_enable_queue(struct virtio_device *device, unsigned queue);
void virtio_reset_queue(struct virtio_device *device, unsigned queue);
u32 virtio_config_read(struct virtio_device *device, u64 offset, unsigned size_bytes);
void virtio_config_write(struct virtio_device *device, u64 offset, unsigned size_bytes, u64 value);
void virtio_reset(struct virtio_device *device);
void virtio_doorbell(struct virtio_device *device, u64 queue); /* any context, fast level included */

/* For the machine: hv/device_model.h's operations, less the transport's part. */
void virtio_pause(struct virtio_device *device);
void virtio_resume(struct virtio_device *device);
void virtio_save(struct virtio_device *device, struct state_writer *writer);
MUST_CHECK int virtio_load(struct virtio_device *device, struct state_reader *reader);

#endif
