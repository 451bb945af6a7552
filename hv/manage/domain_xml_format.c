/* SPDX-License-Identifier: MIT */
/* struct domain_config to domain XML, in libvirt's order and indentation. */
#include "hv/manage/cpu_list.h"
#include "hv/manage/domain_xml.h"
#include "hv/manage/domain_xml_sections.h"
#include "hv/manage/text.h"

static void element(struct text *to, const char *name, const char *value)
{
	text_append(to, "  <%s>", name);
	text_append_xml(to, value, false);
	text_append(to, "</%s>\n", name);
}

static void optional_element(struct text *to, const char *indent, const char *name, const char *value)
{
	if (!value)
		return;
	text_append(to, "%s", indent);
	element(to, name, value);
}

static void format_identity(struct text *to, const struct domain_config *config)
{
	char uuid[DOMAIN_UUID_TEXT_SIZE];

	element(to, "name", config->name);
	if (config->has_uuid) {
		domain_uuid_format(uuid, &config->uuid);
		element(to, "uuid", uuid);
	}
	optional_element(to, "", "title", config->title);
	optional_element(to, "", "description", config->description);
	if (!config->metadata && !config->autostart)
		return;
	text_append(to, "  <metadata>\n");
	if (config->autostart)
		text_append(to, "    <solera:autostart xmlns:solera='%s'/>\n", SOLERA_DOMAIN_NAMESPACE);
	if (config->metadata)
		text_append(to, "%s", config->metadata);
	text_append(to, "  </metadata>\n");
}

static void format_cpu(struct text *to, const struct domain_config *config)
{
	static const char *const modes[] = {
		[DOMAIN_CPU_UNSET] = "", [DOMAIN_CPU_HOST_MODEL] = " mode='host-model'",
		[DOMAIN_CPU_HOST_PASSTHROUGH] = " mode='host-passthrough'",
	};
	const struct cpu_topology *topology = &config->topology;

	if (config->cpu_mode == DOMAIN_CPU_UNSET && !topology->sockets)
		return;
	text_append(to, "  <cpu%s", modes[config->cpu_mode]);
	if (!topology->sockets) {
		text_append(to, "/>\n");
		return;
	}
	text_append(to, ">\n    <topology sockets='%u'", topology->sockets);
	if (config->topology_dies)
		text_append(to, " dies='%u'", topology->dies);
	text_append(to, " cores='%u' threads='%u'/>\n  </cpu>\n", topology->cores, topology->threads);
}

static void format_platform(struct text *to, const struct domain_config *config)
{
	text_append(to, "  <memory unit='KiB'>%llu</memory>\n", (unsigned long long)config->memory_kib);
	text_append(to, "  <currentMemory unit='KiB'>%llu</currentMemory>\n",
		    (unsigned long long)config->current_memory_kib);
	text_append(to, "  <vcpu placement='static'");
	if (!cpu_mask_empty(&config->tune.cpuset)) {
		char list[CPU_LIST_TEXT_MAX];

		cpu_list_format(list, sizeof(list), &config->tune.cpuset, CPU_MAX);
		text_append(to, " cpuset='%s'", list);
	}
	text_append(to, ">%u</vcpu>\n", config->vcpus);
	domain_xml_format_cputune(to, &config->tune);
	text_append(to, "  <os>\n    <type arch='x86_64' machine='q35'>hvm</type>\n");
	optional_element(to, "  ", "kernel", config->kernel);
	optional_element(to, "  ", "initrd", config->initrd);
	optional_element(to, "  ", "cmdline", config->cmdline);
	text_append(to, "  </os>\n");
	if (config->acpi || config->apic || config->pae)
		text_append(to, "  <features>\n%s%s%s  </features>\n", config->acpi ? "    <acpi/>\n" : "",
			    config->apic ? "    <apic/>\n" : "", config->pae ? "    <pae/>\n" : "");
	format_cpu(to, config);
}

static void format_clock(struct text *to, const struct domain_config *config)
{
	const char *offset = config->clock_offset == DOMAIN_CLOCK_UTC ? "utc" : "localtime";
	bool any = false;

	for (unsigned i = 0; i < DOMAIN_TIMER_COUNT; i++)
		any = any || config->timers[i] != DOMAIN_TIMER_UNSET;
	text_append(to, "  <clock offset='%s'%s>\n", offset, any ? "" : "/");
	for (unsigned i = 0; i < DOMAIN_TIMER_COUNT; i++) {
		if (config->timers[i] != DOMAIN_TIMER_UNSET)
			text_append(to, "    <timer name='%s' present='%s'/>\n", domain_timer_name(i),
				    config->timers[i] == DOMAIN_TIMER_YES ? "yes" : "no");
	}
	if (any)
		text_append(to, "  </clock>\n");
}

static void format_devices(struct text *to, const struct domain_config *config)
{
	if (!config->disk_count && !config->nic_count && !config->rng.present && !config->serial_count && !config->console && !config->virtio_serial &&
	    !config->virtio_scsi && !config->memballoon_none && !config->balloon.present && !config->root_port_count) {
		text_append(to, "  <devices/>\n");
		return;
	}
	text_append(to, "  <devices>\n");
	for (unsigned i = 0; i < config->disk_count; i++)
		domain_xml_format_disk(to, &config->disks[i]);
	domain_xml_format_controllers(to, config);
	for (unsigned i = 0; i < config->nic_count; i++)
		domain_xml_format_interface(to, &config->nics[i]);
	domain_xml_format_chars(to, config);
	domain_xml_format_balloon(to, config);
	if (config->rng.present)
		domain_xml_format_rng(to, &config->rng);
	text_append(to, "  </devices>\n");
}

char *domain_xml_format(const struct domain_config *config, const struct domain_xml_options *options)
{
	struct text to;

	text_init(&to);
	text_append(&to, "<domain type='kvm'");
	if (options->id && !options->inactive)
		text_append(&to, " id='%u'", options->id);
	text_append(&to, ">\n");
	format_identity(&to, config);
	format_platform(&to, config);
	format_clock(&to, config);
	element(&to, "on_poweroff", domain_lifecycle_action_name(config->on_poweroff));
	element(&to, "on_reboot", domain_lifecycle_action_name(config->on_reboot));
	element(&to, "on_crash", domain_lifecycle_action_name(config->on_crash));
	format_devices(&to, config);
	text_append(&to, "</domain>\n");
	return text_take(&to);
}
