/* SPDX-License-Identifier: MIT */
/*
 * The virtio entropy device (VIRTIO 1.2, "Entropy Device"): fills what the driver offers with bytes of hv/entropy.h.
 *
 * At most a rate of bytes per period (libvirt's <rate>), so that no guest drains the host's generator or its CPU: the device's thread
 * waits for its allowance before it takes a buffer, so a pause or reset never waits for it.
 */
#include "hv/clock.h"
#include "hv/entropy.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "virtio/models.h"
#include "virtio/spec/virtio.h"
#include "virtio/virtio_pci.h"

#define QUEUE_SIZE 64u
#define CHUNK_BYTES 256u   /* of one buffer: Linux asks for 64 */
#define CLASS_OTHER 0x00ff00u

struct virtio_rng {
	struct virtio_device device;
	struct virtio_pci pci;
	struct entropy entropy;      /* (o) the device's thread */
	u64 rate_bytes, period_ns;   /* (c) */
	u64 period_start_ns, given;  /* (o) the device's thread: in this period */
	struct virtq_range *scratch; /* (o) the device's thread */
};

static struct virtio_rng *of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct virtio_rng, device);
}

static void rng_reset(struct virtio_device *device)
{
	(void)device;
}

static void rng_doorbell(struct virtio_device *device, unsigned queue)
{
	virtio_kick(device, queue);
}

/* How many bytes may be given now; 0: wait until *until_ns. */
static u32 allowance(struct virtio_rng *rng, u64 *until_ns)
{
	u64 now = clock_ns();

	if (now - rng->period_start_ns >= rng->period_ns) {
		rng->period_start_ns = now;
		rng->given = 0;
	}
	*until_ns = rng->period_start_ns + rng->period_ns;
	return (u32)MIN(rng->rate_bytes - MIN(rng->given, rng->rate_bytes), CHUNK_BYTES);
}

/* False: the device ends. */
static bool wait_until(struct virtio_device *device, u64 until_ns)
{
	(void)waitqueue_wait_until(&device->thread_wait, READ_ONCE(device->ending), until_ns);
	return !READ_ONCE(device->ending);
}

/* One buffer: its answer, or why there is none. */
static void fill(struct virtio_rng *rng, const struct virtq_chain *chain, u32 most)
{
	u32 bytes = MIN(chain->writable_bytes, most);
	u8 chunk[CHUNK_BYTES];

	if (!bytes || entropy_bytes(&rng->entropy, chunk, bytes) != OK ||
	    virtq_chain_write(rng->device.vm, chain, 0, chunk, bytes) != OK) {
		virtio_driver_error(&rng->device, "a buffer for random bytes that cannot be filled");
		virtio_drop(&rng->device, 0);
		return;
	}
	rng->given += bytes;
	memset(chunk, 0, sizeof(chunk));
	virtio_give(&rng->device, 0, chain->head, bytes);
}

static void rng_work(struct virtio_device *device, unsigned queue)
{
	struct virtio_rng *rng = of(device);
	struct virtq_chain chain = { .ranges = rng->scratch, .capacity = VIRTQ_CHAIN_MAX };

	for (;;) {
		u64 until_ns;
		u32 most = allowance(rng, &until_ns);
		int code;
		u8 byte;

		if (!most) {
			if (!wait_until(device, until_ns))
				return;
			continue;
		}
		code = virtio_take(device, queue, &chain, NULL, NULL);
		if (code == ERR_AGAIN && gmem_read(device->vm, GPA(chain.ranges[0].address), &byte, 1) == OK)
			continue;
		if (code != OK)
			return;
		fill(rng, &chain, most);
	}
}

static const struct virtio_device_ops rng_ops = { .reset = rng_reset, .doorbell = rng_doorbell, .work = rng_work };

static void rng_destroy(void *context)
{
	struct virtio_rng *rng = context;

	virtio_device_release(&rng->device);
	kfree(rng->scratch);
	memset(&rng->entropy, 0, sizeof(rng->entropy));
	kfree(rng);
}

static void machine_reset(void *context) { virtio_pci_reset(&((struct virtio_rng *)context)->pci); }
static void quiesce(void *context) { virtio_pause(&((struct virtio_rng *)context)->device); }
static void resume(void *context) { virtio_resume(&((struct virtio_rng *)context)->device); }
/* The generator's key is not saved: whoever loads this has a source of its own. */
static void save(void *context, struct state_writer *writer) { virtio_pci_save(&((struct virtio_rng *)context)->pci, writer); }
static int load(void *context, struct state_reader *reader) { return virtio_pci_load(&((struct virtio_rng *)context)->pci, reader); }

static const struct device_ops device_ops = {
	.name = "virtio-rng", .reset = machine_reset, .quiesce = quiesce, .resume = resume, .save = save, .load = load,
	.destroy = rng_destroy,
};

static int rng_create(struct vm *vm, struct vpci_bus *bus, const struct device_spec *spec, struct device_instance *out,
		      const char **error)
{
	static const u16 sizes[] = { QUEUE_SIZE };
	struct virtio_rng *rng;
	int code;

	*error = "<rng>: this host's CPU has neither RDSEED nor RDRAND";
	if (!entropy_available())
		return ERR_UNSUPPORTED;
	*error = "not enough memory for a random number device";
	rng = kzalloc(sizeof(*rng));
	if (!rng)
		return ERR_NO_MEMORY;
	rng->scratch = kmalloc(VIRTQ_CHAIN_MAX * sizeof(*rng->scratch));
	rng->rate_bytes = spec->rng.rate_bytes;
	rng->period_ns = spec->rng.period_ns;
	rng->period_start_ns = clock_ns();
	rng->device.name = spec->alias;
	rng->device.vm = vm;
	rng->device.ops = &rng_ops;
	rng->device.transport = &virtio_pci_transport;
	rng->device.type = VIRTIO_ID_RNG;
	rng->device.queue_count = 1;
	code = virtio_device_init(&rng->device, sizes);
	if (code == OK && !rng->scratch)
		code = ERR_NO_MEMORY;
	if (code == OK)
		code = virtio_pci_attach(&rng->pci, &rng->device, bus, spec->slot, CLASS_OTHER, error);
	if (code != OK) {
		rng_destroy(rng);
		return code;
	}
	*out = (struct device_instance){ &device_ops, rng };
	*error = NULL;
	return OK;
}

const struct device_model virtio_rng_model = { "virtio-rng", rng_create };
