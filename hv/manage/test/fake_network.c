/* SPDX-License-Identifier: MIT */
/* The part of network.h that machines use, for the tests of domains: a network `default` that is active, and no other. */
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/manage/network.h"

int network_check(const char *name, struct manage_error *error)
{
	return string_equal(name, "default") ? OK : manage_fail(error, MANAGE_ERR_NO_NETWORK, "no network with matching name '%s'", name);
}

int network_plug(const char *name, struct net_port *port, const char *machine, bool open, struct manage_error *error)
{
	(void)machine;
	(void)open;
	port->network = port;
	return network_check(name, error);
}

int network_forward_ports(struct net_port *port, const struct network_forward *forwards, u32 count, struct manage_error *error)
{
	(void)port;
	(void)forwards;
	(void)count;
	(void)error;
	return OK;
}

void network_unplug(struct net_port *port)
{
	port->network = NULL;
}

u32 network_port_address(struct net_port *port, u32 *prefix_bits)
{
	*prefix_bits = 24;
	return port->network ? 0xc0a87a05 : 0;
}
