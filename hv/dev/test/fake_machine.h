/* SPDX-License-Identifier: MIT */
/*
 * What the devices' tests run on: a clock that moves when told, timers that fire in its order, wires that remember, and a
 * machine of one or more vCPUs with the real board, without memory and without a guest.
 */
#ifndef HV_DEV_TEST_FAKE_MACHINE_H
#define HV_DEV_TEST_FAKE_MACHINE_H

#include "hv/irq_line.h"
#include "hv/timer.h"
#include "hv/vm.h"

#define FAKE_WALL_NS 1790000000000000000ull /* 2026-09-21 13:33:20 UTC, when fake_now_ns is 0 */

extern u64 fake_now_ns;         /* clock_ns() */
extern u64 fake_timer_fires;    /* how often a timer's function ran: the host's cost */
extern unsigned fake_poweroffs, fake_resets, fake_crashes;

void fake_time_reset(void);     /* forgets all timers, time 0 */
void fake_time_advance(u64 ns); /* timers fire at their deadlines, in order */

struct fake_wire { bool level; unsigned rises; };
struct irq_line fake_line(struct fake_wire *wire);

struct vm *fake_machine_create(void); /* the board is reset and runs; one vCPU */
struct vm *fake_machine_create_with(u32 vcpus);
void fake_machine_destroy(struct vm *vm);

static inline void outb(struct vm *vm, u16 port, u8 value) { io_map_write(&vm->ports, port, 1, value); }
static inline void outw(struct vm *vm, u16 port, u16 value) { io_map_write(&vm->ports, port, 2, value); }
static inline void outl(struct vm *vm, u16 port, u32 value) { io_map_write(&vm->ports, port, 4, value); }
static inline u8 inb(struct vm *vm, u16 port) { return (u8)io_map_read(&vm->ports, port, 1); }
static inline u16 inw(struct vm *vm, u16 port) { return (u16)io_map_read(&vm->ports, port, 2); }
static inline u32 inl(struct vm *vm, u16 port) { return (u32)io_map_read(&vm->ports, port, 4); }

/* The vector that a guest with interrupts on would take now, taken; -1: none. */
int fake_take_interrupt(struct vm *vm);

extern u8 fake_byte; /* what gmem_write_nofault wrote last, and gmem_read_nofault reads */

#endif
