/* SPDX-License-Identifier: MIT */
/*
 * The page has code, then state, so that the code reaches the state relative to RIP while every general register
 * belongs to the instruction. A fault jumps back through a signal handler on a stack of its own.
 */
#include "hv/insn/test/native.h"
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* In .rodata: it is copied to the page and runs only there. Offsets in struct native_state: gprs 0, rflags 128, saved 136. */
#define LOAD(number, name) "	mov " #number "*8+native_state_at(%rip), %" #name "\n"
#define SAVE(number, name) "	mov %" #name ", " #number "*8+native_state_at(%rip)\n"
#define VLOAD(n) "	vmovdqu 152+32*" #n "+native_state_at(%rip), %ymm" #n "\n"
#define VSAVE(n) "	vmovdqu %ymm" #n ", 152+32*" #n "+native_state_at(%rip)\n"
#define EACH_VECTOR(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define EACH_REGISTER(X)                                                                                          \
	X(0, rax) X(1, rcx) X(2, rdx) X(3, rbx) X(5, rbp) X(6, rsi) X(7, rdi) X(8, r8) X(9, r9) X(10, r10) X(11, r11) \
	X(12, r12) X(13, r13) X(14, r14) X(15, r15) X(4, rsp)

__asm__(".pushsection .rodata\n"
	".balign 64\n"
	"native_code:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsp, 136+native_state_at(%rip)\n"
	"	cmpq $0, 144+native_state_at(%rip)\n"
	"	je 1f\n" EACH_VECTOR(VLOAD)
	"1:	pushq 128+native_state_at(%rip)\n"
	"	popfq\n" EACH_REGISTER(LOAD)
	"native_hole:\n"
	"	.fill 16, 1, 0x90\n" EACH_REGISTER(SAVE)
	"	mov 136+native_state_at(%rip), %rsp\n"
	"	pushfq\n"
	"	popq 128+native_state_at(%rip)\n"
	"	cld\n"
	"	cmpq $0, 144+native_state_at(%rip)\n"
	"	je 2f\n" EACH_VECTOR(VSAVE)
	"	vzeroupper\n"
	"2:	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	".balign 64\n"
	"native_state_at:\n"
	"	.fill 1024, 1, 0\n"
	"native_end:\n"
	".popsection\n");
extern const u8 native_code[], native_hole[], native_state_at[], native_end[];

static u8 *page;
static sigjmp_buf back;

static void on_signal(int number)
{
	siglongjmp(back, number);
}

bool native_init(void)
{
	static const int signals[] = { SIGSEGV, SIGILL, SIGBUS, SIGTRAP, SIGFPE };
	static u8 signal_stack[65536];
	stack_t stack = { .ss_sp = signal_stack, .ss_size = sizeof(signal_stack) };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_NODEFER };

	page = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return false;
	memcpy(page, native_code, (size_t)(native_end - native_code));
	sigaltstack(&stack, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
	return true;
}

u64 native_rip(void)
{
	return (u64)(uintptr_t)(page + (native_hole - native_code));
}

int native_run(const u8 *bytes, unsigned length, struct native_state *state)
{
	u8 *hole = page + (native_hole - native_code);
	struct native_state *there = (struct native_state *)(void *)(page + (native_state_at - native_code));
	int number = sigsetjmp(back, 1);

	if (number) {
		__asm__ volatile("cld");
		return number;
	}
	memset(hole, 0x90, 16);
	memcpy(hole, bytes, length);
	memcpy(there, state, sizeof(*state));
	((void (*)(void))(uintptr_t)page)();
	memcpy(state, there, sizeof(*state));
	return 0;
}
