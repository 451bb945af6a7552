/* SPDX-License-Identifier: MIT */
/* LINK: hv/cpu_topology.c hv/manage/domain_config.c hv/manage/error.c hv/manage/text.c hv/manage/xml_tree.c hv/manage/xml_node.c hv/manage/xml_schema.c hv/manage/xml_entropy.c hv/manage/domain_xml_parse.c hv/manage/domain_xml_tune.c hv/manage/domain_tune_value.c hv/manage/cpu_list.c hv/manage/domain_xml_platform.c hv/manage/domain_xml_devices.c hv/manage/domain_xml_char.c hv/manage/domain_xml_address.c hv/manage/domain_xml_disk.c hv/manage/domain_iotune_rules.c hv/manage/domain_xml_rng.c hv/manage/domain_xml_nic.c hv/manage/address.c hv/rtc_time.c hv/manage/domain_xml_format.c hv/kstrdup.c hv/test/random_hosted.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* CFLAGS: -Ibuild/deps/expat/expat/lib */
/* LIBS: build/expat/unit/libexpat.a */
/* <cputune> and <vcpu cpuset>: limits, lists of CPUs, and the round trip through XML. */
#include "hv/lib/test/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hv/lib/error.h"
#include "hv/manage/cpu_list.h"
#include "hv/manage/domain_xml.h"

START_TEST(lists_of_cpus)
{
	static const struct {
		const char *text, *written;
		int code;
	} rows[] = {
		{ "0", "0", OK },         { "0-3", "0-3", OK },         { "0-3,^2", "0-1,3", OK }, { "7,1-2,3", "1-3,7", OK },
		{ "255", "255", OK },     { "256", "", ERR_RANGE },     { "", "", ERR_INVALID },   { "3-1", "", ERR_INVALID },
		{ "1,", "", ERR_INVALID }, { "1,,2", "", ERR_INVALID },  { "^1", "", ERR_INVALID }, { "1-", "", ERR_INVALID },
		{ "1,^1", "", ERR_INVALID }, { "a", "", ERR_INVALID },   { "0 1", "", ERR_INVALID }, { "99999999999", "", ERR_RANGE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cpu_mask mask = cpu_list_first(3), before = mask;
		char text[CPU_LIST_TEXT_MAX];

		ck_assert_msg(cpu_list_parse(&mask, rows[i].text) == rows[i].code, "%s", rows[i].text);
		if (rows[i].code) {
			ck_assert_int_eq(memcmp(&mask, &before, sizeof(mask)), 0);
			continue;
		}
		cpu_list_format(text, sizeof(text), &mask, CPU_MAX);
		ck_assert_str_eq(text, rows[i].written);
	}
}
END_TEST

START_TEST(limits_are_named_and_change_nothing)
{
	static const struct {
		enum domain_tune_number number;
		s64 value;
		const char *text; /* NULL: accepted */
	} rows[] = {
		{ DOMAIN_TUNE_SHARES, 2, NULL },
		{ DOMAIN_TUNE_SHARES, 262144, NULL },
		{ DOMAIN_TUNE_SHARES, 0, "invalid argument: value of 'cpu_shares' is out of range [2, 262144]" },
		{ DOMAIN_TUNE_SHARES, 262145, "invalid argument: value of 'cpu_shares' is out of range [2, 262144]" },
		{ DOMAIN_TUNE_SHARES, -1, "invalid argument: value of 'cpu_shares' is out of range [2, 262144]" },
		{ DOMAIN_TUNE_VCPU_PERIOD, 1000, NULL },
		{ DOMAIN_TUNE_VCPU_PERIOD, 999, "invalid argument: value of 'vcpu_period' is out of range [1000, 1000000]" },
		{ DOMAIN_TUNE_VCPU_QUOTA, -1, NULL },
		{ DOMAIN_TUNE_VCPU_QUOTA, 999,
		  "invalid argument: value of 'vcpu_quota' is out of range [1000, 17592186044415], or -1 for none" },
		{ DOMAIN_TUNE_GLOBAL_QUOTA, 17592186044416,
		  "invalid argument: value of 'global_quota' is out of range [1000, 17592186044415], or -1 for none" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct domain_tune tune = { .number = { 7, 7, 7, 7, 7, 7, 7 } };
		struct manage_error error = { 0 };

		if (!rows[i].text) {
			ck_assert_int_eq(domain_tune_set(&tune, rows[i].number, rows[i].value, &error), OK);
			ck_assert_int_eq(domain_tune_get(&tune, rows[i].number), rows[i].value);
			continue;
		}
		ck_assert_int_eq(domain_tune_set(&tune, rows[i].number, rows[i].value, &error), MANAGE_FAILED);
		ck_assert_str_eq(error.text, rows[i].text);
		ck_assert_int_eq(tune.number[rows[i].number], 7);
	}
}
END_TEST

START_TEST(what_is_written_is_read_again)
{
	static const char xml[] =
		"<domain type='kvm'><name>a</name><memory>1048576</memory><vcpu placement='static' cpuset='0-3,^1'>1</vcpu>"
		"<cputune><emulator_quota>2000</emulator_quota><vcpupin vcpu='0' cpuset='2,0'/><shares>2048</shares><quota>-1</quota>"
		"<period>50000</period><global_period>1000000</global_period><global_quota>17592186044415</global_quota>"
		"<emulator_period>1000</emulator_period><emulatorpin cpuset='1'/></cputune>"
		"<os><type>hvm</type><kernel>/solera/k</kernel></os></domain>";
	const struct domain_xml_options options = { .inactive = true };
	struct domain_config config, again;
	struct manage_error error;
	struct cpu_mask cpus;
	char *written;

	ck_assert_msg(domain_xml_parse(&config, "a.xml", xml, strlen(xml), &error) == OK, "%s", error.text);
	ck_assert_int_eq(domain_tune_get(&config.tune, DOMAIN_TUNE_SHARES), 2048);
	ck_assert_int_eq(domain_tune_get(&config.tune, DOMAIN_TUNE_VCPU_QUOTA), -1);
	ck_assert_int_eq(domain_tune_get(&config.tune, DOMAIN_TUNE_EMULATOR_QUOTA), 2000);
	cpus = domain_tune_cpus(&config.tune, 0);
	ck_assert_uint_eq(cpus.words[0], 5); /* its own pin */
	cpus = domain_tune_cpus(&config.tune, 1);
	ck_assert_uint_eq(cpus.words[0], 13); /* the cpuset */
	written = domain_xml_format(&config, &options);
	ck_assert_ptr_nonnull(written);
	ck_assert_ptr_nonnull(strstr(written, "  <vcpu placement='static' cpuset='0,2-3'>1</vcpu>\n  <cputune>\n    <shares>2048</shares>\n"
					      "    <period>50000</period>\n    <quota>-1</quota>\n"));
	ck_assert_int_eq(domain_xml_parse(&again, "a.xml", written, strlen(written), &error), OK);
	ck_assert(domain_config_equal(&config, &again));
	free(written);
	domain_config_release(&config);
	domain_config_release(&again);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("domain_tune");
	TCase *tcase = tcase_create("domain_tune");

	tcase_add_test(tcase, lists_of_cpus);
	tcase_add_test(tcase, limits_are_named_and_change_nothing);
	tcase_add_test(tcase, what_is_written_is_read_again);
	suite_add_tcase(suite, tcase);
	return suite;
}
