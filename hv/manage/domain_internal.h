/* SPDX-License-Identifier: MIT */
/*
 * What the files of hv/manage/domain*.c share. Nobody else includes this.
 *
 * Two locks, both sleeping, outermost first: domain->operation serialises what changes one machine's life and may be
 * held long (a start loads a kernel); domains_lock guards the list and every domain's fields and is held for moments.
 * A field tagged [o+l] is written with both held, so it may be read under either; [l] needs domains_lock.
 */
#ifndef HV_MANAGE_DOMAIN_INTERNAL_H
#define HV_MANAGE_DOMAIN_INTERNAL_H

#include "hv/lib/list.h"
#include "hv/manage/domain.h"
#include "hv/manage/text.h"
#include "hv/thread.h"
#include "hv/vm.h"

struct domain_console;
struct domain_disks;
struct domain_nics;

#define DOMAIN_CONSOLES (DOMAIN_SERIALS_MAX + DOMAIN_PORTS_MAX)

struct domain {
	struct list_node node;         /* [l] in domains; an empty ring once it is gone */
	u32 references;                /* [l] the list holds one */
	struct mutex operation;
	struct domain_config config;   /* [o+l] the next start's */
	struct domain_config running;  /* [o+l] the active machine's; empty when none */
	u32 id;                        /* [o+l] 0: not active */
	enum domain_state state;       /* [o+l] */
	unsigned reason;               /* [o+l] */
	char why[DOMAIN_WHY_MAX];      /* [o+l] */
	bool persistent;               /* [o+l] */
	bool from_boot;                /* (c) once defined: the boot medium has a file of it */
	char kept[DOMAIN_KEPT_MAX];    /* [l] where its description outlives power-off, in a sentence; "" nothing to say */
	bool rebooting;                /* [o+l] the power button was pressed by domain_reboot */
	struct vm *vm;                 /* [o+l] NULL: not active */
	struct domain_nics *nics;      /* [o+l] plugged in while vm is there; NULL: none */
	struct domain_disks *disks;    /* [o+l] opened for vm; NULL: none */
	struct vm_module *modules;     /* [o] the kernel's modules, vm borrows them */
	u64 cpu_time_ns;               /* [o+l] of the last run, once it has ended */
	char *last_registers;          /* [o+l] registers of a machine that crashed; NULL: none */
	u32 policy_round;              /* the policy thread's: the round in which it was last served */
	u64 logged_ns;                 /* the policy thread's: its last log line about what the guest did */
	u32 not_logged;                /* the policy thread's: lines left out since then */
	u32 pending_events;            /* (a) bits of enum vm_event_kind; set by the machine's own threads */
	struct domain_console *consoles[DOMAIN_CONSOLES]; /* (c) once made, until the domain is freed: serial ports, then ports */
};

extern struct mutex domains_lock;
extern struct list_node domains; /* [l] */

/* domain.c */
void domain_set_state(struct domain *domain, enum domain_state state, unsigned reason); /* takes domains_lock */
void domain_ref(struct domain *domain); /* [l] */
/* Takes a domain off the list when it neither runs nor is persistent. [operation held] */
void domain_drop_if_gone(struct domain *domain);
int domain_not_running(struct domain *domain, struct manage_error *error);

/* domain_define.c: as domain_define, and nothing is written to the store */
MUST_CHECK int domain_define_unkept(const char *file, const char *xml, size_t size, struct domain **out, struct manage_error *error);

/* domain_store.c. keep and forget: operation held */
bool domain_keep(struct domain *domain); /* false: it is not in the store; domain->kept says why */
void domain_forget(struct domain *domain);
void domain_set_kept(struct domain *domain, const char *fmt, const char *what);
void domains_load_store(void);

/* domain_life.c; operation held */
void domain_life_init(void); /* once */
/* config becomes the running one (a copy). On failure nothing half-made stays. */
int domain_boot(struct domain *domain, const struct domain_config *config, bool paused, struct manage_error *error);
/* A new machine in place of one that has ended, with the same id and configuration. */
int domain_boot_again(struct domain *domain, struct manage_error *error);
void domain_stop(struct domain *domain, enum domain_state state, unsigned reason, const char *event_detail);

/* domain_memory.c; operation or domains_lock held. Which descriptions are meant by enum domain_tune_flags: live and config, or what is current. */
MUST_CHECK int domain_impact(struct domain *domain, unsigned flags, bool *live, bool *config, struct manage_error *error);

/* domain_hotplug.c; operation held. Destroys what the guest has let go of. */
void domain_reap_devices(struct domain *domain);

/* domain_disks.c; operation held. One disk of domain->running: opens it and fills the device's description; closes it. */
MUST_CHECK int domain_disk_open(struct domain *domain, struct domain_disk *disk, struct device_spec *spec, struct manage_error *error);
void domain_disk_close(struct domain *domain, u8 place);
/* The same for a disk on the SCSI controller of a running machine; unplug waits until nothing of it is used. */
MUST_CHECK int domain_disk_plug(struct domain *domain, struct domain_disk *disk, struct manage_error *error);
void domain_disk_unplug(struct domain *domain, const struct domain_disk *disk);
/* Opens what `with` names and puts it into the drive; what was there is closed. *held: the guest holds that, and was asked for it. */
MUST_CHECK int domain_disk_put_medium(struct domain *domain, const struct domain_disk *drive, const struct domain_disk *with, bool force,
				      bool *held, struct manage_error *error);
const char *domain_disk_alias(const struct domain *domain, const struct domain_disk *disk);

/* A raw disk of the running machine grows; the guest is told. */
MUST_CHECK int domain_disk_resize(struct domain *domain, const struct domain_disk *disk, u64 size_bytes, struct manage_error *error);

/* domain_disks.c; operation held. Opens what domain->running names and adds the devices to *config; all or none. */
MUST_CHECK int domain_disks_open(struct domain *domain, struct vm_config *config, struct manage_error *error);
void domain_disks_close(struct domain *domain); /* after vm_destroy */
void domain_disks_limit(struct domain *domain, u32 index, const u64 *values); /* of the running machine. [operation] */
void domain_disks_forget_errors(struct domain *domain); /* before it goes on. [operation] */
void domain_disk_stopped(void *context); /* a disk of this domain (context) failed, and a request waits. Any context */
/* The machine's end of config.ports[i]; NULL: there is none. */
struct balloon_state *domain_balloon_state(const struct domain *domain); /* [operation or domains_lock] NULL: no balloon runs */
struct char_device *domain_port_host(const struct domain *domain, u32 i);

/* domain_nics.c; operation held. open: the ports of domain->running; specs: their devices; plug: once the devices are there. */
struct device_spec;
MUST_CHECK int domain_nics_open(struct domain *domain, struct manage_error *error);
u32 domain_nics_specs(struct domain *domain, struct device_spec *specs); /* returns how many */
MUST_CHECK int domain_nics_plug(struct domain *domain, struct manage_error *error);
void domain_nics_unplug(struct domain *domain); /* before vm_destroy */
void domain_nics_close(struct domain *domain);  /* after it */

/* domain_policy.c */
void domain_policy_init(void);
struct vm_listener domain_listener(struct domain *domain);

/* domain_events.c */
void domain_events_init(void);
void domain_emit(struct domain *domain, enum domain_event_kind kind, const char *detail);

/* console.c */
struct domain_console *domain_console_create(void);
void domain_console_free(struct domain_console *console);
void domain_console_plug(struct domain_console *console, struct char_device *device);
void domain_console_unplug(struct domain_console *console); /* no use of the device after it returns; sessions stay */
void domain_console_end(struct domain_console *console);    /* its sessions end once they have read what was kept */

/* registers.c: the machine's registers as text, kmalloc; NULL: no memory. vCPUs stopped. */
char *domain_registers_text(struct vm *vm, u32 index); /* index: a vCPU, or DOMAIN_ALL_VCPUS */

#endif
