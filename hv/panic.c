/* SPDX-License-Identifier: MIT */
/*
 * The panic screen: version, reason, registers, backtrace with function names; then the CPU stops.
 *
 * Runs with interrupts off on whatever stack the failure left, takes no lock, allocates nothing, and trusts no pointer
 * that it has not looked up in the page tables.
 */
#include "hv/panic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/early_console.h"
#include "arch/x86/paging.h"
#include "arch/x86/trap.h"
#include "hv/clock.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/smp.h"
#include "hv/symbols.h"
#include "hv/thread.h"
#include "hv/version.h"

#define BACKTRACE_MAX 32

extern const u8 image_start[], image_text_end[];
extern const u32 symbol_count, symbol_addresses[], symbol_names[];
extern const char symbol_text[];

static void (*output)(const char *text, size_t count) = early_console_write;
static u32 panicking;

void panic_set_output(void (*write)(const char *text, size_t count))
{
	output = write;
}

const struct symbol_table *symbols_of_image(void)
{
	static struct symbol_table table;

	table = (struct symbol_table){ (u64)image_start, (u64)image_text_end, symbol_count, symbol_addresses, symbol_names,
				       symbol_text };
	return &table;
}

static void put_line(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void put_line(const char *fmt, ...)
{
	char text[320];
	va_list args;
	size_t length;

	va_start(args, fmt);
	length = vformat(text, sizeof(text) - 1, fmt, args);
	va_end(args);
	length = MIN(length, sizeof(text) - 2);
	text[length++] = '\n';
	output(text, length);
}

static void put_place(unsigned number, u64 address)
{
	u64 offset = 0;
	const char *name = symbol_find(symbols_of_image(), address, &offset);

	if (name)
		put_line("  #%-2u %016llx %s+0x%llx", number, (unsigned long long)address, name, (unsigned long long)offset);
	else
		put_line("  #%-2u %016llx", number, (unsigned long long)address);
}

void panic_print_backtrace(u64 rip, u64 rbp)
{
	put_place(0, rip);
	for (unsigned i = 1; i < BACKTRACE_MAX; i++) {
		const u64 *frame = (const u64 *)rbp;

		if (rbp < DIRECT_MAP_BASE || !IS_ALIGNED(rbp, 8u) || !paging_is_mapped(rbp) || !paging_is_mapped(rbp + 8))
			break;
		if (frame[1] == 0)
			break;
		/* -1: the call itself, so that a call at a function's very end is not shown as its neighbour. */
		put_place(i, frame[1] - 1);
		rbp = frame[0];
	}
}

static void put_header(const char *reason)
{
	struct cpu *cpu = this_cpu();

	put_line("%s", "");
	put_line("*** Solera %s (%s) stopped: %s", solera_version, solera_config, reason);
	put_line("CPU %u (APIC id %u), thread %s, %llu ms after start", cpu->index, cpu->apic_id,
		 cpu->current ? thread_name(cpu->current) : "-", (unsigned long long)(clock_ns() / NS_PER_MS));
	for (u32 i = 0; i < cpu->held_lock_count; i++)
		put_line("holds lock: %s", cpu->held_locks[i]->name);
}

static bool begin_panic(void)
{
	irq_disable();
	if (__atomic_exchange_n(&panicking, 1, __ATOMIC_ACQ_REL))
		return false;
	smp_stop_others();
	return true;
}

/* Where the others were when the NMI stopped them; those that idled are only counted. */
static void put_others(void)
{
	u32 idle = 0;

	CPU_MASK_FOR_EACH(i, &cpus_online) {
		struct smp_place place;

		if (i == this_cpu()->index)
			continue;
		if (!smp_place_of(i, &place)) {
			put_line("CPU %u does not answer an NMI", i);
		} else if (string_equal(place.thread, "idle")) {
			idle++;
		} else {
			put_line("CPU %u was in thread %s:", i, place.thread);
			put_place(0, place.rip);
		}
	}
	if (idle)
		put_line("%u other CPU%s idled", idle, idle == 1 ? "" : "s");
}

static NORETURN void end_panic(void)
{
	put_others();
	put_line("The machine stands still: its guests are lost. Please report the lines above; reset to start again.");
	cpu_halt_forever();
}

void panic(const char *fmt, ...)
{
	char reason[256];
	va_list args;

	if (!begin_panic())
		cpu_halt_forever();
	va_start(args, fmt);
	vformat(reason, sizeof(reason), fmt, args);
	va_end(args);
	put_header(reason);
	panic_print_backtrace((u64)__builtin_return_address(0) - 1, *(u64 *)__builtin_frame_address(0));
	end_panic();
}

#define LLU(x) ((unsigned long long)(x))

static void put_registers(const struct trap_frame *f)
{
	put_line("RAX %016llx  RBX %016llx  RCX %016llx  RDX %016llx", LLU(f->rax), LLU(f->rbx), LLU(f->rcx), LLU(f->rdx));
	put_line("RSI %016llx  RDI %016llx  RBP %016llx  RSP %016llx", LLU(f->rsi), LLU(f->rdi), LLU(f->rbp), LLU(f->rsp));
	put_line("R8  %016llx  R9  %016llx  R10 %016llx  R11 %016llx", LLU(f->r8), LLU(f->r9), LLU(f->r10), LLU(f->r11));
	put_line("R12 %016llx  R13 %016llx  R14 %016llx  R15 %016llx", LLU(f->r12), LLU(f->r13), LLU(f->r14), LLU(f->r15));
	put_line("RIP %016llx  RFLAGS %08llx  CS %04llx  SS %04llx  error code %llx", LLU(f->rip), LLU(f->rflags), LLU(f->cs),
		 LLU(f->ss), LLU(f->error_code));
	put_line("CR0 %016llx  CR2 %016llx  CR3 %016llx  CR4 %016llx", LLU(read_cr0()), LLU(read_cr2()), LLU(read_cr3()),
		 LLU(read_cr4()));
}

static bool is_stack_guard(u64 address)
{
	return address >= STACK_AREA_BASE && address < VMAP_AREA_BASE && !(address & STACK_BYTES);
}

void trap_fatal(const struct trap_frame *frame)
{
	char reason[160];
	u64 place = read_cr2();
	bool faulted = frame->vector == TRAP_PAGE_FAULT || frame->vector == TRAP_DOUBLE_FAULT;

	if (!begin_panic())
		cpu_halt_forever();
	if (faulted && is_stack_guard(place))
		format(reason, sizeof(reason), "stack overflow (%s at %016llx)", trap_name(frame->vector), LLU(place));
	else if (frame->vector == TRAP_PAGE_FAULT)
		format(reason, sizeof(reason), "page fault: %s of %016llx (%s)",
		       frame->error_code & 16 ? "execution" : frame->error_code & 2 ? "write" : "read", LLU(place),
		       frame->error_code & 1 ? "not permitted" : "not mapped");
	else
		format(reason, sizeof(reason), "%s (exception %llu)", trap_name(frame->vector), LLU(frame->vector));
	put_header(reason);
	put_registers(frame);
	panic_print_backtrace(frame->rip, frame->rbp);
	end_panic();
}

static u64 unexplained_nmis; /* (a) */

u64 panic_take_nmis(void)
{
	return __atomic_exchange_n(&unexplained_nmis, 0, __ATOMIC_RELAXED);
}

/* One that nobody here sent is counted: the log takes a lock, so the watchdog's next beat tells (hv/watchdog.c). */
void trap_nmi(struct trap_frame *frame)
{
	bool asked = smp_note_place(frame);

	if (__atomic_load_n(&panicking, __ATOMIC_ACQUIRE))
		cpu_halt_forever();
	if (!asked)
		__atomic_fetch_add(&unexplained_nmis, 1, __ATOMIC_RELAXED);
}
