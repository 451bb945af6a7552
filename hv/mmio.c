/* SPDX-License-Identifier: MIT */
/* Mapping of device registers (mmio.h). */
#include "hv/mmio.h"
#include "hv/vmap.h"

volatile void *mmio_map(hpa_t address, u64 size_bytes)
{
	return vmap_mmio(address, size_bytes);
}
