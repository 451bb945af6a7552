/* SPDX-License-Identifier: MIT */
/*
 * Text formatting for the whole hypervisor: the C library's printf language without floating point.
 *
 * Understands %d %i %u %x %X %c %s %p %% with flags - 0 + space #, width and precision (also *), and the lengths
 * hh h l ll z. It is the only formatter; the shell, the log and the panic screen all end here.
 */
#ifndef HV_LIB_FORMAT_H
#define HV_LIB_FORMAT_H

#include <stdarg.h>
#include "hv/lib/types.h"

/* As snprintf: always terminates when size > 0; returns the length that the whole text has, so >= size means cut. */
size_t format(char *buffer, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);
size_t vformat(char *buffer, size_t size, const char *fmt, va_list args);

/* Formats to a sink, byte by byte: for consoles and logs that have no buffer to spare. */
void vformat_to(void (*put)(void *context, char c), void *context, const char *fmt, va_list args);

#endif
