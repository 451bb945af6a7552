/* SPDX-License-Identifier: MIT */
/*
 * Every MSR of the ranges that CPUs and hypervisors use, read and written: each gives a value or #GP(0) and nothing else.
 * What can be read is written back, then written with all ones and with a non-canonical address, and restored.
 */
#include "guest-tests/lib/guest.h"

#define GP 13

static unsigned values, refused, wrong;

static void judge(int vector, u32 msr, const char *what)
{
	if (vector == NO_TRAP || (vector == GP && last_trap.error_code == 0))
		return;
	if (wrong++ < 8)
		note("MSR %x, %s: vector %d, error code %x", msr, what, vector, (u32)last_trap.error_code);
}

static bool may_be_written(u32 msr)
{
	return msr != 0x10 && msr != 0x3b; /* the time that the runner's patience is counted in */
}

static void test_msr(u32 msr)
{
	u64 value = 0;
	int vector = rdmsr_trapped(msr, &value);

	judge(vector, msr, "read");
	if (vector != NO_TRAP) {
		refused++;
		judge(wrmsr_trapped(msr, 0), msr, "written with 0");
		return;
	}
	values++;
	judge(wrmsr_trapped(msr, value), msr, "written back");
	if (!may_be_written(msr))
		return;
	judge(wrmsr_trapped(msr, ~0ull), msr, "written with all ones");
	judge(wrmsr_trapped(msr, 0x8000000000000000ull), msr, "written with a non-canonical address");
	judge(wrmsr_trapped(msr, value), msr, "restored");
}

static const struct range { const char *name; u32 first, count; } ranges[] = {
	{ "0 to 1fff", 0, 0x2000 },
	{ "40000000 to 400001ff", 0x40000000, 0x200 },
	{ "4b564d00 to 4b564dff", 0x4b564d00, 0x100 },
	{ "80000000 to 800000ff", 0x80000000, 0x100 },
	{ "c0000000 to c0001fff", 0xc0000000, 0x2000 },
	{ "c0010000 to c0011fff", 0xc0010000, 0x2000 },
	{ "ffffff00 to ffffffff", 0xffffff00, 0x100 },
};

void test_main(void)
{
	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		values = refused = wrong = 0;
		for (u32 k = 0; k < ranges[i].count; k++)
			test_msr(ranges[i].first + k);
		note("%u values, %u refused", values, refused);
		report(!wrong, "MSRs %s: a value or #GP(0)", ranges[i].name);
	}
	report(true, "the machine is still there");
}
