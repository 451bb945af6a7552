/* SPDX-License-Identifier: MIT */
/* LINK: hv/manage/domain_config.c hv/manage/domain_tune_value.c hv/manage/error.c hv/kstrdup.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
#include "hv/lib/test/unit.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/manage/domain_config.h"
#include "hv/manage/error.h"

START_TEST(uuid_text_round_trip)
{
	struct domain_uuid uuid;
	char text[DOMAIN_UUID_TEXT_SIZE];

	ck_assert_int_eq(domain_uuid_parse(&uuid, "6695EB01f6a4-8304-79aa-97f2502e193f"), OK);
	domain_uuid_format(text, &uuid);
	ck_assert_str_eq(text, "6695eb01-f6a4-8304-79aa-97f2502e193f");
	ck_assert_int_eq(domain_uuid_parse(&uuid, "6695eb01-f6a4-8304-79aa-97f2502e193"), ERR_INVALID);
	ck_assert_int_eq(domain_uuid_parse(&uuid, "6695eb01-f6a4-8304-79aa-97f2502e193f0"), ERR_INVALID);
	ck_assert_int_eq(domain_uuid_parse(&uuid, "6695eb01-f6a4-8304-79aa-97f2502e193g"), ERR_INVALID);
}
END_TEST

START_TEST(copy_is_deep_and_equal)
{
	struct domain_config a, b;

	domain_config_init(&a);
	a.name = kstrdup("demo");
	a.kernel = kstrdup("/solera/vmlinuz");
	a.timers[DOMAIN_TIMER_HPET] = DOMAIN_TIMER_NO;
	ck_assert_int_eq(domain_config_copy(&b, &a), OK);
	ck_assert(domain_config_equal(&a, &b));
	b.name[0] = 'D';
	ck_assert_str_eq(a.name, "demo");
	ck_assert(!domain_config_equal(&a, &b));
	ck_assert_str_eq(domain_file_name(a.kernel), "vmlinuz");
	domain_config_release(&a);
	domain_config_release(&b);
}
END_TEST

START_TEST(errors_are_worded_as_libvirts)
{
	struct manage_error error;

	ck_assert_int_eq(manage_fail(&error, MANAGE_ERR_OPERATION_INVALID, "domain is %s", "not running"),
			 MANAGE_FAILED);
	ck_assert_str_eq(error.text, "Requested operation is not valid: domain is not running");
	ck_assert_int_eq(manage_fail_at(&error, MANAGE_ERR_CONFIG_UNSUPPORTED, "a.xml:%d: <b>: c", 3), MANAGE_FAILED);
	ck_assert_str_eq(error.text, "a.xml:3: <b>: c");
	ck_assert_int_eq(error.code, 67);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("domain_config");
	TCase *tcase = tcase_create("domain_config");

	tcase_add_test(tcase, uuid_text_round_trip);
	tcase_add_test(tcase, copy_is_deep_and_equal);
	tcase_add_test(tcase, errors_are_worded_as_libvirts);
	suite_add_tcase(suite, tcase);
	return suite;
}
