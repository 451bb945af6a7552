/* SPDX-License-Identifier: MIT */
/*
 * One machine: its memory, its vCPUs, its board of devices, and its life.
 *
 * hv/manage calls the functions at the end from its threads; devices reach ports, mmio, vcpus and the requests. A machine
 * knows no XML and no names but the one for the log. Tags as in hv/vcpu.h.
 */
#ifndef HV_VM_H
#define HV_VM_H

#include "hv/char_device.h"
#include "hv/cpu_topology.h"
#include "hv/gmem.h"
#include "hv/io_region.h"
#include "hv/state.h"
#include "hv/vcpu.h"

#define VM_VCPUS_MAX 64
struct device_spec;
#define VM_NAME_MAX 64

/*
 * The PC's memory map, as QEMU's q35: less than 2.75 GiB of RAM stands in one piece below the ECAM window; of more, 2 GiB
 * stand low and the rest from 4 GiB on.
 */
#define VM_ECAM_BASE 0xb0000000ull
#define VM_LOW_RAM_MAX 0x80000000ull
#define VM_HIGH_RAM_BASE 0x100000000ull

enum vm_run_state {
	VM_CREATED,  /* not yet run, or reset and not yet resumed */
	VM_RUNNING,
	VM_PAUSED,
	VM_SHUTOFF,  /* the guest powered off, or was destroyed: only vm_destroy remains */
	VM_CRASHED,  /* the guest broke its machine: registers are kept; only vm_reset and vm_destroy remain */
};

enum vm_event_kind {
	VM_EVENT_POWEROFF, /* ACPI S5 */
	VM_EVENT_RESET,    /* the guest asked for a reset: 0xCF9, keyboard controller, triple fault (reason says which) */
	VM_EVENT_CRASHED,
	VM_EVENT_EXIT,     /* a test port: code */
};

/* Told once per event, on one of the machine's vCPU threads, all of whose vCPUs are about to stop. Must not sleep long. */
struct vm_listener {
	void (*event)(void *context, struct vm *vm, enum vm_event_kind kind, const char *reason, u64 code);
	/* May be NULL. The guest has let go of a device that was asked to leave: vm_device_reap it. Any thread, no sleep. */
	void (*device_left)(void *context, struct vm *vm);
	void *context;
};

struct vm_config {
	char name[VM_NAME_MAX];
	u8 uuid[16];
	u64 memory_bytes;      /* a multiple of 4 KiB, at least 1 MiB */
	u32 vcpu_count;        /* 1 to VM_VCPUS_MAX */
	struct cpu_topology topology; /* all zero: one socket of single-threaded cores */
	u64 wall_clock_offset_ns; /* clock: guest's RTC = host's UTC + this (as signed) */
	u32 serial_count;      /* COM1 and so on, up to 4 */
	bool acpi;             /* build ACPI tables */
	bool test_ports;       /* 0xE9 text to the log, 0xF4 ends the machine: guest tests */
	bool no_kvm;           /* hide the KVM leaves, clock and hypercalls */
	const void *kernel;    /* file contents, NULL: nothing to boot. Borrowed until vm_destroy (reset loads it again) */
	size_t kernel_bytes;
	const struct vm_module { const void *data; size_t size_bytes; const char *name; } *modules; /* initrd first */
	u32 module_count;
	const char *command_line;
	const struct device_spec *devices; /* hv/device_model.h; borrowed until vm_destroy has returned */
	u32 device_count;
	const u8 *root_ports;  /* the slots on bus 0 of root ports 1 to root_port_count. Borrowed likewise */
	u32 root_port_count;
	struct vm_listener listener;
};

/* The machine's board: all devices together. hv/dev/pc.h implements it; hv/main.c registers it with vm_set_board. */
struct board_ops {
	const char *name;
	/*
	 * Makes the devices: claims regions in vm->ports and vm->mmio, fills vcpu->interrupts and interrupt_controller of
	 * each vCPU, sets vm->board. *error: words for the person when it fails. Thread context, vCPUs exist.
	 */
	int (*create)(struct vm *vm, const char **error);
	void (*reset)(struct vm *vm);   /* power-on state of all devices; vCPUs are stopped */
	/* After reset and before the kernel is placed: ACPI, SMBIOS, e820 into guest memory, for direct boots. */
	int (*direct_boot)(struct vm *vm, const char **error);
	void (*quiesce)(struct vm *vm); /* paused: timers stop */
	void (*resume)(struct vm *vm);
	void (*save)(struct vm *vm, struct state_writer *writer);
	int (*load)(struct vm *vm, struct state_reader *reader);
	void (*destroy)(struct vm *vm);
	void (*power_button)(struct vm *vm);
	/* Devices behind root ports, while the machine lives; see vm_device_attach and the others below. */
	int (*device_attach)(struct vm *vm, const struct device_spec *spec, const char **error);
	int (*device_ask)(struct vm *vm, const char *alias, bool again);
	bool (*device_reap)(struct vm *vm, const char *alias);
	void (*device_changed)(struct vm *vm, const char *alias); /* what stands behind a device of config.devices has changed */
	struct char_device *(*serial)(struct vm *vm, unsigned index); /* the host's end of UART index; NULL: none */
	gpa_t (*rsdp)(struct vm *vm);   /* after direct_boot; 0: none */
	/* RAM above 1 MiB that direct_boot filled with tables (whole pages); size 0: none. May be NULL. For the e820 map. */
	void (*tables_memory)(struct vm *vm, u64 *base, u64 *size_bytes);
};

/* Puts the kernel into guest memory and sets vCPU 0's registers. hv/loader.c implements it; hv/main.c registers it. */
struct loader_ops {
	int (*load)(struct vm *vm, const char **error);
};

struct vm {
	struct vm_config config;       /* (c) */
	char name[VM_NAME_MAX];        /* (c) */
	u32 id;                        /* (c) since boot, from 1 */
	struct vcpu *vcpus[VM_VCPUS_MAX]; /* (c) */
	u32 vcpu_count;                /* (c) */
	struct thread_group *group;    /* (c) its threads' shares and caps */
	struct mutex helpers_mutex;
	struct list_node helpers;      /* [helpers_mutex] its threads that are no vCPUs: hv/vm_helper.c */
	struct cpu_mask helper_cpus;   /* [helpers_mutex] where they may run */

	struct io_map ports, mmio;     /* changed with all vCPUs stopped, or under memory_lock and then vm_synchronise */
	struct spinlock memory_lock;   /* rank LOCK_RANK_VM: io maps and their generation */
	bool bus_locked;               /* (a) a vCPU's locked access to device memory is under way: hv/emulate.c */
	struct gmem *gmem;             /* (c) hv/gmem.c */
	u64 low_ram_bytes, high_ram_bytes; /* (c) */
	void *board;                   /* (c) the board's */
	struct cpuid_table *cpuid;     /* (c) hv/cpuid_policy.c */
	struct test_ports *test_ports; /* (c) NULL: none */

	struct mutex lifecycle;        /* serialises vm_run, vm_pause… (hv/manage's threads) */
	u8 state;                      /* (a) enum vm_run_state */
	u32 turns;                     /* (a) starts so far: a change lets each vCPU into its run loop once */
	u32 running;                   /* (a) vCPUs whose turn has not ended, and 1 more while that is dealt with */
	bool dying;                    /* (a) vCPU threads end */
	bool reason_taken;             /* (a) reason is being or was written */
	u8 pending_event;              /* (a) enum vm_event_kind + 1 asked for by a device or handler; 0: none */
	char reason[320];              /* written before state/pending_event, then constant until the next run */
	u64 event_code;
	struct waitqueue stopped;      /* woken when a vCPU stopped, or came by the head of its run loop */
	u64 tsc_offset;                /* (c) between resets: every vCPU's, until its guest moves it */
	/* KVM's clock; changed while no vCPU runs */
	u64 clock_paused_ns;           /* its value while it stands, or at its last start */
	u64 clock_start_tsc;           /* (a) the host's TSC at that start; 0: it stands */
	u32 clock_multiplier;          /* (c) hv/kvm_clock.h */
	s8 clock_shift;                /* (c) */
	u32 clock_stops;               /* how often it stood since the reset */
};

/*
 * After a change of the io maps of a machine that may run: sees to it that the tables which the change replaced are freed
 * once every vCPU has left the handler that may still use them. Does not wait, so the caller may hold a device's mutex: a
 * vCPU that calls it waits at the head of its own run loop (hv/run.c), so that no guest can pile up old tables.
 */
void vm_synchronise(struct vm *vm);

/* Asked for by a device or handler, on any context including the fast level; the first one wins. */
void vm_request_poweroff(struct vm *vm);
void vm_request_reset(struct vm *vm, const char *why);   /* why: a constant string, "port 0xCF9" */
void vm_request_exit(struct vm *vm, u64 code);
/* The guest broke its machine. Same contexts. Formats into vm->reason. */
void vm_crash(struct vm *vm, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * Life, for hv/manage; thread context, may sleep. Errors: OK or a code, and *error with words for the person (static or
 * in the machine; valid until the next call).
 */
void vm_set_board(const struct board_ops *board);
const struct board_ops *vm_board(void);
void vm_set_loader(const struct loader_ops *loader);
/* Everything is made and reserved, the kernel is loaded, nothing runs: state VM_CREATED. */
MUST_CHECK int vm_create(const struct vm_config *config, struct vm **out, const char **error);
MUST_CHECK int vm_resume(struct vm *vm); /* CREATED or PAUSED to RUNNING; ERR_BUSY otherwise */
MUST_CHECK int vm_pause(struct vm *vm);  /* returns when no vCPU runs and devices are quiet */
MUST_CHECK int vm_reset(struct vm *vm, const char **error); /* any state but SHUTOFF; ends in VM_CREATED, kernel loaded anew */
void vm_stop(struct vm *vm);             /* to VM_SHUTOFF at once (destroy, crash policy); registers are kept */
void vm_destroy(struct vm *vm);          /* stops and frees everything; the pointer is dead */
int vm_inject_nmi(struct vm *vm);
void vm_power_button(struct vm *vm);
/*
 * Hot-plug; thread context, one caller at a time with everything else of the machine's life. Attach: behind spec->port; *error has
 * words. Ask: the guest is asked to let go; ERR_UNSUPPORTED: it stands on bus 0, ERR_BUSY: asked already (again: even so). Reap: true
 * when the guest has let go of it; then it is destroyed.
 */
MUST_CHECK int vm_device_attach(struct vm *vm, const struct device_spec *spec, const char **error);
MUST_CHECK int vm_device_ask(struct vm *vm, const char *alias, bool again);
bool vm_device_reap(struct vm *vm, const char *alias);
/* Waits until every vCPU has come by the head of its run loop, or stands: nobody is inside of what was taken out of the maps. */
void vm_await_vcpus(struct vm *vm);
void vm_device_changed(struct vm *vm, const char *alias); /* thread context; the caller keeps the machine */
struct char_device *vm_serial(struct vm *vm, unsigned index);
enum vm_run_state vm_state(const struct vm *vm);
u64 vm_cpu_time_ns(const struct vm *vm); /* of all its threads, helpers included */
u64 vm_kvm_clock_ns(const struct vm *vm);

#endif
