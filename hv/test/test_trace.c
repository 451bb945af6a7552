/* SPDX-License-Identifier: MIT */
/* LINK: hv/trace.c hv/lib/format.c hv/lib/string.c hv/test/clock_hosted.c */
#include "hv/trace.h"
#include <stdlib.h>
#include <string.h>
#include "hv/lib/error.h"
#include "hv/lib/test/unit.h"

static struct vcpu *vcpu;

static const char *exit_name(u64 code)
{
	return code == 0x78 ? "HLT" : "another";
}

static const struct virt_ops ops = { .exit_name = exit_name };
const struct virt_ops *virt_ops = &ops;

const char *exit_kind_name(enum exit_kind kind)
{
	return kind == EXIT_HLT ? "HLT" : "kind";
}

static void setup(void)
{
	vcpu = calloc(1, sizeof(*vcpu));
}

static void teardown(void)
{
	free(vcpu->trace);
	free(vcpu);
}

static void exits(unsigned kind, u64 rip)
{
	vcpu->exit.kind = (u8)kind;
	vcpu->regs.rip = rip;
	if (vcpu->watched & VCPU_WATCH_TRACE)
		trace_exit(vcpu);
}

START_TEST(a_trace_begins_when_it_is_started)
{
	struct trace_record record;
	u64 sequence;

	exits(EXIT_CPUID, 1);
	ck_assert_int_eq(trace_start(vcpu, BIT64(EXIT_HLT), &sequence), OK);
	ck_assert(!trace_read(vcpu, &sequence, &record));
	exits(EXIT_CPUID, 2);
	exits(EXIT_HLT, 3);
	exits(EXIT_HLT, 4);
	ck_assert(trace_read(vcpu, &sequence, &record));
	ck_assert_uint_eq(record.rip, 3);
	trace_stop(vcpu);
	ck_assert_uint_eq(vcpu->watched, 0);
	exits(EXIT_HLT, 5);
	ck_assert(trace_read(vcpu, &sequence, &record)); /* what was seen can still be read */
	ck_assert_uint_eq(record.rip, 4);
	ck_assert_int_eq(trace_start(vcpu, ~(u64)0, &sequence), OK);
	ck_assert(!trace_read(vcpu, &sequence, &record)); /* but a new one begins with nothing */
	exits(EXIT_CPUID, 6);
	ck_assert(trace_read(vcpu, &sequence, &record));
	ck_assert_uint_eq(record.rip, 6);
}
END_TEST

START_TEST(a_slow_reader_loses_the_oldest)
{
	struct trace_record record;
	u64 sequence, first;

	ck_assert_int_eq(trace_start(vcpu, ~(u64)0, &sequence), OK);
	first = sequence;
	for (u64 i = 0; i < 3 * TRACE_RECORDS; i++)
		exits(EXIT_CPUID, i);
	ck_assert(trace_read(vcpu, &sequence, &record));
	ck_assert_uint_gt(sequence, first + TRACE_RECORDS);
	ck_assert_uint_eq(record.rip, sequence - first - 1);
	for (unsigned i = 1; trace_read(vcpu, &sequence, &record); i++)
		ck_assert_uint_lt(i, TRACE_RECORDS);
	ck_assert_uint_eq(record.rip, 3 * TRACE_RECORDS - 1);
}
END_TEST

static void expect(const struct trace_record *record, const char *words)
{
	char text[160];

	trace_describe(record, text, sizeof(text));
	ck_assert_str_eq(text, words);
}

START_TEST(exits_in_words)
{
	struct trace_record record = { .rip = 0x1234, .rax = 0x8000000000000041, .rcx = 7, .rdx = 0xabcdef01 };
	struct vm_exit *exit = &record.exit;

	exit->kind = EXIT_CPUID;
	expect(&record, "CPUID leaf 0x41, subleaf 0x7 at 1234");
	exit->kind = EXIT_MSR_READ;
	expect(&record, "RDMSR 0x7 at 1234");
	exit->kind = EXIT_MSR_WRITE;
	expect(&record, "WRMSR 0x7 = 0xabcdef0100000041 at 1234");
	exit->kind = EXIT_IO;
	exit->io.port = 0x3f8;
	exit->io.size_bytes = 1;
	expect(&record, "OUT 0x41, a byte, to port 0x3f8 at 1234");
	exit->io.in = true;
	exit->io.size_bytes = 4;
	expect(&record, "IN a double word from port 0x3f8 at 1234");
	exit->io.string = exit->io.rep = true;
	exit->io.size_bytes = 2;
	expect(&record, "REP INS, a word each, port 0x3f8 at 1234");
	memset(exit, 0, sizeof(*exit));
	exit->kind = EXIT_NESTED_FAULT;
	exit->fault.gpa = GPA(0xfee000b0);
	exit->fault.write = true;
	expect(&record, "nested page fault: a write to guest-physical 0xfee000b0, not mapped, at 1234");
	exit->fault.in_table_walk = exit->fault.present = true;
	expect(&record, "nested page fault: the walk of the guest's tables reads guest-physical 0xfee000b0, which is mapped but "
			"forbids it, at 1234");
	memset(exit, 0, sizeof(*exit));
	exit->kind = EXIT_CR_ACCESS;
	exit->move.number = 8;
	exit->move.write = true;
	expect(&record, "MOV to CR8 at 1234");
	memset(exit, 0, sizeof(*exit));
	exit->kind = EXIT_HLT;
	exit->raw[0] = 0x78;
	expect(&record, "HLT at 1234 (HLT)");
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("trace");
	TCase *cases = tcase_create("all");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_trace_begins_when_it_is_started);
	tcase_add_test(cases, a_slow_reader_loses_the_oldest);
	tcase_add_test(cases, exits_in_words);
	suite_add_tcase(suite, cases);
	return suite;
}
