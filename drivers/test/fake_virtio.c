/* SPDX-License-Identifier: MIT */
/* See fake_virtio.h. */
#include "drivers/test/fake_virtio.h"
#include <assert.h>
#include "virtio/spec/virtio_pci.h"

enum { COMMON = 0, NOTIFY = 0x1000, ISR = 0x2000, CONFIG = 0x3000, MULTIPLIER = 4 };

struct fake_virtio fake_virtio;

static void forget(struct fake_virtio *device)
{
	memset(device->queues, 0, sizeof(device->queues));
	for (u32 i = 0; i < FAKE_VIRTIO_QUEUES; i++) {
		device->queues[i].size = device->queue_size;
		device->queues[i].vector = VIRTIO_MSI_NO_VECTOR;
	}
	device->config_vector = VIRTIO_MSI_NO_VECTOR;
	device->accepted = 0;
	device->status = device->isr = 0;
}

static u32 read_common(struct fake_virtio *device, u64 at)
{
	struct fake_virtio_queue *queue = &device->queues[device->queue_select % FAKE_VIRTIO_QUEUES];

	switch (at) {
	case VIRTIO_COMMON_DEVICE_FEATURE: return device->feature_select < 2 ? (u32)(device->features >> (32 * device->feature_select)) : 0;
	case VIRTIO_COMMON_MSIX_CONFIG: return device->config_vector;
	case VIRTIO_COMMON_NUM_QUEUES: return device->queue_count;
	case VIRTIO_COMMON_STATUS: return device->status;
	case VIRTIO_COMMON_QUEUE_SIZE: return queue->size;
	case VIRTIO_COMMON_QUEUE_MSIX: return queue->vector;
	case VIRTIO_COMMON_QUEUE_NOTIFY_OFF: return device->queue_select;
	default: return 0;
	}
}

static u32 read_register(void *context, u64 offset, unsigned size_bytes)
{
	struct fake_virtio *device = context;
	u32 value = 0;

	if (offset >= CONFIG) {
		assert(offset - CONFIG + size_bytes <= sizeof(device->config));
		memcpy(&value, device->config + (offset - CONFIG), size_bytes);
	} else if (offset >= ISR) {
		value = device->isr;
		device->isr = 0;
	} else if (offset < NOTIFY) {
		value = read_common(device, offset);
	}
	return value;
}

static void write_status(struct fake_virtio *device, u8 value)
{
	if (!value) {
		device->resets++;
		if (!device->never_resets)
			forget(device);
		return;
	}
	if ((value & VIRTIO_STATUS_FEATURES_OK) && !(device->status & VIRTIO_STATUS_FEATURES_OK)) {
		assert((value & 3) == 3 && !(device->accepted & ~device->features));
		if (device->refuses_features || !(device->accepted >> VIRTIO_F_VERSION_1 & 1))
			value &= (u8)~VIRTIO_STATUS_FEATURES_OK;
	}
	if (value & VIRTIO_STATUS_DRIVER_OK)
		assert(value & VIRTIO_STATUS_FEATURES_OK);
	device->status = value;
}

/* Half of a 64-bit register. */
static void half(u64 *value, u64 offset, u32 part)
{
	*value = offset & 4 ? (*value & 0xffffffff) | (u64)part << 32 : (*value & ~0xffffffffull) | part;
}

static void write_common(struct fake_virtio *device, u64 at, u32 value)
{
	struct fake_virtio_queue *queue = &device->queues[device->queue_select % FAKE_VIRTIO_QUEUES];
	bool vector_exists = fake_bus.interrupt_kind == PCI_INTERRUPT_MSIX && value < fake_bus.vectors;

	switch (at) {
	case VIRTIO_COMMON_DEVICE_FEATURE_SELECT: device->feature_select = value; break;
	case VIRTIO_COMMON_DRIVER_FEATURE_SELECT: device->driver_select = value; break;
	case VIRTIO_COMMON_DRIVER_FEATURE:
		assert(!(device->status & VIRTIO_STATUS_FEATURES_OK));
		half(&device->accepted, device->driver_select * 4, value);
		break;
	case VIRTIO_COMMON_MSIX_CONFIG: device->config_vector = vector_exists ? (u16)value : VIRTIO_MSI_NO_VECTOR; break;
	case VIRTIO_COMMON_STATUS: write_status(device, (u8)value); break;
	case VIRTIO_COMMON_QUEUE_SELECT: device->queue_select = value; break;
	case VIRTIO_COMMON_QUEUE_SIZE: queue->size = (u16)value; break;
	case VIRTIO_COMMON_QUEUE_MSIX: queue->vector = vector_exists ? (u16)value : VIRTIO_MSI_NO_VECTOR; break;
	case VIRTIO_COMMON_QUEUE_ENABLE:
		assert(value == 1 && queue->descriptors % 16 == 0 && queue->available % 2 == 0 && queue->used_ring % 4 == 0);
		queue->enabled = 1;
		break;
	case VIRTIO_COMMON_QUEUE_DESC: case VIRTIO_COMMON_QUEUE_DESC + 4: half(&queue->descriptors, at - VIRTIO_COMMON_QUEUE_DESC, value); break;
	case VIRTIO_COMMON_QUEUE_DRIVER: case VIRTIO_COMMON_QUEUE_DRIVER + 4:
		half(&queue->available, at - VIRTIO_COMMON_QUEUE_DRIVER, value); break;
	case VIRTIO_COMMON_QUEUE_DEVICE: case VIRTIO_COMMON_QUEUE_DEVICE + 4:
		half(&queue->used_ring, at - VIRTIO_COMMON_QUEUE_DEVICE, value); break;
	default: assert(!"a register that no driver writes");
	}
}

static void write_register(void *context, u64 offset, unsigned size_bytes, u32 value)
{
	struct fake_virtio *device = context;

	(void)size_bytes;
	if (offset < NOTIFY) {
		write_common(device, offset, value);
		return;
	}
	assert(offset < ISR && (offset - NOTIFY) / MULTIPLIER == value && value < FAKE_VIRTIO_QUEUES);
	device->queues[value].rings++;
	if (device->rung)
		device->rung(device, value);
}

static void capability(struct fake_function *function, u32 index, u8 type, u32 offset, u32 size)
{
	u16 at = (u16)(0x40 + 0x18 * index);

	fake_put(function, at, PCI_CAP_VENDOR, 1);
	fake_put(function, (u16)(at + VIRTIO_CAP_TYPE), type, 1);
	fake_put(function, (u16)(at + VIRTIO_CAP_OFFSET), offset, 4);
	fake_put(function, (u16)(at + VIRTIO_CAP_SIZE), size, 4);
	fake_put(function, (u16)(at + VIRTIO_CAP_NOTIFY_MULTIPLIER), MULTIPLIER, 4);
	fake_bus.function.capabilities[fake_bus.function.capability_count++] = (struct pci_capability){ at, PCI_CAP_VENDOR, false };
}

void fake_virtio_init(u16 type, u64 features, u8 interrupt_kind, u32 vectors)
{
	struct fake_function *function;

	fake_bus_init(VIRTIO_PCI_VENDOR | (u32)VIRTIO_PCI_DEVICE(type) << 16, interrupt_kind, vectors);
	fake_bus.read = read_register;
	fake_bus.write = write_register;
	fake_bus.device = &fake_virtio;
	function = &fake_bus.pci.functions[0];
	capability(function, 0, VIRTIO_PCI_CAP_COMMON, COMMON, VIRTIO_COMMON_BYTES);
	capability(function, 1, VIRTIO_PCI_CAP_NOTIFY, NOTIFY, 0x100);
	capability(function, 2, VIRTIO_PCI_CAP_ISR, ISR, 1);
	capability(function, 3, VIRTIO_PCI_CAP_DEVICE, CONFIG, sizeof(fake_virtio.config));
	memset(&fake_virtio, 0, sizeof(fake_virtio));
	fake_virtio.features = features | BIT64(VIRTIO_F_VERSION_1);
	fake_virtio.queue_count = FAKE_VIRTIO_QUEUES;
	fake_virtio.queue_size = 256;
	forget(&fake_virtio);
}

int fake_virtio_take(u32 index)
{
	struct fake_virtio_queue *queue = &fake_virtio.queues[index];
	const u8 *ring = (const u8 *)queue->available;

	assert(queue->enabled && fake_bus_may_master() && (fake_virtio.status & VIRTIO_STATUS_DRIVER_OK));
	if (*(const u16 *)(ring + VIRTQ_AVAIL_IDX) == queue->taken)
		return -1;
	return *(const u16 *)(ring + VIRTQ_AVAIL_RING(queue->taken++ & (queue->size - 1u)));
}

bool fake_virtio_descriptor(u32 index, u16 head, u32 i, struct virtq_desc *out)
{
	const struct virtq_desc *table = (const struct virtq_desc *)fake_virtio.queues[index].descriptors;

	*out = table[head];
	while (i--) {
		if (!(out->flags & VIRTQ_DESC_F_NEXT))
			return false;
		assert(out->next < fake_virtio.queues[index].size);
		*out = table[out->next];
	}
	return true;
}

void fake_virtio_skip_used(u32 index, u16 steps)
{
	struct fake_virtio_queue *queue = &fake_virtio.queues[index];

	queue->used = (u16)(queue->used + steps);
	*(u16 *)(queue->used_ring + VIRTQ_USED_IDX) = queue->used;
}

void fake_virtio_use(u32 index, u32 id, u32 length)
{
	struct fake_virtio_queue *queue = &fake_virtio.queues[index];
	struct virtq_used_element *element = (void *)(queue->used_ring + VIRTQ_USED_RING(queue->used & (queue->size - 1u)));

	*element = (struct virtq_used_element){ id, length };
	fake_virtio_skip_used(index, 1);
}
