/* SPDX-License-Identifier: MIT */
/*
 * Registers, request blocks and contexts of a USB host controller. eXtensible Host Controller Interface for Universal Serial Bus
 * 1.2, "Register Interface" (5), "Data Structures" (6), "xHCI Extended Capabilities" (7). Pure.
 */
#ifndef DRIVERS_USB_XHCI_REGS_H
#define DRIVERS_USB_XHCI_REGS_H

#include "hv/lib/types.h"

enum xhci_capability_register {
	XHCI_CAPLENGTH = 0x00, XHCI_HCSPARAMS1 = 0x04, XHCI_HCSPARAMS2 = 0x08, XHCI_HCCPARAMS1 = 0x10, XHCI_DBOFF = 0x14, XHCI_RTSOFF = 0x18,
	XHCI_CAPABILITY_BYTES = 0x20,
};
#define HCSPARAMS1_SLOTS(word) ((word) & 0xff)
#define HCSPARAMS1_PORTS(word) ((word) >> 24)
#define HCSPARAMS2_SCRATCHPADS(word) (((word) >> 21 & 0x1f) << 5 | (word) >> 27)
#define HCCPARAMS1_64BIT BIT32(0)
#define HCCPARAMS1_LARGE_CONTEXTS BIT32(2)
#define HCCPARAMS1_PORT_POWER BIT32(3)
#define HCCPARAMS1_EXTENDED(word) (((word) >> 16) * 4u) /* bytes; 0: none */

/* From the operational registers' base. */
enum xhci_operational_register {
	XHCI_USBCMD = 0x00, XHCI_USBSTS = 0x04, XHCI_PAGESIZE = 0x08, XHCI_CRCR = 0x18, XHCI_DCBAAP = 0x30, XHCI_CONFIG = 0x38,
	XHCI_PORTS = 0x400,
};
#define USBCMD_RUN BIT32(0)
#define USBCMD_RESET BIT32(1)
#define USBCMD_INTERRUPTS BIT32(2)
#define USBSTS_HALTED BIT32(0)
#define USBSTS_SYSTEM_ERROR BIT32(2)
#define USBSTS_INTERRUPT BIT32(3)
#define USBSTS_NOT_READY BIT32(11)
#define USBSTS_CONTROLLER_ERROR BIT32(12)
#define CRCR_ABORT BIT32(2)
#define CRCR_RUNNING BIT32(3)
#define XHCI_PORTSC(port) (XHCI_PORTS + 0x10u * ((port) - 1u)) /* ports count from 1 */
#define PORTSC_CONNECTED BIT32(0)
#define PORTSC_ENABLED BIT32(1)
#define PORTSC_RESET BIT32(4)
#define PORTSC_POWER BIT32(9)
#define PORTSC_SPEED(word) ((word) >> 10 & 15)
#define PORTSC_CHANGED_CONNECTION BIT32(17)
#define PORTSC_CHANGES MASK32(23, 17) /* each is cleared by writing it */
#define PORTSC_WARM_RESET BIT32(31)
#define PORTSC_KEEP (PORTSC_POWER | MASK32(15, 14) | MASK32(27, 25)) /* what a write must repeat; other bits act when written */

/* From the run-time registers' base: interrupter 0. */
enum xhci_runtime_register { XHCI_IMAN = 0x20, XHCI_IMOD = 0x24, XHCI_ERSTSZ = 0x28, XHCI_ERSTBA = 0x30, XHCI_ERDP = 0x38 };
#define IMAN_PENDING BIT32(0)
#define IMAN_ENABLE BIT32(1)
#define ERDP_BUSY BIT32(3)

#define EXTENDED_LEGACY 1u
#define EXTENDED_PROTOCOL 2u
#define LEGACY_FIRMWARE_OWNS BIT32(16)
#define LEGACY_SYSTEM_OWNS BIT32(24)
#define LEGACY_SMI_ENABLES (BIT32(0) | BIT32(4) | MASK32(15, 13))
#define LEGACY_SMI_EVENTS MASK32(31, 29)

/* Transfer request block; the same 16 bytes are a command and an event. */
struct xhci_trb {
	u64 parameter;
	u32 status, control;
};
STATIC_ASSERT(sizeof(struct xhci_trb) == 16, "a TRB");

enum xhci_trb_type {
	TRB_NORMAL = 1, TRB_SETUP = 2, TRB_DATA = 3, TRB_STATUS = 4, TRB_LINK = 6,
	TRB_ENABLE_SLOT = 9, TRB_DISABLE_SLOT = 10, TRB_ADDRESS_DEVICE = 11, TRB_CONFIGURE_ENDPOINT = 12, TRB_EVALUATE_CONTEXT = 13,
	TRB_RESET_ENDPOINT = 14, TRB_STOP_ENDPOINT = 15, TRB_SET_DEQUEUE = 16,
	TRB_TRANSFER_EVENT = 32, TRB_COMMAND_EVENT = 33, TRB_PORT_EVENT = 34, TRB_CONTROLLER_EVENT = 37,
};
#define TRB_CYCLE BIT32(0)
#define TRB_TOGGLE BIT32(1)      /* of a link */
#define TRB_SHORT_EVENT BIT32(2) /* an event also when less came than there is room for */
#define TRB_CHAIN BIT32(4)
#define TRB_DONE_EVENT BIT32(5)
#define TRB_IMMEDIATE BIT32(6)
#define TRB_IN BIT32(16)         /* of data and status stages */
#define TRB_TYPE(type) ((u32)(type) << 10)
#define TRB_TYPE_OF(control) ((control) >> 10 & 0x3f)
#define TRB_SLOT(slot) ((u32)(slot) << 24)
#define TRB_SLOT_OF(control) ((control) >> 24)
#define TRB_ENDPOINT(index) ((u32)(index) << 16)
#define TRB_ENDPOINT_OF(control) ((control) >> 16 & 0x1f)
#define TRB_SLOT_TYPE(type) ((u32)(type) << 16)
#define TRB_SETUP_NO_DATA 0u
#define TRB_SETUP_OUT (2u << 16)
#define TRB_SETUP_IN (3u << 16)
#define TRB_LENGTH_OF(status) ((status) & 0x1ffff)
#define TRB_REMAINING(status) ((u32)(status) << 17)
#define TRB_CODE_OF(status) ((status) >> 24)
#define EVENT_RESIDUE_OF(status) ((status) & 0xffffff)
#define EVENT_PORT_OF(parameter) ((u32)((parameter) >> 24) & 0xff)

enum xhci_code {
	CODE_SUCCESS = 1, CODE_STALL = 6, CODE_SHORT_PACKET = 13, CODE_CONTEXT_STATE = 19, CODE_RING_STOPPED = 24, CODE_ABORTED = 25,
	CODE_STOPPED = 26, CODE_STOPPED_LENGTH = 27, CODE_STOPPED_SHORT = 28,
	CODE_NONE = 255, /* ours: an event that says nothing */
};

/* One segment of an event ring, in the table that the controller reads. */
struct xhci_event_segment {
	u64 base;
	u32 size, reserved;
};

/* Words of contexts. */
#define SLOT_ROUTE(route) ((u32)(route))                 /* word 0 */
#define SLOT_SPEED(speed) ((u32)(speed) << 20)
#define SLOT_HUB BIT32(26)
#define SLOT_ENTRIES(count) ((u32)(count) << 27)
#define SLOT_ENTRIES_MASK MASK32(31, 27)
#define SLOT_ROOT_PORT(port) ((u32)(port) << 16)         /* word 1 */
#define SLOT_PORTS(count) ((u32)(count) << 24)
#define SLOT_TT(slot, port) ((u32)(slot) | (u32)(port) << 8) /* word 2 */
#define SLOT_THINK_TIME(time) ((u32)(time) << 16)
#define ENDPOINT_STATE_OF(word) ((word) & 7)             /* word 0 */
#define ENDPOINT_INTERVAL(interval) ((u32)(interval) << 16)
#define ENDPOINT_ERRORS(count) ((u32)(count) << 1)       /* word 1 */
#define ENDPOINT_TYPE(type) ((u32)(type) << 3)
#define ENDPOINT_BURST(burst) ((u32)(burst) << 8)
#define ENDPOINT_PACKET(bytes) ((u32)(bytes) << 16)
#define ENDPOINT_CYCLE BIT32(0)                          /* word 2 */
enum xhci_endpoint_state { ENDPOINT_DISABLED, ENDPOINT_RUNNING, ENDPOINT_HALTED, ENDPOINT_STOPPED, ENDPOINT_ERROR };

#endif
