/* SPDX-License-Identifier: MIT */
/*
 * A machine's description: libvirt's domain XML as one plain structure, with everything checked.
 *
 * Made by domain_xml_parse (domain_xml.h) or field by field; every string is the structure's own (kmalloc). It says
 * what was asked for and knows nothing of running machines. docs/domain-xml.md is the same table for people.
 */
#ifndef HV_MANAGE_DOMAIN_CONFIG_H
#define HV_MANAGE_DOMAIN_CONFIG_H

#include "hv/cpu_topology.h"
#include "hv/manage/domain_char.h"
#include "hv/manage/domain_disk.h"
#include "hv/manage/domain_nic.h"
#include "hv/manage/domain_tune.h"

#define SOLERA_DOMAIN_NAMESPACE "https://solera.invalid/xmlns/domain/1.0"

#define DOMAIN_NAME_MAX 255            /* bytes, as a file name may have */
#define DOMAIN_CMDLINE_MAX 65535       /* the kernel's own limit is checked when it is loaded */
#define DOMAIN_VCPUS_MAX 64            /* VM_VCPUS_MAX */
#define DOMAIN_MEMORY_MIN_KIB 1024ull
#define DOMAIN_MEMORY_MAX_KIB (16ull << 30) /* 16 TiB; start says what the host has */
#define DOMAIN_SERIALS_MAX 4           /* COM1 to COM4 */
#define DOMAIN_ROOT_PORTS_MAX 12       /* VPCI_BRIDGES_MAX: each takes 4 KiB of the port addresses that there are */
#define DOMAIN_UUID_TEXT_SIZE 37

struct domain_uuid {
	u8 bytes[16]; /* in the order in which the text form prints them */
};

enum domain_lifecycle_action { DOMAIN_ACTION_DESTROY, DOMAIN_ACTION_RESTART, DOMAIN_ACTION_PRESERVE };

enum domain_clock_offset { DOMAIN_CLOCK_UTC, DOMAIN_CLOCK_LOCALTIME };

/* A <timer>: absent, or there with present='yes' (the default) or 'no'. */
enum domain_timer_state { DOMAIN_TIMER_UNSET, DOMAIN_TIMER_YES, DOMAIN_TIMER_NO };
enum domain_timer { DOMAIN_TIMER_RTC, DOMAIN_TIMER_PIT, DOMAIN_TIMER_HPET, DOMAIN_TIMER_TSC, DOMAIN_TIMER_KVMCLOCK,
		    DOMAIN_TIMER_COUNT };

/*
 * host-model and host-passthrough mean the same in Solera: what the host's CPU has and Solera's policy offers
 * (docs/domain-xml.md). Which of them was written is kept, so that the dump says the same.
 */
enum domain_cpu_mode { DOMAIN_CPU_UNSET, DOMAIN_CPU_HOST_MODEL, DOMAIN_CPU_HOST_PASSTHROUGH };

struct domain_config {
	char *name;                /* never NULL, 1 to DOMAIN_NAME_MAX bytes, no '/' and no newline */
	struct domain_uuid uuid;
	bool has_uuid;             /* false: define makes one */
	char *title, *description; /* NULL: none */
	char *metadata;            /* foreign elements under <metadata>, as XML text; NULL: none */
	bool autostart;            /* <solera:autostart/> under <metadata> */

	u64 memory_kib;            /* whole MiB */
	u64 current_memory_kib;    /* whole MiB; less than memory_kib only with a balloon */
	u32 vcpus;                 /* 1 to DOMAIN_VCPUS_MAX */

	struct domain_tune tune;   /* <cputune>, <vcpu cpuset> */

	char *kernel, *initrd;     /* "/solera/NAME"; initrd may list several, divided by commas (Multiboot modules) */
	char *cmdline;             /* NULL: none */

	bool acpi, apic, pae;      /* <features> as written */
	enum domain_cpu_mode cpu_mode;
	struct cpu_topology topology; /* <cpu><topology>; all zero: not written */
	bool topology_dies;        /* its attribute dies was written */
	enum domain_clock_offset clock_offset;
	enum domain_timer_state timers[DOMAIN_TIMER_COUNT];
	enum domain_lifecycle_action on_poweroff, on_reboot, on_crash;

	struct domain_disk disks[DOMAIN_DISKS_MAX]; /* the first disk_count */
	u32 disk_count;
	struct domain_nic nics[DOMAIN_NICS_MAX]; /* the first nic_count */
	u32 nic_count;
	u8 root_ports[DOMAIN_ROOT_PORTS_MAX]; /* the slots on bus 0 of root ports 1 to root_port_count */
	u32 root_port_count;
	struct domain_rng rng;
	u32 serial_count;          /* isa-serial ports 0 to count - 1 */
	bool console;              /* <console> on serial port 0 is written out */
	struct domain_port ports[DOMAIN_PORTS_MAX]; /* the first port_count, as they stand in the description */
	u32 port_count;
	u8 virtio_serial_slot;     /* of the controller; 0: there is none */
	bool virtio_serial;        /* there is one: written, or needed by a port */
	bool virtio_scsi;          /* a SCSI controller: written, or needed by a disk */
	u8 virtio_scsi_slot;
	bool memballoon_none;      /* <memballoon model='none'/> was written */
	struct domain_balloon balloon;
};

/* libvirt's defaults: destroy, restart, destroy; UTC; one vCPU; everything else empty. */
void domain_config_init(struct domain_config *config);
void domain_config_release(struct domain_config *config); /* frees the strings; the structure is empty again */
/* Deep copy into a structure that holds nothing; ERR_NO_MEMORY leaves *to empty. */
MUST_CHECK int domain_config_copy(struct domain_config *to, const struct domain_config *from);
bool domain_config_equal(const struct domain_config *a, const struct domain_config *b);

/* The file's name in \solera\ for a kernel or initrd path: what is behind "/solera/". */
const char *domain_file_name(const char *path);

void domain_uuid_format(char text[DOMAIN_UUID_TEXT_SIZE], const struct domain_uuid *uuid);
/* Accepts what libvirt accepts: 32 hexadecimal digits with hyphens or blanks anywhere between. ERR_INVALID. */
MUST_CHECK int domain_uuid_parse(struct domain_uuid *uuid, const char *text);
bool domain_uuid_equal(const struct domain_uuid *a, const struct domain_uuid *b);

const char *domain_lifecycle_action_name(enum domain_lifecycle_action action);
const char *domain_timer_name(enum domain_timer timer);

#endif
