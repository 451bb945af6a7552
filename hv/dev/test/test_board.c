/* SPDX-License-Identifier: MIT */
/* LINK: hv/dev/test/fake_machine.c hv/io_region.c hv/state.c hv/lib/heap.c hv/lib/format.c hv/lib/string.c hv/lib/test/log_stderr.c */
/* LINK: hv/cpu_topology.c hv/dev/aml.c hv/dev/blob.c hv/dev/firmware_tables.c hv/dev/pc.c hv/dev/pc_devices.c hv/dev/vpcie_port.c hv/dev/pc_state.c hv/device_model.c hv/dev/table_loader.c hv/dev/vacpi.c hv/dev/vacpi_dsdt.c hv/dev/vfwcfg.c hv/dev/vioapic.c hv/dev/vkbc.c hv/dev/vlapic.c hv/dev/vlapic_bus.c hv/dev/vlapic_pv.c hv/dev/vlapic_registers.c hv/dev/vlapic_state.c hv/dev/vlapic_timer.c hv/dev/vpci.c hv/dev/vpci_bus.c hv/dev/vpci_msix.c hv/dev/vpic.c hv/dev/vpit.c hv/dev/vpit_channel.c hv/dev/vpm.c hv/dev/vq35.c hv/dev/vrtc.c hv/dev/vrtc_time.c hv/dev/vsmbios.c hv/dev/vuart.c */
/* The whole board: what a guest sees through ports and pages, timers against time, pausing, and the saved form. */
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include "hv/clock.h"
#include "hv/dev/pc_internal.h"
#include "hv/dev/test/fake_machine.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

#define X2APIC_EOI 0x80b
#define APIC(offset) (VLAPIC_BASE + (offset))

static struct vm *vm;
static struct vcpu *vcpu;

static void setup(void) { vm = fake_machine_create(), vcpu = vm->vcpus[0]; }
static void teardown(void) { fake_machine_destroy(vm); }

static u32 mmio_read(u64 address) { return (u32)io_map_read(&vm->mmio, address, 4); }
static void mmio_write(u64 address, u32 value) { io_map_write(&vm->mmio, address, 4, value); }
static bool wrmsr(u32 msr, u64 value) { return vcpu->interrupts->write_msr(vcpu->interrupt_controller, msr, value); }
static u64 rdmsr(u32 msr)
{
	u64 value = 0;

	ck_assert(vcpu->interrupts->read_msr(vcpu->interrupt_controller, msr, &value));
	return value;
}
static bool rdmsr_faults(u32 msr)
{
	u64 value;

	return !vcpu->interrupts->read_msr(vcpu->interrupt_controller, msr, &value);
}

static void pic_on(void)
{
	const u8 bytes[][2] = { { 0x20, 0x11 }, { 0x21, 0x20 }, { 0x21, 0x04 }, { 0x21, 0x01 },
				{ 0xa0, 0x11 }, { 0xa1, 0x28 }, { 0xa1, 0x02 }, { 0xa1, 0x01 } };

	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++)
		outb(vm, bytes[i][0], bytes[i][1]);
}

static void x2apic_on(void)
{
	ck_assert(wrmsr(0x1b, rdmsr(0x1b) | APIC_BASE_EXTD));
	ck_assert(wrmsr(0x80f, 0x1ff));
}

static void ioapic_write(u32 index, u32 value)
{
	mmio_write(VIOAPIC_BASE, index);
	mmio_write(VIOAPIC_BASE + 0x10, value);
}

static u32 ioapic_read(u32 index)
{
	mmio_write(VIOAPIC_BASE, index);
	return mmio_read(VIOAPIC_BASE + 0x10);
}

static u32 pci_read(u8 devfn, unsigned offset)
{
	outl(vm, 0xcf8, 0x80000000u | (u32)devfn << 8 | (offset & 0xfc));
	return inl(vm, 0xcfc);
}

static void pci_write(u8 devfn, unsigned offset, u32 value)
{
	outl(vm, 0xcf8, 0x80000000u | (u32)devfn << 8 | (offset & 0xfc));
	outl(vm, 0xcfc, value);
}

START_TEST(timer_interrupt_through_the_pic_does_not_drift)
{
	unsigned ticks = 0;

	pic_on();
	outb(vm, 0x43, 0x34);
	outb(vm, 0x40, 0x9c); /* 1193182 / 11932 = 100 Hz */
	outb(vm, 0x40, 0x2e);
	for (unsigned i = 0; i < 100000; i++) { /* 10 s in steps that do not divide the period */
		fake_time_advance(100003);
		if (fake_take_interrupt(vm) == 0x20) {
			ticks++;
			outb(vm, 0x20, 0x20);
		}
	}
	ck_assert_uint_eq(ticks, 10000300000ull * VPIT_HZ / 1000000000ull / 11932);
}
END_TEST

START_TEST(shortest_periods_cost_the_host_little)
{
	pic_on();
	outb(vm, 0x43, 0x14); /* PIT: every tick */
	outb(vm, 0x40, 1);
	outb(vm, 0x70, 0x0a);
	outb(vm, 0x71, 0x23); /* RTC: 8192 Hz */
	outb(vm, 0x70, 0x0b);
	outb(vm, 0x71, 0x72);
	mmio_write(APIC(0xf0), 0x1ff);
	mmio_write(APIC(0x3e0), 0xb);
	mmio_write(APIC(0x320), 0x20040);
	mmio_write(APIC(0x380), 1); /* APIC: every nanosecond */
	fake_timer_fires = 0;
	for (unsigned i = 0; i < 10000; i++) {
		fake_time_advance(100000);
		outb(vm, 0x70, 0x0c);
		(void)inb(vm, 0x71);
	}
	ck_assert_uint_le(fake_timer_fires, 3 * 10100);
	ck_assert_uint_ge(fake_timer_fires, 20000); /* but they run */
}
END_TEST

START_TEST(pit_counts_and_reads_back)
{
	static const struct { u8 control; u32 count; u64 ns; u32 expected; } rows[] = {
		{ 0xb0, 1000, 100000, 1000 - 119 },   /* mode 0 */
		{ 0xb4, 1000, 1000000, 1000 - 193 },  /* mode 2: 1193 ticks */
		{ 0xb6, 1000, 100000, 1000 - 238 },   /* mode 3: by two */
		{ 0xb8, 1000, 2000000, 65536 + 1000 - 2386 }, /* mode 4 wraps */
		{ 0xb1, 0x1000, 100000, 0x0881 },     /* BCD */
	};

	outb(vm, 0x61, 1);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u32 value;

		outb(vm, 0x43, rows[i].control);
		outb(vm, 0x42, (u8)rows[i].count);
		outb(vm, 0x42, (u8)(rows[i].count >> 8));
		fake_time_advance(rows[i].ns);
		outb(vm, 0x43, 0x80); /* latch */
		value = inb(vm, 0x42);
		value |= (u32)inb(vm, 0x42) << 8;
		ck_assert_msg(value + 1 >= rows[i].expected && value <= rows[i].expected + 1, "row %zu: %u", i, value);
	}
	outb(vm, 0x43, 0xc8); /* read back count and status of channel 2 */
	ck_assert_uint_eq(inb(vm, 0x42) & 0x3f, 0x31);
}
END_TEST

START_TEST(speaker_gate_and_out2)
{
	outb(vm, 0x61, 0);
	outb(vm, 0x43, 0xb0); /* mode 0: calibration loops wait for OUT 2 */
	outb(vm, 0x42, 0xff);
	outb(vm, 0x42, 0x0f);
	fake_time_advance(10 * NS_PER_MS);
	ck_assert_uint_eq(inb(vm, 0x61) & 0x20, 0); /* the gate holds the count */
	outb(vm, 0x61, 1);
	fake_time_advance(3 * NS_PER_MS);
	ck_assert_uint_eq(inb(vm, 0x61) & 0x21, 0x01);
	fake_time_advance(NS_PER_MS);
	ck_assert_uint_eq(inb(vm, 0x61) & 0x21, 0x21);
	ck_assert_uint_ne(inb(vm, 0x61) & 0x10, (fake_time_advance(15085), inb(vm, 0x61)) & 0x10);
}
END_TEST

static u8 cmos(u8 index)
{
	outb(vm, 0x70, index);
	return inb(vm, 0x71);
}

static void cmos_write(u8 index, u8 value)
{
	outb(vm, 0x70, index);
	outb(vm, 0x71, value);
}

START_TEST(rtc_tells_and_takes_the_time)
{
	/* FAKE_WALL_NS is Monday, 2026-09-21 14:13:20 UTC */
	static const struct { u8 index, value; } rows[] = { { 0x32, 0x20 }, { 9, 0x26 }, { 8, 0x09 }, { 7, 0x21 },
							    { 6, 2 }, { 4, 0x14 }, { 2, 0x13 }, { 0, 0x20 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ck_assert_msg(cmos(rows[i].index) == rows[i].value, "register %u is %x", rows[i].index, cmos(rows[i].index));
	cmos_write(0x0b, 0x82); /* SET */
	cmos_write(4, 0x23);
	cmos_write(2, 0x59);
	cmos_write(0, 0x59);
	cmos_write(7, 0x28);
	cmos_write(8, 0x02);
	cmos_write(9, 0x28); /* 2028-02-28, a leap year */
	fake_time_advance(5 * NS_PER_S);
	ck_assert_uint_eq(cmos(0), 0x59);
	cmos_write(0x0b, 0x02);
	fake_time_advance(NS_PER_S);
	ck_assert_uint_eq(cmos(7), 0x29);
	ck_assert_uint_eq(cmos(4), 0x00);
	cmos_write(0x0b, 0x04); /* binary, 12 hours */
	ck_assert_uint_eq(cmos(4), 12);
	ck_assert_uint_eq(cmos(9), 28);
	ck_assert_uint_eq(cmos(0x32), 20);
}
END_TEST

START_TEST(rtc_interrupts_and_uip)
{
	pic_on();
	ck_assert_uint_eq(cmos(0x0a) & 0x80, 0);
	fake_time_advance(NS_PER_S - fake_now_ns - NS_PER_MS);
	ck_assert_uint_eq(cmos(0x0a) & 0x80, 0x80);
	fake_time_advance(2 * NS_PER_MS);
	ck_assert_uint_eq(cmos(0x0a) & 0x80, 0);
	ck_assert_uint_eq(cmos(0x0c) & 0x10, 0x10); /* the flag comes without its interrupt, too */
	cmos_write(0x0b, 0x12);
	fake_time_advance(NS_PER_S);
	ck_assert_int_eq(fake_take_interrupt(vm), 0x28);
	ck_assert_uint_eq(cmos(0x0c) & 0x90, 0x90);
	ck_assert_uint_eq(cmos(0x0c), 0);
	outb(vm, 0xa0, 0x20);
	outb(vm, 0x20, 0x20);
	cmos_write(0x0b, 0x22); /* alarm: at second 30 of any minute */
	cmos_write(1, 0x30);
	cmos_write(3, 0xff);
	cmos_write(5, 0xff);
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
	fake_time_advance(9 * NS_PER_S);
	ck_assert_int_eq(fake_take_interrupt(vm), 0x28);
	ck_assert_uint_eq(cmos(0x0c) & 0xa0, 0xa0);
	cmos_write(5, 0x99); /* never */
	fake_timer_fires = 0;
	fake_time_advance(100 * NS_PER_S);
	ck_assert_uint_eq(cmos(0x0c) & 0x20, 0);
	ck_assert_uint_le(fake_timer_fires, 1); /* the one that was armed before */
}
END_TEST

START_TEST(apic_identity_and_modes)
{
	ck_assert_uint_eq(rdmsr(0x1b), VLAPIC_BASE | APIC_BASE_EN | APIC_BASE_BSP);
	ck_assert_uint_eq(mmio_read(APIC(0x20)), 0);
	ck_assert_uint_eq(mmio_read(APIC(0x30)), 0x00050014);
	ck_assert(rdmsr_faults(0x802));
	ck_assert(!wrmsr(0x1b, rdmsr(0x1b) | BIT64(9)));
	ck_assert(!wrmsr(0x1b, 0xfee01000 | APIC_BASE_EN));
	ck_assert(!wrmsr(0x1b, (rdmsr(0x1b) & ~APIC_BASE_EN) | APIC_BASE_EXTD));
	x2apic_on();
	ck_assert_uint_eq(mmio_read(APIC(0x30)), 0xffffffff); /* the page is gone */
	ck_assert_uint_eq(rdmsr(0x803), 0x00050014);
	ck_assert_uint_eq(rdmsr(0x80d), 1);
	ck_assert(!wrmsr(0x1b, rdmsr(0x1b) & ~APIC_BASE_EXTD)); /* x2APIC to xAPIC: only through off */
	ck_assert(wrmsr(0x1b, VLAPIC_BASE | APIC_BASE_BSP));
	ck_assert(!wrmsr(0x1b, VLAPIC_BASE | APIC_BASE_BSP | APIC_BASE_EN | APIC_BASE_EXTD));
	ck_assert(wrmsr(0x1b, VLAPIC_BASE | APIC_BASE_BSP | APIC_BASE_EN));
	ck_assert_uint_eq(mmio_read(APIC(0xf0)), 0xff);
}
END_TEST

START_TEST(x2apic_faults_where_it_must)
{
	static const struct { u32 msr; u64 value; bool ok; } rows[] = {
		{ 0x802, 0, false }, { 0x803, 0, false }, { 0x808, 0x20, true }, { 0x808, 0x100, false },
		{ 0x80a, 0, false }, { 0x80b, 0, true }, { 0x80b, 1, false }, { 0x80d, 0, false }, { 0x80e, 0, false },
		{ 0x80f, 0x1ff, true }, { 0x80f, 0x1000, false }, { 0x810, 0, false }, { 0x828, 0, true },
		{ 0x828, 1, false }, { 0x830, 0x40, true }, { 0x830, BIT64(20), false }, { 0x831, 0, false },
		{ 0x832, 0x20040, true }, { 0x832, BIT64(20), false }, { 0x835, 0x8700, true }, { 0x838, 5, true },
		{ 0x838, BIT64(32), false }, { 0x839, 0, false }, { 0x83e, 0xb, true }, { 0x83e, 4, false },
		{ 0x83f, 0x100, false }, { 0x840, 0, false }, { 0x8ff, 0, false }, { 0x801, 0, false }, { 0x82f, 0, false },
	};

	x2apic_on();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ck_assert_msg(wrmsr(rows[i].msr, rows[i].value) == rows[i].ok, "row %zu", i);
	ck_assert(rdmsr_faults(0x80b));
	ck_assert(rdmsr_faults(0x83f));
	ck_assert(rdmsr_faults(0x80e));
	ck_assert(rdmsr_faults(0x831));
	ck_assert(rdmsr_faults(0x800));
	ck_assert(rdmsr_faults(0x82f));
}
END_TEST

START_TEST(self_ipi_priorities_and_eoi)
{
	x2apic_on();
	ck_assert(wrmsr(0x83f, 0x41));
	ck_assert(wrmsr(0x83f, 0x62));
	ck_assert(wrmsr(0x830, 0x40000 | 0x45)); /* ICR, shorthand self */
	ck_assert_uint_ne(vcpu->requests & VCPU_REQUEST_EVENT, 0);
	ck_assert_uint_eq(rdmsr(0x822), BIT64(1) | BIT64(5));
	ck_assert_int_eq(fake_take_interrupt(vm), 0x62);
	ck_assert_uint_eq(rdmsr(0x80a), 0x60);
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
	ck_assert(wrmsr(X2APIC_EOI, 0));
	ck_assert_int_eq(fake_take_interrupt(vm), 0x45);
	ck_assert(wrmsr(0x83f, 0x41)); /* same class: waits */
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
	ck_assert(wrmsr(X2APIC_EOI, 0));
	vcpu->interrupts->write_cr8(vcpu->interrupt_controller, 4);
	ck_assert_uint_eq(rdmsr(0x808), 0x40);
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
	ck_assert_uint_eq(vcpu->interrupts->held(vcpu->interrupt_controller), 4); /* what CR8 alone keeps back */
	vcpu->interrupts->write_cr8(vcpu->interrupt_controller, 3);
	ck_assert_uint_eq(vcpu->interrupts->held(vcpu->interrupt_controller), 0);
	vcpu->requests = 0;
	vcpu->interrupts->write_cr8(vcpu->interrupt_controller, 15); /* up: what is on offer must be looked at, too */
	ck_assert_uint_ne(vcpu->requests & VCPU_REQUEST_EVENT, 0);
	ck_assert_uint_eq(vcpu->interrupts->held(vcpu->interrupt_controller), 4);
	vcpu->interrupts->write_cr8(vcpu->interrupt_controller, 3);
	ck_assert_int_eq(fake_take_interrupt(vm), 0x41);
	ck_assert(wrmsr(X2APIC_EOI, 0));
	ck_assert(wrmsr(0x83f, 0x41));
	ck_assert_int_eq(vcpu->interrupts->pending(vcpu->interrupt_controller), 0x41);
	ck_assert(wrmsr(0x83f, 0x62)); /* comes after 0x41 was offered to the hardware, which delivers 0x41 */
	ck_assert_int_eq(vcpu->interrupts->acknowledge(vcpu->interrupt_controller, 0x41), 0x41);
	ck_assert_int_eq(fake_take_interrupt(vm), 0x62);
	ck_assert(wrmsr(X2APIC_EOI, 0));
	ck_assert(wrmsr(X2APIC_EOI, 0));
	ck_assert(wrmsr(X2APIC_EOI, 0)); /* one too many does nothing */
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
}
END_TEST

START_TEST(apic_errors)
{
	x2apic_on();
	ck_assert(wrmsr(0x837, 0x55));
	ck_assert(wrmsr(0x83f, 3));
	ck_assert_int_eq(fake_take_interrupt(vm), 0x55);
	ck_assert_uint_eq(rdmsr(0x828), 0); /* not latched yet */
	ck_assert(wrmsr(0x828, 0));
	ck_assert_uint_eq(rdmsr(0x828), ESR_SEND_ILLEGAL);
	ck_assert(wrmsr(X2APIC_EOI, 0));
	ck_assert(wrmsr(0x837, 7)); /* an illegal error vector: no recursion */
	ck_assert(wrmsr(0x83f, 3));
	ck_assert(wrmsr(0x828, 0));
	ck_assert_uint_eq(rdmsr(0x828), ESR_SEND_ILLEGAL | ESR_RECEIVE_ILLEGAL);
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
}
END_TEST

/* The guest ends interrupts by clearing a bit in its memory, while nothing else waits. */
START_TEST(paravirtual_eoi)
{
	x2apic_on();
	vcpu->end_msr = 0x1001;
	fake_byte = 0;
	ck_assert(wrmsr(0x83f, 0x80));
	ck_assert_int_eq(fake_take_interrupt(vm), 0x80);
	ck_assert_uint_eq(fake_byte, 1); /* no EOI, please */
	fake_byte = 0;                   /* the guest's handler has ended */
	ck_assert_uint_eq(rdmsr(0x814), 0);
	ck_assert(wrmsr(0x83f, 0x70));
	ck_assert_int_eq(fake_take_interrupt(vm), 0x70); /* a lower one comes, so the first was ended */
	ck_assert_uint_eq(fake_byte, 1);
	ck_assert(wrmsr(0x83f, 0x60));
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
	ck_assert_uint_eq(fake_byte, 0);                 /* another one waits: the guest shall write its EOI */
	ck_assert(wrmsr(0x80b, 0));
	ck_assert_int_eq(fake_take_interrupt(vm), 0x60);
	ck_assert_uint_eq(fake_byte, 1);
	ck_assert(wrmsr(0x80b, 0));                      /* a guest that writes it all the same */
	ck_assert_uint_eq(fake_byte, 0);
	ck_assert_uint_eq(rdmsr(0x813), 0);
	vcpu->end_msr = 0xfffffffffff1; /* no RAM: never armed */
	ck_assert(wrmsr(0x83f, 0x80));
	ck_assert_int_eq(fake_take_interrupt(vm), 0x80);
	ck_assert_uint_eq(fake_byte, 0);
	ck_assert_uint_eq(rdmsr(0x814), 1);
	ck_assert(wrmsr(0x80b, 0));
	vcpu->end_msr = 0;
}
END_TEST

START_TEST(software_disable_and_init)
{
	x2apic_on();
	ck_assert(wrmsr(0x832, 0x30));
	ck_assert(wrmsr(0x80f, 0xff));
	ck_assert_uint_eq(rdmsr(0x832), 0x10030);
	ck_assert(wrmsr(0x832, 0x30));
	ck_assert_uint_eq(rdmsr(0x832), 0x10030); /* cannot be unmasked while disabled */
	ck_assert(wrmsr(0x83f, 0x80));
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
	vcpu->requests = 0;
	ck_assert(wrmsr(0x830, 0x40400)); /* an NMI to itself still arrives */
	ck_assert_uint_eq(vcpu->requests & VCPU_REQUEST_NMI, VCPU_REQUEST_NMI);
	ck_assert(wrmsr(0x830, 0x40500)); /* an INIT does not, by the shorthand */
	ck_assert_uint_eq(vcpu->requests & VCPU_REQUEST_INIT, 0);
	ck_assert(wrmsr(0x830, 0x4500));
	ck_assert_uint_eq(vcpu->requests & VCPU_REQUEST_INIT, VCPU_REQUEST_INIT);
	ck_assert(wrmsr(0x80f, 0x1ff));
	ck_assert(wrmsr(0x83f, 0x80));
	vcpu->interrupts->init(vcpu->interrupt_controller);
	ck_assert_uint_eq(rdmsr(0x824), 0);
	ck_assert_uint_eq(rdmsr(0x80f), 0xff);
	ck_assert_uint_eq(rdmsr(0x80d), 1);
}
END_TEST

START_TEST(tsc_deadline)
{
	x2apic_on();
	vcpu->tsc_offset = 5000;
	ck_assert(wrmsr(0x6e0, 1)); /* not in this mode: ignored */
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
	ck_assert(wrmsr(0x832, 0x400ec));
	fake_timer_fires = 0;
	ck_assert(wrmsr(0x6e0, 1)); /* past: at once, without a host timer */
	ck_assert_int_eq(fake_take_interrupt(vm), 0xec);
	ck_assert_uint_eq(rdmsr(0x6e0), 0);
	ck_assert(wrmsr(X2APIC_EOI, 0));
	ck_assert(wrmsr(0x6e0, fake_now_ns + 5000 + 1000));
	fake_time_advance(999);
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
	ck_assert_uint_ne(rdmsr(0x6e0), 0);
	fake_time_advance(1);
	ck_assert_int_eq(fake_take_interrupt(vm), 0xec);
	ck_assert_uint_eq(fake_timer_fires, 1);
	ck_assert(wrmsr(X2APIC_EOI, 0));
	ck_assert(wrmsr(0x6e0, ~0ull)); /* never */
	fake_time_advance(1000 * NS_PER_S);
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
	ck_assert(wrmsr(0x6e0, fake_now_ns + 5000 + 1000));
	ck_assert(wrmsr(0x6e0, 0)); /* disarmed */
	fake_time_advance(2000);
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
	ck_assert(wrmsr(0x6e0, fake_now_ns + 5000 + 10000));
	vcpu->tsc_offset += 20000; /* the guest moved its TSC forward, over the deadline */
	vcpu->interrupts->tsc_changed(vcpu->interrupt_controller);
	ck_assert_int_eq(fake_take_interrupt(vm), 0xec);
}
END_TEST

START_TEST(apic_timer_counts)
{
	mmio_write(APIC(0xf0), 0x1ff);
	mmio_write(APIC(0x3e0), 3); /* divide by 16 */
	mmio_write(APIC(0x320), 0x40);
	mmio_write(APIC(0x380), 1000);
	fake_time_advance(8000);
	ck_assert_uint_eq(mmio_read(APIC(0x390)), 500);
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
	fake_time_advance(8000);
	ck_assert_uint_eq(mmio_read(APIC(0x390)), 0);
	ck_assert_int_eq(fake_take_interrupt(vm), 0x40);
	mmio_write(APIC(0xb0), 0);
	fake_time_advance(NS_PER_S);
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
	mmio_write(APIC(0x3e0), 0xb); /* by 1; periodic, 1 ms */
	mmio_write(APIC(0x320), 0x20041);
	mmio_write(APIC(0x380), 1000000);
	for (unsigned i = 0; i < 50; i++) {
		fake_time_advance(NS_PER_MS);
		ck_assert_int_eq(fake_take_interrupt(vm), 0x41);
		mmio_write(APIC(0xb0), 0);
	}
	fake_time_advance(10 * NS_PER_MS); /* missed ones count as one */
	ck_assert_int_eq(fake_take_interrupt(vm), 0x41);
	mmio_write(APIC(0xb0), 0);
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
	mmio_write(APIC(0x320), 0x30041); /* masked: counts on, silently */
	fake_time_advance(10 * NS_PER_MS);
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
	mmio_write(APIC(0x380), 0);
	ck_assert_uint_eq(mmio_read(APIC(0x390)), 0);
}
END_TEST

START_TEST(level_interrupts_wait_for_eoi)
{
	mmio_write(APIC(0xf0), 0x1ff);
	ck_assert_uint_eq(ioapic_read(1), 0x00170020);
	ioapic_write(0x10 + 2 * 9, 0x8071); /* level */
	outw(vm, PC_PM1_EVENT + 2, BIT32(8));
	outb(vm, PC_SMI_COMMAND, PC_ACPI_ENABLE);
	ck_assert_uint_eq(inw(vm, PC_PM1_CONTROL) & 1, 1);
	pc_board.power_button(vm);
	ck_assert_uint_eq(ioapic_read(0x10 + 2 * 9) & 0x4000, 0x4000);
	ck_assert_int_eq(fake_take_interrupt(vm), 0x71);
	ck_assert_uint_eq(mmio_read(APIC(0x1b0)) & BIT32(0x71 - 0x60), BIT32(0x71 - 0x60)); /* TMR */
	mmio_write(APIC(0xb0), 0);
	ck_assert_int_eq(fake_take_interrupt(vm), 0x71); /* still asserted */
	outw(vm, PC_PM1_EVENT, BIT32(8));
	mmio_write(APIC(0xb0), 0);
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
	ck_assert_uint_eq(ioapic_read(0x10 + 2 * 9) & 0x4000, 0);
}
END_TEST

START_TEST(edges_at_the_io_apic)
{
	mmio_write(APIC(0xf0), 0x1ff);
	ioapic_write(0x10 + 2 * PC_TIMER_GSI, 0x10031);
	outb(vm, 0x43, 0x30); /* PIT mode 0: one edge */
	outb(vm, 0x40, 10);
	outb(vm, 0x40, 0);
	fake_time_advance(NS_PER_MS);
	ioapic_write(0x10 + 2 * PC_TIMER_GSI, 0x31);
	ck_assert_int_eq(fake_take_interrupt(vm), -1); /* an edge that came while masked is lost */
	outb(vm, 0x43, 0x30);
	outb(vm, 0x40, 10);
	outb(vm, 0x40, 0);
	fake_time_advance(NS_PER_MS);
	ck_assert_int_eq(fake_take_interrupt(vm), 0x31);
	ioapic_write(0x10 + 2 * PC_TIMER_GSI, 0x0431 & ~0xff); /* as NMI */
	vcpu->requests = 0;
	outb(vm, 0x43, 0x30);
	outb(vm, 0x40, 10);
	outb(vm, 0x40, 0);
	fake_time_advance(NS_PER_MS);
	ck_assert_uint_eq(vcpu->requests & VCPU_REQUEST_NMI, VCPU_REQUEST_NMI);
}
END_TEST

START_TEST(power_and_reset_ways)
{
	u32 first = inl(vm, PC_PM_TIMER);

	fake_time_advance(NS_PER_MS);
	ck_assert_uint_eq((inl(vm, PC_PM_TIMER) - first) & 0xffffff, 3579);
	outw(vm, PC_PM1_CONTROL, 1 << 10 | BIT32(13)); /* S1: not there */
	ck_assert_uint_eq(fake_poweroffs, 0);
	outw(vm, PC_PM1_CONTROL, PC_SLEEP_TYPE_S5 << 10 | BIT32(13));
	ck_assert_uint_eq(fake_poweroffs, 1);
	outb(vm, 0xcf9, 0x02);
	ck_assert_uint_eq(fake_resets, 0);
	outb(vm, 0xcf9, 0x06);
	ck_assert_uint_eq(fake_resets, 1);
	outb(vm, 0x64, 0xfe);
	ck_assert_uint_eq(fake_resets, 2);
	outb(vm, 0x92, 0x03);
	ck_assert_uint_eq(fake_resets, 3);
	outb(vm, 0x64, 0xd1);
	outb(vm, 0x60, 0x00);
	ck_assert_uint_eq(fake_resets, 4);
}
END_TEST

START_TEST(keyboard_controller_answers_probes_at_once)
{
	static const struct { u8 port, byte; u8 answers[4]; u8 count; } rows[] = {
		{ 0x64, 0xaa, { 0x55 }, 1 }, { 0x64, 0xab, { 0x00 }, 1 }, { 0x64, 0xa9, { 0x02 }, 1 },
		{ 0x60, 0xff, { 0xfa, 0xaa }, 2 }, { 0x60, 0xf2, { 0xfa, 0xab, 0x83 }, 3 }, { 0x60, 0xed, { 0xfa }, 1 },
		{ 0x60, 0x07, { 0xfa }, 1 }, { 0x60, 0xee, { 0xee }, 1 }, { 0x60, 0x01, { 0xfe }, 1 },
		{ 0x64, 0x20, { 0x34 }, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		outb(vm, rows[i].port, rows[i].byte);
		for (unsigned a = 0; a < rows[i].count; a++) {
			ck_assert_uint_eq(inb(vm, 0x64) & 1, 1);
			ck_assert_msg(inb(vm, 0x60) == rows[i].answers[a], "row %zu, answer %u", i, a);
		}
		ck_assert_uint_eq(inb(vm, 0x64) & 1, 0);
	}
	outb(vm, 0x64, 0xa8); /* there is no mouse to enable: the bit stays */
	outb(vm, 0x64, 0x20);
	ck_assert_uint_eq(inb(vm, 0x60) & 0x20, 0x20);
}
END_TEST

static char seen[70000];
static size_t seen_count;

static void see(void *context, const char *bytes, size_t count)
{
	(void)context;
	memcpy(seen + seen_count, bytes, count);
	seen_count += count;
}

START_TEST(serial_output_is_kept_and_handed_over)
{
	struct char_device *host = pc_board.serial(vm, 0);

	seen_count = 0;
	ck_assert_ptr_null(pc_board.serial(vm, PC_SERIAL_MAX));
	for (const char *s = "early"; *s; s++)
		outb(vm, 0x3f8, (u8)*s);
	fake_time_advance(NS_PER_S);
	host->received = see;
	host->attached(host);
	fake_time_advance(NS_PER_MS);
	ck_assert_mem_eq(seen, "early", 5);
	ck_assert_uint_eq(seen_count, 5);
	for (unsigned i = 0; i < 60000; i++)
		outb(vm, 0x3f8, (u8)i);
	fake_time_advance(NS_PER_S);
	ck_assert_uint_eq(seen_count, 5 + VUART_KEPT); /* nobody could look in between: the newest are kept */
	ck_assert_uint_eq((u8)seen[seen_count - 1], (u8)59999);
}
END_TEST

START_TEST(serial_interrupts)
{
	struct char_device *host = pc_board.serial(vm, 0);

	pic_on();
	outb(vm, 0x3fc, 0x0b); /* OUT2 */
	outb(vm, 0x3fa, 0x41); /* FIFO, trigger at 4 */
	ck_assert_uint_eq(inb(vm, 0x3fa), 0xc1);
	outb(vm, 0x3f9, 0x02);
	ck_assert_int_eq(fake_take_interrupt(vm), 0x24); /* enabling THRE while empty raises it */
	outb(vm, 0x20, 0x20);
	ck_assert_uint_eq(inb(vm, 0x3fa), 0xc2);
	ck_assert_uint_eq(inb(vm, 0x3fa), 0xc1); /* reading IIR cleared it */
	outb(vm, 0x3f8, 'x');
	ck_assert_int_eq(fake_take_interrupt(vm), 0x24); /* and a sent byte raises it again */
	outb(vm, 0x20, 0x20);
	outb(vm, 0x3f9, 0x01);
	ck_assert_uint_eq(host->write(host, "ab", 2), 2);
	ck_assert_uint_eq(inb(vm, 0x3fa), 0xcc); /* below the trigger: time-out */
	ck_assert_uint_eq(host->write(host, "cd", 2), 2);
	ck_assert_uint_eq(inb(vm, 0x3fa), 0xc4);
	ck_assert_uint_eq(inb(vm, 0x3fd) & 0x61, 0x61);
	for (const char *s = "abcd"; *s; s++)
		ck_assert_uint_eq(inb(vm, 0x3f8), (u8)*s);
	ck_assert_uint_eq(inb(vm, 0x3fd) & 0x61, 0x60);
	outb(vm, 0x3fc, 0x1f); /* loopback: lines come back, bytes too */
	ck_assert_uint_eq(inb(vm, 0x3fe) & 0xf0, 0xf0);
	outb(vm, 0x3f8, 0x5a);
	ck_assert_uint_eq(inb(vm, 0x3f8), 0x5a);
	outb(vm, 0x3fb, 0x80);
	outb(vm, 0x3f8, 0x34);
	outb(vm, 0x3f9, 0x12);
	ck_assert_uint_eq(inb(vm, 0x3f8) | inb(vm, 0x3f9) << 8, 0x1234);
}
END_TEST

/* COM3 has COM1's interrupt: it stays up until both are content. */
START_TEST(serial_ports_share_an_interrupt)
{
	struct char_device *host = pc_board.serial(vm, 2);

	pic_on();
	outb(vm, 0x3fc, 0x08);
	outb(vm, 0x3ec, 0x08);
	outb(vm, 0x3f9, 0x02);
	ck_assert_int_eq(fake_take_interrupt(vm), 0x24);
	outb(vm, 0x3e9, 0x01);
	ck_assert_uint_eq(host->write(host, "x", 1), 1);
	ck_assert_uint_eq(inb(vm, 0x3fa) & 7, 2); /* COM1 is content; COM3 is not, so the line stays up: no edge */
	outb(vm, 0x20, 0x20);
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
	ck_assert_uint_eq(inb(vm, 0x3e8), 'x');
	outb(vm, 0x3f8, 'y');
	ck_assert_int_eq(fake_take_interrupt(vm), 0x24); /* now it was down in between */
	outb(vm, 0x20, 0x20);
	ck_assert_uint_eq(pc_board.serial(vm, 3)->write(pc_board.serial(vm, 3), "z", 1), 1);
	ck_assert_uint_eq(inb(vm, 0x2e8), 'z');
	ck_assert_uint_eq(inb(vm, 0x2f8), 0);
}
END_TEST

START_TEST(serial_input_presses_back)
{
	struct char_device *host = pc_board.serial(vm, 0);
	static char many[4096];
	size_t taken;

	outb(vm, 0x3fa, 0x01);
	for (size_t i = 0; i < sizeof(many); i++)
		many[i] = (char)i;
	taken = host->write(host, many, sizeof(many));
	ck_assert_uint_eq(taken, VUART_INPUT);
	ck_assert_uint_eq(host->write(host, many, 100), VUART_FIFO);
	for (size_t i = 0; i < taken; i++)
		ck_assert_uint_eq(inb(vm, 0x3f8), (u8)i);
	ck_assert_uint_eq(inb(vm, 0x3fd) & 0x02, 0); /* no overrun */
}
END_TEST

START_TEST(pci_configuration_both_ways)
{
	ck_assert_uint_eq(pci_read(0, 0), 0x29c08086);
	ck_assert_uint_eq(pci_read(VPCI_DEVFN(31, 0), 0), 0x29188086);
	ck_assert_uint_eq(pci_read(VPCI_DEVFN(3, 0), 0), 0xffffffff);
	ck_assert_uint_eq(mmio_read(PC_ECAM_BASE), 0x29c08086);
	ck_assert_uint_eq(mmio_read(PC_ECAM_BASE + ((u64)VPCI_DEVFN(31, 0) << 12)), 0x29188086);
	ck_assert_uint_eq(mmio_read(PC_ECAM_BASE + 0x100), 0xffffffff);
	ck_assert_uint_eq(mmio_read(PC_ECAM_BASE + (1 << 20)), 0xffffffff);
	outl(vm, 0xcf8, 0x80010000); /* bus 1 */
	ck_assert_uint_eq(inl(vm, 0xcfc), 0xffffffff);
	pci_write(0, 0, 0); /* read-only */
	ck_assert_uint_eq(pci_read(0, 0), 0x29c08086);
	pci_write(0, 0x60, 0xd0000001); /* ECAM moves */
	ck_assert_uint_eq(mmio_read(PC_ECAM_BASE), 0xffffffff);
	ck_assert_uint_eq(mmio_read(0xd0000000), 0x29c08086);
	pci_write(VPCI_DEVFN(31, 0), 0x40, 0xb001); /* PMBASE moves */
	ck_assert_uint_eq(inw(vm, PC_PM1_CONTROL), 0xffff);
	ck_assert_uint_eq(inw(vm, 0xb004), 0);
	pci_write(VPCI_DEVFN(31, 0), 0x44, 0); /* and is switched off */
	ck_assert_uint_eq(inw(vm, 0xb004), 0xffff);
}
END_TEST

START_TEST(pausing_stops_the_machines_time)
{
	u32 before, after;

	fake_time_advance(NS_PER_MS);
	before = inl(vm, PC_PM_TIMER);
	pc_board.quiesce(vm);
	fake_timer_fires = 0;
	fake_time_advance(3600 * NS_PER_S);
	ck_assert_uint_eq(fake_timer_fires, 0);
	pc_board.resume(vm);
	after = inl(vm, PC_PM_TIMER);
	ck_assert_uint_eq(before, after);
	ck_assert_uint_eq(cmos(4), 0x15); /* but the clock on the wall went on: 14:13 + 1 h */
}
END_TEST

/* Something in every device that differs from its power-on state. */
static void disturb(void)
{
	struct char_device *host = pc_board.serial(vm, 1);

	pic_on();
	outb(vm, 0x21, 0xb8);
	outb(vm, 0x43, 0x36);
	outb(vm, 0x40, 0x12);
	outb(vm, 0x40, 0x34);
	outb(vm, 0x61, 3);
	outb(vm, 0x43, 0xb6);
	outb(vm, 0x42, 0x77);
	cmos_write(0x0b, 0x52);
	mmio_write(APIC(0xf0), 0x1ff);
	mmio_write(APIC(0x320), 0x20041);
	mmio_write(APIC(0x380), 1000000);
	ioapic_write(0x10 + 2 * 9, 0x8071);
	outw(vm, PC_PM1_EVENT + 2, BIT32(8) | 1);
	outb(vm, PC_SMI_COMMAND, PC_ACPI_ENABLE);
	pc_board.power_button(vm);
	outb(vm, 0x60, 0xf2);
	outb(vm, 0x2fa, 0xc1);
	ck_assert_uint_eq(host->write(host, "hello", 5), 5);
	outb(vm, 0x80, 0x42);
	fake_time_advance(7 * NS_PER_MS + 77);
}

static void save(struct state_writer *writer)
{
	state_writer_init(writer);
	pc_board.save(vm, writer);
	ck_assert(!writer->failed);
}

static int load(const u8 *data, size_t size)
{
	struct state_reader reader = { data, size, 0 };

	return pc_board.load(vm, &reader);
}

START_TEST(state_survives_the_round_trip)
{
	struct state_writer first, second;
	struct vm *other;

	disturb();
	pc_board.quiesce(vm);
	save(&first);
	other = vm;
	vm = fake_machine_create();
	pc_board.quiesce(vm);
	fake_now_ns += 12345;
	ck_assert_int_eq(load(first.data, first.size_bytes), OK);
	save(&second);
	ck_assert_uint_eq(first.size_bytes, second.size_bytes);
	ck_assert_mem_eq(first.data, second.data, first.size_bytes);
	pc_board.resume(vm);
	vcpu = vm->vcpus[0];
	ck_assert_uint_eq(inb(vm, 0x2f8), 'h');
	ck_assert_uint_eq(inb(vm, 0x80), 0x42);
	fake_time_advance(2 * NS_PER_MS);
	ck_assert_int_eq(fake_take_interrupt(vm), 0x21); /* the keyboard's answer, by the PIC */
	ck_assert_int_eq(fake_take_interrupt(vm), 0x71); /* the power button's SCI, by the I/O APIC */
	state_writer_release(&first);
	state_writer_release(&second);
	fake_machine_destroy(vm);
	vm = other;
	fake_time_reset();
}
END_TEST

#define MANY 64u

static bool apic_write(u32 index, u32 msr, u64 value)
{
	return vm->vcpus[index]->interrupts->write_msr(vm->vcpus[index]->interrupt_controller, msr, value);
}

static u64 apic_read(u32 index, u32 msr)
{
	u64 value = 0;

	ck_assert(vm->vcpus[index]->interrupts->read_msr(vm->vcpus[index]->interrupt_controller, msr, &value));
	return value;
}

/* Each APIC with something of its own: a task priority, a timer's mode and count, a pending IPI from its neighbour. */
static void disturb_apics(void)
{
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		ck_assert(apic_write(i, 0x1b, apic_read(i, 0x1b) | APIC_BASE_EXTD));
		ck_assert(apic_write(i, 0x80f, 0x1ff));
		ck_assert(apic_write(i, 0x808, i % 16));
		ck_assert(apic_write(i, 0x832, (i % 3) << 17 | (0x40 + i)));
		if (i % 3 < 2)
			ck_assert(apic_write(i, 0x838, 1000000 + i));
		else
			ck_assert(apic_write(i, 0x6e0, fake_now_ns + 5000000 + i));
	}
	for (u32 i = 0; i < vm->vcpu_count; i++)
		ck_assert(apic_write(i, 0x830, (u64)vm->vcpus[(i + 1) % vm->vcpu_count]->apic_id << 32 | (0x50 + i)));
}

/* As many APICs as a machine may have: each takes its own state back, and none another's. */
START_TEST(many_apics_survive_the_round_trip)
{
	struct state_writer first, second;
	struct vm *usual = vm, *other;

	vm = other = fake_machine_create_with(MANY);
	disturb_apics();
	pc_board.quiesce(vm);
	save(&first);
	vm = fake_machine_create_with(MANY);
	pc_board.quiesce(vm);
	ck_assert_int_eq(load(first.data, first.size_bytes), OK);
	save(&second);
	ck_assert_uint_eq(first.size_bytes, second.size_bytes);
	ck_assert_mem_eq(first.data, second.data, first.size_bytes);
	for (u32 i = 0; i < MANY; i++) {
		u32 vector = 0x50 + (i + MANY - 1) % MANY;

		ck_assert_uint_eq(apic_read(i, 0x808), i % 16);
		ck_assert_uint_eq(apic_read(i, 0x820 + vector / 32), BIT32(vector % 32));
		ck_assert_uint_eq(apic_read(i, 0x838), i % 3 < 2 ? 1000000 + i : 0);
	}
	state_writer_release(&second);
	fake_machine_destroy(vm);

	/* A machine of fewer vCPUs refuses it whole. */
	vm = fake_machine_create_with(MANY / 2);
	pc_board.quiesce(vm);
	save(&second);
	ck_assert_int_ne(load(first.data, first.size_bytes), OK);
	state_writer_release(&first);
	save(&first);
	ck_assert_uint_eq(first.size_bytes, second.size_bytes);
	ck_assert_mem_eq(first.data, second.data, first.size_bytes);
	state_writer_release(&first);
	state_writer_release(&second);
	fake_machine_destroy(vm);
	fake_machine_destroy(other);
	vm = usual;
	fake_time_reset();
}
END_TEST

/* Every byte of the stream, changed in several ways: taken over exactly, or refused and nothing changed. */
START_TEST(hostile_state_changes_nothing_or_is_taken_whole)
{
	struct state_writer original, now;
	unsigned refused = 0, taken = 0;
	u8 *copy;

	disturb();
	pc_board.quiesce(vm);
	save(&original);
	copy = malloc(original.size_bytes);
	for (size_t at = 0; at < original.size_bytes; at++) {
		static const u8 flips[] = { 0x01, 0x80, 0xff };

		for (size_t i = 0; i < ARRAY_SIZE(flips); i++) {
			int code;

			memcpy(copy, original.data, original.size_bytes);
			copy[at] ^= flips[i];
			code = load(copy, original.size_bytes);
			save(&now);
			ck_assert_uint_eq(now.size_bytes, original.size_bytes);
			if (code == OK)
				ck_assert_msg(!memcmp(now.data, copy, now.size_bytes), "byte %zu", at);
			else
				ck_assert_mem_eq(now.data, original.data, now.size_bytes);
			refused += code != OK;
			taken += code == OK;
			state_writer_release(&now);
			ck_assert_int_eq(load(original.data, original.size_bytes), OK);
		}
	}
	ck_assert_uint_eq(fake_crashes, 0);
	ck_assert_uint_gt(refused, 1000);
	ck_assert_uint_gt(taken, 100);
	for (size_t size = 0; size < original.size_bytes; size += 13)
		ck_assert_int_eq(load(original.data, size), ERR_INVALID);
	free(copy);
	state_writer_release(&original);
}
END_TEST

Suite *test_suite(void)
{
	const TTest *const tests[] = {
		timer_interrupt_through_the_pic_does_not_drift, shortest_periods_cost_the_host_little,
		pit_counts_and_reads_back, speaker_gate_and_out2, rtc_tells_and_takes_the_time, rtc_interrupts_and_uip,
		apic_identity_and_modes, x2apic_faults_where_it_must, self_ipi_priorities_and_eoi, apic_errors,
		software_disable_and_init, paravirtual_eoi, tsc_deadline, apic_timer_counts, level_interrupts_wait_for_eoi,
		edges_at_the_io_apic, power_and_reset_ways, keyboard_controller_answers_probes_at_once,
		serial_output_is_kept_and_handed_over, serial_interrupts, serial_ports_share_an_interrupt,
		serial_input_presses_back,
		pci_configuration_both_ways, pausing_stops_the_machines_time, state_survives_the_round_trip,
		many_apics_survive_the_round_trip,
		hostile_state_changes_nothing_or_is_taken_whole,
	};
	Suite *suite = suite_create("board");
	TCase *tcase = tcase_create("board");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	return suite;
}
