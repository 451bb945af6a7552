/* SPDX-License-Identifier: MIT */
/*
 * NVMe drives: each namespace is a block device "nvme0n1". nvme.c brings a controller up, nvme_admin.c asks and tells it
 * things, nvme_queue.c moves requests, nvme_prp.c describes memory. NVM Express Base Specification 1.4.
 */
#ifndef DRIVERS_NVME_H
#define DRIVERS_NVME_H

#include "drivers/pci.h"

extern const struct pci_driver nvme_driver;

#endif
