/* SPDX-License-Identifier: MIT */
/* LINK: hv/sched_trace_text.c hv/lib/format.c hv/lib/string.c */
/* The scheduling trace's lines, as hv/sched_trace.h describes them and tools/sched-timeline reads them. */
#include "hv/lib/test/unit.h"
#include "hv/sched_trace.h"

START_TEST(lines)
{
	static const struct {
		struct sched_trace_record record;
		u64 ns;
		const char *line;
	} rows[] = {
		{ { .kind = SCHED_TRACE_RUNS, .thread = 12, .name = "spin/vcpu0" }, 0, "0.000000000 0 runs 12 - spin/vcpu0" },
		{ { .kind = SCHED_TRACE_SWITCH, .thread = 15, .other = 12, .left = SCHED_TRACE_READY, .name = "three/vcpu0" }, 4998210,
		  "0.004998210 0 switch 15 12:ready three/vcpu0" },
		{ { .kind = SCHED_TRACE_SWITCH, .cpu = 255, .other = 4000000000u, .left = SCHED_TRACE_ENDED, .name = "idle" }, 61000000001,
		  "61.000000001 255 switch 0 4000000000:ended idle" },
		{ { .kind = SCHED_TRACE_SWITCH, .left = SCHED_TRACE_ASLEEP, .name = "console log" }, 1, "0.000000001 0 switch 0 0:asleep console log" },
		{ { .kind = SCHED_TRACE_WAKE, .thread = 9, .cpu = 1, .name = "shell" }, 0, "0.000000000 1 wake 9 0 shell" },
		{ { .kind = SCHED_TRACE_MIGRATE, .thread = 9, .cpu = 1, .other = 3, .name = "shell" }, 0, "0.000000000 1 migrate 9 3 shell" },
		{ { .kind = SCHED_TRACE_THROTTLE, .thread = 9, .name = "a/virtio-disk0" }, 0, "0.000000000 0 throttle 9 - a/virtio-disk0" },
		{ { .kind = SCHED_TRACE_RELEASE, .thread = 9, .name = "" }, 0, "0.000000000 0 release 9 - " },
	};
	char text[SCHED_TRACE_LINE_MAX];

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		sched_trace_format(text, sizeof(text), &rows[i].record, rows[i].ns);
		ck_assert_str_eq(text, rows[i].line);
	}
	sched_trace_format_end(text, sizeof(text), 1000000000, 7);
	ck_assert_str_eq(text, "# end 1.000000000 lost 7");
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("sched_trace");
	TCase *tcase = tcase_create("sched_trace");

	tcase_add_test(tcase, lines);
	suite_add_tcase(suite, tcase);
	return suite;
}
