/* SPDX-License-Identifier: MIT */
/*
 * One tour through the CPU's modes and back: compatibility, 32-bit protected without paging, 16-bit protected, real with
 * big segments. In each: device memory, string I/O, and what exits there. The code runs at 0x8000, results stand from 0x9000 on.
 */
#include "guest-tests/lib/guest.h"

#define COUNT 0xfee00380
#define MASK_PORT 0x21

/* At R(label) when it runs. In each mode the value of the APIC's initial count is read, changed, and read again. */
__asm__(".macro R_JUMP selector, label\n"
	"	ljmp $\\selector, $(\\label - blob + 0x8000)\n"
	".endm\n"
	".text\n"
	".code64\n"
	"enter_blob:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsp, saved_rsp\n"
	"	sidt saved_idt\n"
	"	pushq $0x18; pushq $0x8000; lretq\n"
	"back64:\n"
	"	mov saved_rsp, %rsp\n"
	"	lidt saved_idt\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	".balign 16\n"
	".code32\n"
	"blob:\n" /* compatibility mode */
	"	mov $0x10, %eax; mov %eax, %ds; mov %eax, %es; mov %eax, %ss\n"
	"	movl $0x11223344, 0xfee00380; mov 0xfee00380, %eax; mov %eax, 0x9100\n"
	"	mov $0xfee00300, %ebx; mov $0x20, %esi; lock addl $1, (%ebx,%esi,4); mov (%ebx,%esi,4), %eax; mov %eax, 0x9104\n"
	"	mov $0x21, %edx; mov $0x9010, %esi; mov $3, %ecx; rep outsb\n"
	"	mov $0x9020, %edi; mov $5, %ecx; rep insb; mov %edi, 0x9108; mov %ecx, 0x910c\n"
	"	xor %eax, %eax; cpuid; mov %eax, 0x9110\n"
	"	mov %cr0, %eax; and $0x7fffffff, %eax; mov %eax, %cr0\n"
	"	R_JUMP 0x18, prot32\n"
	"prot32:\n" /* no paging */
	"	mov 0xfee00380, %eax; mov %eax, 0x9114; xorl $0xff, 0xfee00380; mov 0xfee00380, %eax; mov %eax, 0x9118\n"
	"	mov $0x21, %edx; mov $0x9030, %edi; mov $4, %ecx; rep insb; mov %edi, 0x9160\n"
	"	mov $0x1b, %ecx; rdmsr; mov %eax, 0x9164\n"
	"	R_JUMP 0x20, prot16\n"
	".code16\n"
	"prot16:\n" /* the data segments are still flat */
	"	addr32 movl 0xfee00380, %eax; movl %eax, 0x911c\n"
	"	mov $0xfee00380, %ebx; addr32 incl (%ebx); addr32 movl (%ebx), %eax; movl %eax, 0x9168\n"
	"	mov $0x21, %dx; mov $0x9050, %di; mov $2, %cx; rep insb; mov %di, 0x916c\n"
	"	mov %cr0, %eax; and $0xfe, %al; mov %eax, %cr0\n"
	"	R_JUMP 0, real\n"
	"real:\n" /* DS keeps its limit of 4 GiB */
	"	lidtl real_idt - blob + 0x8000\n"
	"	xor %ax, %ax; mov %ax, %ss; movl $0x7c00, %esp\n"
	"	addr32 movl 0xfee00380, %eax; movl %eax, 0x9120\n"
	"	addr32 movl $0x0badcafe, 0xfee00380; addr32 movl 0xfee00380, %eax; movl %eax, 0x9124\n"
	"	mov $0x900, %ax; mov %ax, %es; mov $0x40, %di; mov $0x21, %dx; mov $4, %cx; rep insb\n"
	"	mov $0x1234ffff, %edi; mov $2, %cx; rep insb; mov %edi, 0x9128\n"
	"	mov $0x11, %si; .byte 0x26; outsb; in $0x21, %al; mov %al, 0x912c\n"
	"	int $0x40\n"
	"	movw $(1f - blob + 0x8000), 0x9150; ud2\n"
	"1:	movw $(2f - blob + 0x8000), 0x9150; .byte 0x0f, 0x01, 0xd8\n"
	"2:	xor %eax, %eax; cpuid; movl %eax, 0x9138\n"
	"	mov $0x1b, %ecx; rdmsr; movl %eax, 0x913c\n"
	"	mov %cr0, %eax; or $1, %al; mov %eax, %cr0\n"
	"	ljmpl $0x18, $(again32 - blob + 0x8000)\n"
	"on_40:	movw $0x1234, 0x9130; iret\n"
	"on_ud:	push %bp; mov %sp, %bp; push %ax; mov 0x9150, %ax; mov %ax, 2(%bp); incw 0x9134; pop %ax; pop %bp; iret\n"
	"real_idt: .word 0x3ff; .long 0\n"
	".code32\n"
	"again32:\n"
	"	mov $0x10, %eax; mov %eax, %ds; mov %eax, %es; mov %eax, %ss\n"
	"	mov %cr0, %eax; or $0x80000000, %eax; mov %eax, %cr0\n"
	"	ljmp $0x08, $back64\n"
	"blob_end:\n"
	".code64\n"
	".bss\n"
	"saved_rsp: .skip 8\n"
	"saved_idt: .skip 16\n"
	".text\n");
extern const u8 blob[], blob_end[], on_40[], on_ud[];
void enter_blob(void);

/* Low addresses are ordinary memory here; the compiler need not know that they look like null pointers. */
static volatile u32 *low(u64 address)
{
	__asm__("" : "+r"(address));
	return (volatile u32 *)address;
}

static u32 result(u32 address) { return *low(address); }

static bool all(u64 address, u8 value, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (((volatile u8 *)low(address))[i] != value)
			return false;
	return true;
}

static void vector(unsigned number, const u8 *handler)
{
	*low(4 * number) = (u32)(handler - blob + 0x8000);
}

static void test_compatibility(u32 leaves)
{
	report(result(0x9100) == 0x11223344, "compatibility mode: device memory, MOV");
	report(result(0x9104) == 0x11223345, "compatibility mode: LOCK ADD with base and index");
	report(all(0x9020, 0x77, 5) && result(0x9108) == 0x9025 && result(0x910c) == 0, "compatibility mode: REP OUTSB, REP INSB");
	report(result(0x9110) == leaves, "compatibility mode: CPUID");
}

static void test_protected(u32 apic_base)
{
	report(result(0x9114) == 0x11223345 && result(0x9118) == (0x11223345 ^ 0xff), "32-bit mode without paging: device memory");
	report(all(0x9030, 0x77, 4) && result(0x9160) == 0x9034, "32-bit mode without paging: REP INSB");
	report(result(0x9164) == apic_base, "32-bit mode without paging: RDMSR");
	report(result(0x911c) == (0x11223345 ^ 0xff), "16-bit protected mode: device memory");
	report(result(0x9168) == (0x11223345 ^ 0xff) + 1, "16-bit protected mode: INC of device memory");
	report(all(0x9050, 0x77, 2) && (result(0x916c) & 0xffff) == 0x9052, "16-bit protected mode: REP INSB");
}

static void test_real(u32 leaves, u32 apic_base)
{
	report(result(0x9120) == (0x11223345 ^ 0xff) + 1 && result(0x9124) == 0x0badcafe, "real mode with a big segment: device memory");
	report(all(0x9040, 0x77, 4), "real mode: REP INSB through ES");
	report(result(0x9128) == 0x12340001 && all(0x18fff, 0x77, 1) && all(0x9000, 0x77, 1), "real mode: INSB wraps at 64 KiB");
	report((result(0x912c) & 0xff) == 0x66, "real mode: OUTSB with a segment override");
	report((result(0x9130) & 0xffff) == 0x1234, "real mode: INT through the vector table");
	report((result(0x9134) & 0xffff) == 2, "real mode: UD2 and VMRUN raise #UD");
	report(result(0x9138) == leaves && result(0x913c) == apic_base, "real mode: CPUID, RDMSR");
}

void test_main(void)
{
	static const u8 bytes[] = { 0x55, 0x66, 0x77 };
	u32 leaves = cpuid(0, 0).eax, apic_base = (u32)rdmsr(0x1b);

	mmio_write(0xfee000f0, 0x1ff);
	mmio_write(0xfee00320, 0x10000);
	mmio_write(0xfee003e0, 0xb);
	memset((void *)low(0x9000), 0, 0x200);
	memcpy((void *)low(0x8000), blob, (size_t)(blob_end - blob));
	memcpy((void *)low(0x9010), bytes, sizeof(bytes));
	vector(6, on_ud);
	vector(0x40, on_40);
	enter_blob();
	test_compatibility(leaves);
	test_protected(apic_base);
	test_real(leaves, apic_base);
	report(mmio_read(COUNT) == 0x0badcafe, "back in 64-bit mode");
	outb(MASK_PORT, 0xff);
}
