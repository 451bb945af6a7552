/* SPDX-License-Identifier: MIT */
/* The end: how a panic's text reaches people. panic() itself is declared in hv/lib/log.h. */
#ifndef HV_PANIC_H
#define HV_PANIC_H

#include "hv/lib/types.h"

/*
 * Where a panic writes: polled, without locks, without relying on interrupts or memory allocation; a second panic inside
 * it ends silently. The default is arch/x86/early_console.c; hv/main.c sets the consoles' own once they are up.
 */
void panic_set_output(void (*write)(const char *text, size_t count));
/* Prints "  #n address function+offset" lines for the call chain that starts at a frame pointer, to the panic's output. */
void panic_print_backtrace(u64 rip, u64 rbp);

/* NMIs that nobody here sent (memory, bus, a button), since the last call; for a log line from a better context. */
u64 panic_take_nmis(void);

#endif
