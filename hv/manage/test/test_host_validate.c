/* SPDX-License-Identifier: MIT */
/* LINK: hv/manage/host_validate.c hv/lib/format.c hv/lib/string.c hv/lib/test/log_stderr.c */
/* Verdicts on CPUs of both vendors, by table: real ones' words (QEMU's EPYC, Bochs's Haswell…), and broken ones. */
#include "hv/lib/test/unit.h"
#include <string.h>
#include "hv/manage/host_validate.h"

void virt_words_read(struct virt_words *words) { memset(words, 0, sizeof(*words)); }

#define SVM BIT64(2)
#define VMX BIT64(5)
#define GUEST BIT64(31)
#define MAY(bit) BIT64(32 + (bit))
#define HASWELL_SECONDARY (MAY(1) | MAY(5) | MAY(7) | MAY(8) | MAY(9) | MAY(10))
#define HASWELL_EPT (BIT64(6) | BIT64(14) | BIT64(16) | BIT64(17) | BIT64(21) | BIT64(32) | BIT64(41))

static const struct virt_words qemu_epyc = { CPU_VENDOR_AMD, {
	[WORD_CPUID_1_ECX] = GUEST, [WORD_CPUID_EXT1_ECX] = SVM, [WORD_CPUID_EXT1_EDX] = BIT64(20) | BIT64(26),
	[WORD_SVM_EBX] = 16, [WORD_SVM_EDX] = 1 }, 0 };
static const struct virt_words zen = { CPU_VENDOR_AMD, {
	[WORD_CPUID_1_ECX] = BIT64(21) | BIT64(24), [WORD_CPUID_EXT1_ECX] = SVM, [WORD_CPUID_EXT1_EDX] = BIT64(20) | BIT64(26),
	[WORD_CPUID_EXT7_EDX] = BIT64(8), [WORD_SVM_EBX] = 0x8000, [WORD_SVM_EDX] = 0x1bcff }, 0 };
static const struct virt_words haswell = { CPU_VENDOR_INTEL, {
	[WORD_CPUID_1_ECX] = VMX | BIT64(21) | BIT64(24), [WORD_CPUID_EXT1_EDX] = BIT64(20) | BIT64(26),
	[WORD_CPUID_EXT7_EDX] = BIT64(8), [WORD_FEATURE_CONTROL] = 5, [WORD_VMX_PIN] = MAY(6),
	[WORD_VMX_SECONDARY] = HASWELL_SECONDARY, [WORD_VMX_EPT_VPID] = HASWELL_EPT }, 0 };

static struct host_check checks[HOST_CHECKS_MAX];
static u32 count;

static const struct host_check *find(const char *text)
{
	for (u32 i = 0; i < count; i++)
		if (strstr(checks[i].text, text))
			return &checks[i];
	ck_abort_msg("no check %s", text);
	return NULL;
}

static void judge(const struct virt_words *words, const struct host_facts *facts)
{
	static const struct host_facts good = { true, true, true, true, 4 * MIB };

	count = host_validate(words, facts ? facts : &good, checks);
	for (u32 i = 0; i < count; i++)
		ck_assert_msg((checks[i].verdict == HOST_PASS) == !checks[i].remedy[0], "%s", checks[i].text);
}

static u32 verdicts(enum host_verdict verdict)
{
	u32 n = 0;

	for (u32 i = 0; i < count; i++)
		n += checks[i].verdict == verdict;
	return n;
}

START_TEST(good_cpus)
{
	char line[256];

	judge(&zen, NULL);
	ck_assert_uint_eq(verdicts(HOST_FAIL) + verdicts(HOST_WARN), 0);
	judge(&haswell, NULL);
	ck_assert_uint_eq(verdicts(HOST_FAIL), 0);
	ck_assert_uint_eq(verdicts(HOST_WARN), 1);
	ck_assert_int_eq(find("posted")->verdict, HOST_WARN);
	judge(&qemu_epyc, NULL);
	ck_assert_uint_eq(verdicts(HOST_FAIL), 0);
	ck_assert_int_eq(find("ASIDs")->verdict, HOST_PASS);
	ck_assert_int_eq(find("next-RIP")->verdict, HOST_WARN);
	ck_assert_int_eq(find("x2APIC")->verdict, HOST_WARN);
	ck_assert(host_validate_usable(&qemu_epyc, line, sizeof(line)));
	ck_assert(host_validate_usable(&haswell, line, sizeof(line)));
}
END_TEST

START_TEST(what_stops_domains)
{
	static const struct {
		const struct virt_words *base;
		enum virt_word word;
		u64 clear, set;
		const char *check, *line;
	} rows[] = {
		{ &zen, WORD_VM_CR, 0, 0x18, "leaves SVM", "domains cannot run here: SVM is disabled by the firmware: enable SVM Mode in the CPU settings" },
		{ &zen, WORD_VM_CR, 0, 0x10, "leaves SVM", "SVM Mode" },
		{ &zen, WORD_SVM_EDX, 1, 0, "NPT", "too old" },
		{ &zen, WORD_SVM_EBX, 0xffff, 1, "ASIDs", "offers none" },
		{ &zen, WORD_CPUID_EXT1_ECX, SVM, 0, "hardware", "no AMD-V (SVM)" },
		{ &qemu_epyc, WORD_CPUID_EXT1_ECX, SVM, 0, "hardware", "nested virtualization" },
		{ &haswell, WORD_FEATURE_CONTROL, 4, 0, "leaves VT-x", "VT-x is disabled by the firmware" },
		{ &haswell, WORD_CPUID_1_ECX, VMX, 0, "hardware", "no VT-x (VMX)" },
		{ &haswell, WORD_VMX_SECONDARY, MAY(1), 0, "(EPT)", "too old" },
		{ &haswell, WORD_VMX_SECONDARY, MAY(7), 0, "unrestricted", "real mode" },
		{ &haswell, WORD_VMX_EPT_VPID, BIT64(14), 0, "write-back", "EPT" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct virt_words words = *rows[i].base;
		char line[256] = "";

		words.word[rows[i].word] = (words.word[rows[i].word] & ~rows[i].clear) | rows[i].set;
		judge(&words, NULL);
		ck_assert_msg(find(rows[i].check)->verdict == HOST_FAIL, "row %zu", i);
		ck_assert_uint_eq(verdicts(HOST_FAIL), 1);
		ck_assert(!host_validate_usable(&words, line, sizeof(line)));
		ck_assert_msg(strstr(line, rows[i].line) != NULL, "row %zu: %s", i, line);
	}
}
END_TEST

START_TEST(unlocked_feature_control_is_fine)
{
	struct virt_words words = haswell;
	char line[256];

	words.word[WORD_FEATURE_CONTROL] = 0; /* OVMF in Bochs */
	judge(&words, NULL);
	ck_assert_int_eq(find("leaves VT-x")->verdict, HOST_PASS);
	ck_assert(host_validate_usable(&words, line, sizeof(line)));
}
END_TEST

START_TEST(what_only_warns)
{
	static const struct { const struct virt_words *base; enum virt_word word; u64 clear; const char *check; } rows[] = {
		{ &zen, WORD_SVM_EDX, BIT64(3), "next-RIP" }, { &zen, WORD_SVM_EDX, BIT64(7), "decode" },
		{ &zen, WORD_SVM_EDX, BIT64(6), "flush by ASID" }, { &zen, WORD_SVM_EDX, BIT64(5), "clean" },
		{ &zen, WORD_SVM_EDX, BIT64(12), "pause" }, { &zen, WORD_SVM_EDX, BIT64(13), "AVIC" },
		{ &zen, WORD_CPUID_EXT7_EDX, BIT64(8), "invariant" }, { &zen, WORD_CPUID_1_ECX, BIT64(24), "TSC-deadline" },
		{ &zen, WORD_CPUID_EXT1_EDX, BIT64(20), "NX" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct virt_words words = *rows[i].base;

		words.word[rows[i].word] &= ~rows[i].clear;
		judge(&words, NULL);
		ck_assert_msg(find(rows[i].check)->verdict == HOST_WARN, "row %zu", i);
		ck_assert_uint_eq(verdicts(HOST_WARN), 1);
		ck_assert_uint_eq(verdicts(HOST_FAIL), 0);
	}
}
END_TEST

START_TEST(firmware_and_memory)
{
	judge(&zen, &(struct host_facts){ true, false, false, false, 512 * 1024 });
	ck_assert_ptr_nonnull(strstr(find("IOMMU")->remedy, "IVRS"));
	ck_assert_str_eq(find("memory")->remedy, "512 MiB leave little room for domains");
	judge(&haswell, &(struct host_facts){ true, false, false, false, 4 * MIB });
	ck_assert_ptr_nonnull(strstr(find("IOMMU")->remedy, "VT-d"));
	judge(&haswell, &(struct host_facts){ false, false, false, false, 4 * MIB });
	ck_assert_ptr_nonnull(strstr(find("IOMMU")->remedy, "no ACPI tables"));
	judge(&haswell, &(struct host_facts){ true, true, false, false, 4 * MIB });
	ck_assert_int_eq(find("remapping")->verdict, HOST_WARN);
}
END_TEST

START_TEST(a_cpu_of_nobody)
{
	static const struct virt_words nobody = { 0 };
	char line[256];

	judge(&nobody, NULL);
	ck_assert_uint_eq(verdicts(HOST_FAIL), 1);
	ck_assert(!host_validate_usable(&nobody, line, sizeof(line)));
	ck_assert_ptr_nonnull(strstr(line, "only AMD-V"));
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("host_validate");
	TCase *tcase = tcase_create("host_validate");

	tcase_add_test(tcase, good_cpus);
	tcase_add_test(tcase, what_stops_domains);
	tcase_add_test(tcase, unlocked_feature_control_is_fine);
	tcase_add_test(tcase, what_only_warns);
	tcase_add_test(tcase, firmware_and_memory);
	tcase_add_test(tcase, a_cpu_of_nobody);
	suite_add_tcase(suite, tcase);
	return suite;
}
