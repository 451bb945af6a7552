/* SPDX-License-Identifier: MIT */
/* The sections of a <domain> that have a file of their own; rules in the sense of xml_schema.h. */
#ifndef HV_MANAGE_DOMAIN_XML_SECTIONS_H
#define HV_MANAGE_DOMAIN_XML_SECTIONS_H

#include "hv/manage/xml_schema.h"

int domain_xml_read_metadata(struct xml_reader *reader, const struct xml_node *node);
int domain_xml_read_os(struct xml_reader *reader, const struct xml_node *node);
int domain_xml_read_features(struct xml_reader *reader, const struct xml_node *node);
int domain_xml_read_cpu(struct xml_reader *reader, const struct xml_node *node);
int domain_xml_read_clock(struct xml_reader *reader, const struct xml_node *node);
int domain_xml_read_devices(struct xml_reader *reader, const struct xml_node *node);

#endif
