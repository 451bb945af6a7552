/* SPDX-License-Identifier: MIT */
/* LINK: virtio/test/harness.c virtio/virtio_device.c virtio/virtio_pci.c virtio/virtqueue.c virtio/virtio_console.c hv/block/request.c hv/block/test/fake_disk.c hv/test/gmem_hosted.c hv/dev/vpci.c hv/dev/vpci_bus.c hv/dev/vpci_msix.c hv/io_region.c hv/state.c hv/lib/string.c */
/* CFLAGS: -DSTRING_NO_LIBC_NAMES */
/* The console: ports announced, output shown, input delivered, emergency writes, broken messages, saved state. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "hv/char_device.h"
#include "hv/lib/error.h"
#include "virtio/models.h"
#include "virtio/spec/virtio_console.h"
#include "virtio/test/harness.h"

static struct char_device *hosts[3];
static char shown[3][4096];
static size_t shown_count[3];
static unsigned writable_calls;

static void received(void *context, const char *bytes, size_t count)
{
	size_t port = (size_t)context;

	for (size_t i = 0; i < count && shown_count[port] < sizeof(shown[0]); i++)
		shown[port][shown_count[port]++] = bytes[i];
}

static void writable(void *context)
{
	(void)context;
	writable_calls++;
}

/* Port 0 a console, 1 without use, 2 a channel. */
static void start_with(u64 features)
{
	struct device_spec spec = { .model = "virtio-console", .alias = "virtio-serial0", .slot = HARNESS_SLOT,
				    .console = { 3, { { NULL, true, &hosts[0] }, { NULL, false, NULL }, { "org.a", false, &hosts[2] } } } };

	harness_disk = NULL;
	memset(shown_count, 0, sizeof(shown_count));
	writable_calls = 0;
	harness_create(&virtio_console_model, &spec);
	harness.device = harness.instance.device; /* its first member */
	harness.features = features;
	for (size_t i = 0; i < 3; i += 2) {
		hosts[i]->received = received;
		hosts[i]->writable = writable;
		hosts[i]->context = (void *)i;
	}
	harness_start();
}

static void offer(unsigned q, u16 head, u64 address, u32 size_bytes, u16 flags)
{
	ring_desc(q, head, address, size_bytes, flags, 0);
	ring_offer(q, head);
	ring_doorbell(q);
	harness_run();
}

static bool tell(u32 id, u16 event, u16 value)
{
	struct virtio_console_control message = { id, event, value };
	u32 head, length;

	memcpy(fake_ram + BUFFERS, &message, sizeof(message));
	offer(VIRTIO_CONSOLE_CONTROL_TRANSMIT, 0, BUFFERS, sizeof(message), 0);
	return ring_used(VIRTIO_CONSOLE_CONTROL_TRANSMIT, &head, &length) && length == 0;
}

/* The device's next message, in a buffer that is offered for it. */
static bool hear(struct virtio_console_control *message, char *name)
{
	u32 head, length;

	memset(fake_ram + BUFFERS + 4096, 0xee, 256);
	offer(VIRTIO_CONSOLE_CONTROL_RECEIVE, 0, BUFFERS + 4096, 256, VIRTQ_DESC_F_WRITE);
	if (!ring_used(VIRTIO_CONSOLE_CONTROL_RECEIVE, &head, &length))
		return false;
	memcpy(message, fake_ram + BUFFERS + 4096, sizeof(*message));
	memcpy(name, fake_ram + BUFFERS + 4096 + sizeof(*message), length - sizeof(*message));
	name[length - sizeof(*message)] = '\0';
	return true;
}

/* Declares everything ready and opens the ports, as Linux does. */
static void bring_up(void)
{
	static const struct { u32 id; u16 event; const char *name; } expected[] = {
		{ 0, VIRTIO_CONSOLE_CONSOLE_PORT, "" }, { 0, VIRTIO_CONSOLE_PORT_OPEN, "" },
		{ 2, VIRTIO_CONSOLE_PORT_NAME, "org.a" }, { 2, VIRTIO_CONSOLE_PORT_OPEN, "" },
	};
	struct virtio_console_control message;
	char name[256];

	ck_assert(tell(0xffffffff, VIRTIO_CONSOLE_DEVICE_READY, 1));
	ck_assert(hear(&message, name));
	ck_assert(message.id == 0 && message.event == VIRTIO_CONSOLE_DEVICE_ADD && message.value == 1);
	ck_assert(hear(&message, name));
	ck_assert(message.id == 2 && message.event == VIRTIO_CONSOLE_DEVICE_ADD);
	ck_assert(tell(0, VIRTIO_CONSOLE_PORT_READY, 1) && tell(2, VIRTIO_CONSOLE_PORT_READY, 1));
	for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
		ck_assert(hear(&message, name));
		ck_assert_uint_eq(message.id, expected[i].id);
		ck_assert_uint_eq(message.event, expected[i].event);
		ck_assert_str_eq(name, expected[i].name);
	}
	ck_assert(tell(0, VIRTIO_CONSOLE_PORT_OPEN, 1) && tell(2, VIRTIO_CONSOLE_PORT_OPEN, 1));
}

START_TEST(configuration)
{
	start_with(~0ull);
	ck_assert_uint_eq(reg_read(DEVICE_CONFIG + 4, 4), 3);
	ck_assert_uint_eq(reg_read(COMMON + VIRTIO_COMMON_NUM_QUEUES, 2), 8);
	ck_assert_uint_eq(vpci_config_read(&harness.bus, HARNESS_DEVFN, 0, 4), 0x10431af4);
	harness_destroy();
}
END_TEST

START_TEST(ports_are_announced)
{
	struct virtio_console_control message;
	char name[256];

	start_with(~0ull);
	bring_up();
	ck_assert(!hear(&message, name)); /* nothing more; the buffer waits */
	ck_assert(tell(7, VIRTIO_CONSOLE_PORT_READY, 1) && tell(1, VIRTIO_CONSOLE_PORT_READY, 1) && tell(0, 99, 1));
	ck_assert(tell(0, VIRTIO_CONSOLE_PORT_READY, 0));
	harness_destroy();
}
END_TEST

START_TEST(output_is_shown)
{
	u32 head, length;

	start_with(~0ull);
	bring_up();
	memcpy(fake_ram + BUFFERS, "hello", 5);
	offer(1, 3, BUFFERS, 5, 0);
	ck_assert(ring_used(1, &head, &length) && head == 3 && length == 0);
	ck_assert(shown_count[0] == 5 && !memcmp(shown[0], "hello", 5));
	for (unsigned i = 0; i < 3000; i++)
		fake_ram[BUFFERS + i] = (u8)(i * 7);
	offer(VIRTIO_CONSOLE_TRANSMIT(2), 0, BUFFERS, 3000, 0);
	ck_assert(ring_used(VIRTIO_CONSOLE_TRANSMIT(2), &head, &length));
	ck_assert_uint_eq(shown_count[2], 3000);
	ck_assert(!memcmp(shown[2], fake_ram + BUFFERS, 3000));
	harness_destroy();
}
END_TEST

START_TEST(input_is_delivered)
{
	char typed[2000];
	u32 head, length;
	size_t taken;

	start_with(~0ull);
	ck_assert_uint_eq(hosts[0]->write(hosts[0], "x", 1), 0); /* not open yet */
	bring_up();
	memset(typed, 'y', sizeof(typed));
	taken = hosts[0]->write(hosts[0], typed, sizeof(typed));
	ck_assert_uint_eq(taken, 1024);
	offer(0, 0, BUFFERS, 1000, VIRTQ_DESC_F_WRITE);
	ck_assert(ring_used(0, &head, &length) && length == 1000);
	ck_assert_uint_eq(writable_calls, 1);
	offer(0, 1, BUFFERS, 1000, VIRTQ_DESC_F_WRITE);
	ck_assert(ring_used(0, &head, &length) && head == 1 && length == 24);
	offer(0, 2, BUFFERS, 8, VIRTQ_DESC_F_WRITE); /* waits for what is typed */
	ck_assert(!ring_used(0, &head, &length));
	ck_assert_uint_eq(hosts[0]->write(hosts[0], "abc", 3), 3);
	harness_run();
	ck_assert(ring_used(0, &head, &length) && length == 3);
	ck_assert(!memcmp(fake_ram + BUFFERS, "abcyyyyy", 8));
	ck_assert(tell(0, VIRTIO_CONSOLE_PORT_OPEN, 0));
	ck_assert_uint_eq(hosts[0]->write(hosts[0], "x", 1), 0);
	harness_destroy();
}
END_TEST

START_TEST(without_multiport)
{
	u32 head, length;

	start_with(~BIT64(VIRTIO_CONSOLE_F_MULTIPORT));
	ck_assert_uint_eq(hosts[0]->write(hosts[0], "abc", 3), 3); /* open at once */
	ck_assert_uint_eq(hosts[2]->write(hosts[2], "abc", 3), 0);
	offer(0, 0, BUFFERS, 16, VIRTQ_DESC_F_WRITE);
	ck_assert(ring_used(0, &head, &length) && length == 3);
	harness_destroy();
}
END_TEST

START_TEST(emergency_write)
{
	start_with(~0ull);
	reg_write(COMMON + VIRTIO_COMMON_STATUS, 1, 0);
	reg_write(DEVICE_CONFIG + 8, 4, '!');
	ck_assert(shown_count[0] == 1 && shown[0][0] == '!');
	reg_write(DEVICE_CONFIG + 4, 4, 7); /* read-only */
	ck_assert_uint_eq(reg_read(DEVICE_CONFIG + 4, 4), 3);
	ck_assert_uint_eq(shown_count[0], 1);
	harness_destroy();
}
END_TEST

static void expect_needs_reset(void)
{
	ck_assert(reg_read(COMMON + VIRTIO_COMMON_STATUS, 1) & VIRTIO_STATUS_NEEDS_RESET);
	harness_start();
}

START_TEST(broken_rules)
{
	start_with(~0ull);
	offer(VIRTIO_CONSOLE_CONTROL_TRANSMIT, 0, BUFFERS, 7, 0); /* half a message */
	expect_needs_reset();
	offer(VIRTIO_CONSOLE_CONTROL_TRANSMIT, 0, FAKE_RAM_BYTES, 8, 0);
	expect_needs_reset();
	offer(1, 0, FAKE_RAM_BYTES - 4, 8, 0);
	expect_needs_reset();
	offer(VIRTIO_CONSOLE_CONTROL_RECEIVE, 0, BUFFERS + 4096, 4, VIRTQ_DESC_F_WRITE); /* no room for a message */
	ck_assert(tell(0, VIRTIO_CONSOLE_DEVICE_READY, 1));
	expect_needs_reset();
	bring_up();
	ck_assert_uint_eq(hosts[0]->write(hosts[0], "x", 1), 1);
	offer(0, 0, BUFFERS, 8, 0); /* a buffer for input that is to be read */
	expect_needs_reset();
	bring_up();
	ck_assert_uint_eq(hosts[0]->write(hosts[0], "x", 1), 1);
	offer(0, 0, FAKE_RAM_BYTES, 8, VIRTQ_DESC_F_WRITE);
	expect_needs_reset();
	bring_up();
	harness_destroy();
}
END_TEST

START_TEST(saved_state)
{
	struct state_writer writer;
	struct state_reader reader;
	u32 head, length;

	start_with(~0ull);
	bring_up();
	ck_assert_uint_eq(hosts[2]->write(hosts[2], "kept", 4), 4);
	harness.instance.ops->quiesce(harness.instance.device);
	state_writer_init(&writer);
	harness.instance.ops->save(harness.instance.device, &writer);
	harness.instance.ops->reset(harness.instance.device);
	reader = (struct state_reader){ writer.data, writer.size_bytes, 0 };
	ck_assert_int_eq(harness.instance.ops->load(harness.instance.device, &reader), OK);
	harness.instance.ops->resume(harness.instance.device);
	offer(VIRTIO_CONSOLE_RECEIVE(2), 0, BUFFERS, 16, VIRTQ_DESC_F_WRITE);
	ck_assert(ring_used(VIRTIO_CONSOLE_RECEIVE(2), &head, &length) && length == 4);
	ck_assert_uint_eq(hosts[0]->write(hosts[0], "x", 1), 1); /* still open */
	for (size_t i = 0; i < writer.size_bytes; i++) { /* whatever changed is refused, or harmless */
		harness.instance.ops->quiesce(harness.instance.device);
		writer.data[i] ^= 0x81;
		reader.offset_bytes = 0;
		(void)!harness.instance.ops->load(harness.instance.device, &reader);
		writer.data[i] ^= 0x81;
		harness.instance.ops->resume(harness.instance.device);
		harness_run();
	}
	state_writer_release(&writer);
	harness_destroy();
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("virtio console");
	TCase *t = tcase_create("console");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, configuration);
	tcase_add_test(t, ports_are_announced);
	tcase_add_test(t, output_is_shown);
	tcase_add_test(t, input_is_delivered);
	tcase_add_test(t, without_multiport);
	tcase_add_test(t, emergency_write);
	tcase_add_test(t, broken_rules);
	tcase_add_test(t, saved_state);
	suite_add_tcase(suite, t);
	return suite;
}
