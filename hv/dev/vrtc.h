/* SPDX-License-Identifier: MIT */
/*
 * The MC146818 real-time clock with 128 bytes of CMOS memory, behind ports 0x70 and 0x71.
 *
 * After the data sheet "MC146818 Real-Time Clock plus RAM" (Motorola) and "ICH9 Family Datasheet" (Real Time Clock). Time
 * is the host's wall clock plus an offset that the guest moves when it sets the clock. Flags are computed when they are
 * looked at; a host timer runs only for enabled interrupts. Memory sizes stand where SeaBIOS and OVMF look for them.
 */
#ifndef HV_DEV_VRTC_H
#define HV_DEV_VRTC_H

#include "hv/clock.h"
#include "hv/io_region.h"
#include "hv/irq_line.h"
#include "hv/lib/lock.h"
#include "hv/state.h"
#include "hv/timer.h"

#define VRTC_CMOS_SIZE 128

enum { RTC_SECONDS, RTC_SECONDS_ALARM, RTC_MINUTES, RTC_MINUTES_ALARM, RTC_HOURS, RTC_HOURS_ALARM, RTC_DAY_OF_WEEK,
       RTC_DAY, RTC_MONTH, RTC_YEAR, RTC_A, RTC_B, RTC_C, RTC_D, RTC_CENTURY = 0x32 };

struct vrtc_state {
	u8 cmos[VRTC_CMOS_SIZE]; /* time registers hold the time only while it stands still (SET, divider reset) */
	s64 offset_ns;           /* guest's time = clock_wall_ns() + offset */
	s64 seen_second;         /* the last second whose update was turned into flags */
	u64 seen_period;         /* likewise the periodic interrupt's count of 32768 Hz ticks */
	u8 index;
	u8 reserved[7];
};

struct vrtc {
	struct vrtc_state state;  /* [lock] */
	struct spinlock lock;
	struct timer timer;
	struct irq_line irq;      /* (c) */
	s64 configured_offset_ns; /* (c) from the machine's description */
	bool quiet;               /* [lock] the machine is paused */
};

void vrtc_init(struct vrtc *rtc, const struct irq_line *irq, s64 offset_ns);
void vrtc_reset(struct vrtc *rtc);
/* Memory below 4 GiB and from 4 GiB on, and the number of CPUs, as QEMU leaves them for firmware. After reset. */
void vrtc_set_memory(struct vrtc *rtc, u64 low_bytes, u64 high_bytes, u32 cpus);
MUST_CHECK int vrtc_claim(struct vrtc *rtc, struct io_map *ports);
void vrtc_quiesce(struct vrtc *rtc);
void vrtc_resume(struct vrtc *rtc);
void vrtc_save(struct vrtc *rtc, struct state_writer *writer);
MUST_CHECK int vrtc_load(struct vrtc *rtc, struct state_reader *reader);

/* vrtc_time.c: pure. */
struct vrtc_date { s64 year; u32 month, day, hour, minute, second, weekday; }; /* month, day, weekday from 1 (Sunday) */
void vrtc_date_from_seconds(struct vrtc_date *date, s64 seconds);
s64 vrtc_date_to_seconds(const struct vrtc_date *date); /* any values: out-of-range ones are clamped */
void vrtc_date_to_registers(const struct vrtc_date *date, u8 *cmos);
void vrtc_date_from_registers(struct vrtc_date *date, const u8 *cmos);
/* The first second after this one that the alarm registers match; -1: none within a day. */
s64 vrtc_next_alarm(const u8 *cmos, s64 after);

#endif
