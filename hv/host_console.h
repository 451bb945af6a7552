/* SPDX-License-Identifier: MIT */
/*
 * The host's consoles, from the first line of a boot to the shells: which devices there are, and who writes where when.
 * Called by hv/main.c only. Next to read: console.h.
 */
#ifndef HV_HOST_CONSOLE_H
#define HV_HOST_CONSOLE_H

/* The screen shows the log from here on, old lines included. After boot_record_take and memory_init. */
void host_console_early(void);
/* Serial ports by interrupt, keyboard, a shell on each console. After interrupts_init; thread context. */
void host_console_start(void);

#endif
