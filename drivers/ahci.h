/* SPDX-License-Identifier: MIT */
/*
 * SATA disks ("sda") and CD drives ("sr0") behind an AHCI controller. ahci.c brings the controller up, ahci_port.c a port and
 * what hangs there, ahci_queue.c moves requests, ahci_command.c writes commands.
 */
#ifndef DRIVERS_AHCI_H
#define DRIVERS_AHCI_H

#include "drivers/pci.h"

extern const struct pci_driver ahci_driver;

#endif
