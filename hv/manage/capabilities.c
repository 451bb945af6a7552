/* SPDX-License-Identifier: MIT */
/* See capabilities.h. Says what docs/domain-xml.md says, in libvirt's schema. */
#include "hv/manage/capabilities.h"
#include "hv/manage/domain_config.h"
#include "hv/manage/host.h"
#include "hv/manage/text.h"

static void topology(struct text *to)
{
	struct host_node node;

	host_node(&node);
	text_append(to, "    <topology>\n      <cells num='1'>\n        <cell id='0'>\n          <memory unit='KiB'>%llu</memory>\n"
		    "          <cpus num='%u'>\n", (unsigned long long)node.memory_kib, node.cpus);
	for (u32 i = 0; i < node.cpus; i++)
		text_append(to, "            <cpu id='%u'/>\n", i);
	text_append(to, "          </cpus>\n        </cell>\n      </cells>\n    </topology>\n");
}

char *host_capabilities(void)
{
	struct text to;

	text_init(&to);
	text_append(&to, "<capabilities>\n\n  <host>\n    <cpu>\n      <arch>x86_64</arch>\n    </cpu>\n"
		    "    <power_management/>\n    <iommu support='no'/>\n");
	topology(&to);
	text_append(&to, "  </host>\n\n  <guest>\n    <os_type>hvm</os_type>\n    <arch name='x86_64'>\n"
		    "      <wordsize>64</wordsize>\n      <machine maxCpus='%d'>q35</machine>\n      <domain type='kvm'/>\n    </arch>\n"
		    "    <features>\n      <acpi default='off' toggle='yes'/>\n      <apic default='on' toggle='no'/>\n    </features>\n"
		    "  </guest>\n\n</capabilities>\n", DOMAIN_VCPUS_MAX);
	return text_take(&to);
}

char *host_domain_capabilities(void)
{
	struct text to;

	text_init(&to);
	text_append(&to, "<domainCapabilities>\n  <path>/solera</path>\n  <domain>kvm</domain>\n  <machine>q35</machine>\n"
		    "  <arch>x86_64</arch>\n  <vcpu max='%d'/>\n  <iothreads supported='no'/>\n"
		    "  <os supported='yes'>\n    <loader supported='no'/>\n  </os>\n", DOMAIN_VCPUS_MAX);
	text_append(&to, "  <cpu>\n    <mode name='host-passthrough' supported='yes'/>\n    <mode name='maximum' supported='no'/>\n"
		    "    <mode name='host-model' supported='yes'/>\n    <mode name='custom' supported='no'/>\n  </cpu>\n");
	text_append(&to, "  <devices>\n    <disk supported='no'/>\n    <graphics supported='no'/>\n    <video supported='no'/>\n"
		    "    <hostdev supported='no'/>\n  </devices>\n  <features>\n    <gic supported='no'/>\n  </features>\n"
		    "</domainCapabilities>\n");
	return text_take(&to);
}
