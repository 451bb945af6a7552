/* SPDX-License-Identifier: MIT */
/*
 * What every test kernel uses. A test is one file with a test_main; it calls report() for each thing that it checks.
 *
 *   PASS: text / FAIL: text / SKIP: text    one line each, to port 0xE9
 *   the end: "done: P passed, F failed, S skipped", then port 0xF4 gets 0 (all well) or 1
 *
 * In a domain, which has neither port, the text goes to its first serial port, and the end is a halt for ever.
 *
 * The same binary runs under SVM and VMX, in QEMU and in Bochs, and must print the same lines everywhere.
 */
#ifndef GUEST_TESTS_LIB_GUEST_H
#define GUEST_TESTS_LIB_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

void test_main(void); /* the test's */

/* The text must not depend on the machine: transcripts are compared. */
void report(bool passed, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* For people, and benches: not part of a transcript ("# " in front). */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Ends the test now. */
void finish(void) __attribute__((noreturn));
const char *command_line(void);
/* The number behind "name=" on the command line, or what is given when it is not there. */
u64 command_number(const char *name, u64 otherwise);
/* The machine's RAM, as its boot protocol says: range number index; false: there are no more. */
bool memory_map(unsigned index, u64 *base, u64 *size);

struct trap_frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	u64 vector, error_code, rip, cs, rflags, rsp, ss;
};
struct trap_context { u64 rsp, rip; }; /* trap_try's own */
#define NO_TRAP (-1)

/*
 * Calls the function; an exception in it ends it. Returns its vector, or NO_TRAP; the last trap's frame is in last_trap,
 * and CR2 in last_cr2.
 */
int trapped(void (*function)(void *), void *argument);
extern struct trap_frame last_trap;
/* For a handler: ends the function that is being tried as an exception would. False: none is. */
bool end_trial(struct trap_frame *frame);
extern u64 last_cr2;
/* Interrupt (and exception) handlers; NULL: unexpected, which fails the test. They run with interrupts off. */
void set_handler(u8 vector, void (*handler)(struct trap_frame *frame));

static inline u8 inb(u16 port) { u8 v; __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory"); return v; }
static inline u16 inw(u16 port) { u16 v; __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port) : "memory"); return v; }
static inline u32 inl(u16 port) { u32 v; __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory"); return v; }
static inline void outb(u16 port, u8 v) { __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port) : "memory"); }
static inline void outw(u16 port, u16 v) { __asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port) : "memory"); }
static inline void outl(u16 port, u32 v) { __asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port) : "memory"); }

static inline u64 rdmsr(u32 msr)
{
	u32 low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return (u64)high << 32 | low;
}
static inline void wrmsr(u32 msr, u64 value)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}
/* As above, or the vector of the exception. */
int rdmsr_trapped(u32 msr, u64 *value);
int wrmsr_trapped(u32 msr, u64 value);

static inline u64 rdtsc(void)
{
	u32 low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
	return (u64)high << 32 | low;
}

struct cpuid { u32 eax, ebx, ecx, edx; };
static inline struct cpuid cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid r;

	__asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
	return r;
}

/*
 * Bochs's model `ryzen`, by its name in CPUID (QEMU's CPU is called EPYC): what only Bochs's AMD-V does otherwise is skipped
 * there, each line with a row in docs/skips.md.
 */
static inline bool on_bochs_ryzen(void)
{
	struct cpuid name = cpuid(0x80000002, 0);

	return name.eax == 0x20444d41 /* "AMD " */ && name.ebx == 0x657a7952 /* "Ryze" */;
}

/* A line on what DR6 says after a #DB: the intercept of #DB in Bochs's AMD-V (2.7) forgets it. */
static inline void report_dr6(bool good, const char *text)
{
	if (!good && on_bochs_ryzen())
		skip("%s", text);
	else
		report(good, "%s", text);
}

#define GUEST_CONTROL(name)                                                                                       \
	static inline u64 read_##name(void)                                                                       \
	{                                                                                                         \
		u64 v;                                                                                            \
		__asm__ volatile("mov %%" #name ", %0" : "=r"(v)::"memory");                                      \
		return v;                                                                                         \
	}                                                                                                         \
	static inline void write_##name(u64 v) { __asm__ volatile("mov %0, %%" #name ::"r"(v) : "memory"); }
GUEST_CONTROL(cr0)
GUEST_CONTROL(cr2)
GUEST_CONTROL(cr3)
GUEST_CONTROL(cr4)
GUEST_CONTROL(cr8)
GUEST_CONTROL(dr0)
GUEST_CONTROL(dr1)
GUEST_CONTROL(dr2)
GUEST_CONTROL(dr3)
GUEST_CONTROL(dr6)
GUEST_CONTROL(dr7)

static inline void irq_on(void) { __asm__ volatile("sti" ::: "memory"); }
static inline void irq_off(void) { __asm__ volatile("cli" ::: "memory"); }
static inline u32 mmio_read(u64 address) { return *(volatile u32 *)address; }
static inline void mmio_write(u64 address, u32 value) { *(volatile u32 *)address = value; }

/* The local APIC in x2APIC mode. */
#define X2APIC(offset) (0x800u + ((offset) >> 4))
void x2apic_enable(void);
void load_interrupt_table(void); /* on a CPU that has just started */
static inline void x2apic_eoi(void) { wrmsr(X2APIC(0xb0), 0); }

/* A bench: the median and the maximum of `tries` calls of measure(), each one sample. Prints "bench NAME median MAX". */
void bench(const char *name, u64 (*measure)(void), unsigned tries);

extern u64 page_root[512], page_pointers[512], page_directories[2048], gdt[];

void *memset(void *to, int byte, size_t size);
void *memcpy(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *s);
bool starts_with(const char *s, const char *prefix);

#endif
