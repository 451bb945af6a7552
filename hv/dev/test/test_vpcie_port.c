/* SPDX-License-Identifier: MIT */
/* LINK: hv/dev/vpcie_port.c hv/dev/vpci.c hv/dev/vpci_bus.c hv/dev/vpci_msix.c hv/io_region.c hv/state.c hv/lib/string.c */
/* CFLAGS: -DSTRING_NO_LIBC_NAMES */
/* A root port as pciehp sees it: events, commands, a device that comes, is asked to leave, leaves; saved state. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "hv/dev/vpcie_port.h"
#include "hv/lib/error.h"

#define PORT VPCI_DEVFN(4, 0)
#define OFF 0x0700u /* power and its indicator */
#define ON 0x0100u
#define EVENTS_ON 0x1039u

static struct vm vm;
static struct vpci_bus bus;
static struct vpcie_port port;
static struct vpci_device card;
static unsigned left_calls;
static bool line;

void mutex_init(struct mutex *mutex, const char *name) { (void)name; mutex->owner = NULL; }
void mutex_lock(struct mutex *mutex) { ck_assert_ptr_null(mutex->owner); mutex->owner = (struct thread *)1; }
void mutex_unlock(struct mutex *mutex) { mutex->owner = NULL; }
void vm_synchronise(struct vm *of) { (void)of; }

static void left(void *context) { (void)context; left_calls++; }
static void intx(void *context, unsigned gsi, unsigned source, bool level)
{
	(void)context, (void)source;
	ck_assert_uint_eq(gsi, 20);
	line = level;
}
static void msi(void *context, u64 address, u32 data) { (void)context, (void)address, (void)data; }

static u16 slot(unsigned at) { return (u16)vpci_config_read(&bus, PORT, port.express + at, 2); }
static u16 status(void) { return slot(0x1a); }
static void control(u32 value) { vpci_config_write(&bus, PORT, port.express + 0x18, 2, value); }
static void clear(u32 events) { vpci_config_write(&bus, PORT, port.express + 0x1a, 2, events); }

static void setup(void)
{
	memset(&vm, 0, sizeof(vm));
	spinlock_init(&vm.memory_lock, "memory", LOCK_RANK_VM);
	io_map_init(&vm.ports);
	io_map_init(&vm.mmio);
	vpci_bus_init(&bus, &vm);
	bus.intx = intx;
	bus.msi = msi;
	left_calls = 0;
	ck_assert_int_eq(vpcie_port_init(&port, &bus, 4, 1, left, NULL), OK);
	vpcie_port_reset(&port);
	vpci_device_init(&card, "card", 0x1af4, 0x1042, 0x010000, 1);
}

static void plug(void)
{
	ck_assert_int_eq(vpci_attach(&port.secondary, &card, 0), OK);
	vpcie_port_plugged(&port, false);
}

static void teardown(void)
{
	io_map_release(&vm.ports);
	io_map_release(&vm.mmio);
}

START_TEST(a_card_comes_and_leaves)
{
	setup();
	ck_assert_uint_eq(slot(0x02), 0x0142);
	ck_assert(!(status() & 0x40) && !(slot(0x12) & 0x2000));
	control(OFF | EVENTS_ON);
	ck_assert((status() & 0x10) && line); /* command completed */
	clear(0x10);
	ck_assert(!line);
	plug();
	ck_assert((status() & 0x148) == 0x148 && (slot(0x12) & 0x2000) && line);
	clear(0x1ff);
	ck_assert(!line && (status() & 0x40));
	control(ON | EVENTS_ON);
	clear(0x10);
	ck_assert_int_eq(vpcie_port_ask(&port), OK);
	ck_assert((status() & 1) && line);
	ck_assert_int_eq(vpcie_port_ask(&port), ERR_BUSY);
	clear(1);
	control(0x0400 | ON | EVENTS_ON); /* power off, the indicator still on */
	ck_assert_uint_eq(left_calls, 0);
	control(OFF | EVENTS_ON);
	ck_assert(left_calls == 1 && port.leaving == &card && !(status() & 0x40) && (status() & 0x108) == 0x108);
	ck_assert_ptr_null(port.secondary.devices[0]);
	ck_assert(vpci_is_gone(&card));
	ck_assert_int_eq(vpcie_port_ask(&port), ERR_NOT_FOUND);
	teardown();
}
END_TEST

START_TEST(nobody_leaves_unasked)
{
	setup();
	plug();
	control(OFF | EVENTS_ON);
	ck_assert(left_calls == 0 && port.secondary.devices[0] == &card);
	ck_assert_int_eq(vpcie_port_ask(&port), OK); /* switched off already: at once */
	ck_assert_uint_eq(left_calls, 1);
	teardown();
}
END_TEST

START_TEST(a_reset_lets_go_of_what_was_asked)
{
	setup();
	plug();
	vpcie_port_reset(&port);
	ck_assert((status() & 0x40) && left_calls == 0);
	control(ON);
	ck_assert_int_eq(vpcie_port_ask(&port), OK);
	vpcie_port_reset(&port);
	ck_assert(left_calls == 1 && !(status() & 0x40));
	teardown();
}
END_TEST

/* The bus behind the port has the number that the guest gives it; by both ways to configuration space. */
START_TEST(the_bus_behind)
{
	setup();
	ck_assert_int_eq(vpci_bus_claim(&bus), OK);
	plug();
	ck_assert_uint_eq((u32)vpci_ecam_ops.read(&bus, 5u << 20, 4), 0xffffffff);
	vpci_config_write(&bus, PORT, 0x18, 4, 0x00050500);
	ck_assert_uint_eq(vpci_ecam_ops.read(&bus, 5u << 20, 4), 0x10421af4);
	ck_assert_uint_eq((u32)vpci_ecam_ops.read(&bus, (5u << 20) + (1u << 15), 4), 0xffffffff);
	ck_assert_uint_eq((u32)vpci_ecam_ops.read(&bus, 6u << 20, 4), 0xffffffff);
	io_map_write(&vm.ports, 0xcf8, 4, 0x80050000);
	ck_assert_uint_eq(io_map_read(&vm.ports, 0xcfc, 4), 0x10421af4);
	control(OFF);
	ck_assert_int_eq(vpcie_port_ask(&port), OK);
	ck_assert_uint_eq(io_map_read(&vm.ports, 0xcfc, 4), 0xffffffff);
	teardown();
}
END_TEST

START_TEST(saved_state)
{
	struct state_writer writer;
	struct state_reader reader;

	setup();
	plug();
	control(ON | EVENTS_ON);
	ck_assert_int_eq(vpcie_port_ask(&port), OK);
	state_writer_init(&writer);
	vpcie_port_save(&port, &writer);
	vpcie_port_forget(&port);
	reader = (struct state_reader){ writer.data, writer.size_bytes, 0 };
	ck_assert_int_eq(vpcie_port_load(&port, &reader), OK);
	ck_assert_int_eq(vpcie_port_ask(&port), ERR_BUSY);
	for (size_t i = 0; i < writer.size_bytes; i++) { /* whatever changed is refused, or harmless */
		writer.data[i] ^= 0x81;
		reader.offset_bytes = 0;
		(void)!vpcie_port_load(&port, &reader);
		writer.data[i] ^= 0x81;
		control(ON | EVENTS_ON);
		ck_assert(port.secondary.devices[0] == &card);
	}
	state_writer_release(&writer);
	teardown();
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("vpcie_port");
	TCase *t = tcase_create("vpcie_port");

	tcase_add_test(t, a_card_comes_and_leaves);
	tcase_add_test(t, nobody_leaves_unasked);
	tcase_add_test(t, a_reset_lets_go_of_what_was_asked);
	tcase_add_test(t, the_bus_behind);
	tcase_add_test(t, saved_state);
	suite_add_tcase(suite, t);
	return suite;
}
