/* SPDX-License-Identifier: MIT */
/*
 * hv/gmem.h for hosted tests: a guest's RAM at guest-physical 0, whose pages can be missing, and whose pins are counted.
 * "Physical" addresses are pointers (direct_map_base is 0). Every access is to memory of exactly that size, so that the sanitizers
 * see what goes beyond.
 */
#ifndef HV_TEST_GMEM_HOSTED_H
#define HV_TEST_GMEM_HOSTED_H

#include "hv/gmem.h"

#define FAKE_RAM_PAGES 1024u
#define FAKE_RAM_BYTES (FAKE_RAM_PAGES * PAGE_SIZE)

extern u8 *fake_ram;                      /* FAKE_RAM_BYTES */
extern bool fake_missing[FAKE_RAM_PAGES]; /* not there yet: the _nofault forms fail, the others bring them */
void fake_ram_create(void);               /* zeroed, all there */
void fake_ram_destroy(void);              /* and checks that nothing is pinned */
extern bool fake_given[FAKE_RAM_PAGES];   /* given back by a batch since fake_ram_create; such a page is missing and zeroed */
extern void (*fake_while_settling)(void); /* happens while a batch waits; NULL: it settles at once */
u64 fake_pins(void);                      /* of all pages together */

#endif
