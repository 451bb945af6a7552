/* SPDX-License-Identifier: MIT */
/*
 * A virtio network card of the host: from reset to its link, which frames it takes, and what happens when it hangs.
 *
 * A device that says nonsense, asks for a reset, or does not send for five seconds what waits to be sent is reset by the card's thread
 * at the next tick (once a second at most). One that does not answer to its reset stays off: taken off the bus, its link down.
 */
#include "drivers/virtio_host_net.h"
#include "hv/clock.h"
#include "hv/dma.h"
#include "hv/kmalloc.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "virtio/spec/virtio_pci.h"

#define HUNG_TICKS 5u
#define COMMAND_TIMEOUT_NS (500 * NS_PER_MS)
#define COMMAND_POLL_NS (100 * NS_PER_US)
#define MTU_MAX 9000u /* of what MRG_RXBUF may put together; more makes the receive queue short */
#define GSO_DESCRIPTORS 64u /* a transmit queue that is shorter than this takes no segments to be cut */
enum { QUEUE_RECEIVE = 0, QUEUE_TRANSMIT = 1, QUEUE_CONTROL = 2 }; /* without VIRTIO_NET_F_MQ */

#define FEATURES_WANTED (BIT64(VIRTIO_NET_F_CSUM) | BIT64(VIRTIO_NET_F_GUEST_CSUM) | BIT64(VIRTIO_NET_F_MTU) | BIT64(VIRTIO_NET_F_MAC) | \
			 BIT64(VIRTIO_NET_F_HOST_TSO4) | BIT64(VIRTIO_NET_F_HOST_TSO6) | BIT64(VIRTIO_NET_F_HOST_ECN) |                 \
			 BIT64(VIRTIO_NET_F_MRG_RXBUF) | BIT64(VIRTIO_NET_F_STATUS) | BIT64(VIRTIO_NET_F_CTRL_VQ) |                     \
			 BIT64(VIRTIO_NET_F_CTRL_RX))

static struct virtio_host_net *net_of(struct host_card *card)
{
	return card->context;
}

static void queues_asked(void *context)
{
	struct virtio_host_net *net = context;

	__atomic_fetch_add(&net->card.counters.interrupts, 1, __ATOMIC_RELAXED);
	host_card_interrupt(&net->card);
}

static void config_asked(void *context)
{
	struct virtio_host_net *net = context;

	__atomic_store_n(&net->link_asked, 1, __ATOMIC_RELEASE);
	queues_asked(context);
}

static void read_link(struct virtio_host_net *net)
{
	bool up = !net->dead && (!virtio_host_has(&net->device, VIRTIO_NET_F_STATUS) ||
				 (virtio_host_config16(&net->device, VIRTIO_NET_CONFIG_STATUS) & VIRTIO_NET_S_LINK_UP));

	host_card_set_link(&net->card, up, 0, false);
}

static u32 work(struct host_card *card, u32 frames)
{
	struct virtio_host_net *net = net_of(card);

	if (net->dead)
		return 0;
	if (__atomic_exchange_n(&net->link_asked, 0, __ATOMIC_ACQUIRE)) {
		if (virtio_host_failed(&net->device))
			WRITE_ONCE(net->failed, true);
		else
			read_link(net);
	}
	virtio_host_queue_interrupts(&net->receive, false);
	return virtio_host_net_receive(net, frames);
}

static bool arm(struct host_card *card)
{
	struct virtio_host_net *net = net_of(card);

	if (net->dead)
		return false;
	virtio_host_queue_interrupts(&net->receive, true);
	return virtio_host_queue_pending(&net->receive);
}

/* [command] Class, command and data by the control queue; false: not done. "Control Virtqueue" (5.1.6.5) */
static bool command(struct virtio_host_net *net, u8 class, u8 number, u8 data)
{
	volatile u8 *memory = net->control_memory;
	u64 address = net->control_address.value, deadline = clock_ns() + COMMAND_TIMEOUT_NS;
	struct virtio_host_buffer buffers[] = { { address, 2, false }, { address + 2, 1, false }, { address + 3, 1, true } };
	u32 written;
	int code;

	memory[0] = class;
	memory[1] = number;
	memory[2] = data;
	memory[3] = VIRTIO_NET_ERR;
	if (virtio_host_queue_add(&net->control, buffers, ARRAY_SIZE(buffers)) < 0)
		return false;
	virtio_host_queue_publish(&net->control);
	while ((code = virtio_host_queue_take(&net->control, &written)) == ERR_NOT_FOUND && clock_ns() < deadline)
		thread_sleep_ns(COMMAND_POLL_NS);
	if (code < 0)
		WRITE_ONCE(net->failed, true); /* it still has our memory */
	return code >= 0 && memory[3] == VIRTIO_NET_OK;
}

/* [command] */
static void tell_reception(struct virtio_host_net *net)
{
	if (!virtio_host_has(&net->device, VIRTIO_NET_F_CTRL_RX) || !net->control.size)
		return; /* it hands on whatever it gets */
	if (!command(net, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, net->reception == HOST_CARD_ALL) ||
	    !command(net, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, net->reception != HOST_CARD_OFF))
		log_warning("%s: it does not take orders which frames to receive", net->card.port.name);
}

static void set_reception(struct host_card *card, enum host_card_reception reception)
{
	struct virtio_host_net *net = net_of(card);

	mutex_lock(&net->command);
	net->reception = reception;
	if (!net->dead && !READ_ONCE(net->failed))
		tell_reception(net);
	mutex_unlock(&net->command);
}

/* [command] From the reset on: the queues are empty, nobody sends. */
static int bring_up(struct virtio_host_net *net)
{
	int error = virtio_host_negotiate(&net->device, FEATURES_WANTED);
	u64 flags;

	if (!error)
		error = virtio_host_queue_start(&net->device, &net->receive, QUEUE_RECEIVE, true);
	if (!error)
		error = virtio_host_queue_start(&net->device, &net->transmit, QUEUE_TRANSMIT, false);
	if (!error && net->control.size)
		error = virtio_host_queue_start(&net->device, &net->control, QUEUE_CONTROL, false);
	virtio_host_queue_interrupts(&net->transmit, false);
	if (!error)
		error = virtio_host_ready(&net->device);
	if (error)
		return error;
	virtio_host_net_offer_all(net);
	flags = lock_irqsave(&net->lock);
	net->live = true;
	unlock_irqrestore(&net->lock, flags);
	return OK;
}

static void reset(struct virtio_host_net *net)
{
	u64 resets = ++net->card.counters.resets, flags;
	int error;

	if ((resets & (resets - 1)) == 0) /* 1st, 2nd, 4th…: a card that breaks for ever does not fill the log */
		log_warning("%s: the card is reset (%llu. time)", net->card.port.name, (unsigned long long)resets);
	mutex_lock(&net->command);
	flags = lock_irqsave(&net->lock);
	net->live = false;
	unlock_irqrestore(&net->lock, flags);
	error = virtio_host_reset(&net->device);
	if (!error) {
		virtio_host_queue_empty(&net->receive);
		virtio_host_queue_empty(&net->transmit);
		if (net->control.size)
			virtio_host_queue_empty(&net->control);
		error = bring_up(net);
	}
	WRITE_ONCE(net->failed, false);
	net->still_ticks = 0;
	net->dead = error != OK;
	if (error) {
		(void)virtio_host_reset(&net->device);
		log_error("%s: the card does not come back (error %d)", net->card.port.name, error);
	} else {
		tell_reception(net);
	}
	mutex_unlock(&net->command);
	read_link(net);
	host_card_interrupt(&net->card);
}

static void tick(struct host_card *card)
{
	struct virtio_host_net *net = net_of(card);
	u64 flags = lock_irqsave(&net->lock);
	bool waits = net->transmit.free_count != net->transmit.size && !virtio_host_queue_pending(&net->transmit);

	net->still_ticks = waits && net->transmit.used_index == net->sent_index ? net->still_ticks + 1 : 0;
	net->sent_index = net->transmit.used_index;
	unlock_irqrestore(&net->lock, flags);
	if (!net->dead && (READ_ONCE(net->failed) || net->still_ticks >= HUNG_TICKS))
		reset(net);
	else
		host_card_interrupt(card); /* an interrupt that was lost costs a second, not the link */
}

static const struct host_card_ops card_ops = { work, arm, tick, set_reception };
static const struct net_port_ops port_ops = { .receive = virtio_host_net_transmit };

static int make_queue(struct virtio_host_net *net, struct virtio_host_queue *queue, u16 index, u64 buffer_bytes, u8 **memory,
		      hpa_t *address)
{
	u16 size = virtio_host_queue_size(&net->device, index);
	int error;

	if (size < 4)
		return ERR_UNSUPPORTED;
	error = virtio_host_queue_create(queue, size);
	if (error)
		return error;
	*memory = dma_alloc(size * buffer_bytes, false, address);
	return *memory ? OK : ERR_NO_MEMORY;
}

static u32 offload_of(const struct virtio_host_net *net)
{
	u32 offload = 0;

	if (!virtio_host_has(&net->device, VIRTIO_NET_F_CSUM))
		return 0;
	offload |= NET_CSUM_PARTIAL;
	if (net->transmit.size < GSO_DESCRIPTORS)
		return offload;
	offload |= virtio_host_has(&net->device, VIRTIO_NET_F_HOST_TSO4) ? NET_GSO_TCP4 : 0;
	offload |= virtio_host_has(&net->device, VIRTIO_NET_F_HOST_TSO6) ? NET_GSO_TCP6 : 0;
	return offload | (virtio_host_has(&net->device, VIRTIO_NET_F_HOST_ECN) && (offload & NET_GSO_ANY) ? NET_GSO_ECN : 0);
}

/* What of the card never changes. False: the device's words make no sense. */
static bool describe(struct virtio_host_net *net)
{
	struct net_port *port = &net->card.port;
	u32 mtu = NET_MTU_DEFAULT;

	if (virtio_host_has(&net->device, VIRTIO_NET_F_MTU))
		mtu = MIN(virtio_host_config16(&net->device, offsetof(struct virtio_net_config, mtu)), (u16)MTU_MAX);
	if (!virtio_host_has(&net->device, VIRTIO_NET_F_MRG_RXBUF))
		mtu = MIN(mtu, NET_MTU_DEFAULT);
	for (u32 i = 0; i < NET_MAC_BYTES; i++)
		port->mac[i] = virtio_host_config8(&net->device, offsetof(struct virtio_net_config, mac) + i);
	port->mtu_bytes = (u16)mtu;
	port->offload = offload_of(net);
	return virtio_host_has(&net->device, VIRTIO_NET_F_MAC) && mtu >= NET_MTU_MIN && !(port->mac[0] & 1);
}

static int start(struct virtio_host_net *net)
{
	int error = virtio_host_find(&net->device, net->device.pci);

	if (!error)
		error = virtio_host_negotiate(&net->device, FEATURES_WANTED);
	if (!error)
		error = make_queue(net, &net->receive, QUEUE_RECEIVE, VIRTIO_HOST_NET_BUFFER, &net->receive_memory, &net->receive_address);
	if (!error)
		error = make_queue(net, &net->transmit, QUEUE_TRANSMIT, VIRTIO_HOST_NET_BUFFER, &net->transmit_memory,
				   &net->transmit_address);
	if (!error && virtio_host_has(&net->device, VIRTIO_NET_F_CTRL_VQ))
		error = make_queue(net, &net->control, QUEUE_CONTROL, 4, &net->control_memory, &net->control_address);
	if (!error && !describe(net))
		error = ERR_INVALID;
	if (!error)
		error = virtio_host_interrupts(&net->device, virtio_host_net_driver.name);
	return error ? error : bring_up(net);
}

/* After an error at the start: the device is off before its memory is given back; a device that does not go off keeps it. */
static void give_up(struct virtio_host_net *net)
{
	bool off = !net->device.common.registers || virtio_host_reset(&net->device) == OK;

	if (net->device.interrupt.count)
		pci_interrupt_close(&net->device.interrupt);
	if (!off)
		return;
	dma_free(net->receive_memory, (u64)net->receive.size * VIRTIO_HOST_NET_BUFFER);
	dma_free(net->transmit_memory, (u64)net->transmit.size * VIRTIO_HOST_NET_BUFFER);
	dma_free(net->control_memory, (u64)net->control.size * 4);
	virtio_host_queue_free(&net->receive);
	virtio_host_queue_free(&net->transmit);
	virtio_host_queue_free(&net->control);
	kfree(net);
}

static int probe(struct pci_device *device)
{
	struct virtio_host_net *net = kzalloc(sizeof(*net));
	int error;

	if (!net)
		return ERR_NO_MEMORY;
	host_card_init(&net->card);
	net->device.pci = device;
	net->device.queues_asked = queues_asked;
	net->device.config_asked = config_asked;
	net->device.context = net;
	spinlock_init(&net->lock, "virtio card", LOCK_RANK_DRIVER);
	mutex_init(&net->command, "virtio card");
	net->card.driver = virtio_host_net_driver.name;
	net->card.address = device->address;
	net->card.ops = &card_ops;
	net->card.context = net;
	net->card.port.ops = &port_ops;
	net->card.port.context = net;
	format(net->card.model, sizeof(net->card.model), "virtio network card");
	error = start(net);
	if (!error) {
		mutex_lock(&net->command);
		tell_reception(net);
		mutex_unlock(&net->command);
		read_link(net);
		error = host_card_register(&net->card);
	}
	if (error)
		give_up(net);
	return error;
}

static const struct pci_match matches[] = {
	{ VIRTIO_PCI_VENDOR, VIRTIO_PCI_DEVICE(VIRTIO_ID_NET), 0, 0 },
	{ VIRTIO_PCI_VENDOR, 0x1000, 0, 0 }, /* transitional */
	{ 0 },
};
const struct pci_driver virtio_host_net_driver = { "virtio-net", matches, probe };
