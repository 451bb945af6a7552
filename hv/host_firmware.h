/* SPDX-License-Identifier: MIT */
/* What the host's firmware tables say: read once by hv/main.c, constant afterwards. Zero where a table is not there. */
#ifndef HV_HOST_FIRMWARE_H
#define HV_HOST_FIRMWARE_H

#include "hv/acpi.h"
#include "hv/smbios.h"

extern struct acpi_info host_acpi;
extern struct smbios_info host_smbios;

/* After memory_init and boot_record_take; before whoever asks for interrupt routing, timers or a serial port. */
void host_firmware_read(void);

#endif
