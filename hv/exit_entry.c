/* SPDX-License-Identifier: MIT */
/*
 * An entry that was refused, by the CPU or by Solera's own check before it: which of the manual's rules is broken.
 *
 * A CPU says only that the guest's state is invalid. The backend's list of rules (arch/vmx/vmx_check.c, arch/svm/svm_check.c)
 * says which one, for the log and for the crashed machine's reason. Next to read: vmcheck in hv/shell/cmd_domain_check.c.
 */
#include "hv/exit.h"
#include "hv/lib/log.h"
#include "hv/vm.h"

#define RULES_SHOWN 8

bool vcpu_entry_is_sound(struct vcpu *vcpu)
{
	bool enter_anyhow = vcpu->enter_unsound;
	unsigned total;

	vcpu->check_due = vcpu->enter_unsound = false;
	vcpu->unsound = NULL;
	if (!virt_ops->check_entry(vcpu, &vcpu->unsound, 1, &total) || enter_anyhow)
		return true;
	vcpu->exit.kind = EXIT_ENTRY_FAILED;
	vcpu->exit.next_rip = 0;
	vcpu->exit.in_delivery = false;
	vcpu->exit.failure.code = ENTRY_NOT_TRIED;
	vcpu->exit_pending = true;
	return false;
}

/*
 * The state is looked at as the failed entry left it. Where an emulator has written the host's registers over the guest's
 * by then (QEMU's TCG does), what the check before the entry found is all that there is.
 */
enum verdict exit_entry_failed(struct vcpu *vcpu)
{
	const struct entry_rule *broken[RULES_SHOWN];
	unsigned total, count = virt_ops->check_entry(vcpu, broken, RULES_SHOWN, &total);
	u64 code = vcpu->exit.failure.code;
	bool tried = code != ENTRY_NOT_TRIED;
	const char *name = tried ? virt_ops->exit_name(code) : "it was not tried";

	if (!count && vcpu->unsound) {
		broken[0] = vcpu->unsound;
		count = 1;
	}
	for (unsigned i = 1; i < count && i < RULES_SHOWN; i++) /* the first one is the reason of the crash, which is logged */
		log_error("vCPU %u of '%s': rule %s is broken, too: %s (%s, %s)", vcpu->index, vcpu->vm->name, broken[i]->name,
			  broken[i]->text, virt_ops->manual, broken[i]->section);
	if (count)
		vm_crash(vcpu->vm, "entry into the guest %s (%s): rule %s is broken: %s (%s, %s)",
			 tried ? "failed" : "would fail", name, broken[0]->name, broken[0]->text,
			 virt_ops->manual, broken[0]->section);
	else
		vm_crash(vcpu->vm, "entry into the guest failed (%s, 0x%llx), though none of the %u rules that Solera knows is broken",
			 name, (unsigned long long)code, total);
	return VERDICT_STOP;
}
