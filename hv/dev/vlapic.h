/* SPDX-License-Identifier: MIT */
/*
 * A vCPU's local APIC: xAPIC page and x2APIC registers, timer, local vector table, IPIs, and the way in for the PIC.
 *
 * After Intel SDM vol. 3, "Advanced Programmable Interrupt Controller (APIC)", and AMD APM vol. 2, "Advanced Programmable
 * Interrupt Controller (APIC)". The APIC page does not move: another base in IA32_APIC_BASE is #GP (docs/guest-pc.md).
 * Files: vlapic.c (requests, priorities, the core's questions), vlapic_registers.c, vlapic_timer.c, vlapic_bus.c
 * (delivery between local APICs), vlapic_state.c (reset, save, load), vlapic_pv.c (KVM's short cuts).
 */
#ifndef HV_DEV_VLAPIC_H
#define HV_DEV_VLAPIC_H

#include "hv/dev/apic_message.h"
#include "hv/dev/machine_clock.h"
#include "hv/interrupt_controller.h"
#include "hv/lib/lock.h"
#include "hv/state.h"
#include "hv/timer.h"
#include "hv/vm.h"

struct vpic;
struct vioapic;

#define VLAPIC_BASE 0xfee00000ull

#define APIC_BASE_BSP BIT64(8)
#define APIC_BASE_EXTD BIT64(10)
#define APIC_BASE_EN BIT64(11)

#define SVR_ENABLE BIT32(8)
#define LVT_MASKED BIT32(16)
#define LVT_VECTOR 0xffu
#define LVT_DELIVERY(lvt) ((lvt) >> 8 & 7u)

#define ESR_SEND_ILLEGAL BIT32(5)
#define ESR_RECEIVE_ILLEGAL BIT32(6)
#define ESR_ILLEGAL_REGISTER BIT32(7)

/* In the order of their registers from 0x320 on. */
enum vlapic_lvt { LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };

enum vlapic_timer_mode { TIMER_ONE_SHOT = 0, TIMER_PERIODIC = 1, TIMER_TSC_DEADLINE = 2, TIMER_RESERVED = 3 };

struct vlapic_state {
	u64 irr[4], tmr[4];   /* (a) set by any CPU */
	u64 isr[4];           /* (o) this and what follows: the vCPU's thread, unless tagged */
	u64 apic_base;
	u64 timer_deadline_ns;/* [timer_lock] machine time of the next expiry; 0: not counting */
	u64 tsc_deadline;     /* [timer_lock] the MSR; 0: not armed */
	u32 tpr;              /* of a machine that is saved; else see vlapic->tpr */
	u32 ldr, dfr, svr;    /* read by others for destinations */
	u32 esr;
	u32 esr_pending;      /* (a) */
	u32 icr_low, icr_high;
	u32 lvt[LVT_COUNT];   /* read by the timer's function and by whoever drives LINT0/1 */
	u32 timer_initial, timer_divide; /* [timer_lock] */
};

struct vlapic_bus;

struct vlapic {
	struct vlapic_state state;
	struct spinlock timer_lock;
	struct timer timer;
	u32 *tpr;                     /* (c) where the TPR stands: vcpu->task_priority, or state.tpr; read by others */
	struct vcpu *vcpu;            /* (c) */
	struct vlapic_bus *bus;       /* (c) */
	const struct machine_clock *clock; /* (c) */
	u32 id;                       /* (c) the x2APIC ID */
	bool bsp;                     /* (c) */
	bool end_armed;               /* (o) the guest may end its interrupt without an EOI: vlapic_pv.c */
};

/* All local APICs of a machine, and what stands behind them. */
struct vlapic_bus {
	struct vlapic *lapics[VM_VCPUS_MAX]; /* (c) */
	u32 count;                           /* (c) */
	u32 asked_last, chosen_last;         /* (a) hints: index of a local APIC */
	struct vpic *pic;                    /* (c) its output goes to every LINT0 */
	struct vioapic *ioapic;              /* (c) told of the end of level-triggered interrupts */
};

extern const struct interrupt_controller_ops vlapic_ops;

void vlapic_init(struct vlapic *vlapic, struct vcpu *vcpu, struct vlapic_bus *bus, const struct machine_clock *clock);
void vlapic_reset(struct vlapic *vlapic);    /* power-on, LINT0 and LINT1 of the BSP as firmware leaves them */
void vlapic_init_state(struct vlapic *vlapic); /* INIT: power-on but for base and ID (o) */
void vlapic_quiesce(struct vlapic *vlapic);
void vlapic_resume(struct vlapic *vlapic);
void vlapic_save(struct vlapic *vlapic, struct state_writer *writer);
MUST_CHECK int vlapic_load(struct vlapic *vlapic, struct state_reader *reader);

/* A fixed interrupt arrives. Any context. */
void vlapic_accept(struct vlapic *vlapic, u8 vector, bool level_triggered);
void vlapic_error(struct vlapic *vlapic, u32 esr_bit); /* any context */
/* What an LVT entry does when its source fires: timer, error, LINT pins. Any context. */
void vlapic_fire_lvt(struct vlapic *vlapic, enum vlapic_lvt which);
/* The PIC's output or the board's NMI wire changed. Any context. */
void vlapic_pic_changed(struct vlapic *vlapic, bool level);
static inline void vlapic_nmi_wire(struct vlapic *vlapic) { vlapic_fire_lvt(vlapic, LVT_LINT1); }

static inline bool vlapic_enabled(const struct vlapic *vlapic) /* by IA32_APIC_BASE */
{
	return (READ_ONCE(vlapic->state.apic_base) & APIC_BASE_EN) != 0;
}
static inline bool vlapic_x2apic(const struct vlapic *vlapic)
{
	return (READ_ONCE(vlapic->state.apic_base) & APIC_BASE_EXTD) != 0;
}
static inline bool vlapic_software_enabled(const struct vlapic *vlapic)
{
	return vlapic_enabled(vlapic) && (READ_ONCE(vlapic->state.svr) & SVR_ENABLE);
}

/* vlapic.c, for the other files. (o) */
void vlapic_end_of_interrupt(struct vlapic *vlapic);
void vlapic_set_tpr(struct vlapic *vlapic, u32 tpr);
u32 vlapic_processor_priority(const struct vlapic *vlapic);
void vlapic_priority_changed(struct vlapic *vlapic);

/* vlapic_registers.c: offset / 16 of the page, or MSR - 0x800. False: no such register here, or a bad value. (o) */
bool vlapic_register_read(struct vlapic *vlapic, u32 index, u64 *value);
bool vlapic_register_write(struct vlapic *vlapic, u32 index, u64 value);
bool vlapic_base_write(struct vlapic *vlapic, u64 value);
MUST_CHECK int vlapic_claim(struct vlapic_bus *bus, struct io_map *mmio); /* the xAPIC page */

/* vlapic_timer.c. (o) */
void vlapic_timer_init(struct vlapic *vlapic);
void vlapic_timer_stop(struct vlapic *vlapic);
void vlapic_timer_write_initial(struct vlapic *vlapic, u32 count);
void vlapic_timer_write_divide(struct vlapic *vlapic, u32 value);
u32 vlapic_timer_current(struct vlapic *vlapic);
void vlapic_timer_write_lvt(struct vlapic *vlapic, u32 value);
void vlapic_timer_write_deadline(struct vlapic *vlapic, u64 guest_tsc);
u64 vlapic_timer_read_deadline(struct vlapic *vlapic);
void vlapic_timer_rearm(struct vlapic *vlapic); /* after the TSC, the clock or the whole state changed */
static inline enum vlapic_timer_mode vlapic_timer_mode(u32 lvt)
{
	return (enum vlapic_timer_mode)(lvt >> 17 & 3);
}

/*
 * vlapic_pv.c. (o) arm: this vector is about to be offered. settle, while end_armed: did the guest end its interrupt? If not,
 * and take_back, it shall write its EOI.
 */
void vlapic_pv_arm(struct vlapic *vlapic, int vector);
void vlapic_pv_settle(struct vlapic *vlapic, bool take_back);
void vlapic_pv_end_word_changed(void *controller);
u64 vlapic_pv_send_set(void *controller, u64 low, u64 high, u32 first, u32 icr_low);

/* vlapic_bus.c. Any context. deliver_to: to this one, whoever is named. */
void vlapic_deliver_to(struct vlapic *vlapic, const struct apic_message *message);
/* Returns how many local APICs the message reached. */
u32 vlapic_bus_deliver(struct vlapic_bus *bus, const struct apic_message *message);
void vlapic_bus_deliver_msi(struct vlapic_bus *bus, u64 address, u32 data);
void vlapic_send_ipi(struct vlapic *vlapic, u32 icr_low, u32 destination); /* (o) */
struct vlapic *vlapic_bus_current(struct vlapic_bus *bus); /* the calling vCPU thread's; NULL: no vCPU thread */

#endif
