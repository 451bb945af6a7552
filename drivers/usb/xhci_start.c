/* SPDX-License-Identifier: MIT */
/*
 * An xHCI controller from the firmware's hands to running. xHCI 1.2, "Host Controller Initialization" (4.2), "USB Legacy Support
 * Capability" (7.1), "Supported Protocol Capability" (7.2). What it says of itself is checked before it is used.
 */
#include "drivers/usb/xhci_internal.h"
#include "hv/clock.h"
#include "hv/dma.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"

#define POLL_NS NS_PER_MS
#define HANDOFF_NS NS_PER_S
#define HALT_NS (100 * NS_PER_MS) /* "16 ms" */
#define RESET_NS (2 * NS_PER_S)
#define EXTENDED_MAX 64u          /* capabilities: a row that is longer goes in a circle */
#define SCRATCHPADS_MAX 1023u
#define MODERATION 160u           /* of 250 ns: at most an interrupt in 40 us */

static bool wait_bits(struct xhci *xhci, u32 offset, u32 mask, u32 value, u64 timeout_ns)
{
	u64 deadline = clock_ns() + timeout_ns;

	for (;;) {
		u32 word = xhci_read(xhci, offset);

		if (word == ~0u)
			return false;
		if ((word & mask) == value)
			return true;
		if (clock_ns() > deadline)
			return false;
		thread_sleep_ns(POLL_NS);
	}
}

static const char *read_capabilities(struct xhci *xhci, u64 size_bytes)
{
	u32 word = xhci_read(xhci, XHCI_CAPLENGTH), params = xhci_read(xhci, XHCI_HCSPARAMS1);

	if (word == ~0u)
		return "it does not answer";
	xhci->operational = word & 0xff;
	xhci->runtime = xhci_read(xhci, XHCI_RTSOFF) & ~0x1fu;
	xhci->doorbells = xhci_read(xhci, XHCI_DBOFF) & ~3u;
	xhci->port_count = MIN(HCSPARAMS1_PORTS(params), XHCI_PORTS_MAX);
	xhci->slot_count = MIN(HCSPARAMS1_SLOTS(params), XHCI_SLOTS_MAX);
	xhci->scratchpad_count = HCSPARAMS2_SCRATCHPADS(xhci_read(xhci, XHCI_HCSPARAMS2));
	xhci->context_bytes = xhci_read(xhci, XHCI_HCCPARAMS1) & HCCPARAMS1_LARGE_CONTEXTS ? 64 : 32;
	if (!(xhci_read(xhci, XHCI_HCCPARAMS1) & HCCPARAMS1_64BIT))
		return "it reaches only 4 GiB of memory, which is not supported";
	if (xhci->operational < XHCI_CAPABILITY_BYTES || !xhci->port_count || !xhci->slot_count)
		return "it has no ports or no slots";
	if (xhci->operational + XHCI_PORTSC(xhci->port_count) + 4 > size_bytes || xhci->runtime + XHCI_ERDP + 8ull > size_bytes ||
	    xhci->doorbells + 4ull * (xhci->slot_count + 1) > size_bytes)
		return "its registers do not lie where it says";
	return xhci->scratchpad_count > SCRATCHPADS_MAX ? "it wants too much memory" : NULL;
}

static void take_from_firmware(struct xhci *xhci, u32 offset)
{
	u32 control;

	xhci_write(xhci, offset, xhci_read(xhci, offset) | LEGACY_SYSTEM_OWNS);
	if (!wait_bits(xhci, offset, LEGACY_FIRMWARE_OWNS, 0, HANDOFF_NS)) {
		log_warning("%s: the firmware does not let go of it: it is taken", xhci->name);
		xhci_write(xhci, offset, (xhci_read(xhci, offset) & ~LEGACY_FIRMWARE_OWNS) | LEGACY_SYSTEM_OWNS);
	}
	control = xhci_read(xhci, offset + 4);
	xhci_write(xhci, offset + 4, (control & ~LEGACY_SMI_ENABLES) | LEGACY_SMI_EVENTS);
}

static void note_protocol(struct xhci *xhci, u32 offset)
{
	u32 version = xhci_read(xhci, offset) >> 24, ports = xhci_read(xhci, offset + 8);
	u32 first = ports & 0xff, count = ports >> 8 & 0xff, type = xhci_read(xhci, offset + 12) & 0x1f;

	for (u32 port = first; port < first + count && port <= xhci->port_count; port++) {
		if (!port)
			continue;
		xhci->port_version[port] = (u8)version;
		xhci->port_slot_type[port] = (u8)type;
	}
}

static void read_extended(struct xhci *xhci, u64 size_bytes)
{
	u64 offset = HCCPARAMS1_EXTENDED(xhci_read(xhci, XHCI_HCCPARAMS1));

	for (u32 i = 0; offset && i < EXTENDED_MAX && offset + 16 <= size_bytes; i++) {
		u32 word = xhci_read(xhci, (u32)offset);

		if ((word & 0xff) == EXTENDED_LEGACY)
			take_from_firmware(xhci, (u32)offset);
		else if ((word & 0xff) == EXTENDED_PROTOCOL)
			note_protocol(xhci, (u32)offset);
		offset = word >> 8 & 0xff ? offset + (word >> 8 & 0xff) * 4ull : 0;
	}
}

/*
 * Intel's chipsets of 2012 to 2014 give their USB 2 ports, and the USB 3 half of the others, to an older controller until told
 * otherwise. "USB 3.0 Port Routing", "xHC USB 2.0 Port Routing" of the 7 and 8 Series Chipset Datasheets: what may be switched stands in
 * a mask beside each register.
 */
static void route_ports(const struct pci_device *pci)
{
	static const u16 chipsets[] = { 0x1e31, 0x8c31, 0x9c31 };
	enum { USB2_ROUTING = 0xd0, USB2_MASK = 0xd4, SUPER_SPEED = 0xd8, SUPER_SPEED_MASK = 0xdc };

	for (u32 i = 0; i < ARRAY_SIZE(chipsets); i++) {
		if (pci->vendor != 0x8086 || pci->device != chipsets[i])
			continue;
		pci_write(pci, SUPER_SPEED, 4, pci_read(pci, SUPER_SPEED_MASK, 4));
		pci_write(pci, USB2_ROUTING, 4, pci_read(pci, USB2_MASK, 4));
	}
}

static const char *reset(struct xhci *xhci)
{
	u32 status = xhci->operational + XHCI_USBSTS, command = xhci->operational + XHCI_USBCMD;

	if (!wait_bits(xhci, status, USBSTS_NOT_READY, 0, RESET_NS))
		return "it is not ready";
	xhci_write(xhci, command, xhci_read(xhci, command) & ~(USBCMD_RUN | USBCMD_INTERRUPTS));
	if (!wait_bits(xhci, status, USBSTS_HALTED, USBSTS_HALTED, HALT_NS))
		return "it does not halt";
	xhci_write(xhci, command, USBCMD_RESET);
	if (!wait_bits(xhci, command, USBCMD_RESET, 0, RESET_NS) || !wait_bits(xhci, status, USBSTS_NOT_READY, 0, RESET_NS))
		return "its reset does not end";
	return xhci_read(xhci, xhci->operational + XHCI_PAGESIZE) & 1 ? NULL : "its pages are larger than 4 KiB";
}

/* Memory that the controller keeps for itself. */
static bool give_scratchpads(struct xhci *xhci)
{
	hpa_t table, page;

	if (!xhci->scratchpad_count)
		return true;
	xhci->scratchpads = dma_alloc(xhci->scratchpad_count * sizeof(u64), false, &table);
	for (u32 i = 0; xhci->scratchpads && i < xhci->scratchpad_count; i++) {
		if (!dma_alloc(PAGE_SIZE, false, &page))
			return false;
		xhci->scratchpads[i] = page.value;
	}
	xhci->slots[0] = table.value;
	return xhci->scratchpads != NULL;
}

static const char *give_memory(struct xhci *xhci)
{
	hpa_t slots, commands, events, table;
	struct xhci_trb *command_trbs = dma_alloc(PAGE_SIZE, false, &commands), *event_trbs = dma_alloc(PAGE_SIZE, false, &events);
	struct xhci_event_segment *segment = dma_alloc(PAGE_SIZE, false, &table);

	xhci->slots = dma_alloc(PAGE_SIZE, false, &slots);
	if (!command_trbs || !event_trbs || !segment || !xhci->slots || !give_scratchpads(xhci))
		return "no memory"; /* what was given is kept: the caller says why */
	xhci_ring_init(&xhci->commands, command_trbs, commands);
	xhci->events = (struct xhci_event_ring){ .trbs = event_trbs, .address = events, .cycle = 1 };
	*segment = (struct xhci_event_segment){ events.value, XHCI_RING_TRBS, 0 };
	xhci_write(xhci, xhci->operational + XHCI_CONFIG, xhci->slot_count);
	xhci_write64(xhci, xhci->operational + XHCI_DCBAAP, slots.value);
	xhci_write64(xhci, xhci->operational + XHCI_CRCR, commands.value | TRB_CYCLE);
	xhci_write(xhci, xhci->runtime + XHCI_ERSTSZ, 1);
	xhci_write64(xhci, xhci->runtime + XHCI_ERDP, events.value);
	xhci_write64(xhci, xhci->runtime + XHCI_ERSTBA, table.value); /* the write that starts it */
	return NULL;
}

static const char *run(struct xhci *xhci)
{
	xhci_write(xhci, xhci->runtime + XHCI_IMOD, MODERATION);
	xhci_write(xhci, xhci->runtime + XHCI_IMAN, IMAN_ENABLE | IMAN_PENDING);
	xhci_write(xhci, xhci->operational + XHCI_USBCMD, USBCMD_RUN | USBCMD_INTERRUPTS);
	if (!wait_bits(xhci, xhci->operational + XHCI_USBSTS, USBSTS_HALTED, 0, HALT_NS))
		return "it does not run";
	for (u32 port = 1; port <= xhci->port_count; port++)
		if (xhci_read(xhci, XHCI_HCCPARAMS1) & HCCPARAMS1_PORT_POWER)
			xhci_port_write(xhci, (u8)port, PORTSC_POWER);
	return NULL;
}

const char *xhci_bring_up(struct xhci *xhci, u64 size_bytes)
{
	const char *why = read_capabilities(xhci, size_bytes);

	if (why)
		return why;
	read_extended(xhci, size_bytes);
	why = reset(xhci);
	if (!why) {
		route_ports(xhci->pci);
		why = give_memory(xhci);
	}
	if (!why && (pci_interrupt_open(&xhci->interrupt, xhci->pci) ||
		     pci_interrupt_add(&xhci->interrupt, 0, xhci->name, xhci_interrupt, xhci)))
		why = "it has no interrupt";
	return why ? why : run(xhci);
}
