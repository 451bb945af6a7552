/* SPDX-License-Identifier: MIT */
/* An Intel gigabit card for drivers under test: registers, and its side of the rings. */
#ifndef DRIVERS_TEST_FAKE_E1000_H
#define DRIVERS_TEST_FAKE_E1000_H

#include "drivers/e1000_regs.h"
#include "drivers/test/fake_bus.h"

struct fake_e1000 {
	u32 registers[E1000_REGISTERS_BYTES / 4];
	u32 resets, wanted_status; /* of the link, after a reset, too */
	bool never_resets, gone;
	u32 mac_low, mac_high; /* what a reset loads */
	u16 eeprom[64];
};
extern struct fake_e1000 fake_e1000;

void fake_e1000_init(u16 device, u8 interrupt_kind);
u32 fake_e1000_register(u32 at);
void fake_e1000_cause(u32 causes); /* sets ICR, and interrupts if IMS wants it */
/* A frame into the next receive descriptor. False: the driver has none for it. */
bool fake_e1000_arrive(const u8 *bytes, u16 length, u8 status, u8 errors);
/* Sends what is next in the transmit ring. Returns its length; 0: nothing to send. */
u32 fake_e1000_send(u8 *bytes);

#endif
