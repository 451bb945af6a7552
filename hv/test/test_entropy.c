/* SPDX-License-Identifier: MIT */
/* LINK: hv/entropy.c */
/* The generator: RFC 8439's vectors, keys that do not stay, sources that fail. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "hv/entropy.h"
#include "arch/x86/random.h"
#include "hv/lib/error.h"

static bool seeds, rands;
static u64 next_word;

bool random_seed(u64 *value)
{
	if (seeds)
		*value = ++next_word;
	return seeds;
}

bool random_hardware(u64 *value)
{
	if (rands)
		*value = ++next_word;
	return rands;
}

/* RFC 8439, appendix A.1, test vectors 1 and 2. */
START_TEST(chacha20)
{
	static const u8 key[32], first[64] = {
		0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28,
		0xbd, 0xd2, 0x19, 0xb8, 0xa0, 0x8d, 0xed, 0x1a, 0xa8, 0x36, 0xef, 0xcc, 0x8b, 0x77, 0x0d, 0xc7,
		0xda, 0x41, 0x59, 0x7c, 0x51, 0x57, 0x48, 0x8d, 0x77, 0x24, 0xe0, 0x3f, 0xb8, 0xd8, 0x4a, 0x37,
		0x6a, 0x43, 0xb8, 0xf4, 0x15, 0x18, 0xa1, 0x1c, 0xc3, 0x87, 0xb6, 0x69, 0xb2, 0xee, 0x65, 0x86,
	}, second[16] = { 0x9f, 0x07, 0xe7, 0xbe, 0x55, 0x51, 0x38, 0x7a, 0x98, 0xba, 0x97, 0x7c, 0x73, 0x2d, 0x08, 0x0d };
	u8 block[64];

	chacha20_block(key, 0, block);
	ck_assert(memcmp(block, first, 64) == 0);
	chacha20_block(key, 1, block);
	ck_assert(memcmp(block, second, 16) == 0);
}
END_TEST

START_TEST(keys_are_replaced)
{
	struct entropy entropy = { .seeded = false }, before;
	u8 a[100], b[100], expected[64], key[32];

	seeds = true;
	next_word = 0;
	ck_assert_int_eq(entropy_bytes(&entropy, a, 100), OK);
	/* As written down: key = seed, block 0 is the next key, the bytes follow. */
	memset(key, 0, sizeof(key));
	for (unsigned i = 0; i < 4; i++)
		key[8 * i] = (u8)(i + 1);
	chacha20_block(key, 1, expected);
	ck_assert(memcmp(a, expected, 64) == 0);
	chacha20_block(key, 0, expected);
	ck_assert(memcmp(entropy.key, expected, 32) == 0);
	before = entropy;
	ck_assert_int_eq(entropy_bytes(&entropy, b, 100), OK);
	ck_assert(memcmp(a, b, 100) != 0 && memcmp(before.key, entropy.key, 32) != 0);
}
END_TEST

START_TEST(sources)
{
	struct entropy entropy = { .seeded = false };
	u8 a[32], b[32];

	seeds = rands = false;
	ck_assert(!entropy_available());
	ck_assert_int_eq(entropy_bytes(&entropy, a, 32), ERR_UNSUPPORTED);
	rands = true;
	ck_assert(entropy_available());
	ck_assert_int_eq(entropy_bytes(&entropy, a, 32), OK);
	rands = false; /* it pauses: what was seeded goes on */
	ck_assert_int_eq(entropy_bytes(&entropy, b, 32), OK);
	ck_assert(memcmp(a, b, 32) != 0);
	ck_assert_int_eq(entropy_bytes(&entropy, b, 0), OK);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("entropy");
	TCase *t = tcase_create("entropy");

	tcase_add_test(t, chacha20);
	tcase_add_test(t, keys_are_replaced);
	tcase_add_test(t, sources);
	suite_add_tcase(suite, t);
	return suite;
}
