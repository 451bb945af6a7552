/* SPDX-License-Identifier: MIT */
/* The log and panic of hosted tests: lines go to stderr, a panic aborts. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "hv/lib/log.h"

void log_line(enum log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "<%d> ", level);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
}

void panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	abort();
}
