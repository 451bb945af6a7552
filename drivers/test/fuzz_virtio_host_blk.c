/* SPDX-License-Identifier: MIT */
/* LINK: drivers/virtio_host.c drivers/virtio_host_queue.c drivers/virtio_host_blk.c drivers/virtio_host_blk_request.c drivers/pci_function.c drivers/test/fake_bus.c drivers/test/fake_virtio.c */
/* LINK: hv/block/request.c hv/test/host_card_hosted.c hv/net_port.c hv/host_card_thread.c hv/host_card.c hv/lib/format.c hv/lib/string.c */
/*
 * A virtio disk of the host whose device does what the input says: used elements of any number and length, statuses, a size that
 * changes, silence, resets. Each request is completed exactly once, whatever happens.
 */
#include <assert.h>
#include <setjmp.h>
#include "drivers/test/fake_virtio.h"
#include "drivers/virtio_host_blk.h"
#include "hv/test/host_card_hosted.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define FEATURES (BIT64(VIRTIO_BLK_F_SEG_MAX) | BIT64(VIRTIO_BLK_F_FLUSH) | BIT64(VIRTIO_BLK_F_BLK_SIZE) | BIT64(VIRTIO_BLK_F_DISCARD))
#define REQUESTS 300u

static struct block_device *disk;
static struct timer *watchdog;
static struct block_request requests[REQUESTS];
static struct block_segment segments[4];
static bool out[REQUESTS];
static u8 memory[4 * 4096];
static jmp_buf keeper_waits;

int block_register(struct block_device *device) { disk = device; return OK; }
void block_device_changed(struct block_device *device) { (void)device; }
void timer_init(struct timer *timer, void (*function)(struct timer *timer), void *context)
{
	*timer = (struct timer){ .function = function, .context = context };
	watchdog = timer;
}
void timer_arm(struct timer *timer, u64 deadline_ns) { (void)timer, (void)deadline_ns; }

static u32 take(const u8 **data, size_t *size, unsigned count)
{
	u32 value = 0;

	for (unsigned i = 0; i < count && *size; i++, (*data)++, (*size)--)
		value |= (u32)**data << (8 * i);
	return value;
}

static void complete(struct block_request *request, int status)
{
	size_t number = (size_t)(request - requests);

	assert(number < REQUESTS && out[number] && status <= OK);
	out[number] = false;
}

static void ask(const u8 **data, size_t *size)
{
	u32 number = take(data, size, 2) % REQUESTS, pieces = 1 + take(data, size, 1) % 4;
	struct block_request *request = &requests[number];

	if (out[number])
		return;
	*request = (struct block_request){ .operation = (u8)(take(data, size, 1) % BLOCK_OPERATION_COUNT), .flags = (u8)(take(data, size, 1) & 3),
					   .sector = take(data, size, 2), .sector_count = pieces * 8, .segments = segments,
					   .segment_count = pieces, .complete = complete };
	if (request->operation != BLOCK_READ && request->operation != BLOCK_WRITE)
		request->segment_count = 0;
	out[number] = true;
	block_submit(disk, request);
}

static void leave_keeper(void) { longjmp(keeper_waits, 1); }

static void turn_keeper(void)
{
	hosted_while_waiting = leave_keeper;
	if (!setjmp(keeper_waits))
		hosted_thread_function(hosted_thread_argument);
}

static void misbehave(const u8 **data, size_t *size)
{
	struct virtio_host_blk *blk = disk->context;
	int head;

	if (!fake_virtio.queues[0].enabled || !(fake_virtio.status & VIRTIO_STATUS_DRIVER_OK) || !fake_bus_may_master())
		return;
	switch (take(data, size, 1) % 4) {
	case 0:
		head = fake_virtio_take(0);
		if (head >= 0 && head < 256) {
			blk->words[head].status = (u8)take(data, size, 1);
			fake_virtio_use(0, (u32)head, take(data, size, 1));
		}
		break;
	case 1: fake_virtio_use(0, take(data, size, 2), take(data, size, 4)); break;
	case 2: fake_virtio_skip_used(0, (u16)take(data, size, 2)); break;
	default: ((u8 *)blk->words)[take(data, size, 2) % (256 * sizeof(*blk->words))] = (u8)take(data, size, 1);
	}
	fake_bus_interrupt(1);
}

/* As at its first day. */
static void fresh(void)
{
	static const struct virtio_blk_config config = { .capacity = 30000, .seg_max = 254, .blk_size = 512, .max_discard_sectors = 1000,
							 .max_discard_seg = 1 };
	struct virtio_host_blk *blk;

	if (!disk) {
		fake_virtio_init(VIRTIO_ID_BLOCK, FEATURES, PCI_INTERRUPT_MSIX, 2);
		memcpy(fake_virtio.config, &config, sizeof(config));
		assert(virtio_host_blk_driver.probe(&fake_bus.function) == OK && disk);
		for (u32 i = 0; i < 4; i++)
			segments[i] = (struct block_segment){ HPA((u64)memory + i * 4096), 4096 };
	}
	blk = disk->context;
	memcpy(fake_virtio.config, &config, sizeof(config));
	fake_virtio.never_resets = blk->dead = false;
	disk->limits.sector_count = config.capacity;
	blk->failed = true;
	turn_keeper();
	assert(!blk->failed && blk->live);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	fresh();
	while (size) {
		switch (take(&data, &size, 1) % 6) {
		case 0: case 1: ask(&data, &size); break;
		case 2: case 3: misbehave(&data, &size); break;
		case 4:
			fake_virtio.config[take(&data, &size, 1) % 8] = (u8)take(&data, &size, 1);
			fake_virtio.never_resets = take(&data, &size, 1) == 0xfe;
			fake_bus_interrupt(0);
			turn_keeper();
			break;
		default:
			hosted_now_ns += 31000000000ull;
			watchdog->function(watchdog);
			turn_keeper();
		}
	}
	/* The device falls silent: all that is out ends. */
	hosted_now_ns += 31000000000ull;
	watchdog->function(watchdog);
	turn_keeper();
	for (u32 i = 0; i < REQUESTS; i++)
		assert(!out[i]);
	return 0;
}
