/* SPDX-License-Identifier: MIT */
/* See harness.h. */
#include "virtio/test/harness.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "hv/clock.h"
#include "hv/lib/error.h"
#include "hv/timer.h"
#include "hv/vm_helper.h"

struct harness harness;
struct fake_disk *harness_disk;
static u16 used_seen[VIRTIO_QUEUES_MAX];
static int thread_dummy;

/* Threads that do not run, and waiting that lets the disk go on. */
struct thread *vm_helper_create(struct vm *vm, const char *name, void (*function)(void *argument), void *argument)
{
	(void)vm;
	(void)name;
	(void)function;
	(void)argument;
	return (struct thread *)(void *)&thread_dummy;
}

void vm_helper_join(struct vm *vm, struct thread *thread) { (void)vm; (void)thread; }
void waitqueue_init(struct waitqueue *queue, const char *name) { (void)queue; (void)name; }
void waitqueue_wake_all(struct waitqueue *queue) { (void)queue; }
void waitqueue_wake_one(struct waitqueue *queue) { (void)queue; }
void waitqueue_finish(struct waitqueue *queue, struct waiter *waiter) { (void)queue; (void)waiter; }
void waitqueue_prepare(struct waitqueue *queue, struct waiter *waiter) { (void)queue; (void)waiter; }

u64 harness_waits;
static u64 now_ns;

bool waitqueue_sleep(struct waitqueue *queue, struct waiter *waiter, u64 deadline_ns)
{
	(void)queue;
	(void)waiter;
	if (deadline_ns != WAITQUEUE_NO_TIMEOUT) { /* for a time, which passes */
		harness_waits++;
		now_ns = MAX(now_ns, deadline_ns);
		return false;
	}
	assert(harness_disk && fake_disk_complete(harness_disk, 1) == 1); /* else it would wait for ever */
	return true;
}

void mutex_init(struct mutex *mutex, const char *name) { (void)name; mutex->owner = NULL; }
void mutex_lock(struct mutex *mutex) { assert(!mutex->owner); mutex->owner = (struct thread *)1; }
void mutex_unlock(struct mutex *mutex) { mutex->owner = NULL; }
/* Timers fire when a test says so: harness_fire. */
static struct timer *armed;

void timer_init(struct timer *timer, void (*function)(struct timer *timer), void *context)
{
	timer->function = function;
	timer->context = context;
}

void timer_arm(struct timer *timer, u64 deadline_ns)
{
	timer->deadline_ns = deadline_ns;
	armed = timer;
}

bool timer_cancel(struct timer *timer)
{
	bool was = armed == timer;

	armed = was ? NULL : armed;
	return was;
}

bool harness_fire(void)
{
	struct timer *timer = armed;

	armed = NULL;
	if (!timer)
		return false;
	now_ns = MAX(now_ns, timer->deadline_ns);
	timer->function(timer);
	return true;
}

u64 clock_ns(void) { return now_ns += 1000; }
void vm_synchronise(struct vm *vm) { (void)vm; }

static void msi(void *context, u64 address, u32 data)
{
	(void)context;
	if (address == 0xfee00000 && data < VPCI_MSIX_MAX) /* else a driver's own business */
		harness.messages[data]++;
}

static void intx(void *context, unsigned gsi, unsigned source, bool level)
{
	(void)context;
	(void)gsi;
	assert(source == HARNESS_DEVFN);
	harness.line = level;
}

void harness_create(const struct device_model *model, const struct device_spec *spec)
{
	const char *error = "";
	int code;

	fake_ram_create();
	memset(&harness, 0, sizeof(harness));
	memset(used_seen, 0, sizeof(used_seen));
	harness.vm = calloc(1, sizeof(*harness.vm));
	harness.queue_size = 64;
	harness.features = ~0ull;
	spinlock_init(&harness.vm->memory_lock, "memory", LOCK_RANK_VM);
	io_map_init(&harness.vm->ports);
	io_map_init(&harness.vm->mmio);
	vpci_bus_init(&harness.bus, harness.vm);
	harness.bus.msi = msi;
	harness.bus.intx = intx;
	code = model->create(harness.vm, &harness.bus, spec, &harness.instance, &error);
	assert(code == OK);
	harness.instance.ops->resume(harness.instance.device);
}

void harness_destroy(void)
{
	harness.instance.ops->quiesce(harness.instance.device);
	harness.instance.ops->destroy(harness.instance.device);
	io_map_release(&harness.vm->ports);
	io_map_release(&harness.vm->mmio);
	free(harness.vm);
	fake_ram_destroy();
}

void harness_run(void)
{
	while (harness.device->kicks)
		virtio_run_kicks(harness.device);
}

static void config32(unsigned offset, u32 value)
{
	vpci_config_write(&harness.bus, HARNESS_DEVFN, offset, 4, value);
}

void harness_plug_bars(void)
{
	config32(PCI_BAR0, PORTS_BAR);
	config32(PCI_BAR0 + 4, MSIX_BAR);
	config32(PCI_BAR0 + 8, FAST_BAR);
	config32(PCI_BAR0 + 16, (u32)CONFIG_BAR);
	config32(PCI_BAR0 + 20, (u32)(CONFIG_BAR >> 32));
	vpci_config_write(&harness.bus, HARNESS_DEVFN, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

u64 reg_read(u64 address, unsigned size_bytes)
{
	return io_map_read(&harness.vm->mmio, address, size_bytes);
}

void reg_write(u64 address, unsigned size_bytes, u64 value)
{
	io_map_write(&harness.vm->mmio, address, size_bytes, value);
}

static void msix_on(void)
{
	unsigned at = vpci_config_read(&harness.bus, HARNESS_DEVFN, PCI_CAPABILITIES, 1);

	while (vpci_config_read(&harness.bus, HARNESS_DEVFN, at, 1) != PCI_CAPABILITY_MSIX)
		at = vpci_config_read(&harness.bus, HARNESS_DEVFN, at + 1, 1);
	for (u32 i = 0; i <= harness.device->queue_count; i++) {
		reg_write(MSIX_BAR + 16 * i, 8, 0xfee00000);
		reg_write(MSIX_BAR + 16 * i + 8, 8, i); /* data i, not masked */
	}
	vpci_config_write(&harness.bus, HARNESS_DEVFN, at + 2, 2, 0x8000);
}

void harness_setup_queue(unsigned q)
{
	memset(fake_ram + RING_DESC(q), 0, 0x10000);
	used_seen[q] = 0;
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_SELECT, 2, q);
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_SIZE, 2, harness.queue_size);
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_MSIX, 2, q + 1);
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_DESC, 8, RING_DESC(q));
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_DRIVER, 4, RING_AVAIL(q)); /* the halves alone, too */
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_DRIVER + 4, 4, 0);
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_DEVICE, 8, RING_USED(q));
	reg_write(COMMON + VIRTIO_COMMON_QUEUE_ENABLE, 2, 1);
}

void harness_start(void)
{
	u64 offered;

	harness_plug_bars();
	msix_on();
	reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, 0);
	reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, VIRTIO_STATUS_ACKNOWLEDGE);
	reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
	reg_write(COMMON + VIRTIO_COMMON_DEVICE_FEATURE_SELECT, 4, 0);
	offered = reg_read(COMMON + VIRTIO_COMMON_DEVICE_FEATURE, 4);
	reg_write(COMMON + VIRTIO_COMMON_DEVICE_FEATURE_SELECT, 4, 1);
	offered |= reg_read(COMMON + VIRTIO_COMMON_DEVICE_FEATURE, 4) << 32;
	offered &= harness.features;
	for (u32 i = 0; i < 2; i++) {
		reg_write(COMMON + VIRTIO_COMMON_DRIVER_FEATURE_SELECT, 4, i);
		reg_write(COMMON + VIRTIO_COMMON_DRIVER_FEATURE, 4, (u32)(offered >> (32 * i)));
	}
	harness.event_idx = offered >> VIRTIO_F_EVENT_IDX & 1;
	reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK);
	reg_write(COMMON + VIRTIO_COMMON_MSIX_CONFIG, 2, 0);
	for (unsigned q = 0; q < harness.device->queue_count; q++)
		harness_setup_queue(q);
	reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK |
		  VIRTIO_STATUS_DRIVER_OK);
	harness_run();
}

void ring_desc(unsigned q, u32 index, u64 address, u32 length, u16 flags, u16 next)
{
	struct virtq_desc desc = { address, length, flags, next };

	memcpy(fake_ram + RING_DESC(q) + index * sizeof(desc), &desc, sizeof(desc));
}

void ring_offer(unsigned q, u16 head)
{
	u16 *avail = (u16 *)(void *)(fake_ram + RING_AVAIL(q));

	avail[2 + avail[1] % harness.queue_size] = head;
	avail[1]++;
}

void ring_doorbell(unsigned q)
{
	io_map_write(&harness.vm->ports, PORTS_BAR, 2, q);
}

bool ring_used(unsigned q, u32 *id, u32 *length)
{
	u16 *used = (u16 *)(void *)(fake_ram + RING_USED(q));
	u32 *element = (u32 *)(void *)(fake_ram + RING_USED(q) + VIRTQ_USED_RING(used_seen[q] % harness.queue_size));

	if (used[1] == used_seen[q])
		return false;
	*id = element[0];
	*length = element[1];
	used_seen[q]++;
	/* used_event: the next one, please */
	*(u16 *)(void *)(fake_ram + RING_AVAIL(q) + VIRTQ_AVAIL_RING(harness.queue_size)) = used_seen[q];
	return true;
}
