/* SPDX-License-Identifier: MIT */
/* LINK: hv/manage/network_xml.c hv/manage/address.c hv/manage/domain_config.c hv/manage/domain_tune_value.c hv/rtc_time.c hv/net/dhcp_server.c hv/manage/error.c hv/manage/text.c hv/manage/xml_tree.c hv/manage/xml_node.c hv/manage/xml_schema.c hv/manage/xml_entropy.c hv/kstrdup.c hv/test/random_hosted.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* CFLAGS: -Ibuild/deps/expat/expat/lib */
/* LIBS: build/expat/fuzz/libexpat.a */
/* Any bytes as network XML: refused in words, or accepted so that dump and define agree. */
#include <stdlib.h>
#include <string.h>
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/manage/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct network_config config, again;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manage_error error = { 0 };
	char *xml, *second;

	if (network_xml_parse(&config, "fuzz.xml", (const char *)data, size, &error)) {
		if (strncmp(error.text, "fuzz.xml:", 9) != 0)
			abort();
		return 0;
	}
	strcpy(config.bridge, "virbr0"); /* what define fills in */
	config.mac[0] = 2;
	xml = network_xml_format(&config);
	if (!xml || network_xml_parse(&again, "fuzz.xml", xml, strlen(xml), &error))
		abort();
	second = network_xml_format(&again);
	if (!second || strcmp(xml, second) != 0)
		abort();
	kfree(xml);
	kfree(second);
	return 0;
}
