/* SPDX-License-Identifier: MIT */
/* Gives the parsers of firmware tables their memory. See host_firmware.h; next to read: acpi.c, smbios.c. */
#include "hv/host_firmware.h"
#include "hv/boot_record.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/memory.h"

struct acpi_info host_acpi;
struct smbios_info host_smbios;

static bool firmware_read(void *context, u64 address, void *to, size_t size_bytes)
{
	const void *from = memory_firmware_pointer(HPA(address), size_bytes);

	(void)context;
	if (from)
		memcpy(to, from, size_bytes);
	return from != NULL;
}

void host_firmware_read(void)
{
	static const struct physical_reader reader = { firmware_read, NULL };

	if (acpi_parse(&host_acpi, &reader, boot_record.info.rsdp) == OK)
		log_info("ACPI revision %u of %s: %u tables, %u CPUs, %u I/O APICs", host_acpi.revision, host_acpi.oem_id,
			 host_acpi.table_count, host_acpi.cpu_count, host_acpi.ioapic_count);
	else
		log_notice("no ACPI tables: this machine is taken for an old PC");
	if (smbios_parse(&host_smbios, &reader, boot_record.info.smbios) == OK)
		log_info("SMBIOS %u.%u: %s %s", host_smbios.major, host_smbios.minor,
			 host_smbios.system.manufacturer[0] ? host_smbios.system.manufacturer : "maker not named",
			 host_smbios.system.product);
}
