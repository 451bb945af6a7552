/* SPDX-License-Identifier: MIT */
/*
 * Intel's gigabit cards: 8254x (PCI, PCI-X), 8257x and what stands on boards with the same registers (PCI Express), as the host's.
 *
 * e1000_models.c says which, e1000.c brings a card up, reads its link and resets it, e1000_ring.c moves frames.
 * Next to read: e1000.c.
 */
#ifndef DRIVERS_E1000_H
#define DRIVERS_E1000_H

#include "drivers/pci.h"

extern const struct pci_driver e1000_driver;  /* 8254x */
extern const struct pci_driver e1000e_driver; /* PCI Express */

#endif
