/* SPDX-License-Identifier: MIT */
/*
 * Domain XML in and out: libvirt's language, the subset of docs/domain-xml.md.
 *
 * What is not in the subset is refused with file, line and element. What domain_xml_format writes passes
 * virt-xml-validate, and parsing it again gives the same configuration. Thread context.
 */
#ifndef HV_MANAGE_DOMAIN_XML_H
#define HV_MANAGE_DOMAIN_XML_H

#include "hv/manage/domain_config.h"
#include "hv/manage/error.h"

/*
 * file: the name that errors show ("demo.xml"; what was pasted is "(domain_definition)", as libvirt calls it).
 * *config is initialised here; on failure it holds nothing.
 */
MUST_CHECK int domain_xml_parse(struct domain_config *config, const char *file, const char *xml, size_t size,
				struct manage_error *error);

/*
 * A <disk> by itself, added to a configuration that is whole. With assign it has a place on PCI bus 0 afterwards, unless it says which;
 * without, slot and bus stay 0 then. On failure the configuration is as before.
 */
MUST_CHECK int domain_xml_parse_disk(struct domain_config *config, bool assign, const char *file, const char *xml, size_t size,
				     struct manage_error *error);

struct domain_xml_options {
	u32 id;        /* of a running machine; 0: none */
	bool inactive; /* as the next start will see it: without id */
};

/* kmalloc'd text; NULL: no memory. */
char *domain_xml_format(const struct domain_config *config, const struct domain_xml_options *options);

#endif
