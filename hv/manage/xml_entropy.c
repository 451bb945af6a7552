/* SPDX-License-Identifier: MIT */
/* The random salt of expat's hash tables, so that nobody can prepare a file of colliding names. */
#include "hv/manage/expat_config.h"
#include "hv/random.h"

void xml_entropy(void *bytes, size_t size)
{
	random_bytes(bytes, size);
}
