/* SPDX-License-Identifier: MIT */
/* The sections of a <domain> that have a file of their own; rules in the sense of xml_schema.h. */
#ifndef HV_MANAGE_DOMAIN_XML_SECTIONS_H
#define HV_MANAGE_DOMAIN_XML_SECTIONS_H

#include "hv/manage/domain_disk.h"
#include "hv/lib/cpu_mask.h"
#include "hv/manage/xml_schema.h"

struct domain_config;
struct text;

int domain_xml_read_metadata(struct xml_reader *reader, const struct xml_node *node);
int domain_xml_read_os(struct xml_reader *reader, const struct xml_node *node);
int domain_xml_read_features(struct xml_reader *reader, const struct xml_node *node);
int domain_xml_read_cpu(struct xml_reader *reader, const struct xml_node *node);
int domain_xml_read_clock(struct xml_reader *reader, const struct xml_node *node);
int domain_xml_read_cputune(struct xml_reader *reader, const struct xml_node *node);
/* A list of CPUs in an attribute, which must be there. */
int domain_xml_read_cpuset(struct xml_reader *reader, const struct xml_node *node, const char *attribute, struct cpu_mask *mask);
void domain_xml_format_balloon(struct text *to, const struct domain_config *config);
int domain_xml_read_devices(struct xml_reader *reader, const struct xml_node *node);

/* domain_xml_disk.c */
int domain_xml_read_disk(struct xml_reader *reader, const struct xml_node *node);
void domain_xml_format_disk(struct text *to, const struct domain_disk *disk);
/* domain_xml_nic.c */
struct domain_nic;
int domain_xml_read_interface(struct xml_reader *reader, const struct xml_node *node);
void domain_xml_format_interface(struct text *to, const struct domain_nic *nic);
/* domain_xml_rng.c */
int domain_xml_read_rng(struct xml_reader *reader, const struct xml_node *node);
void domain_xml_format_rng(struct text *to, const struct domain_rng *rng);
/* domain_xml_char.c */
int domain_xml_read_serial(struct xml_reader *reader, const struct xml_node *node);
int domain_xml_read_console(struct xml_reader *reader, const struct xml_node *node);
int domain_xml_read_channel(struct xml_reader *reader, const struct xml_node *node);
/* Gives each virtio console and channel without one a port, once the whole description was read. */
int domain_xml_assign_ports(struct xml_reader *reader, const struct xml_node *root);
void domain_xml_format_chars(struct text *to, const struct domain_config *config);
/* domain_xml_address.c */
int domain_xml_read_port_address(struct xml_reader *reader, const struct xml_node *node, u8 *slot, u8 *bus); /* or behind a root port */
void domain_xml_format_port_address(struct text *to, u8 bus, u8 slot);
int domain_xml_read_controller(struct xml_reader *reader, const struct xml_node *node);
void domain_xml_format_controllers(struct text *to, const struct domain_config *config);
/* An attribute that may be missing (*value stays) and else is a number. */
int domain_xml_number(struct xml_reader *reader, const struct xml_node *node, const char *name, u64 *value);
/* <address type='pci'> of a device on bus 0. */
int domain_xml_read_address(struct xml_reader *reader, const struct xml_node *node, u8 *slot);
void domain_xml_format_address(struct text *to, u8 slot);
/* Gives each device that has no address a free slot, once the whole description was read. */
int domain_xml_assign_slots(struct xml_reader *reader, const struct xml_node *root);
struct text;
struct domain_tune;
void domain_xml_format_cputune(struct text *to, const struct domain_tune *tune);

#endif
