/* SPDX-License-Identifier: MIT */
/*
 * The virtio network card: features, configuration, life (VIRTIO 1.2, "Network Device").
 *
 * One receive, one transmit and one control queue. It is the machine's end of a struct net_port, which hv/manage plugs into a
 * network after the device was made, and pulls before it is destroyed. Next to read: virtio_net_transmit.c.
 */
#include "virtio/virtio_net.h"
#include "hv/kmalloc.h"
#include "hv/lib/string.h"
#include "virtio/spec/virtio.h"

#define CLASS_ETHERNET 0x020000u
#define OFFERED (BIT64(VIRTIO_NET_F_CSUM) | BIT64(VIRTIO_NET_F_GUEST_CSUM) | BIT64(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) | \
		 BIT64(VIRTIO_NET_F_MAC) | BIT64(VIRTIO_NET_F_GUEST_TSO4) | BIT64(VIRTIO_NET_F_GUEST_TSO6) | \
		 BIT64(VIRTIO_NET_F_GUEST_ECN) | BIT64(VIRTIO_NET_F_HOST_TSO4) | BIT64(VIRTIO_NET_F_HOST_TSO6) | \
		 BIT64(VIRTIO_NET_F_HOST_ECN) | BIT64(VIRTIO_NET_F_MRG_RXBUF) | BIT64(VIRTIO_NET_F_STATUS) | \
		 BIT64(VIRTIO_NET_F_CTRL_VQ) | BIT64(VIRTIO_NET_F_CTRL_RX) | BIT64(VIRTIO_NET_F_CTRL_VLAN) | \
		 BIT64(VIRTIO_NET_F_CTRL_RX_EXTRA) | BIT64(VIRTIO_NET_F_CTRL_MAC_ADDR))

static struct virtio_net *of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct virtio_net, device);
}

static void fill_config(struct virtio_net *net)
{
	struct virtio_net_config config = {
		.status = READ_ONCE(net->port->link_up) ? VIRTIO_NET_S_LINK_UP : 0, .max_virtqueue_pairs = 1, .mtu = net->port->mtu_bytes,
	};

	memcpy(config.mac, net->port->mac, sizeof(config.mac));
	memcpy(net->device.config, &config, sizeof(config));
	net->device.config_bytes = sizeof(config);
}

static void net_reset(struct virtio_device *device)
{
	net_filter_reset(of(device));
}

/* "Feature bit requirements" (5.1.3.1): each with what it needs. */
static bool depends(u64 features, unsigned feature, unsigned one, unsigned other)
{
	return !(features & BIT64(feature)) || (features & (BIT64(one) | BIT64(other)));
}

static bool net_features_ok(struct virtio_device *device, u64 features)
{
	static const u8 rules[][3] = {
		{ VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_CSUM },
		{ VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_CSUM },
		{ VIRTIO_NET_F_GUEST_ECN, VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6 },
		{ VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_CSUM, VIRTIO_NET_F_CSUM },
		{ VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_CSUM, VIRTIO_NET_F_CSUM },
		{ VIRTIO_NET_F_HOST_ECN, VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6 },
		{ VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ },
		{ VIRTIO_NET_F_CTRL_RX_EXTRA, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ },
		{ VIRTIO_NET_F_CTRL_VLAN, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ },
		{ VIRTIO_NET_F_CTRL_MAC_ADDR, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ },
		{ VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_VQ },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rules); i++)
		if (!depends(features, rules[i][0], rules[i][1], rules[i][2]))
			return false;
	__atomic_store_n(&of(device)->port->offload, net_guest_offloads(features), __ATOMIC_SEQ_CST);
	return true;
}

/* Receive buffers are taken when a frame comes. */
static void net_doorbell(struct virtio_device *device, unsigned queue)
{
	if (queue != NET_QUEUE_RECEIVE)
		virtio_kick(device, queue);
}

static void net_work(struct virtio_device *device, unsigned queue)
{
	if (queue == NET_QUEUE_TRANSMIT)
		net_transmit_work(of(device));
	else if (queue == NET_QUEUE_CONTROL)
		net_control_work(of(device));
}

/* Saved state: the driver's wishes. */
struct saved_net {
	u32 offload;
	u8 mac[NET_MAC_BYTES], switches, unicast_count, multicast_count, reserved[3];
	u8 unicast[NET_FILTER_MACS_MAX][NET_MAC_BYTES], multicast[NET_FILTER_MACS_MAX][NET_MAC_BYTES];
	u8 vlans[NET_VLANS / 8];
};

static bool *switch_at(struct net_receive_filter *filter, unsigned i)
{
	bool *const switches[] = { &filter->promiscuous, &filter->all_multicast, &filter->all_unicast, &filter->no_multicast,
				   &filter->no_unicast, &filter->no_broadcast, &filter->unicast_overflow, &filter->multicast_overflow };

	return switches[i];
}

static void net_save(struct virtio_device *device, struct state_writer *writer)
{
	struct virtio_net *net = of(device);
	struct net_receive_filter *filter = &net->filter;
	struct saved_net *state = kzalloc(sizeof(*state));

	if (!state) {
		writer->failed = true;
		return;
	}
	mutex_lock(&net->receive_mutex);
	state->offload = net->port->offload;
	memcpy(state->mac, filter->mac, sizeof(state->mac));
	for (unsigned i = 0; i < 8; i++)
		state->switches |= (u8)(*switch_at(filter, i) << i);
	state->unicast_count = filter->unicast_count;
	state->multicast_count = filter->multicast_count;
	memcpy(state->unicast, filter->unicast, sizeof(state->unicast));
	memcpy(state->multicast, filter->multicast, sizeof(state->multicast));
	memcpy(state->vlans, filter->vlans, sizeof(state->vlans));
	mutex_unlock(&net->receive_mutex);
	state_save(writer, "virtio-net", 1, state, sizeof(*state));
	kfree(state);
}

static bool is_sane(const struct saved_net *state)
{
	return !(state->offload & ~(u32)NET_OFFLOAD_WORK) && state->unicast_count <= NET_FILTER_MACS_MAX &&
	       state->multicast_count <= NET_FILTER_MACS_MAX && !(state->mac[0] & 1) && !state->reserved[0] && !state->reserved[1] &&
	       !state->reserved[2];
}

static void take_state(struct virtio_net *net, const struct saved_net *state)
{
	struct net_receive_filter *filter = &net->filter;

	mutex_lock(&net->receive_mutex);
	memcpy(filter->mac, state->mac, sizeof(state->mac));
	memcpy(net->device.config, state->mac, sizeof(state->mac));
	for (unsigned i = 0; i < 8; i++)
		*switch_at(filter, i) = state->switches >> i & 1;
	filter->unicast_count = state->unicast_count;
	filter->multicast_count = state->multicast_count;
	memcpy(filter->unicast, state->unicast, sizeof(state->unicast));
	memcpy(filter->multicast, state->multicast, sizeof(state->multicast));
	memcpy(filter->vlans, state->vlans, sizeof(state->vlans));
	__atomic_store_n(&net->port->offload, state->offload, __ATOMIC_SEQ_CST);
	mutex_unlock(&net->receive_mutex);
}

/* The last step of a load that can fail. What the record claims of offloads the driver can only have hurt itself with. */
static int net_load(struct virtio_device *device, struct state_reader *reader)
{
	struct saved_net *state = kzalloc(sizeof(*state));
	int code = state ? state_load(reader, "virtio-net", 1, state, sizeof(*state)) : ERR_NO_MEMORY;

	if (code == OK && !is_sane(state))
		code = ERR_INVALID;
	if (code == OK)
		take_state(of(device), state);
	kfree(state);
	return code;
}

static const struct virtio_device_ops net_ops = {
	.reset = net_reset, .features_ok = net_features_ok, .doorbell = net_doorbell, .work = net_work, .save = net_save, .load = net_load,
};

static void link_changed(struct net_port *port)
{
	struct virtio_net *net = port->context;
	u16 status = READ_ONCE(port->link_up) ? VIRTIO_NET_S_LINK_UP : 0;

	virtio_config_changed(&net->device, VIRTIO_NET_CONFIG_STATUS, &status, sizeof(status));
}

static const struct net_port_ops port_ops = { .receive = net_receive, .link_changed = link_changed };

static void net_destroy(void *context)
{
	struct virtio_net *net = context;

	virtio_device_release(&net->device);
	net->port->ops = NULL;
	net->port->context = NULL;
	kfree(net->receive_ranges);
	kfree(net->scratch);
	kfree(net);
}

static void machine_reset(void *context) { virtio_pci_reset(&((struct virtio_net *)context)->pci); }
static void quiesce(void *context) { virtio_pause(&((struct virtio_net *)context)->device); }
static void resume(void *context) { virtio_resume(&((struct virtio_net *)context)->device); }
static void save(void *context, struct state_writer *writer) { virtio_pci_save(&((struct virtio_net *)context)->pci, writer); }
static int load(void *context, struct state_reader *reader) { return virtio_pci_load(&((struct virtio_net *)context)->pci, reader); }

static const struct device_ops device_ops = {
	.name = "virtio-net", .reset = machine_reset, .quiesce = quiesce, .resume = resume, .save = save, .load = load,
	.destroy = net_destroy,
};

static int net_create(struct vm *vm, struct vpci_bus *bus, const struct device_spec *spec, struct device_instance *out,
		      const char **error)
{
	static const u16 sizes[NET_QUEUES] = { NET_QUEUE_SIZE, NET_QUEUE_SIZE, NET_CONTROL_QUEUE_SIZE };
	struct virtio_net *net = kzalloc(sizeof(*net));
	int code;

	*error = "not enough memory for a network card";
	if (!net)
		return ERR_NO_MEMORY;
	net->port = spec->nic.port;
	net->receive_ranges = kmalloc(VIRTQ_CHAIN_MAX * sizeof(*net->receive_ranges));
	net->scratch = kmalloc(VIRTQ_CHAIN_MAX * sizeof(*net->scratch));
	mutex_init(&net->receive_mutex, "virtio-net receive");
	net->device.name = spec->alias;
	net->device.vm = vm;
	net->device.ops = &net_ops;
	net->device.transport = &virtio_pci_transport;
	net->device.type = VIRTIO_ID_NET;
	net->device.queue_count = NET_QUEUES;
	net->device.offered = OFFERED | (net->port->mtu_bytes == NET_MTU_DEFAULT ? 0 : BIT64(VIRTIO_NET_F_MTU));
	fill_config(net);
	net_filter_reset(net);
	net->port->context = net;
	net->port->ops = &port_ops;
	code = virtio_device_init(&net->device, sizes);
	if (code == OK && (!net->receive_ranges || !net->scratch))
		code = ERR_NO_MEMORY;
	if (code == OK)
		code = virtio_pci_attach(&net->pci, &net->device, bus, spec->slot, CLASS_ETHERNET, error);
	if (code != OK) {
		net_destroy(net);
		return code;
	}
	*out = (struct device_instance){ &device_ops, net };
	*error = NULL;
	return OK;
}

const struct device_model virtio_net_model = { "virtio-net", net_create };
