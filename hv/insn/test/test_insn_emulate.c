/* SPDX-License-Identifier: MIT */
/* LINK: hv/insn/insn_decode.c hv/insn/insn_opcodes.c hv/insn/insn_emulate.c hv/insn/insn_operand.c hv/insn/insn_alu.c hv/insn/insn_string.c hv/insn/insn_stack.c hv/insn/insn_vector.c */
/*
 * What the build machine's CPU cannot show: 16- and 32-bit code, segments, page faults, ports, retries, the exit's address,
 * bounded REPs, and the classes of bugs that other hypervisors' emulators had (HOSTILE list, "instruction emulator").
 */
#include <string.h>
#include "hv/insn/insn_emulate.h"
#include "hv/lib/test/unit.h"

#define RAM 0x20000u
static u8 ram[RAM];
static u64 gprs[16], bad_page, later_page;
static struct insn_segment segments[6];
static struct insn_cpu cpu;
static struct insn insn;
static unsigned translations, last_access, port_reads, port_writes, last_port, last_size;
static u32 port_value;
static gpa_t last_read, last_write;
static unsigned reads, writes;

static int translate(void *context, u64 linear, unsigned access, gpa_t *gpa, struct insn_exception *exception)
{
	(void)context;
	translations++;
	last_access = access;
	if ((linear & ~PAGE_MASK) == bad_page) {
		*exception = (struct insn_exception){ INSN_VECTOR_PF, true, access, linear };
		return ERR_FAULT;
	}
	if ((linear & ~PAGE_MASK) == later_page)
		return ERR_AGAIN;
	*gpa = GPA(linear);
	return OK;
}

static int read_memory(void *context, gpa_t gpa, unsigned size, u64 *value)
{
	(void)context;
	last_read = gpa;
	reads++;
	if (gpa.value + size <= RAM)
		memcpy(value, ram + gpa.value, size);
	else
		*value = ~0ull;
	return OK;
}

static int write_memory(void *context, gpa_t gpa, unsigned size, u64 value)
{
	(void)context;
	last_write = gpa;
	last_size = size;
	writes++;
	if (gpa.value + size <= RAM)
		memcpy(ram + gpa.value, &value, size);
	return OK;
}

static u32 port_read(void *context, u16 port, unsigned size)
{
	(void)context;
	port_reads++;
	last_port = port, last_size = size;
	return 0xa0b0c0d0u + port_reads;
}

static void port_write(void *context, u16 port, unsigned size, u32 value)
{
	(void)context;
	port_writes++;
	last_port = port, last_size = size, port_value = value;
}

static void segment(void *context, enum insn_segment_name name, struct insn_segment *out)
{
	(void)context;
	*out = segments[name];
}

static const struct insn_ops ops = { .translate = translate, .read = read_memory, .write = write_memory, .port_read = port_read,
				     .port_write = port_write, .segment = segment };

static void start(enum insn_mode mode, bool protected_mode)
{
	memset(ram, 0, sizeof(ram));
	memset(gprs, 0, sizeof(gprs));
	bad_page = later_page = ~0ull;
	translations = port_reads = port_writes = reads = writes = 0;
	for (unsigned i = 0; i < 6; i++)
		segments[i] = (struct insn_segment){ 0, mode == INSN_MODE_16 ? 0xffff : ~0u, (u16)(8 * i), mode == INSN_MODE_16 ? 0x93 : 0xc93 };
	segments[INSN_CS].attributes = mode == INSN_MODE_64 ? 0xa9b : mode == INSN_MODE_32 ? 0xc9b : 0x9b;
	cpu = (struct insn_cpu){ .ops = &ops, .gprs = gprs, .rflags = 2, .mode = (u8)mode, .linear_bits = mode == INSN_MODE_64 ? 48 : 32,
				 .protected_mode = protected_mode };
}

static enum insn_result run(const char *bytes, size_t length)
{
	ck_assert_int_eq(insn_decode(&insn, (const u8 *)bytes, length, (enum insn_mode)cpu.mode), OK);
	ck_assert_uint_eq(insn.length, length);
	return insn_emulate(&cpu, &insn);
}
#define RUN(text) run(text, sizeof(text) - 1)

static void expect_fault(enum insn_result result, unsigned vector)
{
	ck_assert_int_eq(result, INSN_EXCEPTION);
	ck_assert_uint_eq(cpu.exception.vector, vector);
	ck_assert_uint_eq(cpu.exception.error_code, 0);
	ck_assert_uint_eq(cpu.exception.has_error_code, vector != INSN_VECTOR_UD && vector != INSN_VECTOR_NM);
}

START_TEST(real_mode)
{
	start(INSN_MODE_16, false);
	segments[INSN_DS].base = 0x10000;
	gprs[INSN_RBX] = 0xdead0000fff0, gprs[INSN_RSI] = 0x20;
	memcpy(ram + 0x10010 + 4, "\x34\x12", 2);
	ck_assert_int_eq(RUN("\x8b\x40\x04"), INSN_DONE); /* mov 4(%bx,%si),%ax: offsets wrap at 64 KiB */
	ck_assert_uint_eq(gprs[INSN_RAX], 0x1234);
	gprs[INSN_RBX] = 0xffff;
	expect_fault(RUN("\x8b\x07"), INSN_VECTOR_GP);    /* a word at ffff goes beyond the limit */
	gprs[INSN_RBP] = 0xffff;
	expect_fault(RUN("\x8b\x46\x00"), INSN_VECTOR_SS);
	segments[INSN_DS].limit = ~0u;                    /* unreal mode: 67 gives 32-bit addresses */
	gprs[INSN_RBX] = 0x1004;
	memcpy(ram + 0x11004, "\x78\x56\x34\x12", 4);
	ck_assert_int_eq(RUN("\x66\x67\x8b\x03"), INSN_DONE);
	ck_assert_uint_eq(gprs[INSN_RAX], 0x12345678);
	gprs[INSN_RAX] = 0;
	ck_assert_int_eq(RUN("\x2e\x8a\x07"), INSN_DONE); /* CS may be read in real mode */
}
END_TEST

START_TEST(segments_of_protected_mode)
{
	start(INSN_MODE_32, true);
	segments[INSN_DS] = (struct insn_segment){ 0x1000, 0xff, 8, 0x493 };
	gprs[INSN_RBX] = 0xfc;
	ck_assert_int_eq(RUN("\x8b\x03"), INSN_DONE);
	ck_assert_uint_eq(last_read.value, 0x10fc);
	gprs[INSN_RBX] = 0xfd;
	expect_fault(RUN("\x8b\x03"), INSN_VECTOR_GP);
	gprs[INSN_RBX] = 0xfffffffe;                      /* offset + size wraps: XSA-186's class */
	expect_fault(RUN("\x8b\x03"), INSN_VECTOR_GP);
	segments[INSN_DS].limit = ~0u;
	expect_fault(RUN("\x8b\x03"), INSN_VECTOR_GP);
	segments[INSN_DS].attributes = 0xc91;             /* read-only */
	gprs[INSN_RBX] = 0;
	ck_assert_int_eq(RUN("\x8b\x03"), INSN_DONE);
	expect_fault(RUN("\x89\x03"), INSN_VECTOR_GP);
	expect_fault(RUN("\x01\x03"), INSN_VECTOR_GP);    /* also when it reads first */
	ck_assert_int_eq(RUN("\x39\x03"), INSN_DONE);     /* cmp only reads */
	segments[INSN_DS].attributes = 0xc13;             /* not present: a null selector */
	expect_fault(RUN("\x8b\x03"), INSN_VECTOR_GP);
	expect_fault(RUN("\x2e\x89\x03"), INSN_VECTOR_GP); /* code is never written */
	segments[INSN_CS].attributes = 0xc99;             /* execute-only */
	expect_fault(RUN("\x2e\x8b\x03"), INSN_VECTOR_GP);
	segments[INSN_SS] = (struct insn_segment){ 0, 0xfff, 16, 0x497 }; /* expand-down: valid above fff */
	gprs[INSN_RBP] = 0xfff;
	expect_fault(RUN("\x8b\x45\x00"), INSN_VECTOR_SS);
	gprs[INSN_RBP] = 0x1000;
	ck_assert_int_eq(RUN("\x8b\x45\x00"), INSN_DONE);
	segments[INSN_SS].attributes = 0x097;             /* 16-bit expand-down ends at ffff */
	gprs[INSN_RBP] = 0xfffd;
	expect_fault(RUN("\x8b\x45\x00"), INSN_VECTOR_SS);
	segments[INSN_ES] = (struct insn_segment){ 0xfffff000, ~0u, 8, 0xc93 }; /* linear addresses wrap at 4 GiB */
	gprs[INSN_RBX] = 0x2000;
	memcpy(ram + 0x1000, "\x11", 1);
	ck_assert_int_eq(RUN("\x26\x8a\x03"), INSN_DONE);
	ck_assert_uint_eq(last_read.value, 0x1000);
	gprs[INSN_RBX] = 0xffe; /* one access around the end of the linear space */
	ck_assert_int_eq(RUN("\x26\x8b\x03"), INSN_DONE);
	ck_assert_uint_eq(last_read.value, 0);
}
END_TEST

START_TEST(canonical_addresses)
{
	start(INSN_MODE_64, true);
	gprs[INSN_RBX] = 0x7ffffffffffc;
	ck_assert_int_eq(RUN("\x8b\x03"), INSN_DONE);
	gprs[INSN_RBX] = 0x7ffffffffffd;
	expect_fault(RUN("\x8b\x03"), INSN_VECTOR_GP);
	gprs[INSN_RBP] = 0x800000000000;
	expect_fault(RUN("\x8b\x45\x00"), INSN_VECTOR_SS);
	expect_fault(RUN("\x3e\x8b\x45\x00"), INSN_VECTOR_SS); /* DS is no override in 64-bit code */
	cpu.linear_bits = 57;
	ck_assert_int_eq(RUN("\x8b\x45\x00"), INSN_DONE);
	cpu.linear_bits = 48;
	gprs[INSN_RBX] = 0x10;
	segments[INSN_GS].base = 0xffffffffffff8000;
	ck_assert_int_eq(RUN("\x65\x8b\x03"), INSN_DONE);
	ck_assert_uint_eq(last_read.value, 0xffffffffffff8010);
	segments[INSN_DS].base = 0x5000; /* does not count */
	ck_assert_int_eq(RUN("\x8b\x03"), INSN_DONE);
	ck_assert_uint_eq(last_read.value, 0x10);
	gprs[INSN_RBX] = 0x100000010;
	ck_assert_int_eq(RUN("\x67\x8b\x03"), INSN_DONE); /* 67: addresses of 32 bits */
	ck_assert_uint_eq(last_read.value, 0x10);
	cpu.rip = 0x1000;
	ck_assert_int_eq(RUN("\x8b\x05\x10\x00\x00\x00"), INSN_DONE);
	ck_assert_uint_eq(last_read.value, 0x1016);
}
END_TEST

START_TEST(faults_leave_nothing_behind)
{
	start(INSN_MODE_64, true);
	bad_page = 0x2000;
	cpu.cpl = 3;
	gprs[INSN_RBX] = 0x1ffe, gprs[INSN_RAX] = 0x11223344;
	ck_assert_int_eq(RUN("\x89\x03"), INSN_EXCEPTION); /* the second page faults: the first is not written */
	ck_assert_uint_eq(cpu.exception.vector, INSN_VECTOR_PF);
	ck_assert_uint_eq(cpu.exception.address, 0x2000);
	ck_assert_uint_eq(last_access, INSN_WRITE | INSN_USER);
	ck_assert_uint_eq(writes, 0);
	ck_assert_int_eq(RUN("\x01\x03"), INSN_EXCEPTION);
	ck_assert_uint_eq(reads, 0);
	ck_assert_uint_eq(cpu.rflags, 2);
	/* INS: the target is checked before the port gives its byte away */
	gprs[INSN_RDI] = 0x2000;
	ck_assert_int_eq(RUN("\x6c"), INSN_EXCEPTION);
	ck_assert_uint_eq(port_reads, 0);
	/* the fast level cannot populate the page: nothing was touched, the same call works later */
	later_page = 0x3000;
	gprs[INSN_RDI] = 0x3000;
	ck_assert_int_eq(RUN("\x6c"), INSN_RETRY);
	ck_assert_uint_eq(port_reads, 0);
	gprs[INSN_RSI] = 0x5000;
	ck_assert_int_eq(RUN("\xa4"), INSN_RETRY);
	ck_assert_uint_eq(reads, 0);
	later_page = ~0ull;
	ck_assert_int_eq(RUN("\x6c"), INSN_DONE);
	ck_assert_uint_eq(port_reads, 1);
	/* PUSH of MMIO: the stack is looked at first */
	bad_page = 0x8000;
	gprs[INSN_RSP] = 0x9000;
	gprs[INSN_RBX] = 0x1000;
	reads = 0;
	ck_assert_int_eq(RUN("\xff\x33"), INSN_EXCEPTION);
	ck_assert_uint_eq(reads, 0);
	ck_assert_uint_eq(gprs[INSN_RSP], 0x9000);
	gprs[INSN_RSP] = 0x7000;
	gprs[INSN_RBX] = 0x8000;
	ck_assert_int_eq(RUN("\x8f\x03"), INSN_EXCEPTION);
	ck_assert_uint_eq(gprs[INSN_RSP], 0x7000);
}
END_TEST

START_TEST(rep_is_bounded_and_consistent)
{
	start(INSN_MODE_64, true);
	cpu.rep_limit = 10;
	gprs[INSN_RCX] = ~0ull;
	gprs[INSN_RDI] = 0x1000;
	ck_assert_int_eq(RUN("\xf3\x6d"), INSN_CONTINUE); /* rep insl with a huge RCX */
	ck_assert_uint_eq(port_reads, 10);
	ck_assert_uint_eq(gprs[INSN_RCX], ~0ull - 10);
	ck_assert_uint_eq(gprs[INSN_RDI], 0x1028);
	ck_assert_uint_eq(translations, 1); /* one page, one walk */
	bad_page = 0x2000;
	gprs[INSN_RDI] = 0x1ff8;
	ck_assert_int_eq(RUN("\xf3\x6d"), INSN_EXCEPTION); /* two iterations, then the fault at the third */
	ck_assert_uint_eq(gprs[INSN_RDI], 0x2000);
	ck_assert_uint_eq(gprs[INSN_RCX], ~0ull - 12);
	ck_assert_uint_eq(port_reads, 12);
	/* the last iteration ends the instruction even when it is the limit */
	gprs[INSN_RCX] = 10, gprs[INSN_RDI] = 0x1000;
	ck_assert_int_eq(RUN("\xf3\x6c"), INSN_DONE);
	ck_assert_uint_eq(gprs[INSN_RCX], 0);
	/* single-step traps after each iteration */
	cpu.rflags |= 0x100;
	gprs[INSN_RCX] = 3, gprs[INSN_RDI] = 0x1000;
	ck_assert_int_eq(RUN("\xf3\x6c"), INSN_CONTINUE);
	ck_assert(cpu.single_step);
	ck_assert_uint_eq(gprs[INSN_RCX], 2);
	/* 16-bit addresses: counter and index wrap in their lower halves only */
	start(INSN_MODE_16, false);
	gprs[INSN_RCX] = 0xabcd0002, gprs[INSN_RDI] = 0x7700ffff, gprs[INSN_RDX] = 0x60;
	ck_assert_int_eq(RUN("\xf3\x6c"), INSN_DONE);
	ck_assert_uint_eq(gprs[INSN_RCX], 0xabcd0000);
	ck_assert_uint_eq(gprs[INSN_RDI], 0x77000001);
	ck_assert_uint_eq(last_write.value, 0);
	/* 67 in 64-bit code: the upper halves are cleared */
	start(INSN_MODE_64, true);
	gprs[INSN_RCX] = 0x1200000001, gprs[INSN_RSI] = 0x3400001000;
	ck_assert_int_eq(RUN("\xf3\x67\x6e"), INSN_DONE);
	ck_assert_uint_eq(gprs[INSN_RCX], 0);
	ck_assert_uint_eq(gprs[INSN_RSI], 0x1001);
	/* a zero counter does nothing, not even to a bad address */
	gprs[INSN_RCX] = 0, gprs[INSN_RSI] = 0x800000000000;
	ck_assert_int_eq(RUN("\xf3\x6e"), INSN_DONE);
}
END_TEST

START_TEST(ports)
{
	start(INSN_MODE_32, true);
	gprs[INSN_RAX] = 0x11223344, gprs[INSN_RDX] = 0xffff03f8;
	ck_assert_int_eq(RUN("\xee"), INSN_DONE);
	ck_assert_uint_eq(last_port, 0x3f8);
	ck_assert_uint_eq(port_value, 0x44);
	ck_assert_int_eq(RUN("\x66\xe7\x80"), INSN_DONE);
	ck_assert_uint_eq(last_port, 0x80);
	ck_assert_uint_eq(port_value, 0x3344);
	ck_assert_int_eq(RUN("\xec"), INSN_DONE);
	ck_assert_uint_eq(gprs[INSN_RAX], 0x112233d1);
	start(INSN_MODE_64, true);
	gprs[INSN_RAX] = ~0ull;
	ck_assert_int_eq(RUN("\x48\xed"), INSN_DONE); /* REX.W does not widen ports */
	ck_assert_uint_eq(last_size, 4);
	ck_assert_uint_eq(gprs[INSN_RAX], 0xa0b0c0d1);
	segments[INSN_FS].base = 0x1000;
	ram[0x1003] = 0x5a;
	gprs[INSN_RSI] = 3;
	ck_assert_int_eq(RUN("\x64\x6e"), INSN_DONE); /* the source's segment may be overridden */
	ck_assert_uint_eq(port_value, 0x5a);
}
END_TEST

START_TEST(known_address)
{
	start(INSN_MODE_64, true);
	cpu.known_gpa = true;
	cpu.gpa = GPA(0x5123);
	gprs[INSN_RBX] = 0xffffffffff000123;
	ck_assert_int_eq(RUN("\x8a\x03"), INSN_DONE);
	ck_assert_uint_eq(translations, 0);
	ck_assert_uint_eq(last_read.value, 0x5123);
	ck_assert_int_eq(RUN("\x88\x03"), INSN_DONE); /* the exit was a read: a write needs a walk of its own */
	ck_assert_uint_eq(translations, 1);
	cpu.known_gpa_write = true;
	ck_assert_int_eq(RUN("\x88\x03"), INSN_DONE);
	ck_assert_uint_eq(translations, 1);
	gprs[INSN_RBX]++; /* another place in the page: not the access that faulted */
	ck_assert_int_eq(RUN("\x8a\x03"), INSN_DONE);
	ck_assert_uint_eq(translations, 2);
	gprs[INSN_RSI] = 0x1123, gprs[INSN_RDI] = 0x2123; /* two operands: never */
	ck_assert_int_eq(RUN("\xa4"), INSN_DONE);
	ck_assert_uint_eq(translations, 4);
	gprs[INSN_RCX] = 2, gprs[INSN_RDI] = 0x2123;
	ck_assert_int_eq(RUN("\xf3\xaa"), INSN_DONE);
	ck_assert_uint_eq(translations, 5);
}
END_TEST

START_TEST(what_must_be_refused)
{
	start(INSN_MODE_64, true);
	gprs[INSN_RBX] = 0x1000;
	expect_fault(RUN("\xf0\x89\x03"), INSN_VECTOR_UD);         /* lock mov */
	expect_fault(RUN("\xf0\x39\x03"), INSN_VECTOR_UD);         /* lock cmp */
	expect_fault(RUN("\xf0\x01\xd8"), INSN_VECTOR_UD);         /* lock add to a register */
	expect_fault(RUN("\xf0\x03\x03"), INSN_VECTOR_UD);
	expect_fault(RUN("\xf0\x0f\xa3\x03"), INSN_VECTOR_UD);     /* lock bt */
	expect_fault(RUN("\xf0\xa4"), INSN_VECTOR_UD);
	expect_fault(RUN("\x0f\xba\x03\x00"), INSN_VECTOR_UD);     /* group 8 /0 */
	expect_fault(RUN("\x0f\xc3\xc3"), INSN_VECTOR_UD);         /* movnti to a register */
	ck_assert_int_eq(RUN("\x0f\x6f\x03"), INSN_UNSUPPORTED);   /* MMX */
	gprs[INSN_RBX] = 0x1008;
	expect_fault(RUN("\x48\x0f\xc7\x0b"), INSN_VECTOR_GP);     /* cmpxchg16b unaligned */
	expect_fault(RUN("\xf3\x0f\x6f\x03"), INSN_VECTOR_UD);     /* no vectors here */
	ck_assert_int_eq(RUN("\xf6\x33"), INSN_UNSUPPORTED);       /* div */
	ck_assert_int_eq(RUN("\xd8\x03"), INSN_UNSUPPORTED);       /* x87 */
	ck_assert_int_eq(RUN("\x0f\x01\xd8"), INSN_UNSUPPORTED);   /* VMRUN is nobody's here */
	ck_assert_int_eq(RUN("\xe8\x00\x00\x00\x00"), INSN_UNSUPPORTED);
	ck_assert_uint_eq(reads + writes, 0);
}
END_TEST

START_TEST(bit_strings_reach_both_ways)
{
	start(INSN_MODE_64, true);
	gprs[INSN_RBX] = 0x1000;
	gprs[INSN_RAX] = (u32)-1; /* 32-bit offset -1: the dword before, bit 31 (XSA-195) */
	ram[0xfff] = 0x80;
	ck_assert_int_eq(RUN("\x0f\xb3\x03"), INSN_DONE);
	ck_assert_uint_eq(ram[0xfff], 0);
	ck_assert_uint_eq(cpu.rflags & 1, 1);
	gprs[INSN_RAX] = 0x80000000; /* the most negative one wraps in 32-bit addresses */
	start(INSN_MODE_32, true);
	gprs[INSN_RAX] = 0x80000000, gprs[INSN_RBX] = 0x1000;
	ck_assert_int_eq(RUN("\x0f\xa3\x03"), INSN_DONE);
	ck_assert_uint_eq(last_read.value, (u32)(0x1000 - 0x10000000));
	start(INSN_MODE_64, true);
	gprs[INSN_RAX] = 1ull << 63, gprs[INSN_RBX] = 0x1000;
	ck_assert_int_eq(RUN("\x48\x0f\xa3\x03"), INSN_EXCEPTION);
}
END_TEST

START_TEST(accesses_across_pages)
{
	start(INSN_MODE_64, true);
	gprs[INSN_RBX] = 0x1ffd, gprs[INSN_RAX] = 0x1122334455667788;
	ck_assert_int_eq(RUN("\x48\x89\x03"), INSN_DONE); /* 2 + 1 bytes, then 4 + 1 */
	ck_assert_uint_eq(writes, 4);
	ck_assert_mem_eq(ram + 0x1ffd, &gprs[INSN_RAX], 8);
	gprs[INSN_RAX] = 0;
	ck_assert_int_eq(RUN("\x48\x8b\x03"), INSN_DONE);
	ck_assert_uint_eq(gprs[INSN_RAX], 0x1122334455667788);
}
END_TEST

START_TEST(fetching)
{
	start(INSN_MODE_64, true);
	cpu.cpl = 3;
	cpu.rip = 0x1ffd;
	bad_page = 0x2000;
	memcpy(ram + 0x1ffd, "\x48\x8b\x03", 3); /* ends with the page: the next one does not matter */
	ck_assert_int_eq(insn_fetch(&cpu, &insn), INSN_DONE);
	ck_assert_uint_eq(insn.length, 3);
	ck_assert_uint_eq(last_access, INSN_FETCH | INSN_USER);
	memcpy(ram + 0x1ffd, "\x48\x8b\x43", 3);
	ck_assert_int_eq(insn_fetch(&cpu, &insn), INSN_EXCEPTION);
	ck_assert_uint_eq(cpu.exception.address, 0x2000);
	bad_page = ~0ull;
	ram[0x2000] = 0x7f;
	ck_assert_int_eq(insn_fetch(&cpu, &insn), INSN_DONE);
	ck_assert_uint_eq(insn.length, 4);
	memset(ram + 0x1ff0, 0x66, 32);
	cpu.rip = 0x1ff8;
	expect_fault(insn_fetch(&cpu, &insn), INSN_VECTOR_GP);
	cpu.rip = 0x3000;
	ram[0x3000] = 0x06;
	expect_fault(insn_fetch(&cpu, &insn), INSN_VECTOR_UD);
	start(INSN_MODE_16, false);
	segments[INSN_CS] = (struct insn_segment){ 0x10000, 0xffff, 0x1000, 0x9b };
	cpu.rip = 0xfffe;
	memcpy(ram + 0x1fffe, "\x8a\x07", 2);
	ck_assert_int_eq(insn_fetch(&cpu, &insn), INSN_DONE);
	cpu.rip = 0xffff;
	memcpy(ram + 0x1ffff, "\x8a", 1);
	expect_fault(insn_fetch(&cpu, &insn), INSN_VECTOR_GP); /* its second byte is beyond the limit */
}
END_TEST

START_TEST(stacks_of_16_and_32_bits)
{
	start(INSN_MODE_32, true);
	segments[INSN_SS].attributes = 0x093; /* SP counts, not ESP */
	segments[INSN_SS].limit = 0xffff;
	gprs[INSN_RSP] = 0xabcd0002, gprs[INSN_RAX] = 0x11223344;
	expect_fault(RUN("\x50"), INSN_VECTOR_SS); /* at fffe, four bytes: beyond the limit */
	gprs[INSN_RSP] = 0xabcd0000;
	ck_assert_int_eq(RUN("\x50"), INSN_DONE);
	ck_assert_uint_eq(gprs[INSN_RSP], 0xabcdfffc);
	ck_assert_uint_eq(last_write.value, 0xfffc);
	ck_assert_int_eq(RUN("\x5b"), INSN_DONE);
	ck_assert_uint_eq(gprs[INSN_RBX], 0x11223344);
	ck_assert_uint_eq(gprs[INSN_RSP], 0xabcd0000);
	ck_assert_int_eq(RUN("\x66\x6a\xff"), INSN_DONE);
	ck_assert_uint_eq(last_size, 2);
}
END_TEST

Suite *test_suite(void)
{
	const TTest *const tests[] = { real_mode, segments_of_protected_mode, canonical_addresses, faults_leave_nothing_behind,
					      rep_is_bounded_and_consistent, ports, known_address, what_must_be_refused,
					      bit_strings_reach_both_ways, accesses_across_pages, fetching, stacks_of_16_and_32_bits };
	Suite *suite = suite_create("insn_emulate");
	TCase *tcase = tcase_create("emulate");

	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	return suite;
}
