/* SPDX-License-Identifier: MIT */
/* Choosing a backend at start-up (hv/virt_start.h). */
#include "hv/virt_start.h"
#include "hv/lib/error.h"
#include "hv/lib/lock.h"
#include "hv/lib/log.h"
#include "hv/msr_policy.h"

const struct virt_ops *virt_ops;
struct virt_features virt_features;

static int enable(const struct virt_ops *ops)
{
	u64 flags;
	int result = ops->prepare(ops->msr_map_layout == MSR_MAP_VMX ? msr_policy_fill_vmx : msr_policy_fill_svm);

	if (result)
		return result;
	flags = irq_save();
	result = ops->cpu_enable();
	irq_restore(flags);
	return result;
}

void virt_start(const struct virt_ops *const *candidates, unsigned count)
{
	const char *why = NULL;

	for (unsigned i = 0; i < count; i++) {
		if (candidates[i]->probe(&virt_features, &why)) {
			log_debug("%s: %s", candidates[i]->name, why ? why : "not here");
			continue;
		}
		if (enable(candidates[i])) {
			log_error("%s: could not be enabled", virt_features.name);
			return;
		}
		virt_ops = candidates[i];
		log_info("%s: %u address-space identifiers%s%s%s%s", virt_features.name, virt_features.asid_count,
			 virt_features.next_rip ? ", next RIP" : "", virt_features.decode_assists ? ", decode assists" : "",
			 virt_features.flush_by_asid ? ", flush by ASID" : "", virt_features.pause_filter ? ", pause filter" : "");
		return;
	}
}
