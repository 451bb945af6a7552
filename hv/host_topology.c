/* SPDX-License-Identifier: MIT */
/*
 * The CPUs' topology from CPUID. Pure. Sources: SDM vol. 2A, "CPUID" (leaves 4, 0BH, 1FH); AMD64 Architecture Programmer's
 * Manual vol. 3, "CPUID" (Fn8000_0008, Fn8000_001E).
 */
#include "hv/host_cpu.h"
#include "hv/lib/string.h"

struct reader {
	struct cpuid_result (*read)(void *context, u32 leaf, u32 subleaf);
	void *context;
	u32 last_basic, last_extended;
};

static struct cpuid_result leaf(const struct reader *reader, u32 number, u32 subleaf)
{
	u32 last = number & 0x80000000u ? reader->last_extended : reader->last_basic;
	struct cpuid_result none = { 0, 0, 0, 0 };

	return number <= last ? reader->read(reader->context, number, subleaf) : none;
}

/* Leaves 1FH and 0BH: logical CPUs up to and with each level; type 1 is a thread's level, 2 a core's, more are above. */
static bool from_extended_topology(const struct reader *reader, u32 number, u32 *threads, u32 *per_socket)
{
	*threads = 1;
	*per_socket = 0;
	for (u32 subleaf = 0; subleaf < 8; subleaf++) {
		struct cpuid_result r = leaf(reader, number, subleaf);
		u32 type = r.ecx >> 8 & 0xff, count = r.ebx & 0xffff;

		if (type == 0 || count == 0)
			break;
		if (type == 1)
			*threads = count;
		*per_socket = MAX(*per_socket, count);
	}
	return *per_socket != 0;
}

static void from_older_leaves(const struct reader *reader, u32 *threads, u32 *per_socket)
{
	struct cpuid_result features = leaf(reader, 1, 0), amd = leaf(reader, 0x80000008u, 0);
	u32 cores;

	*threads = *per_socket = 1;
	if (!(features.edx & BIT32(28))) /* HTT: more than one logical CPU in the package */
		return;
	*per_socket = MAX(features.ebx >> 16 & 0xff, 1u);
	if (reader->last_extended >= 0x80000008u && (amd.ecx & 0xff)) {
		*per_socket = (amd.ecx & 0xff) + 1;
		if (leaf(reader, 0x80000001u, 0).ecx & BIT32(22)) /* topology extensions */
			*threads = (leaf(reader, 0x8000001eu, 0).ebx >> 8 & 0xff) + 1;
		return;
	}
	cores = (leaf(reader, 4, 0).eax >> 26) + 1;
	*threads = MAX(*per_socket / cores, 1u);
}

static void read_brand(const struct reader *reader, char brand[49])
{
	char text[49] = "";
	char *start = text;
	size_t length;

	brand[0] = '\0';
	if (reader->last_extended < 0x80000004u)
		return;
	for (u32 i = 0; i < 3; i++) {
		struct cpuid_result r = reader->read(reader->context, 0x80000002u + i, 0);

		memcpy(text + 16 * i, &r, 16);
	}
	for (length = 0; length < 48 && text[length]; length++) { /* it goes to terminals: printable ASCII only */
		if (text[length] < 0x20 || text[length] > 0x7e)
			text[length] = '?';
	}
	while (length && text[length - 1] == ' ')
		text[--length] = '\0';
	while (*start == ' ')
		start++;
	string_copy(brand, start, 49);
}

void host_cpu_topology(struct host_cpu_topology *topology, u32 cpus,
		       struct cpuid_result (*read)(void *context, u32 leaf, u32 subleaf), void *context)
{
	struct reader reader = { .read = read, .context = context };
	u32 threads, per_socket;

	reader.last_basic = read(context, 0, 0).eax;
	reader.last_extended = read(context, 0x80000000u, 0).eax;
	if (reader.last_extended < 0x80000000u || reader.last_extended > 0x8000ffffu)
		reader.last_extended = 0;
	if (!from_extended_topology(&reader, 0x1f, &threads, &per_socket) &&
	    !from_extended_topology(&reader, 0x0b, &threads, &per_socket))
		from_older_leaves(&reader, &threads, &per_socket);
	per_socket = MIN(per_socket, cpus); /* fewer may be there than the package could hold */
	if (!cpus || threads > per_socket || per_socket % threads || cpus % per_socket) {
		threads = per_socket = 1;
	}
	topology->threads_per_core = threads;
	topology->cores_per_socket = per_socket / threads;
	topology->sockets = cpus / per_socket;
	read_brand(&reader, topology->brand);
}
