/* SPDX-License-Identifier: MIT */
/* LINK: hv/cpu_topology.c hv/manage/domain_config.c hv/manage/error.c hv/manage/text.c hv/manage/xml_tree.c hv/manage/xml_node.c hv/manage/xml_schema.c hv/manage/xml_entropy.c hv/manage/domain_xml_parse.c hv/manage/domain_xml_tune.c hv/manage/domain_tune_value.c hv/manage/cpu_list.c hv/manage/domain_xml_platform.c hv/manage/domain_xml_devices.c hv/manage/domain_xml_char.c hv/manage/domain_xml_address.c hv/manage/domain_xml_disk.c hv/manage/domain_iotune_rules.c hv/manage/domain_xml_rng.c hv/manage/domain_xml_nic.c hv/manage/address.c hv/rtc_time.c hv/manage/domain_xml_format.c hv/kstrdup.c hv/test/random_hosted.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* CFLAGS: -Ibuild/deps/expat/expat/lib */
/* LIBS: build/expat/fuzz/libexpat.a */
/* Any bytes as domain XML: refused in words, or accepted so that dump and define agree. */
#include <stdlib.h>
#include <string.h>
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/manage/domain_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manage_error error = { 0 };
	struct domain_config config, again;
	char *xml;

	if (domain_xml_parse(&config, "fuzz.xml", (const char *)data, size, &error)) {
		if (strncmp(error.text, "fuzz.xml:", 9) != 0)
			abort();
		return 0;
	}
	xml = domain_xml_format(&config, &(struct domain_xml_options){ .id = 1 });
	if (!xml || domain_xml_parse(&again, "fuzz.xml", xml, strlen(xml), &error) || !domain_config_equal(&config, &again))
		abort();
	kfree(xml);
	domain_config_release(&config);
	domain_config_release(&again);
	return 0;
}
