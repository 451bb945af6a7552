/* SPDX-License-Identifier: MIT */
/*
 * Device memory in every addressing form and by every instruction that the emulator knows: each form runs once on RAM and
 * once on a device register with the same values, and must leave the same registers, flags and memory.
 *
 * The register is the local APIC's initial count (timer masked): 32 bits that keep what is written. Sizes other than 32
 * bits read the PCI configuration space of the host bridge through ECAM.
 */
#include "guest-tests/lib/guest.h"

#define APIC 0xfee00000ull
#define COUNT (APIC + 0x380)
#define ECAM 0xb0000000ull
#define APIC_ALIAS 0x40000000ull /* a virtual address near the code, for RIP-relative operands */
#define HOLE 0x0ca00000ull       /* a virtual page that is not there; below it an alias of RAM */

struct registers { u64 rax, rcx, rdx, rbx, rflags; };
typedef void form_t(struct registers *registers, volatile void *operand);

/* One form: RDI and RSI have the operand's address, R8 the registers. */
#define FORM(name, text)                                                                                          \
	form_t name;                                                                                              \
	__asm__(".text\n" #name ":\n"                                                                             \
		"push %rbx; push %rbp; push %r12; push %r13; mov %rdi, %r8; mov %rsi, %rdi\n"                     \
		"mov (%r8), %rax; mov 8(%r8), %rcx; mov 16(%r8), %rdx; mov 24(%r8), %rbx\n"                       \
		"pushq 32(%r8); popfq\n" text "\n"                                                                \
		"pushfq; popq 32(%r8); cld\n"                                                                     \
		"mov %rax, (%r8); mov %rcx, 8(%r8); mov %rdx, 16(%r8); mov %rbx, 24(%r8)\n"                       \
		"pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n");

#define FORMS(X)                                                                                                  \
	X(mov_load, "mov (%rsi), %eax") X(mov_store, "mov %eax, (%rsi)") X(mov_imm, "movl $0x89abcdef, (%rsi)")   \
	X(mov_disp8, "lea -16(%rsi), %rbp; mov %eax, 16(%rbp); mov 16(%rbp), %ecx")                               \
	X(mov_disp32, "lea 0x12345(%rsi), %r13; mov %eax, -0x12345(%r13); mov -0x12345(%r13), %ecx")              \
	X(mov_index, "mov %rsi, %r12; sub $0x400, %r12; mov $0x100, %r13d; mov %eax, (%r12,%r13,4); mov (%r12,%r13,4), %ecx") \
	X(mov_index_disp, "mov $-8, %r13; mov %eax, 0x40(%rsi,%r13,8)")                                           \
	X(mov_rsp_base, "mov %rsp, %r12; mov %rsi, %rsp; mov %eax, (%rsp); mov (%rsp), %ecx; mov %r12, %rsp")     \
	X(mov_addr32, "mov %eax, (%esi); mov (%esi), %ecx")                                                       \
	X(mov_prefixes, ".byte 0x2e,0x2e,0x2e,0x2e,0x2e,0x2e,0x2e,0x2e,0x2e,0x2e,0x2e,0x2e,0x2e,0x8b,0x0e")       \
	X(movsxd, "movslq (%rsi), %rcx") X(xchg, "xchg %eax, (%rsi)") X(lock_xadd, "lock xadd %eax, (%rsi)")      \
	X(xadd, "xadd %eax, (%rsi)") X(cmpxchg_hit, "mov (%rsi), %eax; lock cmpxchg %ecx, (%rsi)")                \
	X(cmpxchg_miss, "mov (%rsi), %eax; not %eax; cmpxchg %ecx, (%rsi)")                                       \
	X(and_store, "and %eax, (%rsi)") X(and_load, "and (%rsi), %eax") X(or_store, "or %ecx, (%rsi)")           \
	X(or_imm8, "orl $-128, (%rsi)") X(xor_store, "xor %edx, (%rsi)") X(xor_imm, "xorl $0x55aa55aa, (%rsi)")   \
	X(add_store, "add %eax, (%rsi)") X(add_load, "add (%rsi), %eax") X(lock_add, "lock addl $1, (%rsi)")      \
	X(adc_store, "adc %eax, (%rsi)") X(adc_load, "adc (%rsi), %ecx") X(sub_store, "sub %eax, (%rsi)")         \
	X(sub_load, "sub (%rsi), %edx") X(sbb_store, "sbb %ecx, (%rsi)") X(sbb_imm, "sbbl $7, (%rsi)")            \
	X(cmp_store, "cmp %eax, (%rsi)") X(cmp_load, "cmp (%rsi), %eax") X(cmp_imm, "cmpl $0x7fffffff, (%rsi)")   \
	X(inc, "incl (%rsi)") X(dec, "decl (%rsi)") X(neg, "negl (%rsi)") X(not, "lock notl (%rsi)")              \
	X(test_register, "test %eax, (%rsi)") X(test_imm, "testl $0x80000001, (%rsi)")                            \
	X(shl_1, "shll (%rsi)") X(shr_1, "shrl (%rsi)") X(sar_1, "sarl (%rsi)") X(rol_1, "roll (%rsi)") X(rcr_1, "rcrl (%rsi)") \
	X(bt, "btl $31, (%rsi)") X(bts, "lock btsl $5, (%rsi)") X(btr, "btrl $30, (%rsi)") X(btc, "btcl $0, (%rsi)") \
	X(bt_register, "mov $13, %ecx; btc %ecx, (%rsi)")                                                         \
	X(bt_negative, "lea 4(%rsi), %rbp; mov $-3, %ecx; bts %ecx, (%rbp)")                                      \
	X(cmov, "cmovc (%rsi), %eax; cmovs (%rsi), %ecx")                                            \
	X(stos, "stosl; sub %rsi, %rdi; mov %edi, %ecx") X(lods, "std; lodsl; cld")                               \
	X(movs_to, "lea -32(%rsp), %rsi; mov %edx, (%rsi); movsl") X(movs_from, "lea -32(%rsp), %rdi; movsl; mov -32(%rsp), %ecx") \
	X(scas, "scasl") X(cmps, "lea -32(%rsp), %rdi; mov %eax, (%rdi); cmpsl") X(rep_stos_1, "mov $1, %ecx; rep stosl") \
	X(movnti, "movnti %ecx, (%rsi)") X(movbe_none, "bswap %eax; mov %eax, (%rsi)")                            \
	X(movd_store, "movd %ecx, %xmm3; movd %xmm3, (%rsi)") X(movd_load, "movd (%rsi), %xmm9; movd %xmm9, %edx") \
	X(movss, "movd %edx, %xmm1; movss %xmm1, (%rsi); movss (%rsi), %xmm2; movd %xmm2, %ecx")                  \
	X(gs_base, "mov %eax, %gs:(%rsi)")
#define DECLARE(name, text) FORM(form_##name, text)
FORMS(DECLARE)
#define ROW(name, text) { #name, form_##name },
static const struct { const char *name; form_t *form; } forms[] = { FORMS(ROW) };

static bool same_on_both(form_t *form)
{
	static const u32 values[] = { 0, 1, 0x80000000, 0x7fffffff, 0xffffffff, 0x12345678 };
	static volatile u32 ram[8];

	for (unsigned i = 0; i < 36; i++) {
		struct registers a = { 0x1111111100000000 | values[i / 6], 0xfedcba98 + i, values[(i + 3) % 6], 5, i & 1 ? 0x8d7 : 2 }, b = a;

		ram[4] = values[i % 6];
		mmio_write(COUNT, values[i % 6]);
		form(&a, &ram[4]);
		form(&b, (volatile void *)COUNT);
		/* AF after logic and shifts is undefined; OF after shifts by more than one does not occur here */
		if (mmio_read(COUNT) != ram[4] || a.rax != b.rax || a.rcx != b.rcx || a.rdx != b.rdx || ((a.rflags ^ b.rflags) & 0x8c5)) {
			note("case %u: ram %x, device %x, rax %lx %lx, rcx %lx %lx, flags %lx %lx", i, ram[4], mmio_read(COUNT), a.rax, b.rax,
			     a.rcx, b.rcx, a.rflags, b.rflags);
			return false;
		}
	}
	return true;
}

static void test_places(void)
{
	u32 value = 0;
	u64 wide = 0;

	mmio_write(COUNT, 0x13572468);
	__asm__ volatile(".byte 0x8b, 0x05; .long 0x40000380 - 1f\n1:" : "=a"(value));
	report(value == 0x13572468, "RIP-relative operand");
	__asm__ volatile("movl %%ds:0x40000380, %0" : "=r"(value));
	report(value == 0x13572468, "absolute 32-bit address");
	__asm__ volatile("movabs 0xfee00380, %%eax" : "=a"(value));
	report(value == 0x13572468, "moffs with a 64-bit address, load");
	__asm__ volatile("movabs %%eax, 0xfee00380" ::"a"(0x2468ace0) : "memory");
	report(mmio_read(COUNT) == 0x2468ace0, "moffs with a 64-bit address, store");
	wrmsr(0xc0000100, APIC);
	__asm__ volatile("movl %%fs:0x380, %0; movabs %%fs:0x380, %%eax" : "=&r"(value), "=a"(wide));
	report(value == 0x2468ace0 && (u32)wide == 0x2468ace0, "FS base");
	wrmsr(0xc0000100, 0);
}

static void test_sizes(void)
{
	volatile u8 *bytes = (volatile u8 *)ECAM;
	u32 low = mmio_read(ECAM), next = mmio_read(ECAM + 4), zero = 0, sign = 0;
	u64 wide, wide_sign, vector[2] = { 0, 0 };
	u16 word;

	report(low == 0x29c08086, "the host bridge's identity by a 32-bit read");
	report(bytes[0] == 0x86 && bytes[1] == 0x80 && bytes[2] == 0xc0 && bytes[3] == 0x29, "byte reads");
	__asm__ volatile("movw 2(%2), %0; movzbl (%2), %1" : "=&r"(word), "=&r"(zero) : "r"(ECAM));
	report(word == 0x29c0 && zero == 0x86, "16-bit read, MOVZX");
	__asm__ volatile("movsbl (%2), %0; movswq (%2), %1" : "=&r"(sign), "=&r"(wide_sign) : "r"(ECAM));
	report(sign == 0xffffff86 && wide_sign == 0xffffffffffff8086, "MOVSX");
	__asm__ volatile("mov (%1), %0" : "=r"(wide) : "r"(ECAM));
	report(wide == ((u64)next << 32 | low), "64-bit read");
	u64 pushed, popped = 0;
	__asm__ volatile("pushq (%2); popq %0; pushw 2(%2); popw %w1" : "=&r"(pushed), "+r"(popped) : "r"(ECAM) : "memory");
	report(pushed == wide && popped == 0x29c0, "PUSH from a device");
	__asm__ volatile("movb $0x5a, %%ah; movb (%1), %%ah" : "=a"(zero) : "r"(ECAM) : "memory");
	report((zero >> 8 & 0xff) == 0x86, "AH as the target");
	__asm__ volatile("movdqu (%1), %%xmm0; movdqu %%xmm0, (%0)" ::"r"(vector), "r"(ECAM) : "memory");
	report((u32)vector[0] == low && vector[0] >> 32 == next && (u32)vector[1] == mmio_read(ECAM + 8), "MOVDQU");
	__asm__ volatile("movaps (%1), %%xmm15; movups %%xmm15, (%0)" ::"r"(vector), "r"(ECAM + 16) : "memory");
	report((u32)vector[0] == mmio_read(ECAM + 16), "MOVAPS");
	__asm__ volatile("movq (%1), %%xmm4; movhps 8(%1), %%xmm4; movups %%xmm4, (%0)" ::"r"(vector), "r"(ECAM) : "memory");
	report(vector[0] == wide && (u32)vector[1] == mmio_read(ECAM + 8), "MOVQ, MOVHPS");
}

static void test_avx(void)
{
	static u32 vector[8] __attribute__((aligned(32)));
	bool same = true;

	if ((cpuid(1, 0).ecx >> 26 & 5) != 5) { /* XSAVE, AVX */
		skip("AVX moves");
		return;
	}
	write_cr4(read_cr4() | 1u << 18);
	__asm__ volatile("xsetbv" ::"a"(7), "d"(0), "c"(0));
	__asm__ volatile("vmovdqa (%0), %%ymm6; vzeroupper" ::"r"(vector) : "memory"); /* RAM first */
	__asm__ volatile("vmovdqu (%1), %%ymm7; vmovaps %%ymm7, (%0); vzeroupper" ::"r"(vector), "r"(ECAM) : "memory");
	for (unsigned i = 0; i < 8; i++)
		same = same && vector[i] == mmio_read(ECAM + 4 * i);
	report(same, "AVX moves");
}

static void test_strings(void)
{
	static u32 copy[64];
	u64 to = (u64)copy, from = ECAM, count = 64;
	bool same = true, zero;

	__asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(count)::"memory");
	for (unsigned i = 0; i < 64; i++)
		same = same && copy[i] == mmio_read(ECAM + 4 * i);
	report(same && to == (u64)(copy + 64) && from == ECAM + 256 && !count, "REP MOVS from a device");
	to = (u64)copy, from = ECAM, count = 256;
	__asm__ volatile("repe cmpsb" : "+D"(to), "+S"(from), "+c"(count), "=@ccz"(zero)::"memory");
	report(zero && !count, "REPE CMPS");
	((u8 *)copy)[100] ^= 1;
	to = (u64)copy, from = ECAM, count = 256;
	__asm__ volatile("repe cmpsb" : "+D"(to), "+S"(from), "+c"(count), "=@ccz"(zero)::"memory");
	report(!zero && count == 155 && from == ECAM + 101, "REPE CMPS stops at the difference");
	to = ECAM, count = 16;
	__asm__ volatile("repne scasb" : "+D"(to), "+c"(count), "=@ccz"(zero) : "a"(0x29) : "memory");
	report(zero && to == ECAM + 4 && count == 12, "REPNE SCAS");
	from = ECAM + 3, count = 4;
	u32 al = 0;
	__asm__ volatile("std; rep lodsb; cld" : "+S"(from), "+c"(count), "+a"(al)::"memory");
	report(al == 0x86 && from == ECAM - 1, "REP LODS backwards");
}

static void movs_to_hole(void *argument)
{
	u64 *state = argument;

	__asm__ volatile("mov %0, %%r15; movsl" ::"r"(state), "D"(HOLE), "S"(COUNT) : "r15", "memory");
}

static void too_long(void *argument)
{
	(void)argument;
	__asm__ volatile(".byte 0x2e,0x2e,0x2e,0x2e,0x2e,0x2e,0x2e,0x2e,0x2e,0x2e,0x2e,0x2e,0x2e,0x2e,0x8b,0x06" ::"S"(COUNT) : "rax");
}

static void unaligned(void *argument)
{
	__asm__ volatile("movaps (%0), %%xmm0" ::"r"(argument));
}

static void test_faults(void)
{
	u64 dummy = 0;

	report(trapped(movs_to_hole, &dummy) == 14 && last_cr2 == HOLE && last_trap.error_code == 2 && last_trap.rdi == HOLE && last_trap.rsi == COUNT,
	       "MOVS from a device to a page that is not there");
	report(trapped(too_long, NULL) == 13, "an instruction of 16 bytes");
	report(trapped(unaligned, (void *)(ECAM + 4)) == 13, "MOVAPS unaligned");
}

/* The last instruction byte on one page, the rest on the next. */
static void test_page_crossing(void)
{
	static const u8 code[] = { 0x8b, 0x86, 0, 0, 0, 0, 0xc3 }; /* mov 0(%rsi), %eax; ret */
	static u8 pages[3 * 4096];
	u64 page = ((u64)pages + 4095) & ~4095ull;
	bool all = true;

	mmio_write(COUNT, 0xcafe1234);
	for (unsigned before = 1; before < sizeof(code); before++) {
		u32 value;
		u64 at = page + 4096 - before;

		memcpy((void *)at, code, sizeof(code));
		__asm__ volatile("call *%1" : "=a"(value) : "r"(at), "S"(COUNT) : "memory");
		all = all && value == 0xcafe1234;
	}
	report(all, "an instruction across two pages, at every byte");
}

/* Half RAM, half nothing: the machine's RAM ends below this address. */
static void test_straddling(void)
{
	u64 end = 0x1000000;
	u32 value;

	*(volatile u16 *)(end - 2) = 0x1234;
	value = *(volatile u32 *)(end - 2);
	report(value == 0xffff1234, "a read across the end of RAM");
	*(volatile u32 *)(end - 2) = 0xabcd5678;
	report(*(volatile u16 *)(end - 2) == 0x5678 && *(volatile u32 *)end == 0xffffffff, "a write across the end of RAM");
	report(*(volatile u64 *)(ECAM + 0xffc) == ((u64)mmio_read(ECAM + 0x1000) << 32 | mmio_read(ECAM + 0xffc)), "a read across two devices");
}

void test_main(void)
{
	page_directories[APIC_ALIAS >> 21] = APIC | 0x83;
	page_directories[HOLE >> 21] = 0;
	write_cr3(read_cr3());
	mmio_write(APIC + 0xf0, 0x1ff);
	mmio_write(APIC + 0x320, 0x10000);
	mmio_write(APIC + 0x3e0, 0xb);
	wrmsr(0xc0000101, 0);
	for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		report(same_on_both(forms[i].form), "%s", forms[i].name);
	test_places();
	test_sizes();
	test_avx();
	test_strings();
	test_page_crossing();
	test_straddling();
	test_faults();
}
