/* SPDX-License-Identifier: MIT */
/*
 * Registers of the PCI transport (virtio_pci.h), after VIRTIO 1.2, "Virtio Over PCI Bus".
 *
 * Configuration structures are for the slow level: enabling a queue may bring its pages in, a reset waits for the disk. Doorbells
 * and the ISR keep the fast contract. Registers are bytes at offsets; an access of any size is made of its bytes where it hits no
 * register exactly, so that the halves of 64-bit fields, and single bytes, work as the specification wants.
 */
#include "virtio/virtio_pci.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "virtio/spec/virtio.h"
#include "virtio/spec/virtio_pci.h"

enum { BAR_PORTS = 0, BAR_MSIX = 1, BAR_FAST = 2, BAR_CONFIG = 4 };
#define PORTS_BYTES 16u
#define FAST_BYTES 8192u
#define ISR_OFFSET 4096u
#define CONFIG_BYTES 8192u
#define DEVICE_OFFSET 4096u
#define MEMORY_MULTIPLIER 4u

/* The common configuration structure, as one image: reads come from it, writes are put into it and then acted upon. */

static void put(u8 *image, unsigned offset, u64 value, unsigned size_bytes)
{
	for (unsigned i = 0; i < size_bytes; i++)
		image[offset + i] = (u8)(value >> (8 * i));
}

static u64 get(const u8 *image, unsigned offset, unsigned size_bytes)
{
	u64 value = 0;

	for (unsigned i = 0; i < size_bytes; i++)
		value |= (u64)image[offset + i] << (8 * i);
	return value;
}

static struct virtio_queue *selected(const struct virtio_pci *pci)
{
	struct virtio_device *device = pci->device;

	return pci->queue_select < device->queue_count ?
		&device->queues[index_nospec(pci->queue_select, device->queue_count)] : NULL;
}

static void queue_image(const struct virtio_pci *pci, u8 *image)
{
	const struct virtio_queue *queue = selected(pci);

	if (!queue) /* "queue_size: 0 if the queue is unavailable" */
		return;
	put(image, VIRTIO_COMMON_QUEUE_SIZE, queue->ring.size, 2);
	put(image, VIRTIO_COMMON_QUEUE_MSIX, queue->vector, 2);
	put(image, VIRTIO_COMMON_QUEUE_ENABLE, queue->ring.enabled, 2);
	put(image, VIRTIO_COMMON_QUEUE_NOTIFY_OFF, pci->queue_select, 2);
	put(image, VIRTIO_COMMON_QUEUE_DESC, queue->ring.desc, 8);
	put(image, VIRTIO_COMMON_QUEUE_DRIVER, queue->ring.avail, 8);
	put(image, VIRTIO_COMMON_QUEUE_DEVICE, queue->ring.used, 8);
	put(image, VIRTIO_COMMON_QUEUE_NOTIFY_DATA, pci->queue_select, 2);
}

static void common_image(const struct virtio_pci *pci, u8 *image)
{
	const struct virtio_device *device = pci->device;

	memset(image, 0, VIRTIO_COMMON_BYTES);
	put(image, VIRTIO_COMMON_DEVICE_FEATURE_SELECT, pci->device_feature_select, 4);
	put(image, VIRTIO_COMMON_DEVICE_FEATURE, virtio_offered(device, pci->device_feature_select), 4);
	put(image, VIRTIO_COMMON_DRIVER_FEATURE_SELECT, pci->driver_feature_select, 4);
	if (pci->driver_feature_select < 2)
		put(image, VIRTIO_COMMON_DRIVER_FEATURE, device->features >> (32 * pci->driver_feature_select), 4);
	put(image, VIRTIO_COMMON_MSIX_CONFIG, pci->config_vector, 2);
	put(image, VIRTIO_COMMON_NUM_QUEUES, device->queue_count, 2);
	image[VIRTIO_COMMON_STATUS] = READ_ONCE(device->status);
	image[VIRTIO_COMMON_GENERATION] = READ_ONCE(device->generation);
	put(image, VIRTIO_COMMON_QUEUE_SELECT, pci->queue_select, 2);
	queue_image(pci, image);
}

static u64 common_read(struct virtio_pci *pci, u64 offset, unsigned size_bytes)
{
	u8 image[VIRTIO_COMMON_BYTES];
	u64 value;

	if (offset >= VIRTIO_COMMON_BYTES || size_bytes > VIRTIO_COMMON_BYTES - offset)
		return 0;
	mutex_lock(&pci->device->config_mutex);
	common_image(pci, image);
	value = get(image, (unsigned)offset, size_bytes);
	mutex_unlock(&pci->device->config_mutex);
	return value;
}

/* A vector that the device has, or none: a driver sees by reading it back that it was refused. */
static u16 checked_vector(const struct virtio_pci *pci, u16 vector)
{
	return vector < pci->pci.msix.count ? vector : VIRTIO_MSI_NO_VECTOR;
}

/* What a reset of the device brings back of the transport's own. */
static void forget(struct virtio_pci *pci)
{
	pci->device_feature_select = pci->driver_feature_select = 0;
	pci->queue_select = 0;
	WRITE_ONCE(pci->config_vector, VIRTIO_MSI_NO_VECTOR);
	if (__atomic_exchange_n(&pci->isr, 0, __ATOMIC_SEQ_CST) && pci->pci.bus)
		vpci_set_intx(&pci->pci, false);
}

static void size_written(struct virtio_queue *queue, u16 size)
{
	if (size && size <= queue->ring.size_max && !(size & (size - 1)))
		queue->ring.size = size;
}

static void queue_written(struct virtio_pci *pci, const u8 *image, unsigned first, unsigned last)
{
	struct virtio_queue *queue = selected(pci);
	bool off;

	if (!queue)
		return;
	off = !queue->ring.enabled; /* what describes a ring is fixed while it is in use */
#define HIT(field, bytes) (first < VIRTIO_COMMON_##field + (bytes) && last + 1 > VIRTIO_COMMON_##field)
	if (off && HIT(QUEUE_SIZE, 2))
		size_written(queue, (u16)get(image, VIRTIO_COMMON_QUEUE_SIZE, 2));
	if (HIT(QUEUE_MSIX, 2))
		WRITE_ONCE(queue->vector, checked_vector(pci, (u16)get(image, VIRTIO_COMMON_QUEUE_MSIX, 2)));
	if (off && HIT(QUEUE_DESC, 8))
		queue->ring.desc = get(image, VIRTIO_COMMON_QUEUE_DESC, 8);
	if (off && HIT(QUEUE_DRIVER, 8))
		queue->ring.avail = get(image, VIRTIO_COMMON_QUEUE_DRIVER, 8);
	if (off && HIT(QUEUE_DEVICE, 8))
		queue->ring.used = get(image, VIRTIO_COMMON_QUEUE_DEVICE, 8);
	if (HIT(QUEUE_ENABLE, 2) && get(image, VIRTIO_COMMON_QUEUE_ENABLE, 2) == 1)
		virtio_enable_queue(pci->device, pci->queue_select);
	if (HIT(QUEUE_RESET, 2) && get(image, VIRTIO_COMMON_QUEUE_RESET, 2) == 1)
		virtio_reset_queue(pci->device, pci->queue_select);
}

static void common_written(struct virtio_pci *pci, const u8 *image, unsigned first, unsigned last)
{
	struct virtio_device *device = pci->device;

	if (HIT(DEVICE_FEATURE_SELECT, 4))
		pci->device_feature_select = (u32)get(image, VIRTIO_COMMON_DEVICE_FEATURE_SELECT, 4);
	if (HIT(DRIVER_FEATURE_SELECT, 4))
		pci->driver_feature_select = (u32)get(image, VIRTIO_COMMON_DRIVER_FEATURE_SELECT, 4);
	if (HIT(DRIVER_FEATURE, 4))
		virtio_set_features(device, pci->driver_feature_select, (u32)get(image, VIRTIO_COMMON_DRIVER_FEATURE, 4));
	if (HIT(MSIX_CONFIG, 2))
		WRITE_ONCE(pci->config_vector, checked_vector(pci, (u16)get(image, VIRTIO_COMMON_MSIX_CONFIG, 2)));
	if (HIT(STATUS, 1)) {
		virtio_set_status(device, image[VIRTIO_COMMON_STATUS]);
		if (!image[VIRTIO_COMMON_STATUS])
			forget(pci);
	}
	if (HIT(QUEUE_SELECT, 2))
		pci->queue_select = (u16)get(image, VIRTIO_COMMON_QUEUE_SELECT, 2);
	else
		queue_written(pci, image, first, last);
#undef HIT
}

static void common_write(struct virtio_pci *pci, u64 offset, unsigned size_bytes, u64 value)
{
	u8 image[VIRTIO_COMMON_BYTES];

	if (offset >= VIRTIO_COMMON_BYTES || size_bytes > VIRTIO_COMMON_BYTES - offset)
		return;
	mutex_lock(&pci->device->config_mutex);
	common_image(pci, image);
	put(image, (unsigned)offset, value, size_bytes);
	common_written(pci, image, (unsigned)offset, (unsigned)offset + size_bytes - 1);
	mutex_unlock(&pci->device->config_mutex);
}

static u64 config_bar_read(void *context, u64 offset, unsigned size_bytes)
{
	struct virtio_pci *pci = context;
	u64 value;

	if (offset < DEVICE_OFFSET)
		return common_read(pci, offset, size_bytes);
	offset -= DEVICE_OFFSET;
	value = virtio_config_read(pci->device, offset, MIN(size_bytes, 4u));
	if (size_bytes == 8)
		value |= (u64)virtio_config_read(pci->device, offset + 4, 4) << 32;
	return value;
}

static void config_bar_write(void *context, u64 offset, unsigned size_bytes, u64 value)
{
	struct virtio_pci *pci = context;

	if (offset < DEVICE_OFFSET) {
		common_write(pci, offset, size_bytes, value);
		return;
	}
	mutex_lock(&pci->device->config_mutex);
	virtio_config_write(pci->device, offset - DEVICE_OFFSET, size_bytes, value);
	mutex_unlock(&pci->device->config_mutex);
}

/* Doorbells. What is written is the queue's index, in both; where, does not matter in ports. */

static u64 ports_read(void *context, u64 offset, unsigned size_bytes)
{
	(void)context;
	(void)offset;
	(void)size_bytes;
	return 0;
}

static void ports_write(void *context, u64 offset, unsigned size_bytes, u64 value)
{
	struct virtio_pci *pci = context;

	if (LIKELY(offset == 0 && size_bytes >= 2 && vpci_is_master(&pci->pci)))
		virtio_doorbell(pci->device, value & 0xffff);
}

/* "ISR status": reading clears it and takes the interrupt line back. */
static u8 isr_read(struct virtio_pci *pci)
{
	u8 isr = __atomic_exchange_n(&pci->isr, 0, __ATOMIC_SEQ_CST);

	if (isr)
		vpci_set_intx(&pci->pci, false);
	return isr;
}

static u64 fast_bar_read(void *context, u64 offset, unsigned size_bytes)
{
	(void)size_bytes;
	return offset == ISR_OFFSET ? isr_read(context) : 0;
}

static void fast_bar_write(void *context, u64 offset, unsigned size_bytes, u64 value)
{
	struct virtio_pci *pci = context;

	(void)value; /* the place says the queue: offset = queue_notify_off * multiplier */
	if (offset < ISR_OFFSET && offset % MEMORY_MULTIPLIER == 0 && size_bytes >= 2 && vpci_is_master(&pci->pci))
		virtio_doorbell(pci->device, offset / MEMORY_MULTIPLIER);
}

static const struct io_ops ports_ops = { ports_read, ports_write };
static const struct io_ops fast_bar_ops = { fast_bar_read, fast_bar_write };
static const struct io_ops config_bar_ops = { config_bar_read, config_bar_write };

/* Interrupts */

static void interrupt(struct virtio_pci *pci, u16 vector, u8 isr)
{
	if (LIKELY(vpci_msix_enabled(&pci->pci))) {
		vpci_msix_notify(&pci->pci, vector); /* NO_VECTOR is beyond any: no interrupt */
		return;
	}
	__atomic_fetch_or(&pci->isr, isr, __ATOMIC_SEQ_CST);
	vpci_set_intx(&pci->pci, true);
}

static struct virtio_pci *of_device(struct virtio_device *device)
{
	return device->transport_context;
}

static void queue_interrupt(struct virtio_device *device, unsigned queue)
{
	interrupt(of_device(device), READ_ONCE(device->queues[queue].vector), VIRTIO_ISR_QUEUE);
}

static void config_interrupt(struct virtio_device *device)
{
	interrupt(of_device(device), READ_ONCE(of_device(device)->config_vector), VIRTIO_ISR_CONFIG);
}

const struct virtio_transport_ops virtio_pci_transport = { queue_interrupt, config_interrupt };

/*
 * "PCI configuration access capability": a window into the BARs for whoever has no memory mapping. The driver writes bar, offset
 * and length (1, 2 or 4, aligned, inside of the BAR), then reads or writes the data field; anything else gives nothing.
 */
static const struct vpci_bar *window_target(const struct virtio_pci *pci, u32 *offset, u32 *size_bytes)
{
	const u8 *capability = pci->pci.config + pci->pci_capability;
	u8 index = capability[VIRTIO_CAP_BAR];
	const struct vpci_bar *bar;

	*offset = (u32)get(capability, VIRTIO_CAP_OFFSET, 4);
	*size_bytes = (u32)get(capability, VIRTIO_CAP_SIZE, 4);
	if (index >= VPCI_BARS || (*size_bytes != 1 && *size_bytes != 2 && *size_bytes != 4) || *offset % *size_bytes)
		return NULL;
	bar = &pci->pci.bars[index_nospec(index, VPCI_BARS)];
	if (!bar->ops || *offset >= bar->size_bytes || *size_bytes > bar->size_bytes - *offset)
		return NULL;
	return bar;
}

static bool config_read(struct vpci_device *vpci, unsigned offset, unsigned size_bytes, u32 *value)
{
	struct virtio_pci *pci = CONTAINER_OF(vpci, struct virtio_pci, pci);
	unsigned data = pci->pci_capability + (unsigned)VIRTIO_CAP_PCI_DATA;
	const struct vpci_bar *bar;
	u32 at, length;

	if (offset != data)
		return false;
	bar = window_target(pci, &at, &length);
	if (bar)
		*value = (u32)bar->ops->read(bar->context, at, length);
	if (length < 4)
		*value &= BIT32(8 * length) - 1;
	if (size_bytes < 4)
		*value &= BIT32(8 * size_bytes) - 1;
	return true;
}

static void config_written(struct vpci_device *vpci, unsigned offset, unsigned size_bytes)
{
	struct virtio_pci *pci = CONTAINER_OF(vpci, struct virtio_pci, pci);
	unsigned data = pci->pci_capability + (unsigned)VIRTIO_CAP_PCI_DATA;
	const struct vpci_bar *bar;
	u32 at, length;

	if (offset != data || size_bytes > 4) /* a reset or a load writes everything: that is no access */
		return;
	bar = window_target(pci, &at, &length);
	if (bar)
		bar->ops->write(bar->context, at, length, get(pci->pci.config, data, MIN(length, size_bytes)));
}

/* Set-up */

static bool add_capability(struct virtio_pci *pci, u8 type, u8 bar, u32 offset, u32 size_bytes, unsigned bytes, u32 multiplier)
{
	unsigned at = vpci_add_capability(&pci->pci, PCI_CAPABILITY_VENDOR, bytes);
	u8 *capability = pci->pci.config + at;

	if (!at)
		return false;
	capability[VIRTIO_CAP_LENGTH] = (u8)bytes;
	capability[VIRTIO_CAP_TYPE] = type;
	capability[VIRTIO_CAP_BAR] = bar;
	put(capability, VIRTIO_CAP_OFFSET, offset, 4);
	put(capability, VIRTIO_CAP_SIZE, size_bytes, 4);
	if (type == VIRTIO_PCI_CAP_NOTIFY)
		put(capability, VIRTIO_CAP_NOTIFY_MULTIPLIER, multiplier, 4);
	if (type == VIRTIO_PCI_CAP_PCI) {
		pci->pci_capability = (u8)at;
		pci->pci.writable[at + VIRTIO_CAP_BAR] = 0xff;
		memset(pci->pci.writable + at + VIRTIO_CAP_OFFSET, 0xff, 12); /* offset, length, data */
	}
	return true;
}

static bool add_capabilities(struct virtio_pci *pci)
{
	u32 queues = pci->device->queue_count;

	return add_capability(pci, VIRTIO_PCI_CAP_NOTIFY, BAR_PORTS, 0, 4, 20, 0) &&
	       add_capability(pci, VIRTIO_PCI_CAP_NOTIFY, BAR_FAST, 0, queues * MEMORY_MULTIPLIER, 20, MEMORY_MULTIPLIER) &&
	       add_capability(pci, VIRTIO_PCI_CAP_COMMON, BAR_CONFIG, 0, VIRTIO_COMMON_BYTES, VIRTIO_CAP_BYTES, 0) &&
	       add_capability(pci, VIRTIO_PCI_CAP_ISR, BAR_FAST, ISR_OFFSET, 1, VIRTIO_CAP_BYTES, 0) &&
	       (!pci->device->config_bytes || add_capability(pci, VIRTIO_PCI_CAP_DEVICE, BAR_CONFIG, DEVICE_OFFSET,
							     pci->device->config_bytes, VIRTIO_CAP_BYTES, 0)) &&
	       add_capability(pci, VIRTIO_PCI_CAP_PCI, 0, 0, 0, 20, 0);
}

int virtio_pci_attach(struct virtio_pci *pci, struct virtio_device *device, struct vpci_bus *bus, u8 slot, u32 class_code,
		      const char **error)
{
	struct vpci_device *vpci = &pci->pci;
	int code;

	vpci_device_init(vpci, device->name, VIRTIO_PCI_VENDOR, (u16)VIRTIO_PCI_DEVICE(device->type), class_code, 1);
	vpci_set_subsystem(vpci, VIRTIO_PCI_VENDOR, 0x1100);
	vpci_use_intx(vpci, 0);
	pci->device = device;
	device->transport_context = pci;
	vpci_add_bar(vpci, BAR_PORTS, VPCI_BAR_IO, PORTS_BYTES, &ports_ops, pci, true);
	vpci_add_bar(vpci, BAR_FAST, VPCI_BAR_MEMORY32, FAST_BYTES, &fast_bar_ops, pci, true);
	vpci_add_bar(vpci, BAR_CONFIG, VPCI_BAR_MEMORY64, CONFIG_BYTES, &config_bar_ops, pci, false);
	vpci->config_read = config_read;
	vpci->config_written = config_written;
	forget(pci);
	*error = "no room for the device's capabilities";
	code = vpci_add_msix(vpci, BAR_MSIX, device->queue_count + 1u);
	if (code == OK && !add_capabilities(pci))
		code = ERR_FULL;
	if (code != OK)
		return code;
	*error = "another device stands in that PCI slot";
	return vpci_attach(bus, vpci, VPCI_DEVFN(slot, 0));
}

void virtio_pci_reset(struct virtio_pci *pci)
{
	virtio_reset(pci->device);
	forget(pci);
}

struct saved_pci {
	u32 device_feature_select, driver_feature_select;
	u16 queue_select, config_vector;
	u8 isr, reserved[3];
};

void virtio_pci_save(struct virtio_pci *pci, struct state_writer *writer)
{
	struct saved_pci state = { pci->device_feature_select, pci->driver_feature_select, pci->queue_select, pci->config_vector,
				   pci->isr, { 0 } };

	vpci_save(&pci->pci, writer);
	state_save(writer, "virtio pci", 1, &state, sizeof(state));
	virtio_save(pci->device, writer);
}

int virtio_pci_load(struct virtio_pci *pci, struct state_reader *reader)
{
	struct saved_pci state;
	int code = vpci_load(&pci->pci, reader);

	if (code == OK)
		code = state_load(reader, "virtio pci", 1, &state, sizeof(state));
	if (code == OK && (state.isr > (VIRTIO_ISR_QUEUE | VIRTIO_ISR_CONFIG) || state.reserved[0] || state.reserved[1] ||
			   state.reserved[2] || state.config_vector != checked_vector(pci, state.config_vector)))
		code = ERR_INVALID;
	if (code == OK)
		code = virtio_load(pci->device, reader);
	if (code != OK)
		return code;
	pci->device_feature_select = state.device_feature_select;
	pci->driver_feature_select = state.driver_feature_select;
	pci->queue_select = state.queue_select;
	pci->config_vector = state.config_vector;
	pci->isr = state.isr;
	return OK;
}
