/* SPDX-License-Identifier: MIT */
/*
 * The verdicts of virt-host-validate. Tables say which bit of which word stands for what; the few things that are not
 * one bit have a function. What a backend cannot do without is FAIL here, so keep this in step with svm_probe
 * (arch/svm/svm_init.c) and vmx_controls (arch/vmx/vmx_controls.c).
 * APM vol. 3, "Function 8000_000Ah — SVM Features" (E.4.9); APM vol. 2, "VM_CR MSR" (15.30.1); SDM vol. 3, "VMX Capability
 * Reporting Facility" (appendix A), "Enabling and Entering VMX Operation" (23.7).
 */
#include "hv/manage/host_validate.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"

#define CPUID_1_UNDER_HYPERVISOR BIT64(31)
#define VM_CR_SVMDIS BIT64(4)
#define FEATURE_CONTROL_LOCK BIT64(0)
#define FEATURE_CONTROL_VMXON BIT64(2)
#define MEMORY_ADVISED_KIB (1024ull * 1024)

struct list {
	struct host_check *checks;
	u32 count, capacity;
};

/* PASS when all bits of mask are there. */
struct row {
	const char *text;
	enum virt_word word;
	u64 mask;
	enum host_verdict missing;
	const char *remedy;
};

static const struct row svm_rows[] = {
	{ "for nested paging (NPT)", WORD_SVM_EDX, BIT64(0), HOST_FAIL, "this CPU's AMD-V is too old for Solera" },
	{ "for the next-RIP field", WORD_SVM_EDX, BIT64(3), HOST_WARN,
	  "instructions that exit are measured in software: exits cost more" },
	{ "for decode assists", WORD_SVM_EDX, BIT64(7), HOST_WARN, "accesses to devices are decoded in software: they cost more" },
	{ "for TLB flush by ASID", WORD_SVM_EDX, BIT64(6), HOST_WARN, "a domain's flush takes a new ASID, now and then a full flush" },
	{ "for VMCB clean bits", WORD_SVM_EDX, BIT64(5), HOST_WARN, "each entry loads the whole VMCB" },
	{ "for pause filter and threshold", WORD_SVM_EDX, BIT64(10) | BIT64(12), HOST_WARN,
	  "a guest that waits for a lock is noticed only at the end of its time slice" },
	{ "for virtual interrupts (AVIC)", WORD_SVM_EDX, BIT64(13), HOST_WARN, "interrupts to guests cost exits" },
};

static const struct row vmx_rows[] = {
	{ "for extended page tables (EPT)", WORD_VMX_SECONDARY, BIT64(33), HOST_FAIL, "this CPU's VT-x is too old for Solera" },
	{ "for EPT with four levels and write-back memory", WORD_VMX_EPT_VPID, BIT64(6) | BIT64(14), HOST_FAIL,
	  "this CPU's EPT does not offer what Solera needs" },
	{ "for unrestricted guests", WORD_VMX_SECONDARY, BIT64(39), HOST_FAIL,
	  "this CPU cannot run guests in real mode: Solera needs a later one" },
	{ "for EPT accessed and dirty bits", WORD_VMX_EPT_VPID, BIT64(21), HOST_WARN,
	  "memory that guests change is found by write protection: snapshots and migration cost more" },
	{ "for EPT pages of 2 MiB", WORD_VMX_EPT_VPID, BIT64(16), HOST_WARN, "guests' memory is mapped in 4 KiB pages: slower" },
	{ "for virtual processor identifiers (VPID)", WORD_VMX_SECONDARY, BIT64(37), HOST_WARN,
	  "each entry and exit flushes the TLB" },
	{ "for INVVPID of one context", WORD_VMX_EPT_VPID, BIT64(32) | BIT64(41), HOST_WARN, "flushes reach further than needed" },
	{ "for the VMX preemption timer", WORD_VMX_PIN, BIT64(38), HOST_WARN, "guests' timers cost host interrupts" },
	{ "for PAUSE-loop exits", WORD_VMX_SECONDARY, BIT64(42), HOST_WARN,
	  "a guest that waits for a lock is noticed only at the end of its time slice" },
	{ "for APIC virtualisation", WORD_VMX_SECONDARY, BIT64(40) | BIT64(41), HOST_WARN, "interrupts to guests cost exits" },
	{ "for posted interrupts", WORD_VMX_PIN, BIT64(39), HOST_WARN, "interrupts to running guests cost exits" },
};

static const struct row common_rows[] = {
	{ "for pages that are not executable (NX)", WORD_CPUID_EXT1_EDX, BIT64(20), HOST_WARN,
	  "enable Execute Disable (NX, XD) in the firmware's CPU settings" },
	{ "for pages of 1 GiB", WORD_CPUID_EXT1_EDX, BIT64(26), HOST_WARN, "large memory is mapped in 2 MiB pieces" },
	{ "for an invariant time-stamp counter", WORD_CPUID_EXT7_EDX, BIT64(8), HOST_WARN,
	  "guests' clocks may drift when the CPU changes its speed" },
	{ "for the x2APIC", WORD_CPUID_1_ECX, BIT64(21), HOST_WARN, "more than 255 CPUs cannot be used, and interrupts cost more" },
	{ "for the TSC-deadline timer", WORD_CPUID_1_ECX, BIT64(24), HOST_WARN, "timers are set through the APIC's slower counter" },
};

static struct host_check *check_new(struct list *list, const char *text, enum host_verdict verdict)
{
	struct host_check *check = &list->checks[list->count];


	if (list->count < list->capacity - 1) /* a full list loses its last line: units see to it that none is full */
		list->count++;
	string_copy(check->text, text, sizeof(check->text));
	check->remedy[0] = '\0';
	check->verdict = verdict;
	return check;
}

static void check_add(struct list *list, const char *text, enum host_verdict verdict, const char *remedy)
{
	string_copy(check_new(list, text, verdict)->remedy, verdict == HOST_PASS ? "" : remedy, HOST_CHECK_REMEDY_MAX);
}

static void rows_check(struct list *list, const struct virt_words *words, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool there = (words->word[rows[i].word] & rows[i].mask) == rows[i].mask;

		check_add(list, rows[i].text, there ? HOST_PASS : rows[i].missing, rows[i].remedy);
	}
}

static bool has_svm(const struct virt_words *words)
{
	return words->word[WORD_CPUID_EXT1_ECX] & BIT64(2);
}

static bool has_vmx(const struct virt_words *words)
{
	return words->word[WORD_CPUID_1_ECX] & BIT64(5);
}

static void hardware_check(struct list *list, const struct virt_words *words)
{
	const char *remedy;

	if (words->word[WORD_CPUID_1_ECX] & CPUID_1_UNDER_HYPERVISOR)
		remedy = "this machine is itself a guest without nested virtualization: enable it there "
			 "(KVM: nested=1 and -cpu host; plain QEMU: -cpu EPYC)";
	else if (words->vendor == CPU_VENDOR_AMD)
		remedy = "this CPU shows no AMD-V (SVM): enable SVM Mode in the firmware's CPU settings, if the CPU has it";
	else if (words->vendor == CPU_VENDOR_INTEL)
		remedy = "this CPU shows no VT-x (VMX): enable Intel Virtualization Technology in the firmware's CPU settings, "
			 "if the CPU has it";
	else
		remedy = "only AMD-V (SVM) and Intel VT-x (VMX) are supported";
	check_add(list, "for hardware virtualization", has_svm(words) || has_vmx(words) ? HOST_PASS : HOST_FAIL, remedy);
}

static void svm_check(struct list *list, const struct virt_words *words)
{
	u64 asids = words->word[WORD_SVM_EBX];
	struct host_check *check;

	check_add(list, "if the firmware leaves SVM enabled", words->word[WORD_VM_CR] & VM_CR_SVMDIS ? HOST_FAIL : HOST_PASS,
		  "SVM is disabled by the firmware: enable SVM Mode in the CPU settings");
	check = check_new(list, "for address space identifiers (ASIDs)",
			  asids < 2 ? HOST_FAIL : asids < 16 ? HOST_WARN : HOST_PASS);
	if (asids < 2)
		string_copy(check->remedy, "this CPU offers none for guests", sizeof(check->remedy));
	else if (asids < 16)
		format(check->remedy, sizeof(check->remedy), "only %llu: domains share them, which costs TLB flushes",
		       (unsigned long long)asids);
	rows_check(list, words, svm_rows, ARRAY_SIZE(svm_rows));
}

static void vmx_check(struct list *list, const struct virt_words *words)
{
	u64 control = words->word[WORD_FEATURE_CONTROL];
	bool off = (control & FEATURE_CONTROL_LOCK) && !(control & FEATURE_CONTROL_VMXON);

	/* Unlocked is fine: Solera enables VMX and locks the register itself. */
	check_add(list, "if the firmware leaves VT-x enabled", off ? HOST_FAIL : HOST_PASS,
		  "VT-x is disabled by the firmware: enable Intel Virtualization Technology (VT-x) in the CPU settings");
	rows_check(list, words, vmx_rows, ARRAY_SIZE(vmx_rows));
}

static void iommu_check(struct list *list, const struct virt_words *words, const struct host_facts *facts)
{
	bool amd = words->vendor == CPU_VENDOR_AMD, there = facts->dmar || facts->ivrs;
	const char *remedy = !facts->acpi ? "no ACPI tables, so none is known: devices cannot be given to domains" :
			     amd	  ? "no ACPI IVRS table: enable the IOMMU (AMD-Vi) in the firmware to give devices to domains" :
					    "no ACPI DMAR table: enable VT-d in the firmware to give devices to domains";

	check_add(list, "for device assignment IOMMU support", there ? HOST_PASS : HOST_WARN, remedy);
	if (facts->dmar)
		check_add(list, "for interrupt remapping", facts->interrupt_remapping ? HOST_PASS : HOST_WARN,
			  "a device given to a domain could send false interrupts: enable interrupt remapping in the firmware");
}

static void memory_check(struct list *list, const struct host_facts *facts)
{
	bool enough = facts->memory_kib >= MEMORY_ADVISED_KIB * 15 / 16; /* firmware keeps some of a full GiB */
	struct host_check *check = check_new(list, "for memory", enough ? HOST_PASS : HOST_WARN);

	if (!enough)
		format(check->remedy, sizeof(check->remedy), "%llu MiB leave little room for domains",
		       (unsigned long long)(facts->memory_kib / 1024));
}

/* What decides whether domains can run. */
static void virtualisation_check(struct list *list, const struct virt_words *words)
{
	hardware_check(list, words);
	if (has_svm(words))
		svm_check(list, words);
	else if (has_vmx(words))
		vmx_check(list, words);
}

u32 host_validate(const struct virt_words *words, const struct host_facts *facts, struct host_check checks[HOST_CHECKS_MAX])
{
	struct list list = { checks, 0, HOST_CHECKS_MAX };

	virtualisation_check(&list, words);
	rows_check(&list, words, common_rows, ARRAY_SIZE(common_rows));
	iommu_check(&list, words, facts);
	memory_check(&list, facts);
	return list.count;
}

bool host_validate_usable(const struct virt_words *words, char *line, size_t size_bytes)
{
	struct host_check checks[16]; /* on a boot stack: not the whole list */
	struct list list = { checks, 0, ARRAY_SIZE(checks) };

	virtualisation_check(&list, words);
	for (u32 i = 0; i < list.count; i++)
		if (checks[i].verdict == HOST_FAIL) {
			format(line, size_bytes, "domains cannot run here: %s", checks[i].remedy);
			return false;
		}
	return true;
}

static struct host_facts host_facts; /* (c) after host_validate_init */

void host_validate_init(const struct host_facts *facts)
{
	host_facts = *facts;
}

u32 host_validate_here(struct host_check checks[HOST_CHECKS_MAX])
{
	struct virt_words words;

	virt_words_read(&words);
	return host_validate(&words, &host_facts, checks);
}
