/* SPDX-License-Identifier: MIT */
/*
 * Domains: the machines that are defined or run, as libvirt knows them. What the shell and, later, the remote API call.
 *
 * Everything here takes and returns data. A struct domain is held by reference: lookups and domain_list give references
 * that domain_put returns. All functions are for threads and may sleep; none may be called with a spin lock held.
 * Functions that can fail return OK or MANAGE_FAILED with *error in words. docs/locking.md has the locks.
 * Next to read: domain_life.c (start to stop), domain_events.c (what the guest did), console.h.
 */
#ifndef HV_MANAGE_DOMAIN_H
#define HV_MANAGE_DOMAIN_H

#include "hv/manage/domain_config.h"
#include "hv/manage/error.h"

struct domain;

/* virDomainState and its reasons, with libvirt's numbers. */
enum domain_state {
	DOMAIN_RUNNING = 1,
	DOMAIN_PAUSED = 3,
	DOMAIN_SHUTDOWN = 4, /* "in shutdown": the guest has ended, on_poweroff or on_reboot says preserve */
	DOMAIN_SHUTOFF = 5,
	DOMAIN_CRASHED = 6,
};
enum domain_running_reason { DOMAIN_RUNNING_UNKNOWN = 0, DOMAIN_RUNNING_BOOTED = 1, DOMAIN_RUNNING_UNPAUSED = 5,
			     DOMAIN_RUNNING_CRASHED = 9 };
enum domain_paused_reason { DOMAIN_PAUSED_USER = 1, DOMAIN_PAUSED_IOERROR = 5, DOMAIN_PAUSED_STARTING_UP = 11 };
enum domain_shutdown_reason { DOMAIN_SHUTDOWN_USER = 1 };
enum domain_shutoff_reason { DOMAIN_SHUTOFF_UNKNOWN = 0, DOMAIN_SHUTOFF_SHUTDOWN = 1, DOMAIN_SHUTOFF_DESTROYED = 2,
			     DOMAIN_SHUTOFF_FAILED = 6 };
enum domain_crashed_reason { DOMAIN_CRASHED_PANICKED = 1 };

const char *domain_state_name(enum domain_state state);               /* "shut off" */
const char *domain_reason_name(enum domain_state state, unsigned reason); /* "destroyed" */

#define DOMAIN_WHY_MAX 320
#define DOMAIN_KEPT_MAX 256

/* A copy of what dominfo and list show. */
struct domain_info {
	char name[DOMAIN_NAME_MAX + 1];
	struct domain_uuid uuid;
	u32 id; /* 0: not active */
	enum domain_state state;
	unsigned reason;
	char why[DOMAIN_WHY_MAX]; /* how a crashed machine broke; "" otherwise */
	bool persistent, autostart;
	char kept[DOMAIN_KEPT_MAX]; /* "It is kept in sda1:\\solera\\store.", or how long it lives and why; "" when there is nothing to say */
	u32 vcpus;
	u64 memory_kib, current_memory_kib, cpu_time_ns;
};

/* Once, from hv/main.c: starts the thread that carries out on_poweroff, on_reboot and on_crash. */
void domains_init(void);
/* Once, after that and store_find: defines what the store has and each module named *.xml, then starts those marked autostart. */
void domains_load_modules(void);

/* A file that came with the boot, by its name, "/solera/NAME" or "\\solera\\NAME"; false: there is none. */
bool domain_boot_file(const char *name, const void **data, size_t *size);

/* By id, name or UUID, in virsh's order. NULL: none, with *error. */
struct domain *domain_lookup(const char *name_id_uuid, struct manage_error *error);
struct domain *domain_lookup_by_id(u32 id);
struct domain *domain_lookup_by_name(const char *name);
struct domain *domain_lookup_by_uuid(const struct domain_uuid *uuid);
void domain_put(struct domain *domain);
/* All domains, in order of definition; kmalloc'd array of references. domains_free returns both. */
MUST_CHECK int domains_all(struct domain ***domains, size_t *count, struct manage_error *error);
void domains_free(struct domain **domains, size_t count);

void domain_get_info(struct domain *domain, struct domain_info *info);
/* The configuration of the running machine, or (inactive, or when none runs) of the next start: a copy. */
MUST_CHECK int domain_get_config(struct domain *domain, bool inactive, struct domain_config *config,
				 struct manage_error *error);
/* Domain XML as dumpxml shows it; NULL with *error. kmalloc. */
char *domain_dump_xml(struct domain *domain, bool inactive, struct manage_error *error);

/* file: for messages. *out, where not NULL, is a reference to the domain. */
MUST_CHECK int domain_define(const char *file, const char *xml, size_t size, struct domain **out,
			     struct manage_error *error);
MUST_CHECK int domain_undefine(struct domain *domain, struct manage_error *error);
MUST_CHECK int domain_set_autostart(struct domain *domain, bool autostart, struct manage_error *error);
/* title NULL: leave; "" : remove. The same for the description. */
MUST_CHECK int domain_set_title(struct domain *domain, const char *title, const char *description,
				struct manage_error *error);

enum domain_start_flags { DOMAIN_START_PAUSED = 1 };
/* A transient domain, at once started. */
MUST_CHECK int domain_create(const char *file, const char *xml, size_t size, unsigned flags, struct domain **out,
			     struct manage_error *error);
MUST_CHECK int domain_start(struct domain *domain, unsigned flags, struct manage_error *error);
MUST_CHECK int domain_shutdown(struct domain *domain, struct manage_error *error); /* presses the ACPI power button */
MUST_CHECK int domain_reboot(struct domain *domain, struct manage_error *error);   /* the same, then on_poweroff is restart */
MUST_CHECK int domain_reset(struct domain *domain, struct manage_error *error);    /* the reset button */
MUST_CHECK int domain_destroy(struct domain *domain, struct manage_error *error);  /* pulls the plug */
MUST_CHECK int domain_suspend(struct domain *domain, struct manage_error *error);
MUST_CHECK int domain_resume(struct domain *domain, struct manage_error *error);
MUST_CHECK int domain_inject_nmi(struct domain *domain, struct manage_error *error);

/* domtime: the machine's real-time clock, seconds since 1970. */
MUST_CHECK int domain_get_time(struct domain *domain, u64 *seconds, struct manage_error *error);

enum domain_event_kind { /* virDomainEventType */
	DOMAIN_EVENT_DEFINED = 0, DOMAIN_EVENT_UNDEFINED = 1, DOMAIN_EVENT_STARTED = 2, DOMAIN_EVENT_SUSPENDED = 3,
	DOMAIN_EVENT_RESUMED = 4, DOMAIN_EVENT_STOPPED = 5, DOMAIN_EVENT_SHUTDOWN = 6, DOMAIN_EVENT_CRASHED = 8,
	DOMAIN_EVENT_REBOOT = 256, /* an event of its own in libvirt, not a lifecycle detail */
};
struct domain_event {
	u64 sequence, wall_ns;
	enum domain_event_kind kind;
	char detail[24]; /* "Booted" */
	char name[DOMAIN_NAME_MAX + 1];
	struct domain_uuid uuid;
};
/* Takes the first event from *sequence on and moves *sequence behind it; false: none yet. The last 64 are kept. */
bool domain_event_read(u64 *sequence, struct domain_event *event);
u64 domain_event_next_sequence(void);

#endif
