/* SPDX-License-Identifier: MIT */
/*
 * The seam between the core and the two backends: what hardware can do with a vCPU, and what it reports.
 *
 * A backend (arch/svm, arch/vmx) is one const struct virt_ops. It turns its hardware's exit into a struct vm_exit, whose
 * kind and operands are the same on both vendors; hv/exit.c has one row per kind. Nothing above this header knows which
 * vendor runs. The general registers live in struct vcpu and are saved by the backend's entry stub, so they have no entry
 * here. Next to read: hv/vcpu.h, hv/exit.c, arch/svm/svm_vcpu.c.
 */
#ifndef HV_VIRT_H
#define HV_VIRT_H

#include "hv/lib/types.h"

struct vcpu;
struct vm;

/* Register numbers as instructions encode them. */
enum gpr {
	GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX, GPR_RSP, GPR_RBP, GPR_RSI, GPR_RDI,
	GPR_R8, GPR_R9, GPR_R10, GPR_R11, GPR_R12, GPR_R13, GPR_R14, GPR_R15,
	GPR_COUNT
};

/* Current after every exit; what a handler changes is in force at the next entry. RIP is moved only by hv/exit.c. */
struct vcpu_registers {
	u64 gpr[GPR_COUNT];
	u64 rip, rflags;
};

#define RFLAGS_FIXED BIT64(1)
#define RFLAGS_TF BIT64(8)
#define RFLAGS_IF BIT64(9)
#define RFLAGS_RF BIT64(16)
#define RFLAGS_VM BIT64(17)

/* In the order of the Sreg encoding. */
enum segment_index {
	SEGMENT_ES, SEGMENT_CS, SEGMENT_SS, SEGMENT_DS, SEGMENT_FS, SEGMENT_GS, SEGMENT_LDTR, SEGMENT_TR, SEGMENT_COUNT
};

/*
 *  attributes: bits 52..55 and 40..47 of a descriptor, joined:
 *   11 10  9   8   7 6..5 4 3..0
 *    G  DB  L AVL  P DPL  S type        P = 0: not usable
 */
struct segment {
	u64 base;
	u32 limit_bytes; /* as used by the CPU: already scaled by G */
	u16 selector;
	u16 attributes;
};
#define SEGMENT_TYPE(attributes) ((attributes) & 15u)
#define SEGMENT_DPL(attributes) (((attributes) >> 5) & 3u)
#define SEGMENT_S BIT32(4)
#define SEGMENT_P BIT32(7)
#define SEGMENT_L BIT32(9)
#define SEGMENT_DB BIT32(10)
#define SEGMENT_G BIT32(11)

struct descriptor_table {
	u64 base;
	u16 limit;
};

/* What is neither a general register nor a segment. Values are the guest's view. */
enum system_register {
	SYSTEM_CR0, SYSTEM_CR2, SYSTEM_CR3, SYSTEM_CR4, SYSTEM_EFER, SYSTEM_PAT, SYSTEM_DR6, SYSTEM_DR7,
	SYSTEM_STAR, SYSTEM_LSTAR, SYSTEM_CSTAR, SYSTEM_SFMASK, SYSTEM_KERNEL_GS_BASE,
	SYSTEM_SYSENTER_CS, SYSTEM_SYSENTER_ESP, SYSTEM_SYSENTER_EIP, SYSTEM_DEBUGCTL,
	SYSTEM_REGISTER_COUNT
};

enum event_type { EVENT_INTERRUPT, EVENT_NMI, EVENT_EXCEPTION, EVENT_SOFTWARE_INTERRUPT };

/* What is to be delivered to the guest at the next entry. */
struct vcpu_event {
	u8 type;   /* enum event_type */
	u8 vector;
	bool valid, has_error_code;
	u32 error_code;
};

#define EXIT_KINDS(X)                                                                                             \
	X(UNKNOWN) X(CPUID) X(MSR_READ) X(MSR_WRITE) X(IO) X(NESTED_FAULT) X(HLT) X(HYPERCALL) X(INTERRUPT) X(INTERRUPT_WINDOW) \
	X(NMI) X(NMI_WINDOW) X(TASK_PRIORITY) X(CR_ACCESS) X(DR_ACCESS) X(XSETBV) X(WBINVD) X(INVD) X(PAUSE) X(MONITOR) X(MWAIT)    \
	X(RDPMC) X(RDTSC) X(INVLPG) X(DESCRIPTOR_TABLE) X(TASK_SWITCH) X(EXCEPTION) X(UNDEFINED) X(SHUTDOWN)       \
	X(MACHINE_CHECK) X(INIT) X(SIPI) X(SLICE_END) X(ENTRY_FAILED)

enum exit_kind {
#define X(name) EXIT_##name,
	EXIT_KINDS(X)
#undef X
	EXIT_KIND_COUNT
};

/*
 * One exit, as a backend decoded it. next_rip is the address after the instruction where the kind has one (0: the backend
 * could not read it; the handler's verdict then makes the core fetch it again on the slow level).
 */
struct vm_exit {
	u8 kind;             /* enum exit_kind */
	bool in_delivery;    /* it interrupted the delivery of an event, which is kept in vcpu->event */
	u64 next_rip;
	union {
		union {          /* IO: IN, OUT, INS, OUTS */
			struct {
				u16 port;
				u8 size_bytes;     /* 1, 2, 4 */
				bool in, string, rep;
				u8 address_bytes;  /* string: 2, 4, 8; else 0, as the next */
				u8 segment;        /* string OUTS: enum segment_index */
			};
			u64 word;          /* all of it: for a backend to write and for hv/exit_io.c to compare at once */
		} io;
		struct {         /* NESTED_FAULT: no translation for gpa, or not for this access */
			gpa_t gpa;
			bool write, fetch, present; /* present: a translation is there and forbids it */
			bool in_table_walk;         /* the CPU was reading the guest's own page tables */
			u8 bytes_count;             /* instruction bytes that the CPU gave (decode assists) */
			u8 bytes[16];
			const u8 *code;             /* 64-bit code: 16 bytes from RIP on, hostile; NULL: they are not at hand */
		} fault;
		struct {         /* CR_ACCESS, DR_ACCESS; general register where the hardware decoded it, else 0xff */
			u8 number, gpr;
			bool write;
		} move;
		struct {         /* EXCEPTION */
			u8 vector;
			bool has_error_code;
			u32 error_code;
			u64 address;  /* #PF: CR2; #DB: the DR6 bits to be */
		} exception;
		struct {         /* SHUTDOWN, ENTRY_FAILED, UNKNOWN: the hardware's reason, for people */
			u64 code;
		} failure;
	};
	u64 raw[4];          /* the vendor's own words, for traces only: code, info 1, info 2, event information */
};

/* What a handler wants to happen. Handlers never touch RIP. */
enum verdict {
	VERDICT_NEXT,  /* the instruction is done: go on after it */
	VERDICT_SAME,  /* go on at the same instruction (it is tried again, or an event was injected) */
	VERDICT_SLOW,  /* fast level only: this needs the slow level; the same handler is called again there */
	VERDICT_BLOCK, /* HLT: the instruction is done, wait until there is work for the vCPU */
	VERDICT_STOP,  /* the vCPU leaves the run loop (the machine was stopped, reset or crashed by the handler) */
};

/* What a CPU offers, beyond what Solera demands. Filled by probe. */
struct virt_features {
	const char *name;            /* "AMD-V", "VT-x" */
	u32 revision, asid_count;
	bool next_rip, decode_assists, flush_by_asid, pause_filter, clean_bits, virtual_nmi, huge_nested_pages;
};

/* Which layout of permission map the backend's hardware reads (hv/msr_policy.h fills it). */
enum msr_map_layout { MSR_MAP_SVM, MSR_MAP_VMX };

/* A field of a vCPU's control block (VMCB, VMCS), named and grouped as in the vendor's manual. */
struct control_field {
	const char *name, *group;
	u32 offset, size_bytes; /* offset: the VMCS's encoding */
	u64 value;
	bool present;           /* this CPU has it */
	bool guest_state;       /* the guest's own: what it holds can harm nobody else */
};

/* One of the manual's rules about the state that an entry may find. */
struct entry_rule {
	const char *name;    /* short, unique: "guest_cs_type" */
	const char *section; /* the manual's title and number */
	const char *text;    /* what must hold */
};

/* Debug builds check the rules before the first entry after a change of state, and let `vmbreak` spoil a field. */
#ifdef SOLERA_DEBUG
#define VIRT_CHECKS_ENTRIES true
#else
#define VIRT_CHECKS_ENTRIES false
#endif
/* vcpu->exit.failure.code where Solera's own check found the state unsound, and did not try the entry; no hardware has it. */
#define ENTRY_NOT_TRIED BIT64(62)

struct virt_ops {
	const char *name; /* "svm", "vmx" */
	enum msr_map_layout msr_map_layout;

	/* Boot CPU, once. OK, or ERR_UNSUPPORTED with *why for the person (lives for ever). */
	int (*probe)(struct virt_features *features, const char **why);
	/* Once, after probe: which MSRs pass, which ports exit (all). msr_map: hv/msr_policy.c's for this backend. */
	int (*prepare)(void (*fill_msr_map)(u8 *map));
	/* On each CPU, interrupts off. Enables the extension; may fail with ERR_NO_MEMORY or ERR_UNSUPPORTED. */
	int (*cpu_enable)(void);
	void (*cpu_disable)(void);

	/* vcpu->backend is the backend's. Thread context. State after create is undefined until reset. */
	int (*vcpu_create)(struct vcpu *vcpu);
	void (*vcpu_destroy)(struct vcpu *vcpu);
	/* Power-on state of everything that the backend holds (segments, system registers, pending event). Not running. */
	void (*vcpu_reset)(struct vcpu *vcpu);

	/*
	 * Runs the guest until an exit whose row is not FAST, or whose handler asked for the slow level; that exit is in
	 * vcpu->exit, not yet handled. Called by the vCPU's thread with interrupts on and no lock held; returns so.
	 * Between fast exits it calls exit_handle (hv/vcpu.h). Returns at once when vcpu->requests demands the slow level.
	 */
	void (*vcpu_run)(struct vcpu *vcpu);
	/* The vCPU's thread came to a CPU, perhaps another one than before; interrupts off, no lock held. NULL: nothing to do. */
	void (*vcpu_arrive)(struct vcpu *vcpu);

	/*
	 * Registers. On the vCPU's own thread (both levels), or any thread while the vCPU does not run.
	 */
	void (*get_segment)(struct vcpu *vcpu, enum segment_index index, struct segment *segment);
	void (*set_segment)(struct vcpu *vcpu, enum segment_index index, const struct segment *segment);
	u64 (*get_system)(struct vcpu *vcpu, enum system_register which);
	void (*set_system)(struct vcpu *vcpu, enum system_register which, u64 value); /* checked by the caller */
	/* CR0, CR3, CR4, EFER at once, for the emulator; NULL: get_system four times. */
	void (*get_paging)(struct vcpu *vcpu, u64 registers[4]);
	void (*get_table)(struct vcpu *vcpu, bool interrupt, struct descriptor_table *table); /* GDTR, IDTR */
	void (*set_table)(struct vcpu *vcpu, bool interrupt, const struct descriptor_table *table);
	unsigned (*privilege_level)(struct vcpu *vcpu);

	/*
	 * Interrupts. offer_interrupt: deliver this vector as soon as the guest can take it, also between two exits; when it
	 * was taken the backend calls vcpu_interrupt_taken before the next exit is handled. A new offer replaces the old one;
	 * INTERRUPT_NONE withdraws it. The event in vcpu->event goes first.
	 */
	void (*offer_interrupt)(struct vcpu *vcpu, int vector);
	/*
	 * Where the guest moves CR8 without an exit (vcpu->task_priority): EXIT_TASK_PRIORITY once CR8 is below class, which is at
	 * most CR8's value at the next entry; 0: not asked for. NULL: CR8 exits.
	 */
	void (*hold_interrupt)(struct vcpu *vcpu, unsigned class);
	/* An NMI put into vcpu->event would be delivered at the next entry; if not, ask for EXIT_NMI_WINDOW. */
	bool (*accepts_nmi)(struct vcpu *vcpu);
	void (*request_nmi_window)(struct vcpu *vcpu);
	bool (*get_interrupt_shadow)(struct vcpu *vcpu);
	void (*set_interrupt_shadow)(struct vcpu *vcpu, bool shadow);
	void (*set_tsc_offset)(struct vcpu *vcpu, u64 offset);

	/* DR0 to DR3: exit on access (until the guest uses them), or the guest has the CPU's own. */
	void (*intercept_debug_registers)(struct vcpu *vcpu, bool intercept);
	/* Guest translations of this vCPU are forgotten before its next entry. On its thread, or while it does not run. */
	void (*flush_tlb)(struct vcpu *vcpu);
	/* TF was set by the backend itself (an NMI window): takes its trap. False: it is the guest's single step. */
	bool (*end_own_step)(struct vcpu *vcpu);
	/* 16, 32, 64: the default size of code. */
	unsigned (*code_bits)(struct vcpu *vcpu);

	/* For traces and students. */
	const char *(*exit_name)(u64 raw_code);
	const char *control_block; /* "VMCB", "VMCS" */
	const char *manual;        /* where entry_rule.section is a title of */
	/* The control block's field number index; false: there are no more. vCPU stopped. */
	bool (*control_field)(struct vcpu *vcpu, unsigned index, struct control_field *field);
	/* Writes field number index, which must be guest state; false: the CPU does not take it. vCPU stopped; debugging only. */
	bool (*set_guest_field)(struct vcpu *vcpu, unsigned index, u64 value);
	/*
	 * The rules of entry on what the next one would find: returns how many are broken, the first max of them in broken,
	 * and how many there are in *total. vCPU stopped, or on its thread.
	 */
	unsigned (*check_entry)(struct vcpu *vcpu, const struct entry_rule **broken, unsigned max, unsigned *total);
	const struct nested_format *nested_format; /* arch/x86/nested_paging.h: NPT or EPT rows */
};

/* The backend in use; NULL until virt_start found one. Set once at boot by hv/main.c. */
extern const struct virt_ops *virt_ops;
extern struct virt_features virt_features;

#endif
