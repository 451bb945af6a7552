/* SPDX-License-Identifier: MIT */
/*
 * Networks as objects and their life (network.h).
 *
 * An active network's switch lives in struct network, which stays until nobody holds it: a machine's port holds it from plug to
 * unplug, also when the network was destroyed or undefined meanwhile.
 */
#include "hv/manage/network.h"
#include "hv/manage/text.h"
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/list.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/net/bytes.h"
#include "hv/net/host_stack.h"
#include "hv/net/router.h"
#include "hv/random.h"

struct network {
	struct list_node node;             /* [networks_lock] */
	u32 references;                    /* [networks_lock] the list's, and a machine's port each */
	struct network_config config;      /* [networks_lock] the next start's */
	struct network_config running;     /* [networks_lock] */
	bool active, persistent;           /* [networks_lock] */
	struct host_interface *interface;  /* [networks_lock] NULL: not active, or without the host */
	struct dhcp_server dhcp;           /* [host_stack_lock] while active */
	struct net_switch net;
};

static struct mutex networks_lock;
static struct list_node networks = LIST_INIT(networks);

/* [networks_lock] */
static struct network *find(const char *name)
{
	struct domain_uuid uuid;
	bool is_uuid = domain_uuid_parse(&uuid, name) == OK;

	LIST_FOR_EACH(node, &networks) {
		struct network *network = LIST_ENTRY(node, struct network, node);

		if (string_equal(network->config.name, name) || (is_uuid && domain_uuid_equal(&network->config.uuid, &uuid)))
			return network;
	}
	return NULL;
}

/* [networks_lock] */
static struct network *need(const char *name, struct manage_error *error)
{
	struct network *network = find(name);

	if (!network)
		manage_fail(error, MANAGE_ERR_NO_NETWORK, "no network with matching name '%s'", name);
	return network;
}

/* [networks_lock] */
static void put(struct network *network)
{
	if (--network->references == 0)
		kfree(network);
}

/* [networks_lock] */
static void tell(const struct network *network, struct network_info *info)
{
	const struct network_config *config = network->active ? &network->running : &network->config;

	if (!info)
		return;
	*info = (struct network_info){ .uuid = config->uuid, .active = network->active, .persistent = network->persistent,
				       .autostart = network->config.autostart };
	string_copy(info->name, config->name, sizeof(info->name));
	string_copy(info->bridge, config->bridge, sizeof(info->bridge));
}

/* What one network's description says against another's. [networks_lock] */
static int check_against(const struct network *other, const struct network_config *config, struct manage_error *error)
{
	const struct network_config *theirs = other->active ? &other->running : &other->config;
	u32 mask = config->mask & theirs->mask;

	if (config->bridge[0] && string_equal(config->bridge, theirs->bridge))
		return manage_fail(error, MANAGE_ERR_INTERNAL_ERROR, "bridge name '%s' already in use by network '%s'", config->bridge, theirs->name);
	if (config->address && theirs->address && (config->address & mask) == (theirs->address & mask))
		return manage_fail(error, MANAGE_ERR_INTERNAL_ERROR, "<ip>: network '%s' overlaps with network '%s'", config->name, theirs->name);
	return OK;
}

/* [networks_lock] Is the new description possible beside the others? own: the one that it replaces, or NULL. */
static int check_all(const struct network *own, const struct network_config *config, struct manage_error *error)
{
	u32 count = 0;

	LIST_FOR_EACH(node, &networks) {
		const struct network *other = LIST_ENTRY(node, struct network, node);
		int code = other == own ? OK : check_against(other, config, error);

		if (code)
			return code;
		count++;
	}
	return own || count < NETWORKS_MAX ? OK
					   : manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "this host has room for %u networks", NETWORKS_MAX);
}

static bool bridge_is_used(const char *name)
{
	LIST_FOR_EACH(node, &networks)
		if (string_equal(LIST_ENTRY(node, struct network, node)->config.bridge, name))
			return true;
	return false;
}

/* [networks_lock] What the description leaves to us. */
static void fill_in(struct network_config *config)
{
	u8 prefix[] = { 0x52, 0x54, 0x00 };

	if (!config->has_uuid)
		random_bytes(config->uuid.bytes, sizeof(config->uuid.bytes));
	config->has_uuid = true;
	for (u32 i = 0; !config->bridge[0]; i++) {
		char name[sizeof(config->bridge)];

		format(name, sizeof(name), "virbr%u", i);
		if (!bridge_is_used(name))
			string_copy(config->bridge, name, sizeof(config->bridge));
	}
	if (!(config->mac[0] | config->mac[1] | config->mac[2] | config->mac[3] | config->mac[4] | config->mac[5])) {
		random_bytes(config->mac, sizeof(config->mac));
		memcpy(config->mac, prefix, sizeof(prefix));
	}
}

/* [networks_lock] The network of that name and UUID, or a new one; a name with another UUID, or the reverse, is refused. */
static int find_or_add(struct network_config *config, struct network **out, struct manage_error *error)
{
	char uuid[DOMAIN_UUID_TEXT_SIZE];
	struct network *named = find(config->name), *known;
	int code;

	domain_uuid_format(uuid, &config->uuid);
	known = config->has_uuid ? find(uuid) : NULL;
	if (known && known != named)
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "network '%s' is already defined with uuid %s", known->config.name, uuid);
	if (named && config->has_uuid && named != known) {
		domain_uuid_format(uuid, &named->config.uuid);
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "network '%s' already exists with uuid %s", config->name, uuid);
	}
	if (named && !config->has_uuid) {
		config->uuid = named->config.uuid;
		config->has_uuid = true;
	}
	code = check_all(named, config, error);
	if (code)
		return code;
	fill_in(config);
	*out = named ? named : kzalloc(sizeof(**out));
	if (!*out)
		return manage_fail_no_memory(error);
	if (!named) {
		(*out)->references = 1;
		list_push_back(&networks, &(*out)->node);
	}
	return OK;
}

/* [networks_lock] */
static void drop_if_gone(struct network *network)
{
	if (network->active || network->persistent)
		return;
	list_remove(&network->node);
	put(network);
}

/* Starting and stopping, [networks_lock] */

static void fill_dhcp(struct dhcp_server *server, const struct network_config *config)
{
	memset(server, 0, sizeof(*server));
	server->address = config->address;
	server->mask = config->mask;
	server->dns = config->address;
	server->router = config->forward && router_is_there() ? config->address : 0;
	server->start = config->dhcp_start;
	server->end = config->dhcp_end;
	server->mtu_bytes = config->mtu_bytes ? config->mtu_bytes : NET_MTU_DEFAULT;
	string_copy(server->domain, config->domain, sizeof(server->domain));
	server->host_count = config->host_count;
	memcpy(server->hosts, config->hosts, sizeof(server->hosts));
}

static int start_locked(struct network *network, struct manage_error *error)
{
	const struct network_config *config = &network->running;
	int code = OK;

	if (network->active)
		return manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "network is already active");
	if (network->references > 1) /* the slots are theirs until they have gone */
		return manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "machines that run still have a card of network '%s': it can start when "
				   "they have stopped", network->config.name);
	network->running = network->config;
	net_switch_init(&network->net);
	fill_dhcp(&network->dhcp, config);
	if (config->address) {
		struct host_interface_config host = {
			.name = config->bridge, .mac = config->mac, .address = config->address, .mask = config->mask,
			.mtu_bytes = network->dhcp.mtu_bytes, .dhcp = config->dhcp ? &network->dhcp : NULL,
			.mode = config->forward, .port_first = config->nat_port_first ? config->nat_port_first : NAT_PORT_FIRST,
			.port_last = config->nat_port_first ? MIN(config->nat_port_last, NAT_PORT_LAST) : NAT_PORT_LAST,
		};

		code = host_interface_create(&host, &network->net, &network->interface);
	}
	if (code == ERR_EXISTS)
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "network '%s' overlaps with the one that the host's card is on",
				   config->name);
	if (code)
		return code == ERR_NO_MEMORY ? manage_fail_no_memory(error)
					     : manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "the host's address on network '%s' cannot be set up",
							   config->name);
	network->active = true;
	return OK;
}

static void stop_locked(struct network *network)
{
	if (network->interface)
		host_interface_destroy(network->interface);
	network->interface = NULL;
	for (u32 i = 0; i < SWITCH_PORTS_MAX; i++) {
		struct net_port *port = READ_ONCE(network->net.slots[i].port); /* ports come and go under networks_lock only */

		if (port)
			net_switch_unplug(port);
	}
	network->active = false;
}

/* Verbs */

int network_define_unkept(const char *file, const char *xml, size_t size, struct network_info *out, struct manage_error *error)
{
	struct network_config *config = kmalloc(sizeof(*config));
	struct network *network;
	int code = config ? network_xml_parse(config, file, xml, size, error) : manage_fail_no_memory(error);

	if (!code) {
		mutex_lock(&networks_lock);
		code = find_or_add(config, &network, error);
		if (!code) {
			config->autostart = network->config.autostart;
			network->config = *config;
			network->persistent = true;
			tell(network, out);
		}
		mutex_unlock(&networks_lock);
	}
	kfree(config);
	return code;
}

int network_define(const char *file, const char *xml, size_t size, struct network_info *out, struct manage_error *error)
{
	int code = network_define_unkept(file, xml, size, out, error);

	if (!code)
		network_keep(out);
	return code;
}

/* [networks_lock] */
static int create_locked(struct network_config *config, struct network_info *out, struct manage_error *error)
{
	struct network *network = find(config->name);
	int code;

	if (network)
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "network '%s' already exists", config->name);
	code = find_or_add(config, &network, error);
	if (code)
		return code;
	network->config = *config;
	code = start_locked(network, error);
	if (!code)
		tell(network, out);
	drop_if_gone(network);
	return code;
}

int network_create(const char *file, const char *xml, size_t size, struct network_info *out, struct manage_error *error)
{
	struct network_config *config = kmalloc(sizeof(*config));
	int code = config ? network_xml_parse(config, file, xml, size, error) : manage_fail_no_memory(error);

	if (!code) {
		mutex_lock(&networks_lock);
		code = create_locked(config, out, error);
		mutex_unlock(&networks_lock);
	}
	kfree(config);
	return code;
}

/* Finds the network and lets `act` at it, all under the lock. */
static int with(const char *name, int (*act)(struct network *network, struct manage_error *error), struct network_info *out,
		struct manage_error *error)
{
	struct network *network;
	int code = MANAGE_FAILED;

	mutex_lock(&networks_lock);
	network = need(name, error);
	if (network) {
		tell(network, out); /* before: afterwards it may be gone */
		code = act(network, error);
	}
	mutex_unlock(&networks_lock);
	return code;
}

static int undefine_locked(struct network *network, struct manage_error *error)
{
	if (!network->persistent)
		return manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "can't undefine transient network");
	network->persistent = false;
	network->config.autostart = false;
	drop_if_gone(network);
	return OK;
}

static int destroy_locked(struct network *network, struct manage_error *error)
{
	if (!network->active)
		return manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "network '%s' is not active", network->config.name);
	stop_locked(network);
	drop_if_gone(network);
	return OK;
}

static int autostart_locked(struct network *network, struct manage_error *error)
{
	if (!network->persistent)
		return manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "cannot set autostart for transient network");
	network->config.autostart = true;
	return OK;
}

static int no_autostart_locked(struct network *network, struct manage_error *error)
{
	(void)error;
	network->config.autostart = false;
	return OK;
}

static int nothing(struct network *network, struct manage_error *error)
{
	(void)network;
	(void)error;
	return OK;
}

static int check_active(struct network *network, struct manage_error *error)
{
	return network->active ? OK : manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "network '%s' is not active", network->config.name);
}

int network_undefine(const char *name, struct network_info *out, struct manage_error *error)
{
	int code = with(name, undefine_locked, out, error);

	if (!code)
		network_forget(out);
	return code;
}

int network_start(const char *name, struct network_info *out, struct manage_error *error)
{
	return with(name, start_locked, out, error);
}

int network_destroy(const char *name, struct network_info *out, struct manage_error *error)
{
	return with(name, destroy_locked, out, error);
}

int network_mark_autostart(const char *name, bool autostart, struct network_info *out, struct manage_error *error)
{
	return with(name, autostart ? autostart_locked : no_autostart_locked, out, error);
}

int network_set_autostart(const char *name, bool autostart, struct network_info *out, struct manage_error *error)
{
	int code = network_mark_autostart(name, autostart, out, error);

	out->autostart = autostart;
	if (!code && out->persistent)
		network_keep(out);
	return code;
}

int network_get(const char *name, struct network_info *info, struct manage_error *error)
{
	return with(name, nothing, info, error);
}

int network_check(const char *name, struct manage_error *error)
{
	return with(name, check_active, NULL, error);
}

u32 networks_list(struct network_info *infos, u32 max)
{
	u32 count = 0;

	mutex_lock(&networks_lock);
	LIST_FOR_EACH(node, &networks) {
		if (count == max)
			break;
		tell(LIST_ENTRY(node, struct network, node), &infos[count++]);
	}
	mutex_unlock(&networks_lock);
	return count;
}

char *network_dump_xml(const char *name, bool inactive, struct manage_error *error)
{
	struct network *network;
	char *text = NULL;

	mutex_lock(&networks_lock);
	network = need(name, error);
	if (network) {
		text = network_xml_format(network->active && !inactive ? &network->running : &network->config);
		if (!text)
			manage_fail_no_memory(error);
	}
	mutex_unlock(&networks_lock);
	return text;
}

static u32 prefix_of(u32 mask)
{
	return mask ? 32u - (u32)__builtin_ctz(mask) : 0;
}

/* [networks_lock] */
static u32 copy_leases(struct network *network, struct network_lease *leases, u32 max)
{
	u64 now = clock_ns(), wall = clock_wall_ns();
	u32 count = 0;

	host_stack_lock();
	for (u32 i = 0; i < DHCP_LEASES_MAX && count < max; i++) {
		const struct dhcp_lease *lease = &network->dhcp.leases[i];
		struct network_lease *to = &leases[count];

		if (!lease->mac || !lease->bound || lease->end_ns <= now)
			continue;
		*to = (struct network_lease){ .mac = lease->mac, .end_wall_seconds = (wall + (lease->end_ns - now)) / NS_PER_S,
					      .address = lease->address, .prefix_bits = prefix_of(network->dhcp.mask),
					      .client_id_bytes = lease->client_id_bytes };
		string_copy(to->name, lease->name, sizeof(to->name));
		memcpy(to->client_id, lease->client_id, sizeof(to->client_id));
		count++;
	}
	host_stack_unlock();
	return count;
}

int network_leases(const char *name, struct network_lease *leases, u32 max, u32 *count, struct manage_error *error)
{
	struct network *network;
	int code = MANAGE_FAILED;

	mutex_lock(&networks_lock);
	network = need(name, error);
	if (network)
		code = check_active(network, error);
	if (!code)
		*count = copy_leases(network, leases, max);
	mutex_unlock(&networks_lock);
	return code;
}

/* Machines' ports */

/* [networks_lock] */
static int plug_locked(struct network *network, struct net_port *port, const char *machine, bool open, struct manage_error *error)
{
	int code = net_switch_plug(&network->net, port, open ? SWITCH_OPEN : SWITCH_MACHINE);

	if (code == ERR_EXISTS)
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "another machine on network '%s' has the same MAC address",
				   network->config.name);
	if (code)
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "network '%s' has no room for another machine", network->config.name);
	net_switch_set_name(port, machine);
	network->references++;
	return OK;
}

int network_plug(const char *name, struct net_port *port, const char *machine, bool open, struct manage_error *error)
{
	struct network *network;
	int code = MANAGE_FAILED;

	mutex_lock(&networks_lock);
	network = need(name, error);
	if (network)
		code = check_active(network, error);
	if (!code)
		code = plug_locked(network, port, machine, open, error);
	mutex_unlock(&networks_lock);
	return code;
}

/* Also for a port that its network's end has pulled: port->network tells whose slot it was. */
void network_unplug(struct net_port *port)
{
	struct net_switch_slot *slot;

	mutex_lock(&networks_lock);
	slot = port->network;
	if (slot) {
		struct network *network = CONTAINER_OF(slot->of, struct network, net);

		if (network->interface)
			router_forget_machine(host_interface_route(network->interface), (u16)net_switch_slot_of(port));
		net_switch_unplug(port);
		port->network = NULL;
		put(network);
	}
	mutex_unlock(&networks_lock);
}

u32 network_port_address(struct net_port *port, u32 *prefix_bits)
{
	struct net_switch_slot *slot;
	u32 address = 0;
	u64 filtered;

	mutex_lock(&networks_lock);
	slot = port->network;
	if (slot && port->send) {
		net_switch_look(port, &address, &filtered);
		*prefix_bits = prefix_of(CONTAINER_OF(slot->of, struct network, net)->running.mask);
	}
	mutex_unlock(&networks_lock);
	return address;
}

int network_forward_ports(struct net_port *port, const struct network_forward *forwards, u32 count, struct manage_error *error)
{
	struct network *network;
	u8 other_interface, number;
	u16 other_slot;
	int code = OK;

	mutex_lock(&networks_lock);
	network = CONTAINER_OF(((struct net_switch_slot *)port->network)->of, struct network, net);
	number = network->interface ? host_interface_route(network->interface) : 0;
	if (count && (!number || network->running.forward != NAT_MASQUERADE))
		log_warning("%s: port forwards have no effect: network '%s' does not reach the outside by NAT", port->name, network->running.name);
	for (u32 i = 0; i < count && !code; i++) {
		const struct network_forward *from = &forwards[i];
		const struct nat_forward forward = { .protocol = from->protocol, .interface = number, .slot = (u16)net_switch_slot_of(port),
						     .start = from->start, .end = from->end, .to = from->to };

		code = router_forward(&forward, &other_interface, &other_slot);
		if (code == ERR_EXISTS)
			code = manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "ports %u to %u are not all free: another machine has a port forward there",
					   from->start, from->end);
		else if (code)
			code = manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "this host has room for %u port forwards", NAT_FORWARDS_MAX);
	}
	mutex_unlock(&networks_lock);
	return code;
}

static void tell_connection(const struct connection *connection, struct network_connection *to)
{
	const struct flow *original = &connection->flows[0], *reply = &connection->flows[1];

	*to = (struct network_connection){
		.protocol = original->protocol, .state = connection_state_name(connection),
		.from = original->source, .from_port = original->source_port, .to = original->destination, .to_port = original->destination_port,
		.seen_as = reply->destination, .seen_as_port = reply->destination_port, .goes_to = reply->source,
		.goes_to_port = reply->source_port, .frames = { connection->sides[0].frames, connection->sides[1].frames },
	};
}

u32 network_connections(void (*row)(void *context, const struct network_connection *connection), void *context)
{
	struct connection *some = kmalloc(64 * sizeof(*some));
	u32 cursor = 0, count, all = 0;

	while (some && (count = router_connections(&cursor, some, 64)) != 0) {
		for (u32 i = 0; i < count; i++) {
			struct network_connection connection;

			tell_connection(&some[i], &connection);
			row(context, &connection);
		}
		all += count;
	}
	kfree(some);
	return all;
}

static void append_uplink(struct text *to)
{
	struct host_uplink_info info;
	char address[ADDRESS_TEXT_SIZE], gateway[ADDRESS_TEXT_SIZE];

	host_uplink_get(&info);
	address_format(address, info.address);
	address_format(gateway, info.gateway);
	if (!info.address) {
		text_append(to, "%s has no address yet.\n", info.card);
		return;
	}
	text_append(to, "%s is %s/%u, its router is %s", info.card, address, prefix_of(info.mask), gateway);
	for (u32 i = 0; i < HOST_DNS_MAX && info.dns[i].address; i++) {
		address_format(address, info.dns[i].address);
		text_append(to, i ? ", %s" : "; names are asked of %s", address);
	}
	text_append(to, ".\n");
}

char *network_router_summary(struct manage_error *error)
{
	struct router_figures figures;
	struct text to;
	char *text;

	if (!router_is_there()) {
		manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "this host has no network card in use: nothing is routed");
		return NULL;
	}
	router_figures(&figures);
	text_init(&to);
	append_uplink(&to);
	text_append(&to, "%u connections, %llu frames passed, %llu connections given up for others.\n", figures.connections,
		    (unsigned long long)figures.passed, (unsigned long long)figures.evicted);
	for (u32 i = 1; i < NAT_DROPS; i++)
		if (figures.drops[i])
			text_append(&to, "Dropped, %s: %llu\n", nat_drop_name(i), (unsigned long long)figures.drops[i]);
	text = text_take(&to);
	if (!text)
		manage_fail_no_memory(error);
	return text;
}

int network_resolve(const char *text, u32 *address, struct manage_error *error)
{
	int code;

	if (address_parse(address, text) == OK)
		return OK;
	code = host_resolve(text, 5 * NS_PER_S, address);
	if (code == ERR_TIMEOUT)
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "no name server answered for '%.60s'", text);
	return code ? manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "'%.60s' is not an IPv4 address, and no name that a server knows", text) : OK;
}

int network_ping(u32 address, u32 sequence, u64 *round_trip_ns, struct manage_error *error)
{
	char text[ADDRESS_TEXT_SIZE];
	int code = host_ping(address, (u16)sequence, 56, NS_PER_S, round_trip_ns);

	address_format(text, address);
	if (code == ERR_NOT_FOUND)
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "%s is on none of this host's active networks, and there is no way outside", text);
	if (code == ERR_NO_MEMORY)
		return manage_fail_no_memory(error);
	if (code != OK)
		*round_trip_ns = 0;
	return OK;
}

/* Start-up */

static const char default_xml[] =
	"<network><name>default</name><forward mode='nat'/><bridge name='virbr0' stp='on' delay='0'/><ip address='192.168.122.1' netmask='255.255.255.0'>"
	"<dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp></ip></network>";

static void start_marked(void)
{
	struct manage_error error;

	mutex_lock(&networks_lock);
	LIST_FOR_EACH(node, &networks) {
		struct network *network = LIST_ENTRY(node, struct network, node);

		if (network->config.autostart && start_locked(network, &error))
			log_warning("network '%s': %s", network->config.name, error.text);
	}
	mutex_unlock(&networks_lock);
}

void networks_init(void)
{
	struct network_info info;
	struct manage_error error;

	mutex_init(&networks_lock, "networks");
	host_stack_init();
	uplink_start();
	if (!networks_load_store() && network_get("default", &info, &error) &&
	    (network_define_unkept("default", default_xml, sizeof(default_xml) - 1, &info, &error) ||
	     network_mark_autostart("default", true, &info, &error)))
		log_warning("network 'default': %s", error.text);
	start_marked();
}
