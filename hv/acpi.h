/* SPDX-License-Identifier: MIT */
/*
 * What the host's ACPI tables say, parsed once at start into one plain record.
 *
 * acpi_parse reads tables through a callback, believes nothing (checksums, lengths, counts, repeats), names each wrong
 * table in one log line and leaves it out; what remains zero is "not there". It executes no AML: of \_S5 it takes the
 * constants that power-off needs. Pure: no hardware is touched. Boot thread only; the record is constant afterwards.
 * Next to read: acpi.c (finding tables), acpi_tables.c (their contents), power.c (who uses the registers).
 * Layouts: ACPI Specification, "ACPI Software Programming Model" (chapter 5).
 */
#ifndef HV_ACPI_H
#define HV_ACPI_H

#include "hv/lib/types.h"
#include "hv/physical_reader.h"

#define ACPI_MAX_CPUS 1024
#define ACPI_MAX_IOAPICS 64
#define ACPI_MAX_OVERRIDES 32
#define ACPI_MAX_NMIS 32
#define ACPI_MAX_MCFG 32
#define ACPI_MAX_TABLES 96

enum acpi_space { ACPI_SPACE_MEMORY = 0, ACPI_SPACE_IO = 1, ACPI_SPACE_PCI_CONFIG = 2 };

/* A register's place (Generic Address Structure); address 0: there is none. */
struct acpi_address {
	u64 address;
	u8 space; /* enum acpi_space, or another value of the specification, which we do not use */
	u8 width_bits, offset_bits;
	u8 access; /* 0 undefined, 1 byte, 2 word, 3 dword, 4 qword */
};

struct acpi_cpu {
	u32 apic_id;
	u32 uid;
};

struct acpi_ioapic {
	u64 address;
	u32 id;
	u32 gsi_base;
};

/* MPS INTI flags of overrides and NMIs. */
enum acpi_inti {
	ACPI_INTI_POLARITY = 3, ACPI_INTI_ACTIVE_HIGH = 1, ACPI_INTI_ACTIVE_LOW = 3, /* 0: as the bus has it */
	ACPI_INTI_TRIGGER = 12, ACPI_INTI_EDGE = 4, ACPI_INTI_LEVEL = 12,
};

struct acpi_override { /* ISA interrupt source -> I/O APIC input; what is not listed is identity, edge, active high */
	u8 source;
	u8 reserved;
	u16 flags; /* enum acpi_inti */
	u32 gsi;
};

#define ACPI_UID_ALL 0xffffffffu
struct acpi_nmi { /* a local APIC's LINT pin wired to NMI */
	u32 uid; /* struct acpi_cpu's, or ACPI_UID_ALL */
	u16 flags;
	u8 lint;
	u8 reserved;
};

struct acpi_mcfg { /* PCI Express configuration space: address of bus b = base + (b << 20), b from first to last */
	u64 base; /* of bus 0, also when first_bus is not 0 */
	u16 segment;
	u8 first_bus, last_bus;
};

struct acpi_pm {
	bool present;          /* an FADT was there */
	bool hardware_reduced; /* no PM1 registers: sleep_control instead */
	bool timer_32bit;      /* else 24 bits */
	bool has_8042;         /* keyboard controller; true where the FADT is older than the flag */
	bool has_cmos_rtc;
	bool has_vga;
	bool msi_forbidden;
	u8 profile;            /* preferred PM profile: 1 desktop, 2 mobile, 4 enterprise server… */
	u8 century_register;   /* in CMOS; 0: none */
	u16 sci_interrupt;
	u32 smi_command;       /* port; 0: always in ACPI mode */
	u8 acpi_enable;        /* value for smi_command */
	struct acpi_address pm1a_event, pm1b_event, pm1a_control, pm1b_control, timer;
	struct acpi_address sleep_control, sleep_status;
	u32 facs;              /* address, 0: none */
};

struct acpi_reset {
	bool present;
	struct acpi_address address;
	u8 value;
};

struct acpi_s5 {
	bool present;
	u8 slp_typ_a, slp_typ_b;
};

struct acpi_spcr {
	bool present;
	bool is_16550;        /* else a UART that we do not drive */
	u8 interface_type;
	struct acpi_address address;
	u32 gsi;              /* 0: not given */
	u32 baud;             /* 0: as the firmware left it */
	u16 pci_vendor, pci_device; /* 0xffff: not a PCI device */
	u8 pci_segment, pci_bus, pci_slot, pci_function;
};

struct acpi_hpet {
	bool present;
	u64 address;
	u16 minimum_tick;
	u8 number;
};

struct acpi_iommu {
	bool dmar, ivrs;            /* VT-d, AMD-Vi */
	bool interrupt_remapping;   /* DMAR's word */
	bool x2apic_opt_out;        /* DMAR: firmware asks not to use x2APIC */
	u32 units;
};

struct acpi_table { /* everything that XSDT, RSDT or FADT name, for listings */
	u64 address;
	u32 length;
	char signature[5];
	char oem_id[7];
	bool good; /* used, and its checksum was right */
};

struct acpi_info {
	bool present;              /* an RSDP and a root table were good */
	u8 revision;               /* RSDP's */
	char oem_id[7];

	bool madt;                 /* the following six come from a good MADT */
	bool pcat_compatible;      /* two 8259 PICs are there too */
	u64 lapic_address;
	u32 cpu_count;             /* enabled ones, the MADT's order (boot CPU usually first) */
	u32 cpu_disabled_count;    /* listed, but not enabled (hot-plug places) */
	struct acpi_cpu cpus[ACPI_MAX_CPUS];
	u32 ioapic_count;
	struct acpi_ioapic ioapics[ACPI_MAX_IOAPICS];
	u32 override_count;
	struct acpi_override overrides[ACPI_MAX_OVERRIDES];
	u32 nmi_count;
	struct acpi_nmi nmis[ACPI_MAX_NMIS];

	u32 mcfg_count;
	struct acpi_mcfg mcfg[ACPI_MAX_MCFG];
	struct acpi_pm pm;
	struct acpi_reset reset;
	struct acpi_s5 s5;
	struct acpi_spcr spcr;
	struct acpi_hpet hpet;
	struct acpi_iommu iommu;

	u32 table_count;
	struct acpi_table tables[ACPI_MAX_TABLES];
	u32 complaints;            /* how many log lines were about wrong tables */
};

/*
 * Fills *info (wholly, zero where nothing is known). OK, or ERR_NOT_FOUND when rsdp is 0 or leads to no usable root table
 * (said in the log when rsdp is not 0). Lasting cost: none; it reads at most 64 MiB, however the tables lie.
 */
int acpi_parse(struct acpi_info *info, const struct physical_reader *reader, u64 rsdp);

/* The I/O APIC input of an ISA interrupt, with its polarity and trigger resolved (flags: ACTIVE_HIGH|EDGE by default). */
u32 acpi_isa_gsi(const struct acpi_info *info, u8 source, u16 *flags);
/* The I/O APIC that has a GSI: the one with the highest base not above it. NULL: none. */
const struct acpi_ioapic *acpi_ioapic_of_gsi(const struct acpi_info *info, u32 gsi);

#endif
