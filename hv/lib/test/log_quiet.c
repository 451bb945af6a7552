/* SPDX-License-Identifier: MIT */
/* The log of fuzz targets: formats each line, so that bad arguments show, and prints nothing. A panic aborts. */
#include <stdlib.h>
#include "hv/lib/format.h"
#include "hv/lib/log.h"

void log_line(enum log_level level, const char *fmt, ...)
{
	char text[512];
	va_list args;

	(void)level;
	va_start(args, fmt);
	vformat(text, sizeof(text), fmt, args);
	va_end(args);
}

void panic(const char *fmt, ...)
{
	(void)fmt;
	abort();
}
