/* SPDX-License-Identifier: MIT */
/* LINK: hv/guest_walk.c */
/* Page tables made by hand in a small memory; the permission rules against a second statement of them. */
#include <string.h>
#include "hv/guest_walk.h"
#include "hv/lib/test/unit.h"

#define MEMORY 0x10000u
static u8 memory[MEMORY];
static unsigned reads, races;

static int read_memory(void *context, gpa_t address, unsigned size, u64 *entry)
{
	(void)context;
	reads++;
	if (address.value > MEMORY - size)
		return ERR_FAULT;
	memcpy(entry, &memory[address.value], size);
	return OK;
}

static int set_bits(void *context, gpa_t address, unsigned size, u64 old, u64 bits)
{
	u64 now = 0;

	(void)context;
	ck_assert_uint_le(address.value, MEMORY - size);
	if (races) {
		races--;
		memory[address.value + 1] ^= 2; /* an ignored bit changes under us */
	}
	memcpy(&now, &memory[address.value], size);
	if (now != old)
		return ERR_BUSY;
	now |= bits;
	memcpy(&memory[address.value], &now, size);
	return OK;
}

static int read_later(void *context, gpa_t address, unsigned size, u64 *entry)
{
	(void)context, (void)address, (void)size, (void)entry;
	return ERR_AGAIN;
}

static const struct guest_walk_ops ops = { read_memory, set_bits }, looking = { read_memory, NULL };
static const struct guest_walk_ops later = { read_later, set_bits };

static void put(u32 address, u64 entry, unsigned size) { memcpy(&memory[address], &entry, size); }
static u64 get(u32 address) { u64 entry; memcpy(&entry, &memory[address], 8); return entry; }

#define PG BIT64(31)
#define WP BIT64(16)
#define PAE BIT64(5)
#define LMA BIT64(10)
#define NXE BIT64(11)
#define NX BIT64(63)
#define ALL 7ull

static struct guest_paging long_mode(void)
{
	return (struct guest_paging){ .cr0 = PG | WP, .cr3 = 0x1000, .cr4 = PAE, .efer = LMA | NXE, .physical_bits = 40, .gib_pages = true };
}

/* PML4 at 1000, PDPT at 2000, PD at 3000, PT at 4000; the indexes are 1, 2, 2, 3. */
#define LINEAR 0x0000008080403abcull
static void long_tables(u64 leaf)
{
	memset(memory, 0, sizeof(memory));
	put(0x1000 + 8 * 1, 0x2000 | ALL, 8);
	put(0x2000 + 8 * 2, 0x3000 | ALL, 8);
	put(0x3000 + 8 * 2, 0x4000 | ALL, 8);
	put(0x4000 + 8 * 3, leaf, 8);
}

START_TEST(no_paging)
{
	struct guest_paging paging = { .cr0 = 0 };
	struct guest_walk walk;

	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, 0x123456789, GUEST_WRITE, &walk), OK);
	ck_assert_uint_eq(walk.gpa.value, 0x23456789);
}
END_TEST

START_TEST(four_levels_and_accessed_dirty)
{
	struct guest_paging paging = long_mode();
	struct guest_walk walk;

	long_tables(0x55000 | ALL);
	ck_assert_int_eq(guest_walk(&paging, &looking, NULL, LINEAR, GUEST_READ, &walk), OK);
	ck_assert_uint_eq(walk.gpa.value, 0x55abc);
	ck_assert_uint_eq(get(0x4018), 0x55007);
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_READ, &walk), OK);
	ck_assert_uint_eq(get(0x4018), 0x55027);
	ck_assert_uint_eq(get(0x1008), 0x2027);
	ck_assert(!walk.dirty);
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_WRITE, &walk), OK);
	ck_assert_uint_eq(get(0x4018), 0x55067);
	ck_assert_uint_eq(get(0x3010), 0x4027);
	ck_assert(walk.dirty);
	ck_assert_uint_eq(walk.step_count, 4);
	ck_assert_uint_eq(walk.steps[3].address.value, 0x4018);
	reads = 0;
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_WRITE, &walk), OK);
	ck_assert_uint_eq(reads, 4);
	/* a denied write sets nothing */
	long_tables(0x55000 | 5);
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_WRITE, &walk), ERR_FAULT);
	ck_assert_uint_eq(walk.error_code, PF_PRESENT | PF_WRITE);
	ck_assert_uint_eq(get(0x4018), 0x55005);
}
END_TEST

START_TEST(sizes_and_formats)
{
	struct guest_paging paging = long_mode();
	struct guest_walk walk;

	long_tables(0);
	put(0x3010, 0x40000000 | ALL | 0x80, 8); /* 2 MiB */
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_READ, &walk), OK);
	ck_assert_uint_eq(walk.gpa.value, 0x40000000 | (LINEAR & 0x1fffff));
	ck_assert_uint_eq(walk.page_bytes, 2 * MIB);
	put(0x3010, 0x40002000 | ALL | 0x80, 8); /* reserved bit 13 */
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_READ | GUEST_USER, &walk), ERR_FAULT);
	ck_assert_uint_eq(walk.error_code, PF_PRESENT | PF_RESERVED | PF_USER);
	put(0x2010, 0x80000000 | ALL | 0x80, 8); /* 1 GiB */
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_READ, &walk), OK);
	ck_assert_uint_eq(walk.gpa.value, 0x80000000 | (LINEAR & 0x3fffffff));
	paging.gib_pages = false;
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_READ, &walk), ERR_FAULT);
	ck_assert_uint_eq(walk.error_code, PF_PRESENT | PF_RESERVED);

	paging = long_mode(); /* 5 levels: PML5 at 5000 */
	long_tables(0x55000 | ALL);
	put(0x5000 + 8 * 3, 0x1000 | ALL, 8);
	paging.cr3 = 0x5000;
	paging.cr4 |= BIT64(12);
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR | 3ull << 48, GUEST_READ, &walk), OK);
	ck_assert_uint_eq(walk.gpa.value, 0x55abc);
	ck_assert_str_eq(guest_paging_name(&paging), "5-level");
	ck_assert_uint_eq(guest_linear_bits(&paging), 57);

	paging = (struct guest_paging){ .cr0 = PG, .cr3 = 0x1000, .physical_bits = 40 }; /* 32-bit */
	memset(memory, 0, sizeof(memory));
	put(0x1000 + 4 * 0x3ff, 0x2000 | ALL, 4);
	put(0x2000 + 4 * 5, 0xfffff000 | ALL, 4);
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, 0xffc05123, GUEST_READ, &walk), OK);
	ck_assert_uint_eq(walk.gpa.value, 0xfffff123);
	put(0x1000 + 4 * 1, 0x00c00000 | ALL | 0x80 | 0x12 << 13, 4);
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, 0x00412345, GUEST_READ, &walk), OK); /* no PSE: a table where nobody answers */
	ck_assert_uint_eq(walk.gpa.value, 0xfffff345);
	paging.cr4 = BIT64(4);
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, 0x00412345, GUEST_READ, &walk), OK);
	ck_assert_uint_eq(walk.gpa.value, 0x1200c12345ull);
	put(0x1000 + 4 * 1, 0x00e00000 | ALL | 0x80, 4); /* bit 21 */
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, 0x00412345, GUEST_READ, &walk), ERR_FAULT);
	ck_assert_uint_eq(walk.error_code, PF_PRESENT | PF_RESERVED);

	paging = (struct guest_paging){ .cr0 = PG, .cr3 = 0x1020, .cr4 = PAE, .efer = NXE, .physical_bits = 40 };
	memset(memory, 0, sizeof(memory));
	put(0x1020 + 8 * 3, 0x2000 | 1, 8);
	put(0x2000 + 8 * 511, 0x3000 | ALL, 8);
	put(0x3000 + 8 * 511, 0xff00000000 | NX | ALL, 8);
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, 0xffffffffull, GUEST_WRITE | GUEST_USER, &walk), OK);
	ck_assert_uint_eq(walk.gpa.value, 0xff00000fff);
	ck_assert_uint_eq(get(0x1038), 0x2001); /* a PDPTE has no accessed bit */
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, 0xffffffffull, GUEST_FETCH, &walk), ERR_FAULT);
	ck_assert_uint_eq(walk.error_code, PF_PRESENT | PF_FETCH);
	put(0x1038, 0x2003, 8); /* reserved in a PDPTE */
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, 0xffffffffull, GUEST_READ, &walk), ERR_FAULT);
	ck_assert_uint_eq(walk.error_code, PF_PRESENT | PF_RESERVED);
	u64 loaded[4] = { 0, 0, 0, 0x2001 };
	paging.pdptes = loaded;
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, 0xffffffffull, GUEST_READ, &walk), OK);
}
END_TEST

START_TEST(reserved_bits_of_long_mode)
{
	struct guest_paging paging = long_mode();
	struct guest_walk walk;

	for (unsigned bit = 0; bit < 64; bit++) {
		bool bad = bit >= 40 && bit < 52;

		long_tables(0x55000 | ALL | BIT64(bit));
		ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_READ, &walk), bad ? ERR_FAULT : OK);
		long_tables(0x55000 | ALL);
		put(0x1008, 0x2000 | ALL | BIT64(bit), 8);
		bad = bad || bit == 7; /* PS in a PML4E */
		int result = guest_walk(&paging, &looking, NULL, LINEAR, GUEST_READ, &walk);
		if (bad)
			ck_assert_uint_eq(walk.error_code, PF_PRESENT | PF_RESERVED);
		if (bit < 12 || bit >= 40)
			ck_assert_int_eq(result, bad ? ERR_FAULT : OK);
	}
	paging.efer = LMA;
	long_tables(0x55000 | ALL | NX);
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_FETCH, &walk), ERR_FAULT);
	ck_assert_uint_eq(walk.error_code, PF_PRESENT | PF_RESERVED); /* no I bit: neither NXE nor SMEP */
}
END_TEST

/* The rules once more, as sentences: what a person reads in SDM vol. 3, "Determination of Access Rights". */
static bool allowed(u64 p, unsigned access, bool wp, bool smep, bool smap, bool ac)
{
	bool user_page = p & 4, writable = p & 2, nx = p & NX;

	if (access & GUEST_FETCH && nx)
		return false;
	if (access & GUEST_USER)
		return user_page && (writable || !(access & GUEST_WRITE));
	if (access & GUEST_FETCH)
		return !(smep && user_page);
	if (smap && user_page && !ac)
		return false;
	return writable || !(access & GUEST_WRITE) || !wp;
}

START_TEST(permissions_of_two_levels)
{
	static const unsigned accesses[] = { 0, GUEST_WRITE, GUEST_FETCH, GUEST_USER, GUEST_USER | GUEST_WRITE, GUEST_USER | GUEST_FETCH };
	struct guest_paging paging = long_mode();
	struct guest_walk walk;

	for (unsigned i = 0; i < 64 * 16; i++) {
		u64 upper = 1 | (i & 3) << 1 | (i & 4 ? NX : 0), leaf = 1 | (i >> 3 & 3) << 1 | (i & 32 ? NX : 0);
		bool wp = i & 64, smep = i & 128, smap = i & 256, ac = i & 512;
		u64 both = (upper & leaf & 6) | ((upper | leaf) & NX);

		paging.cr0 = PG | (wp ? WP : 0);
		paging.cr4 = PAE | (smep ? BIT64(20) : 0) | (smap ? BIT64(21) : 0);
		paging.rflags = ac ? BIT64(18) : 0;
		for (size_t a = 0; a < ARRAY_SIZE(accesses); a++) {
			long_tables(0x55000 | leaf);
			put(0x2010, 0x3000 | upper, 8);
			int result = guest_walk(&paging, &ops, NULL, LINEAR, accesses[a], &walk);
			bool may = allowed(both, accesses[a], wp, smep, smap, ac);
			ck_assert_int_eq(result, may ? OK : ERR_FAULT);
			if (!may)
				ck_assert_uint_eq(walk.error_code, PF_PRESENT | accesses[a]);
		}
	}
	paging.rflags = BIT64(18); /* implicit accesses do not care about AC */
	paging.cr4 |= BIT64(21);
	long_tables(0x55000 | ALL);
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_IMPLICIT | GUEST_USER, &walk), ERR_FAULT);
	ck_assert_uint_eq(walk.error_code, PF_PRESENT);
}
END_TEST

START_TEST(protection_keys)
{
	struct guest_paging paging = long_mode();
	struct guest_walk walk;

	paging.cr4 |= BIT64(22);
	long_tables(0x55000 | ALL | 5ull << 59);
	paging.pkru = 1u << 10; /* key 5: no access */
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_USER, &walk), ERR_FAULT);
	ck_assert_uint_eq(walk.error_code, PF_PRESENT | PF_KEY | PF_USER);
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_USER | GUEST_FETCH, &walk), OK);
	paging.pkru = 2u << 10; /* no writes */
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_USER, &walk), OK);
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_WRITE, &walk), ERR_FAULT);
	paging.cr0 = PG;
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_WRITE, &walk), OK);
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_WRITE | GUEST_USER, &walk), ERR_FAULT);
	long_tables(0x55000 | 3 | 5ull << 59); /* a supervisor page has no key */
	paging.pkru = 3u << 10;
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_WRITE, &walk), OK);
}
END_TEST

START_TEST(hostile_tables)
{
	struct guest_paging paging = long_mode();
	struct guest_walk walk;

	long_tables(0x55000 | ALL);
	paging.cr3 = 0xffffffffff000; /* outside: all ones, so reserved bits */
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_READ, &walk), ERR_FAULT);
	ck_assert_uint_eq(walk.error_code, PF_PRESENT | PF_RESERVED);
	paging.cr3 = 0x1000;
	put(0x1008, 0x1000 | ALL, 8); /* the root is its own child and its own page */
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, 0x8040201000ull | 0x10, GUEST_WRITE, &walk), OK);
	ck_assert_uint_eq(walk.gpa.value, 0x1010);
	ck_assert_int_eq(guest_walk(&paging, &later, NULL, LINEAR, GUEST_READ, &walk), ERR_AGAIN);
	long_tables(0x55000 | ALL);
	races = 2; /* lost races start again ... */
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_WRITE, &walk), OK);
	long_tables(0x55000 | ALL);
	races = 1000; /* ... but not for ever */
	ck_assert_int_eq(guest_walk(&paging, &ops, NULL, LINEAR, GUEST_WRITE, &walk), ERR_AGAIN);
	races = 0;
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("guest_walk");
	TCase *tcase = tcase_create("walk");

	tcase_add_test(tcase, no_paging);
	tcase_add_test(tcase, four_levels_and_accessed_dirty);
	tcase_add_test(tcase, sizes_and_formats);
	tcase_add_test(tcase, reserved_bits_of_long_mode);
	tcase_add_test(tcase, permissions_of_two_levels);
	tcase_add_test(tcase, protection_keys);
	tcase_add_test(tcase, hostile_tables);
	suite_add_tcase(suite, tcase);
	return suite;
}
