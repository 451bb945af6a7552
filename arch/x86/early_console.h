/* SPDX-License-Identifier: MIT */
/* COM1, polled: the first lines of a boot and, where no console is up yet, a panic. */
#ifndef ARCH_X86_EARLY_CONSOLE_H
#define ARCH_X86_EARLY_CONSOLE_H

#include "hv/lib/types.h"

void early_console_init(void); /* 115200 8N1, if there is a UART at 0x3f8 */
void early_console_write(const char *text, size_t count);

#endif
