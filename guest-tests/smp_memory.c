/* SPDX-License-Identifier: MIT */
/*
 * Memory that CPUs share: locked instructions lose nothing, pages that all touch first at once are one page, a page taken
 * away by one CPU is gone for the others after a shoot-down, and each sees the others' stores in order.
 */
#include "guest-tests/lib/smp.h"

#define ROUNDS 20000u
#define DEVICE_ROUNDS 333u
#define FRESH 0x600000ull /* nobody has touched what lies here: 2 MiB chunks of the host come with the first touch */
#define FRESH_PAGES 64u
#define SHOT_VECTOR 0x51
#define WINDOW 0xa00000ull

static volatile unsigned locked, exchanged, spin_lock, guarded, begun, faults, tries;
static volatile u64 sums[SMP_CPUS_MAX];
static volatile unsigned flag_x, flag_y, seen_wrong;

static void together(void)
{
	__atomic_fetch_add(&begun, 1, __ATOMIC_SEQ_CST);
}

static void count_locked(void)
{
	together();
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned old;

		__asm__ volatile("lock incl %0" : "+m"(locked)::"memory");
		do
			old = exchanged;
		while (!__sync_bool_compare_and_swap(&exchanged, old, old + 3));
	}
}

static void count_guarded(void)
{
	together();
	for (unsigned i = 0; i < ROUNDS / 20; i++) {
		while (__atomic_exchange_n(&spin_lock, 1, __ATOMIC_ACQUIRE))
			__asm__ volatile("pause");
		guarded = guarded + 1;
		__atomic_store_n(&spin_lock, 0, __ATOMIC_RELEASE);
	}
}

/* Each CPU adds its bit to every word of pages that none has touched. */
static void touch_fresh(void)
{
	u64 bit = 1ull << smp_this();

	together();
	for (unsigned page = 0; page < FRESH_PAGES; page++)
		__atomic_fetch_or((u64 *)(FRESH + page * 4096ull * 3), bit, __ATOMIC_SEQ_CST);
}

static void sum_fresh(void)
{
	u64 sum = 0;

	for (unsigned page = 0; page < FRESH_PAGES; page++)
		sum += *(volatile u64 *)(FRESH + page * 4096ull * 3);
	sums[smp_this()] = sum;
}

static void shot(struct trap_frame *frame)
{
	(void)frame;
	__asm__ volatile("invlpg (%0)" ::"r"(WINDOW) : "memory");
	__atomic_fetch_add(&tries, 1, __ATOMIC_SEQ_CST);
	x2apic_eoi();
}

static volatile u64 window_value;

static void read_window(void) { window_value = *(volatile u64 *)WINDOW; }
static void read_window_caught(void *unused) { (void)unused; read_window(); }
static void expect_fault(void)
{
	if (trapped(read_window_caught, NULL) == 14)
		faults++;
}

/* The I/O APIC's index register counts to 255; nobody else uses it here. */
static void count_in_device(void)
{
	together();
	for (unsigned i = 0; i < DEVICE_ROUNDS; i++)
		__asm__ volatile("lock incb %0" : "+m"(*(volatile u8 *)IOAPIC)::"memory");
}

/* Two flags: who sees y must see x. */
static void write_flags(void)
{
	for (unsigned i = 1; i <= ROUNDS; i++) {
		flag_x = i;
		__asm__ volatile("" ::: "memory");
		flag_y = i;
	}
}

static void read_flags(void)
{
	unsigned y = 0;

	while (y < ROUNDS) {
		unsigned x;

		y = flag_y;
		__asm__ volatile("" ::: "memory");
		x = flag_x;
		if (x < y)
			seen_wrong++;
		__asm__ volatile("pause");
	}
}

static bool on_all(void (*function)(void))
{
	begun = 0;
	for (unsigned cpu = 1; cpu < smp_cpus; cpu++)
		smp_call(cpu, function);
	return smp_wait_all();
}

static void shoot_down(void)
{
	u64 old = page_directories[WINDOW >> 21];
	unsigned before;

	set_handler(SHOT_VECTOR, shot);
	*(volatile u64 *)WINDOW = 0x1111;
	*(volatile u64 *)(WINDOW + 0x200000) = 0x2222;
	smp_call(1, read_window);
	report(smp_wait(1) && window_value == 0x1111, "another CPU reads through the window");
	page_directories[WINDOW >> 21] = old + 0x200000;
	before = tries;
	smp_icr(0, 0xc0000 | SHOT_VECTOR);
	__asm__ volatile("invlpg (%0)" ::"r"(WINDOW) : "memory");
	report(smp_reached(&tries, before + 3), "a shoot-down reaches the other three");
	smp_call(1, read_window);
	report(smp_wait(1) && window_value == 0x2222, "then it reads the new page");
	page_directories[WINDOW >> 21] = 0;
	before = tries;
	smp_icr(0, 0xc0000 | SHOT_VECTOR);
	__asm__ volatile("invlpg (%0)" ::"r"(WINDOW) : "memory");
	(void)smp_reached(&tries, before + 3);
	for (unsigned cpu = 1; cpu < smp_cpus; cpu++) {
		smp_call(cpu, expect_fault);
		(void)smp_wait(cpu);
	}
	report(faults == 3, "what is taken away faults on each");
	page_directories[WINDOW >> 21] = old;
}

void test_main(void)
{
	bool same = true;

	report(smp_start(), "four CPUs");
	report(on_all(count_locked) && locked == 3 * ROUNDS, "LOCK INC loses no count");
	report(exchanged == 9 * ROUNDS, "nor does CMPXCHG");
	report(on_all(count_guarded) && guarded == 3 * (ROUNDS / 20), "a spin lock guards");
	report(on_all(touch_fresh), "three touch fresh pages at once");
	report(on_all(sum_fresh), "and sum them");
	for (unsigned cpu = 1; cpu < smp_cpus; cpu++)
		same &= sums[cpu] == 14 * FRESH_PAGES;
	report(same, "each page is the same for all");
	mmio_write(IOAPIC, 0);
	report(on_all(count_in_device) && (mmio_read(IOAPIC) & 0xff) == (3 * DEVICE_ROUNDS & 0xff), "nor does LOCK INC of a device's register");
	smp_call(1, write_flags);
	smp_call(2, read_flags);
	report(smp_wait(1) && smp_wait(2) && !seen_wrong, "stores are seen in order");
	shoot_down();
}
