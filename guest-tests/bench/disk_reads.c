/* SPDX-License-Identifier: MIT */
/*
 * Linux program: what a 4 KiB O_DIRECT read of /dev/vda costs in its own time-stamp counter. disk_reads TRIES ROUNDS: so many at depth 1
 * (pread), each timed, then so many rounds of 32 at once (io_submit), whose exits tools/bench.d/disk counts.
 *
 * The time-stamp counter counts instructions under QEMU's instruction counter. Structures and numbers: linux/aio_abi.h.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BYTES 4096
#define TRIES_MAX 10000
#define DEPTH 32

static unsigned long long costs[TRIES_MAX];

static unsigned long long now(void)
{
	unsigned low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (unsigned long long)high << 32 | low;
}

static int compare(const void *a, const void *b)
{
	unsigned long long x = *(const unsigned long long *)a, y = *(const unsigned long long *)b;

	return (x > y) - (x < y);
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void one_by_one(int disk, char *buffer, int tries)
{
	for (int i = 0; i < tries; i++) {
		unsigned long long start = now();

		if (pread(disk, buffer, BYTES, (off_t)(i % 1024) * BYTES) != BYTES)
			fail("pread");
		costs[i] = now() - start;
	}
	qsort(costs, (size_t)tries, sizeof(costs[0]), compare);
	printf("bench blk.ram.read4k %llu %llu %d\n", costs[tries / 2], costs[tries - 1], tries);
}

static void many_at_once(int disk, char *buffer, int rounds)
{
	static struct iocb blocks[DEPTH];
	struct iocb *list[DEPTH];
	struct io_event events[DEPTH];
	aio_context_t context = 0;

	if (syscall(SYS_io_setup, DEPTH, &context) < 0)
		fail("io_setup");
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < DEPTH; i++) {
			/* Far apart: the block layer must not make one request of them. */
			blocks[i] = (struct iocb){ .aio_fildes = (unsigned)disk, .aio_lio_opcode = IOCB_CMD_PREAD,
						   .aio_buf = (unsigned long)(buffer + i * BYTES), .aio_nbytes = BYTES,
						   .aio_offset = (long long)((i * 37 + round) % 1024) * BYTES };
			list[i] = &blocks[i];
		}
		if (syscall(SYS_io_submit, context, DEPTH, list) != DEPTH)
			fail("io_submit");
		if (syscall(SYS_io_getevents, context, DEPTH, DEPTH, events, NULL) != DEPTH)
			fail("io_getevents");
		for (int i = 0; i < DEPTH; i++)
			if (events[i].res != BYTES)
				fail("a read");
	}
}

int main(int argc, char **argv)
{
	int disk = open("/dev/vda", O_RDONLY | O_DIRECT), tries = argc == 3 ? atoi(argv[1]) : -1, rounds = argc == 3 ? atoi(argv[2]) : -1;
	char *buffer = aligned_alloc(BYTES, DEPTH * BYTES);

	if (disk < 0 || !buffer)
		fail("/dev/vda");
	if (tries < 0 || tries > TRIES_MAX || rounds < 0) {
		fprintf(stderr, "Usage: disk_reads TRIES ROUNDS\n");
		return 2;
	}
	memset(buffer, 1, DEPTH * BYTES);
	if (tries)
		one_by_one(disk, buffer, tries);
	many_at_once(disk, buffer, rounds);
	printf("disk_reads is done\n");
	return 0;
}
