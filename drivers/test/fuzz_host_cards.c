/* SPDX-License-Identifier: MIT */
/* LINK: drivers/virtio_host.c drivers/virtio_host_queue.c drivers/virtio_host_net.c drivers/virtio_host_net_frames.c drivers/pci_function.c drivers/test/fake_bus.c drivers/test/fake_virtio.c */
/* LINK: drivers/e1000.c drivers/e1000_ring.c drivers/e1000_models.c drivers/test/fake_e1000.c */
/* LINK: hv/host_card.c hv/host_card_thread.c hv/net_port.c hv/test/host_card_hosted.c hv/lib/format.c hv/lib/string.c */
/*
 * Host cards whose device does what the input says: any words in its rings and in frames, lengths and numbers that were never offered,
 * links that flap, silence, resets that do not end; and frames sent meanwhile. What reaches the user is whole; no memory but the
 * card's own is read (each ring and buffer is a block of its own here).
 */
#include <assert.h>
#include "drivers/e1000_internal.h"
#include "drivers/test/fake_e1000.h"
#include "drivers/test/fake_virtio.h"
#include "drivers/virtio_host_net.h"
#include "hv/test/host_card_hosted.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define VIRTIO_FEATURES (BIT64(VIRTIO_NET_F_MAC) | BIT64(VIRTIO_NET_F_STATUS) | BIT64(VIRTIO_NET_F_CSUM) | BIT64(VIRTIO_NET_F_GUEST_CSUM) | \
			 BIT64(VIRTIO_NET_F_MRG_RXBUF) | BIT64(VIRTIO_NET_F_HOST_TSO4) | BIT64(VIRTIO_NET_F_CTRL_VQ) | BIT64(VIRTIO_NET_F_CTRL_RX))

/* Two cards on one bus: what is about one of them is set aside while the other works. */
struct kept {
	struct fake_bus bus;
	struct host_card *card;
};
static struct kept virtio, e1000;
static struct hosted_user user;
static u8 bytes[70000];

static u32 take(const u8 **data, size_t *size, unsigned count)
{
	u32 value = 0;

	for (unsigned i = 0; i < count && *size; i++, (*data)++, (*size)--)
		value |= (u32)**data << (8 * i);
	return value;
}

static void look(struct hosted_user *of, const struct net_frame *frame)
{
	u32 sum = frame->header_bytes;

	(void)of;
	for (u32 i = 0; i < frame->segment_count; i++)
		sum += frame->segments[i].size_bytes;
	assert(sum == frame->size_bytes && frame->size_bytes >= NET_ETHERNET_BYTES && frame->size_bytes <= 1518);
	assert(frame->header_bytes == MIN(frame->size_bytes, NET_HEADER_BYTES));
	assert(!(frame->offload & ~(u32)(NET_CSUM_PARTIAL | NET_CSUM_VALID)));
	assert(!(frame->offload & NET_CSUM_PARTIAL) || frame->checksum_start + frame->checksum_offset + 2u <= frame->header_bytes);
}

static void set_up(struct kept *kept, const struct pci_driver *driver, u32 index)
{
	kept->bus = fake_bus;
	fake_bus.function.config = &fake_bus.pci.config;
	assert(driver->probe(&fake_bus.function) == OK);
	kept->card = host_card_at(index);
	kept->bus = fake_bus;
}

static void start_once(void)
{
	hosted_user_init(&user, "fuzz");
	user.on_frame = look;
	fake_virtio_init(VIRTIO_ID_NET, VIRTIO_FEATURES, PCI_INTERRUPT_MSIX, 3);
	fake_virtio.config[0] = 0x52;
	set_up(&virtio, &virtio_host_net_driver, 0);
	fake_e1000_init(0x10d3, PCI_INTERRUPT_MSIX);
	set_up(&e1000, &e1000e_driver, 1);
}

/* Each input begins with a card that was reset. */
static struct host_card *fresh(bool intel)
{
	struct kept *kept = intel ? &e1000 : &virtio;

	fake_bus = kept->bus;
	if (intel) {
		struct e1000 *driver = kept->card->context;

		fake_e1000.gone = fake_e1000.never_resets = false;
		driver->dead = false;
		driver->still_ticks = 100;
		driver->transmit_clean = driver->clean_seen = 0; /* something waits, and has waited for long */
		driver->transmit_next = 1;
		driver->transmit[0].status = 0;
	} else {
		struct virtio_host_net *driver = kept->card->context;

		fake_virtio.never_resets = false;
		driver->dead = false;
		driver->failed = true;
	}
	pci_command(&fake_bus.function, PCI_COMMAND_BUS_MASTER, 0);
	kept->card->ops->tick(kept->card);
	assert(kept->card->port.send == NULL);
	assert(host_card_attach(kept->card, &user.user, HOST_CARD_OWN, NULL) == OK);
	return kept->card;
}

static void send(struct host_card *card, const u8 **data, size_t *size)
{
	u32 asked = take(data, size, 2), total = MAX(60u, asked);
	struct net_segment segment = { HPA((u64)bytes + 60), total - 60 };
	struct net_frame frame = { .header = bytes, .header_bytes = 60, .segments = &segment, .segment_count = total > 60, .size_bytes = total,
				   .checksum_start = 34, .checksum_offset = 16, .gso_bytes = 1000 };

	frame.offload = card->port.offload & take(data, size, 1);
	if (!(frame.offload & NET_GSO_ANY) && total > 1518)
		return; /* the switch sees to that */
	(void)!host_card_send(card, &frame);
}

static void virtio_step(const u8 **data, size_t *size)
{
	struct virtio_host_net *driver = virtio.card->context;
	u32 queue = take(data, size, 1) % 3;
	int head;

	if (!(fake_virtio.status & VIRTIO_STATUS_DRIVER_OK) || !fake_bus_may_master() || !fake_virtio.queues[queue].enabled)
		return;
	switch (take(data, size, 1) % 6) {
	case 0: /* honest, with any words and length */
		head = fake_virtio_take(queue);
		if (head < 0)
			break;
		for (u32 i = 0; i < VIRTIO_HOST_NET_WORDS && queue == 0; i++)
			driver->receive_memory[(u32)head % 256 * VIRTIO_HOST_NET_BUFFER + i] = (u8)take(data, size, 1);
		fake_virtio_use(queue, (u32)head, take(data, size, 2));
		break;
	case 1: fake_virtio_use(queue, take(data, size, 2), take(data, size, 2)); break;
	case 2: fake_virtio_use(queue, take(data, size, 4), take(data, size, 4)); break;
	case 3: fake_virtio_skip_used(queue, (u16)take(data, size, 2)); break;
	case 4: /* the driver's own rings, which the device should not write */
		((u8 *)fake_virtio.queues[queue].descriptors)[take(data, size, 2) % 4096] = (u8)take(data, size, 1);
		break;
	default: ((u8 *)fake_virtio.queues[queue].available)[take(data, size, 2) % 512] = (u8)take(data, size, 1);
	}
}

static void e1000_step(const u8 **data, size_t *size)
{
	u32 choice = take(data, size, 1), index;
	struct e1000 *driver = e1000.card->context;

	if (!fake_bus_may_master())
		return;
	switch (choice % 4) {
	case 0: index = take(data, size, 2); (void)fake_e1000_arrive(bytes, (u16)index, (u8)take(data, size, 1), (u8)take(data, size, 1)); break;
	case 1: (void)fake_e1000_arrive(bytes, (u16)(take(data, size, 2) % 1600), 3 | E1000_RXD_TCPCS, 0); break;
	case 2:
		index = take(data, size, 2) % (E1000_RING * 16) | 8; /* not the address, which the driver never reads and the fake follows */
		((volatile u8 *)(choice & 0x80 ? (volatile void *)driver->receive : (volatile void *)driver->transmit))[index] =
			(u8)take(data, size, 1);
		break;
	default: driver->transmit[take(data, size, 1)].status = E1000_TXD_DD;
	}
}

static void flap(bool intel, u32 how)
{
	fake_virtio.config[VIRTIO_NET_CONFIG_STATUS] = how & 1;
	fake_e1000.registers[E1000_STATUS / 4] = how * 0x01010101u & ~BIT32(19);
	if (intel && how == 0xff)
		fake_e1000.gone = true;
	if (how == 0xfe)
		fake_e1000.never_resets = fake_virtio.never_resets = true;
	if (how == 0xfd)
		fake_virtio.status |= VIRTIO_STATUS_NEEDS_RESET;
	fake_bus_interrupt(0);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	bool intel = take(&data, &size, 1) & 1;
	struct host_card *card;

	if (!virtio.card)
		start_once();
	card = fresh(intel);
	while (size) {
		switch (take(&data, &size, 1) % 8) {
		case 0: case 1: case 2: intel ? e1000_step(&data, &size) : virtio_step(&data, &size); break;
		case 3: send(card, &data, &size); break;
		case 4: flap(intel, take(&data, &size, 1)); break;
		case 5: hosted_now_ns += 1000000000ull; card->ops->tick(card); break;
		default: (void)host_card_turn(card);
		}
	}
	for (u32 i = 0; i < 8; i++)
		(void)host_card_turn(card);
	host_card_detach(card);
	(intel ? &e1000 : &virtio)->bus = fake_bus;
	return 0;
}
