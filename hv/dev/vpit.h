/* SPDX-License-Identifier: MIT */
/*
 * The 8254 interval timer and port 0x61: channel 0 is IRQ 0, channel 1 the refresh toggle, channel 2 the speaker.
 *
 * After the data sheet "8254 Programmable Interval Timer" (Intel 231164) and "ICH9 Family Datasheet" (NMI_SC, port 61h).
 * Counters are computed from the machine's clock when they are looked at; only channel 0 has a host timer.
 */
#ifndef HV_DEV_VPIT_H
#define HV_DEV_VPIT_H

#include "hv/dev/machine_clock.h"
#include "hv/io_region.h"
#include "hv/irq_line.h"
#include "hv/lib/lock.h"
#include "hv/state.h"
#include "hv/timer.h"

#define VPIT_HZ 1193182ull

struct vpit_channel {
	u64 start_tick;      /* when the count in force was loaded (PIT ticks of machine time) */
	u64 held_ticks;      /* ticks that had passed when the gate fell; start_tick is then meaningless */
	u32 count;           /* in force, 1 to 65536 (10000 in BCD); 0: none written since the control word */
	u32 next_count;      /* written, in force from the end of the period on (modes 2 and 3) or at the next trigger; 0: none */
	u16 latched_count;
	u8 latched_status;
	u8 mode, access, bcd;/* access: 1 low byte, 2 high byte, 3 low then high */
	u8 gate, triggered;  /* triggered (modes 1 and 5): the gate rose since the count was written */
	u8 write_high;       /* access 3: the next write is the high byte */
	u8 write_low_byte;   /* kept until the high byte comes */
	u8 read_high;        /* likewise for reads */
	u8 count_latched;    /* bytes of latched_count that are still to be read: 0 to 2 */
	u8 status_latched;
	u8 reserved[3];
};

struct vpit_state {
	struct vpit_channel channel[3];
	u64 irq_tick;        /* the next rising edge of OUT 0; 0: none */
	u8 port61;           /* the writable bits 3..0 */
	u8 reserved[7];
};

struct vpit {
	struct vpit_state state;  /* [lock] */
	struct spinlock lock;
	struct timer timer;
	struct irq_line irq;      /* (c) */
	const struct machine_clock *clock; /* (c) */
};

void vpit_init(struct vpit *pit, const struct irq_line *irq, const struct machine_clock *clock);
void vpit_reset(struct vpit *pit);
MUST_CHECK int vpit_claim(struct vpit *pit, struct io_map *ports); /* 0x40 to 0x43, 0x61 */
void vpit_quiesce(struct vpit *pit);
void vpit_resume(struct vpit *pit);
void vpit_save(struct vpit *pit, struct state_writer *writer);
MUST_CHECK int vpit_load(struct vpit *pit, struct state_reader *reader);

/* vpit_channel.c: pure functions of a channel and the time in ticks. */
void vpit_channel_settle(struct vpit_channel *channel, u64 now); /* takes over a count whose time has come */
u32 vpit_channel_count(const struct vpit_channel *channel, u64 now);  /* as the guest reads it, in binary or BCD */
bool vpit_channel_out(const struct vpit_channel *channel, u64 now);
u64 vpit_channel_next_edge(const struct vpit_channel *channel, u64 now, u64 min_ticks); /* OUT rises; 0: never */
void vpit_channel_set_gate(struct vpit_channel *channel, bool gate, u64 now);
void vpit_channel_control(struct vpit_channel *channel, u8 control, u64 now);
void vpit_channel_write(struct vpit_channel *channel, u8 value, u64 now);
u8 vpit_channel_read(struct vpit_channel *channel, u64 now);
void vpit_channel_latch(struct vpit_channel *channel, bool count, bool status, u64 now);
bool vpit_channel_is_sane(const struct vpit_channel *channel);

#endif
