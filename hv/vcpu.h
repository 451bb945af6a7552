/* SPDX-License-Identifier: MIT */
/*
 * One virtual CPU: its registers, what is requested of it, and the thread that runs it.
 *
 * Touched only by its own thread, except where a tag says otherwise; others set a request bit and kick (vcpu_request).
 * Tags: (c) constant after creation, (o) the vCPU's thread only, or anyone while it does not run, (a) atomic,
 * [lock] under that lock. Next to read: hv/run.c.
 */
#ifndef HV_VCPU_H
#define HV_VCPU_H

#include "hv/interrupt_controller.h"
#include "hv/lib/stopwatch.h"
#include "hv/thread.h"
#include "hv/virt.h"

struct vm;
struct cpu;
struct msr_rule;

enum vcpu_request_bit {
	VCPU_REQUEST_EVENT = BIT32(0),     /* ask the interrupt controller again */
	VCPU_REQUEST_NMI = BIT32(1),
	VCPU_REQUEST_STOP = BIT32(2),      /* leave the run loop: the machine pauses, resets, ends */
	VCPU_REQUEST_TLB_FLUSH = BIT32(3),
	VCPU_REQUEST_INIT = BIT32(4),
	VCPU_REQUEST_SIPI = BIT32(5),
	VCPU_REQUEST_CLOCK = BIT32(6),     /* rewrite the guest's KVM clock */
	VCPU_REQUEST_RESCHEDULE = BIT32(7),/* give the CPU away before the next entry */
	VCPU_REQUEST_PASS = BIT32(8),      /* come by the head of the run loop and be counted */
	VCPU_REQUEST_SYNCHRONISE = BIT32(9),/* wait there until all others came by, then free retired io maps */
};
/* What a fast exit may not go back into the guest with. The others are served at the fast level. */
#define VCPU_REQUESTS_SLOW                                                                                        \
	(VCPU_REQUEST_STOP | VCPU_REQUEST_INIT | VCPU_REQUEST_SIPI | VCPU_REQUEST_CLOCK | VCPU_REQUEST_RESCHEDULE | \
	 VCPU_REQUEST_PASS | VCPU_REQUEST_SYNCHRONISE)

enum vcpu_mode {
	VCPU_STOPPED,  /* its thread waits for the machine to run, or there is none */
	VCPU_HOST,     /* its thread is somewhere in the run loop, or in the guest (guest_cpu says) */
	VCPU_HALTED,   /* waits for work: after HLT, or for its start-up IPI */
	VCPU_SYNCHRONISING, /* waits at the head of its run loop for the others to come by theirs */
};

/* Who looks at a vCPU's exits: its backend then takes the loop's longer form (hv/exit_watch.c). */
enum vcpu_watch {
	VCPU_WATCH_TRACE = 1, /* records them in vcpu->trace */
	VCPU_WATCH_TIME = 2,  /* counts the host's time for them */
};

/* Time in Solera by kind of exit, while VCPU_WATCH_TIME is on. Read by others without lock: a stale value does no harm. */
struct exit_times {
	u64 timed[EXIT_KIND_COUNT]; /* so many of them */
	u64 ticks[EXIT_KIND_COUNT]; /* of the host's time-stamp counter, from the exit to the next entry */
};

/*
 * The last code page in four-level paging: its walk, and where its bytes are. A hit reads every entry of the walk again,
 * so it says what a new walk would say; the pointers stay good until memory is given back: VCPU_REQUEST_TLB_FLUSH empties it.
 */
#define CODE_CACHE_EMPTY (~(u64)0) /* of cr3: no CR3 has its reserved bits set */
struct code_cache {
	u64 page, cr3;          /* the page's linear address, and the walk's root */
	const u64 *entries[4];  /* where the walk read; the last one repeated where a large page ends it early */
	u64 values[4];          /* what it found */
	const u8 *bytes;        /* the page */
};

/*
 * The region that answered an access to a port, to be asked again: for exactly this exit.io.word, as long as the map is of
 * this generation (struct io_map). Only for accesses that lie wholly in a FAST region and are no string instructions.
 */
#define PORT_HINT_BITS 5
struct port_hint {
	u64 word;               /* 0: none; no access has size 0 */
	u64 generation;
	const struct io_ops *ops;
	void *device;
	u64 offset;
};

/* Likewise for guest-physical addresses: the FAST region that was found last for this page's low bits. */
struct mmio_hint {
	const struct io_region *region;
	u64 generation;
};

struct vcpu {
	struct vcpu_registers regs;   /* (o) first: the entry stub knows the offsets */
	struct vm_exit exit;          /* (o) the exit being handled */
	struct vcpu_event event;      /* (o) to be delivered at the next entry, before any other */
	struct vcpu_event deferred;   /* (o) an interrupt that an exception overtook */
	bool halted;                  /* (o) after HLT: stays so over a pause */
	bool unhalted;                /* (a) KVM_HC_KICK_CPU: the next HLT, or this one, ends at once */
	u32 requests;                 /* (a) enum vcpu_request_bit */
	bool fast_level;              /* (o) a handler runs at the fast level */
	bool exit_pending;            /* (o) vcpu->exit is still to be handled, at the slow level */
	bool instruction_done;        /* (o) an exit's instruction was completed: the backend ends the interrupt shadow */
	bool nmi_pending;             /* (o) one more is latched, as in hardware */
	bool check_due;               /* (o) debug builds: state changed, so the next entry is checked before it is tried */
	bool enter_unsound;           /* (o) debug builds: the next entry is tried even so (vmbreak --enter) */
	const struct entry_rule *unsound; /* (o) debug builds: what the last check found; NULL: nothing */
	s16 offered_vector;           /* (o) what the backend holds on offer; INTERRUPT_NONE otherwise */
	struct vm *vm;                /* (c) */
	void *backend;                /* (c) struct svm_vcpu, struct vmx_vcpu */
	const struct interrupt_controller_ops *interrupts; /* (c) from the board */
	void *interrupt_controller;   /* (c) */
	u32 *task_priority;           /* (c) the APIC's TPR where the CPU keeps it for MOV CR8, from the backend; NULL: CR8 exits */
	u32 index;                    /* (c) in vm->vcpus */
	u32 apic_id;                  /* (c) */

	u8 watched;                   /* (a) enum vcpu_watch */
	struct code_cache code;       /* (o) */
	struct port_hint port_hints[1 << PORT_HINT_BITS]; /* (o) hv/exit_io.c */
	struct mmio_hint mmio_hints[4]; /* (o) hv/exit_memory.c */
	const struct msr_rule *msr_hints[8]; /* (o) the last rule found for an MSR with these low bits; hv/exit_msr.c */

	u64 tsc_offset;               /* (o) guest TSC = host TSC + offset */
	u64 tsc_adjust;               /* (o) IA32_TSC_ADJUST */
	u64 xcr0;                     /* (o) the guest's */
	u64 xss;                      /* (o) */
	u64 dr[4];                    /* (o) DR0 to DR3; in the CPU while debug_loaded */
	bool debug_used;              /* (o) the guest has written DR0..3: they are switched with the thread */
	bool nmi_blocked;             /* (o) between an NMI and its IRET, where the hardware does not track it */
	u64 tsc_aux;                  /* (o) in the CPU while loaded */
	u64 cr4_guarded;              /* (c) CR4 bits that the CPU knows and the guest was not shown: its CR4 writes exit */
	u64 mtrr_def_type, mtrr_fixed[11], mtrr_variable[16]; /* (o) kept, without effect: RAM is write-back */
	u64 misc_enable, mcg_status;  /* (o) */
	u64 msr_store[8];             /* (o) single-word MSRs of hv/msr_policy.c that are only kept */
	u64 clock_msr, wall_clock_msr, steal_msr, end_msr, poll_control; /* (o) KVM's paravirtual MSRs */
	u32 steal_version;            /* (o) */
	bool wall_clock_wanted;       /* (o) */
	u32 clock_version;            /* (o) */
	u32 clock_stops;              /* (o) vm->clock_stops that the guest was told of */
	u16 sipi;                     /* (a) the first start-up IPI since the last INIT: SIPI_VALID | vector; 0: none */
	bool waits_for_sipi;          /* (o) */

	u32 turn_for;                 /* (o) whom VCPU_REQUEST_RESCHEDULE offers the turn to: an index in vm->vcpus */
	u32 turn_last;                /* (o) whom a spinning loop last offered it to; hv/vcpu_yield.c */
	bool spins;                   /* (a) it left its CPU in a spinning loop and has had none since */
	u8 mode;                      /* (a) enum vcpu_mode */
	struct cpu *guest_cpu;        /* (a) the CPU at whose fast level the vCPU is, or about to be; NULL: none */
	u32 passes;                   /* (a) how often it served VCPU_REQUEST_PASS */
	struct thread *thread;        /* (c) while the machine exists */
	struct waitqueue wait;        /* halted, or the machine does not run */
	void *fpu_area;               /* (o) XSAVE area, standard form, while not loaded */
	bool state_loaded;            /* (o) FPU, XCR0, DR0..3, TSC_AUX are in the CPU (hv/vcpu_state.c) */

	u64 exits[EXIT_KIND_COUNT];   /* written by the owner; read by others without lock: a stale value does no harm */
	struct exit_times exit_times; /* written by the owner */
	u64 exit_began;               /* (o) the host's time-stamp counter at an exit that is being timed; 0: none */
	u64 unknown_msr_reads, unknown_msr_writes;  /* written by the owner */
	struct stopwatch guest_time;                /* written by the owner: inside the guest, fast exits included */
	u64 slow_exits;
	struct exit_trace *trace;     /* (a) NULL: never made; hv/trace.h */
};

#define SIPI_VALID 0x100u

/*
 * Requests work of a vCPU and makes sure that it looks soon: wakes it when halted, interrupts it when it runs on another
 * CPU. Any context, also the fast exit path and interrupts; no sleep. Why nothing is missed: hv/run.c.
 */
void vcpu_request(struct vcpu *vcpu, u32 bits);
static inline bool vcpu_requested(const struct vcpu *vcpu, u32 bits)
{
	return (__atomic_load_n(&vcpu->requests, __ATOMIC_ACQUIRE) & bits) != 0;
}
static inline void vcpu_request_clear(struct vcpu *vcpu, u32 bits)
{
	__atomic_fetch_and(&vcpu->requests, ~bits, __ATOMIC_ACQ_REL);
}

/* Queues an exception for the next entry; two at once become what the architecture says (#DF, shutdown). (o) */
void vcpu_inject_exception(struct vcpu *vcpu, u8 vector, bool has_error_code, u32 error_code);
void vcpu_inject_gp(struct vcpu *vcpu); /* #GP(0) */
void vcpu_inject_ud(struct vcpu *vcpu);
void vcpu_inject_page_fault(struct vcpu *vcpu, u64 address, u32 error_code);

/*
 * For the backends. interrupt_taken: the vector on offer went to the guest. prepare_entry: requests and events before an
 * entry; false: slow work first. load_cpu_state: FPU, XCR0, DR0 to DR3, TSC_AUX are this vCPU's from here on; interrupts
 * are off. All at the fast level.
 */
void vcpu_interrupt_taken(struct vcpu *vcpu);
bool vcpu_prepare_entry(struct vcpu *vcpu);
void vcpu_load_cpu_state(struct vcpu *vcpu);

/*
 * Debug builds, before an entry that follows a change of state: the manual's rules. False: one is broken, vcpu->exit says so
 * (EXIT_ENTRY_FAILED, ENTRY_NOT_TRIED), and the backend leaves its loop. hv/exit_entry.c.
 */
bool vcpu_entry_is_sound(struct vcpu *vcpu);

/*
 * For the backends: right before and right behind vcpu_run's loop, with interrupts off, so that what lies between is this
 * vCPU's on this CPU alone. Exits that the fast level handles count as the guest's: they are its instructions, done for it.
 */
void vcpu_guest_time_begin(struct vcpu *vcpu);
void vcpu_guest_time_end(struct vcpu *vcpu);

/* CPU time of the vCPU's thread, and the part of it that was spent inside the guest, in nanoseconds. Thread context. */
struct vcpu_cpu_time {
	u64 total_ns, guest_ns;
};
struct vcpu_cpu_time vcpu_cpu_time(const struct vcpu *vcpu);

enum exit_row_flags {
	EXIT_FAST = 1,        /* the handler keeps the fast contract (DESIGN.md, section 5) */
	EXIT_INSTRUCTION = 2, /* the exit is an instruction's: without next_rip its bytes have changed, so enter again */
};

typedef enum verdict exit_handler_t(struct vcpu *vcpu);

struct exit_row {
	exit_handler_t *handler;
	u32 flags;
};
extern const struct exit_row exit_rows[EXIT_KIND_COUNT];

/*
 * The fast level's half of the table, filled from it at start-up: the handler of a FAST row; for the others, and with the
 * debug option no_fast for all, one that asks for the slow level. So nothing is left to be tested at an exit.
 */
extern exit_handler_t *exit_fast_handlers[EXIT_KIND_COUNT];

/*
 * What a backend does with a decoded exit, in line in its loop; what is rare stays outside of it (hv/exit.c):
 *   exit_handle                  the handler, counted
 *   VERDICT_NEXT: exit_advance   the instruction is done; the backend itself ends its interrupt shadow
 *   VERDICT_SAME                 enter again
 *   others: exit_leave           the loop ends, the exit is still to be handled (vcpu->exit_pending)
 */
static inline enum verdict exit_handle(struct vcpu *vcpu, unsigned kind)
{
	vcpu->exits[kind]++;
	return exit_fast_handlers[kind](vcpu);
}

void exit_single_step(struct vcpu *vcpu); /* the trap after a completed instruction, when the guest single-steps */

static inline void exit_advance(struct vcpu *vcpu)
{
	vcpu->regs.rip = vcpu->exit.next_rip;
	if (UNLIKELY(vcpu->regs.rflags & (RFLAGS_RF | RFLAGS_TF))) {
		vcpu->regs.rflags &= ~RFLAGS_RF;
		if (vcpu->regs.rflags & RFLAGS_TF)
			exit_single_step(vcpu);
	}
}

static inline void exit_leave(struct vcpu *vcpu)
{
	vcpu->exit_pending = true;
}

/*
 * The same while somebody watches (vcpu->watched, looked at once an exit, right behind it). Between them the backend does
 * all of the above; exit_watch_decoded has vcpu->exit.raw filled, exit_watch_done ends the time of an exit that does not
 * leave the fast level. hv/exit_watch.c.
 */
void exit_watch_begin(struct vcpu *vcpu);
void exit_watch_decoded(struct vcpu *vcpu);
void exit_watch_done(struct vcpu *vcpu);
/* Any thread. */
static inline void vcpu_watch(struct vcpu *vcpu, enum vcpu_watch what, bool on)
{
	if (on)
		__atomic_fetch_or(&vcpu->watched, (u8)what, __ATOMIC_RELEASE);
	else
		__atomic_fetch_and(&vcpu->watched, (u8)~what, __ATOMIC_RELEASE);
}

/* Where the guest executes, as the backend knows it. */
struct code_address {
	u64 cr0, cr3, cr4, efer;
	u64 linear; /* CS base and RIP */
};
/*
 * The guest's instruction bytes, in place: a pointer and how many bytes its page still has; NULL when they cannot be read
 * without sleep. They may change while they are read: read once, or copy. Any context.
 */
const u8 *vcpu_code_bytes(struct vcpu *vcpu, const struct code_address *where, u32 *available);
/*
 * The same from the cache alone, for long mode; NULL: another page, a place in it beyond last_offset, or the tables have
 * changed. Guests that may have five levels have an empty cache.
 */
static inline const u8 *vcpu_cached_code(const struct vcpu *vcpu, u64 cr3, u64 linear, u64 last_offset)
{
	const struct code_cache *cache = &vcpu->code;
	u64 offset = linear - cache->page;

	if (UNLIKELY(offset > last_offset || cr3 != cache->cr3))
		return NULL;
	/* No loop: half of its instructions would be its own. */
	if (UNLIKELY(READ_ONCE(*cache->entries[0]) != cache->values[0] || READ_ONCE(*cache->entries[1]) != cache->values[1] ||
		     READ_ONCE(*cache->entries[2]) != cache->values[2] || READ_ONCE(*cache->entries[3]) != cache->values[3]))
		return NULL;
	return cache->bytes + offset;
}

/* The CR4 bits that this CPU has. */
u64 vcpu_known_cr4(void);

/* The guest's time-stamp counter now, and when (clock_ns scale) it will reach a value. Any context. */
u64 vcpu_tsc(const struct vcpu *vcpu);
u64 vcpu_tsc_to_ns(const struct vcpu *vcpu, u64 guest_tsc);

/* CPU modes, from the backend's registers. (o) */
bool vcpu_in_long_mode(struct vcpu *vcpu);   /* EFER.LMA */
bool vcpu_in_64_bit_mode(struct vcpu *vcpu); /* LMA and CS.L */

enum exit_kind exit_kind_by_name(const char *name);
const char *exit_kind_name(enum exit_kind kind); /* "CPUID" */

#endif
