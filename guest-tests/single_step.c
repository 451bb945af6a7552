/* SPDX-License-Identifier: MIT */
/*
 * RFLAGS.TF over instructions that exit: Solera completes them, so it owes the guest the trap after each. One #DB an
 * instruction, with the next instruction's address and DR6.BS, and none lost or doubled. MOV SS delays it by one.
 */
#include "guest-tests/lib/guest.h"

#define DB 1
#define DR6_BS 0x4000u
#define TRAPS 64

static u64 rips[TRAPS];
static unsigned count;
static bool all_say_step = true;

static void on_debug(struct trap_frame *frame)
{
	if (count < TRAPS) {
		rips[count] = frame->rip;
		all_say_step = all_say_step && (read_dr6() & DR6_BS);
	}
	count++;
	write_dr6(0xffff0ff0);
}

/* The code between the labels, stepped: TF is set by the first POPF and cleared by the second. */
#define STEPPED(name, code)                                                                                       \
	__asm__(".text\n" #name ":\n"                                                                             \
		"	push %rbx; mov $0, %eax; mov $0x1b, %ecx; mov $0xfee00030, %edi; mov $" #name "_buffer, %esi\n" \
		"	pushfq; orq $0x100, (%rsp); popfq\n"                                                        \
		#name "_from:\n" code                                                                             \
		#name "_to:\n"                                                                                    \
		"	pushfq; andq $~0x100, (%rsp); popfq\n"                                                    \
		#name "_end:\n"                                                                                   \
		"	pop %rbx; ret\n"                                                                            \
		".data\n" #name "_buffer: .quad 0, 0\n.text\n");                                                  \
	void name(void);                                                                                          \
	extern const u8 name##_from[], name##_to[], name##_end[]

STEPPED(over_nothing, "nop; nop\n");
STEPPED(over_cpuid, "cpuid; nop\n");
STEPPED(over_prefixed, ".byte 0x2e, 0x0f, 0xa2; nop\n");
STEPPED(over_rdmsr, "rdmsr; nop\n");
STEPPED(over_wrmsr, "mov $0x3b, %ecx; xor %eax, %eax; xor %edx, %edx; wrmsr; nop\n");
STEPPED(over_in, "in $0x21, %al; nop\n");
STEPPED(over_out, "mov $0xff, %al; out %al, $0xa1; nop\n");
STEPPED(over_load, "mov (%rdi), %eax; nop\n");
STEPPED(over_store, "movl $0, 0x50(%rdi); nop\n");
STEPPED(over_slow_mmio, "testl $1, (%rdi); nop\n");
STEPPED(over_cr8, "mov %cr8, %rax; nop\n");
STEPPED(over_wbinvd, "wbinvd; nop\n");
STEPPED(over_string, "mov $0x21, %edx; mov $3, %ecx; mov %rsi, %rdi; rep insb; nop\n");

/* Every address at which an instruction ended, from the labels and the instruction lengths that are expected. */
struct row { const char *name; void (*code)(void); const u8 *from, *to, *end; u8 lengths[8]; u8 repeats; };
#define ROW(words, name, ...) { words, name, name##_from, name##_to, name##_end, { __VA_ARGS__ }, 0 }
static const struct row rows[] = {
	ROW("two NOPs", over_nothing, 1, 1),
	ROW("CPUID", over_cpuid, 2, 1),
	ROW("CPUID with a prefix", over_prefixed, 3, 1),
	ROW("RDMSR", over_rdmsr, 2, 1),
	ROW("WRMSR", over_wrmsr, 5, 2, 2, 2, 1),
	ROW("IN", over_in, 2, 1),
	ROW("OUT", over_out, 2, 2, 1),
	ROW("a load from device memory", over_load, 2, 1),
	ROW("a store to device memory", over_store, 7, 1),
	ROW("TEST of device memory", over_slow_mmio, 6, 1),
	ROW("MOV from CR8", over_cr8, 4, 1),
	ROW("WBINVD", over_wbinvd, 2, 1),
};

static void test_row(const struct row *row)
{
	u64 at = (u64)row->from;
	unsigned expected = 0;
	bool good = true;

	count = 0;
	row->code();
	for (; expected < 8 && row->lengths[expected]; expected++) {
		at += row->lengths[expected];
		good = good && expected < count && rips[expected] == at;
	}
	good = good && at == (u64)row->to;
	/* PUSHFQ, ANDQ, and the POPFQ that ends it, whose own trap still comes. */
	good = good && count == expected + 3 && rips[count - 1] == (u64)row->end;
	if (!good)
		note("%u traps, the last at %lx, from %lx", count, rips[count ? count - 1 : 0], (u64)row->from);
	report(good, "single step over %s", row->name);
}

/* A REP is stepped by iteration: the trap's RIP stays until the last one. */
static void test_string(void)
{
	u64 at = (u64)over_string_from + 5 + 5 + 3;
	bool good;

	count = 0;
	over_string();
	good = count == 3 + 3 + 1 + 3 && rips[3] == at && rips[4] == at && rips[5] == at + 2;
	if (!good)
		note("%u traps: %lx %lx %lx, REP INSB at %lx", count, rips[3], rips[4], rips[5], at);
	report(good, "single step over REP INSB, one trap an iteration");
}

/* MOV SS holds the trap back until the next instruction is done, which is one that exits. */
__asm__(".text\nover_mov_ss:\n"
	"	push %rbx; xor %eax, %eax; mov %ss, %r8d\n"
	"	pushfq; orq $0x100, (%rsp); popfq\n"
	"over_mov_ss_from:\n"
	"	mov %r8d, %ss; cpuid\n"
	"over_mov_ss_to:\n"
	"	pushfq; andq $~0x100, (%rsp); popfq\n"
	"	pop %rbx; ret\n");
void over_mov_ss(void);
extern const u8 over_mov_ss_from[], over_mov_ss_to[];

static void test_mov_ss(void)
{
	count = 0;
	over_mov_ss();
	if (count != 4 || rips[0] != (u64)over_mov_ss_to)
		note("%u traps, the first at %lx, MOV SS at %lx", count, rips[0], (u64)over_mov_ss_from);
	report(count == 4 && rips[0] == (u64)over_mov_ss_to, "MOV SS and CPUID are one step");
}

void test_main(void)
{
	set_handler(DB, on_debug);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		test_row(&rows[i]);
	test_string();
	test_mov_ss();
	report_dr6(all_say_step, "DR6.BS at each trap");
}
