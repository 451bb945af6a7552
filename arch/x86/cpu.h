/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU data, and control registers.
 *
 * `struct cpu *` stands in the top 8 bytes of every stack, so that no segment register is needed to find it; the
 * scheduler rewrites it when it places a thread. this_cpu() demands that preemption (interrupts) is off, or that the
 * caller only looks at what is the same wherever it runs (the current thread).
 */
#ifndef ARCH_X86_CPU_H
#define ARCH_X86_CPU_H

#include "arch/x86/layout.h"
#include "hv/lib/cpu_mask.h"
#include "hv/lib/lock.h"
#include "hv/lib/stopwatch.h"
#include "hv/lib/types.h"

#define CPU_HELD_LOCKS_MAX 12

struct thread;
struct fpu_state;
struct run_queue;
struct timer_queue;

struct idt_gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_middle;
	u32 offset_high, reserved;
};

/* SDM vol. 3, "Task Management in 64-bit Mode" (8.7). */
struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3, io_map_base;
} PACKED;

/* A function that this CPU has others run: arch/x86/cpu_call.c. */
struct cpu_call {
	void (*function)(void *argument); /* (o) */
	void *argument;                   /* (o) */
	u32 remaining;                    /* (a) CPUs that have yet to run it */
};

struct cpu {
	u32 index;               /* (c) 0: the boot CPU */
	u32 apic_id;             /* (c) */
	struct thread *current;  /* (o) */
	struct run_queue *queue; /* (c) */
	struct timer_queue *timers; /* (c) */
	u32 interrupt_depth;     /* (o) > 0 inside an interrupt handler */
	u32 reschedule;          /* (a) a better thread waits: switch at the next interrupt's end */
	struct fpu_state *fpu;   /* (o) whose vector state the registers hold, or NULL */
	/* (o) set while guest FS, GS, TR, LDTR are loaded: an exception calls it before anything else */
	void (*load_host_state)(struct cpu *cpu);
	void *virt;              /* (o) the backend's per-CPU data */
	u64 interrupt_count;     /* (o) wake-ups and all others */
	struct cpu_call call;    /* what others are to run for this CPU */
	struct cpu_mask call_from; /* (a) CPUs whose call this one is to run */
	struct stopwatch guest_time; /* (o), read by all: inside guests, exits at the fast level included */
	u32 held_lock_count;     /* (o) debug builds */
	struct spinlock *held_locks[CPU_HELD_LOCKS_MAX];
	u64 gdt[8] ALIGNED(16);  /* (c) after gdt_load */
	struct tss tss ALIGNED(16);
	struct idt_gate idt[256] ALIGNED(16);
};

extern struct cpu boot_cpu;
extern struct cpu *cpus[CPU_MAX];   /* (c) once started; indices below cpu_count, without holes */
extern u32 cpu_count;               /* grows while CPUs start, on the boot CPU; constant afterwards */
extern struct cpu_mask cpus_online; /* (a) those that take interrupts and run threads */

static inline struct cpu *this_cpu(void)
{
	u64 rsp;

	__asm__("movq %%rsp, %0" : "=r"(rsp));
	return *(struct cpu *volatile *)((rsp | (STACK_BYTES - 1)) - 7);
}

#define CR0_MP BIT64(1)
#define CR0_EM BIT64(2)
#define CR0_TS BIT64(3)
#define CR0_NE BIT64(5)
#define CR0_WP BIT64(16)
#define CR0_NW BIT64(29)
#define CR0_CD BIT64(30)
#define CR4_DE BIT64(3)
#define CR4_MCE BIT64(6)
#define CR4_PGE BIT64(7)
#define CR4_OSFXSR BIT64(9)
#define CR4_OSXMMEXCPT BIT64(10)
#define CR4_UMIP BIT64(11)
#define CR4_LA57 BIT64(12)
#define CR4_VMXE BIT64(13)
#define CR4_PCIDE BIT64(17)
#define CR4_OSXSAVE BIT64(18)
#define CR4_SMEP BIT64(20)
#define CR4_SMAP BIT64(21)

#define CPU_REGISTER_ACCESSORS(name)                                                                              \
	static inline u64 read_##name(void)                                                                       \
	{                                                                                                         \
		u64 value;                                                                                        \
		__asm__ volatile("mov %%" #name ", %0" : "=r"(value)::"memory");                                  \
		return value;                                                                                     \
	}                                                                                                         \
	static inline void write_##name(u64 value) { __asm__ volatile("mov %0, %%" #name ::"r"(value) : "memory"); }
CPU_REGISTER_ACCESSORS(cr0)
CPU_REGISTER_ACCESSORS(cr2)
CPU_REGISTER_ACCESSORS(cr3)
CPU_REGISTER_ACCESSORS(cr4)
CPU_REGISTER_ACCESSORS(dr6)
CPU_REGISTER_ACCESSORS(dr7)

static inline void irq_enable(void) { __asm__ volatile("sti" ::: "memory"); }
static inline void irq_disable(void) { __asm__ volatile("cli" ::: "memory"); }
static inline bool irq_enabled(void)
{
	u64 flags;

	__asm__ volatile("pushfq; popq %0" : "=r"(flags)::"memory");
	return flags & BIT64(9);
}
static inline NORETURN void cpu_halt_forever(void)
{
	for (;;)
		__asm__ volatile("cli; hlt" ::: "memory");
}

/* GDT, TSS and IDT of this CPU; IST stacks come later, with cpu_set_ist_stacks (arch/x86/descriptors.c). */
void cpu_load_descriptors(struct cpu *cpu);

enum cpu_ist { CPU_IST_NMI = 1, CPU_IST_DOUBLE_FAULT = 2, CPU_IST_MACHINE_CHECK = 3, CPU_IST_COUNT = 3 };
/* tops[i]: the address just above the stack for IST i + 1. */
void cpu_set_ist_stacks(struct cpu *cpu, const u64 tops[CPU_IST_COUNT]);

/*
 * The fast exit path runs with a guest's TR loaded: this CPU's IST entries are off meanwhile (GIF is clear there).
 * Three byte stores each; only on the CPU itself.
 */
static inline void cpu_ist_off(struct cpu *cpu)
{
	cpu->idt[2].ist = 0;
	cpu->idt[8].ist = 0;
	cpu->idt[18].ist = 0;
}
static inline void cpu_ist_on(struct cpu *cpu)
{
	cpu->idt[2].ist = CPU_IST_NMI;
	cpu->idt[8].ist = CPU_IST_DOUBLE_FAULT;
	cpu->idt[18].ist = CPU_IST_MACHINE_CHECK;
}
/* After a VMLOAD of host state TR is there again; after a VMRUN without it, LTR needs the descriptor available. */
void cpu_reload_tss(struct cpu *cpu);

#endif
