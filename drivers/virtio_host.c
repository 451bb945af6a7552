/* SPDX-License-Identifier: MIT */
/*
 * Driving a virtio device over PCI (virtio_host.h), in the order of VIRTIO 1.2, "Device Initialization" (3.1).
 *
 * Interrupts: two MSI-X vectors, one for the configuration, one for all queues; fewer vectors, or a wire, are shared, and the ISR byte
 * tells what is meant there. Each register is read with its own width, as the text demands.
 */
#include "drivers/virtio_host.h"
#include "hv/clock.h"
#include "hv/lib/string.h"
#include "hv/mmio.h"
#include "hv/thread.h"
#include "virtio/spec/virtio_pci.h"

#define RESET_TIMEOUT_NS NS_PER_S
#define RESET_POLL_NS NS_PER_MS
#define GENERATION_TRIES 16u

static u32 capability_read(const struct pci_device *pci, u16 at, u16 field, unsigned size_bytes)
{
	return pci_read(pci, (u16)(at + field), size_bytes);
}

/* The capability's stretch of its BAR, if it lies in it and has at least minimum bytes. */
static bool map_part(const struct pci_device *pci, u16 at, u32 minimum, struct virtio_host_part *part)
{
	u32 index = capability_read(pci, at, VIRTIO_CAP_BAR, 1), offset = capability_read(pci, at, VIRTIO_CAP_OFFSET, 4);
	u32 size = capability_read(pci, at, VIRTIO_CAP_SIZE, 4);
	const struct pci_bar *bar;

	if (index >= PCI_BARS || size < minimum || (offset & (minimum >= 4 ? 3 : 0)))
		return false;
	bar = &pci->bars[index];
	if (!bar->memory || !bar->base || offset > bar->size_bytes || size > bar->size_bytes - offset)
		return false;
	part->size_bytes = (u32)MIN(size, PAGE_SIZE * 16);
	part->registers = mmio_map(HPA(bar->base + offset), part->size_bytes);
	return part->registers != NULL;
}

int virtio_host_find(struct virtio_host *host, struct pci_device *pci)
{
	struct { u8 type; u32 minimum; struct virtio_host_part *part; } kinds[] = {
		{ VIRTIO_PCI_CAP_COMMON, VIRTIO_COMMON_QUEUE_NOTIFY_DATA, &host->common },
		{ VIRTIO_PCI_CAP_NOTIFY, 2, &host->notify },
		{ VIRTIO_PCI_CAP_ISR, 1, &host->isr },
		{ VIRTIO_PCI_CAP_DEVICE, 4, &host->config },
	};

	host->pci = pci;
	pci_command(pci, PCI_COMMAND_MEMORY, 0);
	for (u32 i = 0; i < pci->capability_count; i++) {
		const struct pci_capability *capability = &pci->capabilities[i];

		if (capability->extended || capability->id != PCI_CAP_VENDOR)
			continue;
		/* "the driver SHOULD select the first one that it can support" */
		for (u32 k = 0; k < ARRAY_SIZE(kinds); k++)
			if (capability_read(pci, capability->offset, VIRTIO_CAP_TYPE, 1) == kinds[k].type && !kinds[k].part->registers &&
			    map_part(pci, capability->offset, kinds[k].minimum, kinds[k].part) && kinds[k].type == VIRTIO_PCI_CAP_NOTIFY)
				host->notify_multiplier = capability_read(pci, capability->offset, VIRTIO_CAP_NOTIFY_MULTIPLIER, 4);
	}
	return host->common.registers && host->notify.registers && host->isr.registers ? OK : ERR_UNSUPPORTED;
}

static u8 status(const struct virtio_host *host)
{
	return mmio_read8(host->common.registers, VIRTIO_COMMON_STATUS);
}

static void add_status(struct virtio_host *host, u8 bits)
{
	mmio_write8(host->common.registers, VIRTIO_COMMON_STATUS, (u8)(status(host) | bits));
}

int virtio_host_reset(struct virtio_host *host)
{
	u64 deadline = clock_ns() + RESET_TIMEOUT_NS;

	mmio_write8(host->common.registers, VIRTIO_COMMON_STATUS, 0);
	while (status(host) != 0) {
		if (clock_ns() >= deadline) {
			pci_command(host->pci, 0, PCI_COMMAND_BUS_MASTER);
			return ERR_TIMEOUT;
		}
		thread_sleep_ns(RESET_POLL_NS);
	}
	return OK;
}

bool virtio_host_failed(const struct virtio_host *host)
{
	return status(host) & (VIRTIO_STATUS_NEEDS_RESET | VIRTIO_STATUS_FAILED); /* a device that is gone reads as ones */
}

static u64 device_features(struct virtio_host *host)
{
	u64 features = 0;

	for (u32 half = 0; half < 2; half++) {
		mmio_write32(host->common.registers, VIRTIO_COMMON_DEVICE_FEATURE_SELECT, half);
		features |= (u64)mmio_read32(host->common.registers, VIRTIO_COMMON_DEVICE_FEATURE) << (32 * half);
	}
	return features;
}

int virtio_host_negotiate(struct virtio_host *host, u64 wanted)
{
	u64 offered;
	int error = virtio_host_reset(host);

	if (error)
		return error;
	pci_command(host->pci, PCI_COMMAND_BUS_MASTER, 0);
	add_status(host, VIRTIO_STATUS_ACKNOWLEDGE);
	add_status(host, VIRTIO_STATUS_DRIVER);
	offered = device_features(host);
	if (!(offered & BIT64(VIRTIO_F_VERSION_1)))
		return ERR_UNSUPPORTED;
	/* ACCESS_PLATFORM: it reaches memory as any other device does; that is what it is given. */
	host->features = offered & (wanted | BIT64(VIRTIO_F_VERSION_1) | BIT64(VIRTIO_F_ACCESS_PLATFORM));
	for (u32 half = 0; half < 2; half++) {
		mmio_write32(host->common.registers, VIRTIO_COMMON_DRIVER_FEATURE_SELECT, half);
		mmio_write32(host->common.registers, VIRTIO_COMMON_DRIVER_FEATURE, (u32)(host->features >> (32 * half)));
	}
	add_status(host, VIRTIO_STATUS_FEATURES_OK);
	return status(host) & VIRTIO_STATUS_FEATURES_OK ? OK : ERR_UNSUPPORTED;
}

u16 virtio_host_queue_size(struct virtio_host *host, u16 index)
{
	u16 most, size = VIRTIO_HOST_QUEUE_MAX;

	if (index >= mmio_read16(host->common.registers, VIRTIO_COMMON_NUM_QUEUES))
		return 0;
	mmio_write16(host->common.registers, VIRTIO_COMMON_QUEUE_SELECT, index);
	most = mmio_read16(host->common.registers, VIRTIO_COMMON_QUEUE_SIZE);
	while (size > most)
		size /= 2;
	return size;
}

static bool messages(const struct virtio_host *host)
{
	return host->interrupt.kind == PCI_INTERRUPT_MSIX;
}

static int set_vector(struct virtio_host *host, u32 field, u16 vector)
{
	if (!messages(host))
		return OK;
	mmio_write16(host->common.registers, field, vector);
	return mmio_read16(host->common.registers, field) == vector ? OK : ERR_IO;
}

int virtio_host_queue_start(struct virtio_host *host, struct virtio_host_queue *queue, u16 index, bool interrupts)
{
	volatile void *common = host->common.registers;
	u64 available = queue->address.value + queue->descriptor_bytes;
	u64 bell;

	mmio_write16(common, VIRTIO_COMMON_QUEUE_SELECT, index);
	mmio_write16(common, VIRTIO_COMMON_QUEUE_SIZE, queue->size);
	bell = (u64)mmio_read16(common, VIRTIO_COMMON_QUEUE_NOTIFY_OFF) * host->notify_multiplier;
	if (bell + 2 > host->notify.size_bytes || (bell & 1))
		return ERR_IO;
	queue->index = index;
	queue->doorbell = (volatile u8 *)host->notify.registers + bell;
	if (set_vector(host, VIRTIO_COMMON_QUEUE_MSIX, interrupts ? (u16)(host->interrupt.count - 1) : VIRTIO_MSI_NO_VECTOR))
		return ERR_IO;
	mmio_write64(common, VIRTIO_COMMON_QUEUE_DESC, queue->address.value);
	mmio_write64(common, VIRTIO_COMMON_QUEUE_DRIVER, available);
	mmio_write64(common, VIRTIO_COMMON_QUEUE_DEVICE, available + queue->available_bytes);
	mmio_write16(common, VIRTIO_COMMON_QUEUE_ENABLE, 1);
	return OK;
}

static void queues_interrupt(void *context)
{
	struct virtio_host *host = context;

	host->queues_asked(host->context);
}

static void config_interrupt(void *context)
{
	struct virtio_host *host = context;

	host->config_asked(host->context);
}

/* One for everything: reading the ISR byte lowers a wire. */
static void shared_interrupt(void *context)
{
	struct virtio_host *host = context;
	u8 asked = messages(host) ? VIRTIO_ISR_QUEUE | VIRTIO_ISR_CONFIG : mmio_read8(host->isr.registers, 0);

	if (asked & VIRTIO_ISR_CONFIG)
		host->config_asked(host->context);
	if (asked & VIRTIO_ISR_QUEUE)
		host->queues_asked(host->context);
}

int virtio_host_interrupts(struct virtio_host *host, const char *name)
{
	int error = pci_interrupt_open(&host->interrupt, host->pci);

	if (error)
		return error;
	if (!messages(host) || host->interrupt.msix.vectors < 2)
		return pci_interrupt_add(&host->interrupt, 0, name, shared_interrupt, host);
	error = pci_interrupt_add(&host->interrupt, 0, name, config_interrupt, host);
	return error ? error : pci_interrupt_add(&host->interrupt, 0, name, queues_interrupt, host);
}

int virtio_host_ready(struct virtio_host *host)
{
	if (set_vector(host, VIRTIO_COMMON_MSIX_CONFIG, 0))
		return ERR_IO;
	add_status(host, VIRTIO_STATUS_DRIVER_OK);
	return OK;
}

static bool has_config(const struct virtio_host *host, u32 offset, u32 size_bytes)
{
	return host->config.registers && offset + size_bytes <= host->config.size_bytes;
}

u8 virtio_host_config8(const struct virtio_host *host, u32 offset)
{
	return has_config(host, offset, 1) ? mmio_read8(host->config.registers, offset) : 0;
}

u16 virtio_host_config16(const struct virtio_host *host, u32 offset)
{
	return has_config(host, offset, 2) ? mmio_read16(host->config.registers, offset) : 0;
}

u32 virtio_host_config32(const struct virtio_host *host, u32 offset)
{
	return has_config(host, offset, 4) ? mmio_read32(host->config.registers, offset) : 0;
}

u64 virtio_host_config64(const struct virtio_host *host, u32 offset)
{
	u64 value = 0;

	if (!has_config(host, offset, 8))
		return 0;
	for (u32 tries = 0; tries < GENERATION_TRIES; tries++) {
		u8 before = mmio_read8(host->common.registers, VIRTIO_COMMON_GENERATION);

		value = mmio_read64(host->config.registers, offset);
		if (mmio_read8(host->common.registers, VIRTIO_COMMON_GENERATION) == before)
			break;
	}
	return value;
}
