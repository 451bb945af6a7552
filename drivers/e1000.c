/* SPDX-License-Identifier: MIT */
/*
 * An Intel gigabit card: from reset to its link, in the manual's order ("General Initialization and Reset Operation", 14); which frames
 * it takes; and what happens when it hangs.
 *
 * The interrupt's handler masks the card and keeps the causes; the card's thread works and unmasks. A card that does not send for five
 * seconds what waits to be sent is reset. One that reads as all ones is gone: its link is down, and nothing is asked of it any more.
 */
#include "drivers/e1000_internal.h"
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/mmio.h"

#define HUNG_TICKS 5u
#define RESET_POLL_NS NS_PER_MS
#define RESET_TIMEOUT_NS (100 * NS_PER_MS)
#define MASTER_TIMEOUT_NS (80 * NS_PER_MS)
#define EEPROM_TIMEOUT_NS (20 * NS_PER_MS)
#define LINK_WAIT_NS (20 * NS_PER_MS)  /* at the start only: for cards whose link was up all along */
#define INTERRUPTS_PER_S 8000u
#define INTERRUPTS (E1000_INT_RXT0 | E1000_INT_RXDMT0 | E1000_INT_RXO | E1000_INT_LSC)
#define INTERRUPTS_82574 (INTERRUPTS | E1000_INT_RXQ0_82574 | E1000_INT_OTHER_82574)

static u32 read(const struct e1000 *e1000, u32 at) { return mmio_read32(e1000->registers, at); }
static void write(struct e1000 *e1000, u32 at, u32 value) { mmio_write32(e1000->registers, at, value); }

static struct e1000 *e1000_of(struct host_card *card)
{
	return card->context;
}

static bool messages(const struct e1000 *e1000)
{
	return e1000->interrupt.kind == PCI_INTERRUPT_MSIX;
}

static void interrupt(void *context)
{
	struct e1000 *e1000 = context;
	u32 causes;

	write(e1000, E1000_IMC, ~0u); /* also makes the read below clear ICR, with MSI-X as well */
	causes = read(e1000, E1000_ICR);
	__atomic_fetch_or(&e1000->causes, causes, __ATOMIC_RELAXED);
	__atomic_fetch_add(&e1000->card.counters.interrupts, 1, __ATOMIC_RELAXED);
	host_card_interrupt(&e1000->card);
}

static void read_link(struct e1000 *e1000)
{
	static const u32 speeds[] = { 10, 100, 1000, 1000 };
	u32 status = e1000->dead ? ~0u : read(e1000, E1000_STATUS);

	if (status == ~0u) {
		e1000->dead = true;
		host_card_set_link(&e1000->card, false, 0, false);
		return;
	}
	host_card_set_link(&e1000->card, status & E1000_STATUS_LU, speeds[E1000_STATUS_SPEED(status)], !(status & E1000_STATUS_FD));
}

static u32 work(struct host_card *card, u32 frames)
{
	struct e1000 *e1000 = e1000_of(card);

	if (e1000->dead)
		return 0;
	if (__atomic_exchange_n(&e1000->causes, 0, __ATOMIC_ACQUIRE) & E1000_INT_LSC)
		read_link(e1000);
	return e1000_receive(e1000, frames);
}

static bool arm(struct host_card *card)
{
	struct e1000 *e1000 = e1000_of(card);

	if (e1000->dead)
		return false;
	write(e1000, E1000_IMS, messages(e1000) ? INTERRUPTS_82574 : INTERRUPTS);
	return e1000_received_more(e1000);
}

/* Whatever it takes, frames of VLANs are handed on with their tags, and frames with bad sums are not. */
static void write_reception(struct e1000 *e1000)
{
	static const u32 filters[] = {
		[HOST_CARD_OFF] = 0,
		[HOST_CARD_OWN] = E1000_RCTL_BAM | E1000_RCTL_MPE,
		[HOST_CARD_ALL] = E1000_RCTL_BAM | E1000_RCTL_MPE | E1000_RCTL_UPE,
	};

	write(e1000, E1000_RCTL, E1000_RCTL_EN | E1000_RCTL_SECRC | filters[e1000->reception]);
}

static void set_reception(struct host_card *card, enum host_card_reception reception)
{
	struct e1000 *e1000 = e1000_of(card);

	mutex_lock(&e1000->control);
	e1000->reception = reception;
	if (e1000->live)
		write_reception(e1000);
	mutex_unlock(&e1000->control);
}

static bool wait_clear(const struct e1000 *e1000, u32 at, u32 bits, u64 timeout_ns)
{
	u64 deadline = clock_ns() + timeout_ns;

	while (read(e1000, at) & bits) {
		if (clock_ns() >= deadline)
			return false;
		thread_sleep_ns(RESET_POLL_NS);
	}
	return true;
}

/* Nothing of the card's touches memory any more once it returns OK. */
static int stop(struct e1000 *e1000)
{
	write(e1000, E1000_IMC, ~0u);
	write(e1000, E1000_RCTL, 0);
	write(e1000, E1000_TCTL, E1000_TCTL_PSP);
	if (e1000->express) {
		write(e1000, E1000_CTRL, read(e1000, E1000_CTRL) | E1000_CTRL_MASTER_DISABLE);
		(void)wait_clear(e1000, E1000_STATUS, E1000_STATUS_MASTER_ENABLED, MASTER_TIMEOUT_NS); /* the reset does the rest */
	}
	thread_sleep_ns(10 * NS_PER_MS); /* what is under way on its bus ends */
	write(e1000, E1000_CTRL, read(e1000, E1000_CTRL) | E1000_CTRL_RST);
	thread_sleep_ns(10 * NS_PER_MS); /* it reads its EEPROM anew; reading it sooner would disturb that */
	if (!wait_clear(e1000, E1000_CTRL, E1000_CTRL_RST, RESET_TIMEOUT_NS) || read(e1000, E1000_STATUS) == ~0u)
		return ERR_TIMEOUT;
	write(e1000, E1000_IMC, ~0u);
	(void)read(e1000, E1000_ICR);
	return OK;
}

static void write_address(struct e1000 *e1000)
{
	const u8 *mac = e1000->card.port.mac;

	write(e1000, E1000_RAL0, (u32)mac[0] | (u32)mac[1] << 8 | (u32)mac[2] << 16 | (u32)mac[3] << 24);
	write(e1000, E1000_RAH0, (u32)mac[4] | (u32)mac[5] << 8 | E1000_RAH_AV);
	for (u32 i = 0; i < E1000_MTA_WORDS; i++)
		write(e1000, E1000_MTA + 4 * i, 0);
}

/* 82574: all causes to vector 0 of MSI-X; nothing is cleared by itself, the handler does. */
static void write_vectors(struct e1000 *e1000)
{
	if (!messages(e1000))
		return;
	write(e1000, E1000_EIAC_82574, 0);
	write(e1000, E1000_IAM, 0);
	write(e1000, E1000_IVAR_82574, E1000_IVAR_82574_ALL_TO_0);
	write(e1000, E1000_CTRL_EXT, read(e1000, E1000_CTRL_EXT) | E1000_CTRL_EXT_PBA_SUPPORT);
}

/* [control] The card is stopped. */
static void bring_up(struct e1000 *e1000)
{
	u32 control = read(e1000, E1000_CTRL) & ~(E1000_CTRL_LRST | E1000_CTRL_PHY_RST | E1000_CTRL_ILOS | E1000_CTRL_VME |
						  E1000_CTRL_FRCSPD | E1000_CTRL_FRCDPX | E1000_CTRL_MASTER_DISABLE);
	u64 flags;

	write(e1000, E1000_CTRL, control | E1000_CTRL_SLU | E1000_CTRL_ASDE);
	if (e1000->express)
		write(e1000, E1000_CTRL_EXT, read(e1000, E1000_CTRL_EXT) | E1000_CTRL_EXT_DRV_LOAD);
	write_vectors(e1000);
	write_address(e1000);
	e1000_rings_start(e1000);
	write(e1000, E1000_ITR, 1000000000u / (256u * INTERRUPTS_PER_S));
	write(e1000, E1000_RDTR, 0);
	write(e1000, E1000_RADV, 0);
	write(e1000, E1000_TIDV, 0);
	write(e1000, E1000_RFCTL, 0); /* legacy descriptors */
	write(e1000, E1000_RXCSUM, E1000_RXCSUM_IPOFL | E1000_RXCSUM_TUOFL);
	write(e1000, E1000_TIPG, E1000_TIPG_COPPER);
	if (e1000->express)
		write(e1000, E1000_TXDCTL, read(e1000, E1000_TXDCTL) | E1000_TXDCTL_COUNT_DESC);
	write(e1000, E1000_TCTL, E1000_TCTL_EN | E1000_TCTL_PSP | E1000_TCTL_COLLISIONS | (e1000->express ? E1000_TCTL_MULR : 0));
	write_reception(e1000);
	write(e1000, E1000_RDT, E1000_RING - 1); /* after the receiver is on */
	flags = lock_irqsave(&e1000->lock);
	e1000->live = true;
	unlock_irqrestore(&e1000->lock, flags);
}

static void reset(struct e1000 *e1000)
{
	u64 resets = ++e1000->card.counters.resets, flags;
	int error;

	if ((resets & (resets - 1)) == 0) /* 1st, 2nd, 4th…: a card that hangs for ever does not fill the log */
		log_warning("%s: it does not send: the card is reset (%llu. time)", e1000->card.port.name, (unsigned long long)resets);
	mutex_lock(&e1000->control);
	flags = lock_irqsave(&e1000->lock);
	e1000->live = false;
	unlock_irqrestore(&e1000->lock, flags);
	error = stop(e1000);
	if (error) {
		pci_command(e1000->pci, 0, PCI_COMMAND_BUS_MASTER);
		e1000->dead = true;
		log_error("%s: the card does not come back (error %d)", e1000->card.port.name, error);
	} else {
		bring_up(e1000);
	}
	mutex_unlock(&e1000->control);
	e1000->still_ticks = 0;
	read_link(e1000);
	host_card_interrupt(&e1000->card);
}

/* The card's own counters, which reading clears. */
static void read_statistics(struct e1000 *e1000)
{
	static const u16 errors[] = { E1000_CRCERRS, E1000_RXERRC, E1000_RLEC, E1000_RUC, E1000_ROC };
	u64 sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		sum += read(e1000, errors[i]);
	__atomic_fetch_add(&e1000->card.wire.rx_errors, sum, __ATOMIC_RELAXED);
	__atomic_fetch_add(&e1000->card.counters.no_buffer, read(e1000, E1000_MPC), __ATOMIC_RELAXED);
}

static void tick(struct host_card *card)
{
	struct e1000 *e1000 = e1000_of(card);
	u64 flags;
	bool waits;

	if (e1000->dead)
		return;
	flags = lock_irqsave(&e1000->lock);
	e1000_take_sent(e1000);
	waits = e1000->transmit_clean != e1000->transmit_next && e1000->transmit_clean == e1000->clean_seen;
	e1000->clean_seen = e1000->transmit_clean;
	unlock_irqrestore(&e1000->lock, flags);
	e1000->still_ticks = waits ? e1000->still_ticks + 1 : 0;
	read_link(e1000);
	if (e1000->dead)
		return;
	read_statistics(e1000);
	if (e1000->still_ticks >= HUNG_TICKS)
		reset(e1000);
	else
		host_card_interrupt(card); /* an interrupt that was lost costs a second, not the link */
}

static const struct host_card_ops card_ops = { work, arm, tick, set_reception };
static const struct net_port_ops port_ops = { .receive = e1000_transmit };

/* A word of the EEPROM; 0: it does not answer. */
static u16 read_eeprom(struct e1000 *e1000, u32 index)
{
	u32 shift = e1000->express ? 2 : 8, done = e1000->express ? E1000_EERD_DONE_EXPRESS : E1000_EERD_DONE, value;
	u64 deadline = clock_ns() + EEPROM_TIMEOUT_NS;

	write(e1000, E1000_EERD, index << shift | E1000_EERD_START);
	while (!((value = read(e1000, E1000_EERD)) & done)) {
		if (clock_ns() >= deadline)
			return 0;
		thread_sleep_ns(RESET_POLL_NS);
	}
	return (u16)(value >> 16);
}

static bool is_station(u64 address)
{
	return !(address & 1) && address << 16 != 0;
}

/* The first receive address is loaded from the EEPROM by the reset; Bochs's card leaves that to whoever wants it. */
static bool read_address(struct e1000 *e1000)
{
	u64 address = (u64)read(e1000, E1000_RAH0) << 32 | read(e1000, E1000_RAL0);

	if (!is_station(address)) {
		address = 0;
		for (u32 i = 0; i < 3; i++)
			address |= (u64)read_eeprom(e1000, i) << (16 * i);
	}
	for (u32 i = 0; i < NET_MAC_BYTES; i++)
		e1000->card.port.mac[i] = (u8)(address >> (8 * i));
	return is_station(address);
}

static int start(struct e1000 *e1000, const char *name)
{
	int error = stop(e1000);

	if (error)
		return error;
	if (!read_address(e1000))
		return ERR_INVALID;
	error = e1000_rings_create(e1000);
	if (!error)
		error = pci_interrupt_open(&e1000->interrupt, e1000->pci);
	if (error)
		return error;
	pci_command(e1000->pci, PCI_COMMAND_BUS_MASTER, 0);
	error = pci_interrupt_add(&e1000->interrupt, 0, name, interrupt, e1000);
	if (error)
		return error;
	bring_up(e1000);
	thread_sleep_ns(LINK_WAIT_NS);
	read_link(e1000);
	return host_card_register(&e1000->card);
}

/* A card that does not stop keeps the memory that it may write to. */
static void give_up(struct e1000 *e1000)
{
	bool stopped = stop(e1000) == OK;

	pci_command(e1000->pci, 0, PCI_COMMAND_BUS_MASTER);
	if (e1000->interrupt.count)
		pci_interrupt_close(&e1000->interrupt);
	if (!stopped)
		return;
	e1000_rings_free(e1000);
	kfree(e1000);
}

static int probe(struct pci_device *device, bool express, const char *name)
{
	const struct pci_bar *bar = &device->bars[0];
	struct e1000 *e1000 = kzalloc(sizeof(*e1000));
	int error;

	if (!e1000)
		return ERR_NO_MEMORY;
	host_card_init(&e1000->card);
	e1000->pci = device;
	e1000->express = express;
	spinlock_init(&e1000->lock, "e1000", LOCK_RANK_DRIVER);
	mutex_init(&e1000->control, "e1000");
	e1000->card.driver = name;
	e1000->card.address = device->address;
	e1000->card.ops = &card_ops;
	e1000->card.context = e1000;
	e1000->card.port.ops = &port_ops;
	e1000->card.port.context = e1000;
	e1000->card.port.mtu_bytes = NET_MTU_DEFAULT;
	format(e1000->card.model, sizeof(e1000->card.model), "%s", e1000_model_name(device->device));
	if (!bar->memory || !bar->base || bar->size_bytes < E1000_REGISTERS_BYTES) {
		kfree(e1000);
		return ERR_INVALID;
	}
	e1000->registers = mmio_map(HPA(bar->base), E1000_REGISTERS_BYTES);
	if (!e1000->registers) {
		kfree(e1000);
		return ERR_NO_MEMORY;
	}
	pci_command(device, PCI_COMMAND_MEMORY, 0);
	error = start(e1000, name);
	if (error)
		give_up(e1000);
	return error;
}

static int probe_e1000(struct pci_device *device)
{
	return probe(device, false, e1000_driver.name);
}

static int probe_e1000e(struct pci_device *device)
{
	return probe(device, true, e1000e_driver.name);
}

const struct pci_driver e1000_driver = { "e1000", e1000_matches, probe_e1000 };
const struct pci_driver e1000e_driver = { "e1000e", e1000e_matches, probe_e1000e };
