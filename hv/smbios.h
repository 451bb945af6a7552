/* SPDX-License-Identifier: MIT */
/*
 * What the host's SMBIOS tables say about the machine itself: maker, model, serial numbers, processors, memory modules.
 *
 * smbios_parse takes a 2.x or 3.x entry point, copies the table once and reads it with every length and string index
 * checked. Strings come out as printable ASCII without blanks at the ends, "" where there is none. Pure; boot thread;
 * constant afterwards. SMBIOS Reference Specification (DSP0134), "Accessing SMBIOS information" (5), "Structure
 * definitions" (7). Next to read: manage/sysinfo.c, which prints it.
 */
#ifndef HV_SMBIOS_H
#define HV_SMBIOS_H

#include "hv/physical_reader.h"

#define SMBIOS_STRING_MAX 64
#define SMBIOS_MAX_BOARDS 4
#define SMBIOS_MAX_PROCESSORS 8
#define SMBIOS_MAX_MEMORY 32
#define SMBIOS_MAX_OEM 8

typedef char smbios_string[SMBIOS_STRING_MAX];

struct smbios_board {
	smbios_string manufacturer, product, version, serial, asset, location;
};

struct smbios_processor {
	smbios_string socket, manufacturer, version, serial, part;
	u8 type; /* 3: central processor */
	u8 family, status; /* bit 6: populated; bits 2:0: 1 enabled … */
	u16 external_clock_mhz, max_speed_mhz; /* 0: not known */
};

struct smbios_memory {
	smbios_string locator, bank_locator, manufacturer, serial, part;
	u64 size_kib; /* 0: empty socket, or not known */
	u8 form_factor, type;
	u16 speed_mts;
};

struct smbios_info {
	bool present;
	u8 major, minor;
	bool has_bios, has_system, has_chassis, has_uuid, has_release;
	struct { smbios_string vendor, version, date; u8 release_major, release_minor; } bios;
	struct { smbios_string manufacturer, product, version, serial, sku, family; u8 uuid[16]; } system; /* uuid: text order */
	struct { smbios_string manufacturer, version, serial, asset, sku; } chassis;
	u32 board_count, processor_count, memory_count, oem_count;
	struct smbios_board boards[SMBIOS_MAX_BOARDS];
	struct smbios_processor processors[SMBIOS_MAX_PROCESSORS];
	struct smbios_memory memory[SMBIOS_MAX_MEMORY];
	smbios_string oem[SMBIOS_MAX_OEM];
};

/* Fills *info wholly. OK, or ERR_NOT_FOUND: entry is 0, or it and its table are not good (said in the log). */
int smbios_parse(struct smbios_info *info, const struct physical_reader *reader, u64 entry);

#endif
