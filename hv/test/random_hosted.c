/* SPDX-License-Identifier: MIT */
/* hv/random.h for hosted tests: the build machine's own generator. */
#include "hv/random.h"
#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *bytes, size_t size)
{
	if (getrandom(bytes, size, 0) != (ssize_t)size)
		abort();
}
