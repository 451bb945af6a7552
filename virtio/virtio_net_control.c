/* SPDX-License-Identifier: MIT */
/*
 * What a driver asks for on the control queue (5.1.6.5): what it wants to receive, its address, what it takes undone.
 *
 * A command is copied, checked whole, then done or refused; a refused one changes nothing. What the driver asks for bounds what it
 * gets, not what it may send: its address on the network stays the description's (hv/net/filter.h).
 */
#include "hv/kmalloc.h"
#include "hv/lib/string.h"
#include "virtio/virtio_net.h"

#define COMMAND_BYTES 2u
/* Of the longest command that is not refused unread: a table of addresses of each kind, twice as long as is kept. */
#define DATA_MAX (2 * (4 + 2 * NET_FILTER_MACS_MAX * NET_MAC_BYTES))

struct command {
	u8 class, number;
	u32 size_bytes; /* of data */
	u8 data[DATA_MAX];
};

void net_filter_reset(struct virtio_net *net)
{
	mutex_lock(&net->receive_mutex);
	memset(&net->filter, 0, sizeof(net->filter));
	net->filter.promiscuous = true; /* as the specification's drivers expect of one that was not told otherwise */
	memcpy(net->filter.mac, net->port->mac, NET_MAC_BYTES);
	memcpy(net->device.config, net->port->mac, NET_MAC_BYTES);
	__atomic_store_n(&net->port->offload, 0, __ATOMIC_SEQ_CST);
	mutex_unlock(&net->receive_mutex);
}

u32 net_guest_offloads(u64 features)
{
	return (features & BIT64(VIRTIO_NET_F_GUEST_CSUM) ? NET_CSUM_PARTIAL : 0) | (features & BIT64(VIRTIO_NET_F_GUEST_TSO4) ? NET_GSO_TCP4 : 0) |
	       (features & BIT64(VIRTIO_NET_F_GUEST_TSO6) ? NET_GSO_TCP6 : 0) | (features & BIT64(VIRTIO_NET_F_GUEST_ECN) ? NET_GSO_ECN : 0);
}

static bool receive_mode(struct virtio_net *net, const struct command *command)
{
	struct net_receive_filter *filter = &net->filter;
	bool *const switches[] = { &filter->promiscuous, &filter->all_multicast, &filter->all_unicast, &filter->no_multicast,
				   &filter->no_unicast, &filter->no_broadcast };
	unsigned feature = command->number > VIRTIO_NET_CTRL_RX_ALLMULTI ? VIRTIO_NET_F_CTRL_RX_EXTRA : VIRTIO_NET_F_CTRL_RX;

	if (command->number >= ARRAY_SIZE(switches) || !virtio_has(&net->device, feature) || command->size_bytes != 1)
		return false;
	*switches[command->number] = command->data[0] != 0;
	return true;
}

/* le32 count, then so many addresses; *at moves behind them. */
static bool read_table(const struct command *command, u32 *at, u8 (*list)[NET_MAC_BYTES], u8 *kept, bool *overflow)
{
	u32 count;

	if (command->size_bytes < *at + 4)
		return false;
	memcpy(&count, command->data + *at, 4);
	*at += 4;
	if (count > (command->size_bytes - *at) / NET_MAC_BYTES)
		return false;
	*overflow = count > NET_FILTER_MACS_MAX;
	*kept = (u8)MIN(count, NET_FILTER_MACS_MAX);
	memcpy(list, command->data + *at, *kept * NET_MAC_BYTES);
	*at += count * NET_MAC_BYTES;
	return true;
}

static bool address_table(struct virtio_net *net, const struct command *command)
{
	struct net_receive_filter *fresh = kmalloc(sizeof(*fresh));
	u32 at = 0;
	bool good = fresh != NULL;

	if (good) {
		*fresh = net->filter;
		good = read_table(command, &at, fresh->unicast, &fresh->unicast_count, &fresh->unicast_overflow) &&
		       read_table(command, &at, fresh->multicast, &fresh->multicast_count, &fresh->multicast_overflow) &&
		       at == command->size_bytes;
	}
	if (good)
		net->filter = *fresh;
	kfree(fresh);
	return good;
}

static bool address(struct virtio_net *net, const struct command *command)
{
	if (command->number == VIRTIO_NET_CTRL_MAC_TABLE_SET)
		return virtio_has(&net->device, VIRTIO_NET_F_CTRL_RX) && address_table(net, command);
	if (command->number != VIRTIO_NET_CTRL_MAC_ADDR_SET || !virtio_has(&net->device, VIRTIO_NET_F_CTRL_MAC_ADDR) ||
	    command->size_bytes != NET_MAC_BYTES || (command->data[0] & 1))
		return false;
	memcpy(net->filter.mac, command->data, NET_MAC_BYTES);
	for (u32 i = 0; i < NET_MAC_BYTES; i++)
		WRITE_ONCE(net->device.config[i], command->data[i]);
	return true;
}

static bool vlan(struct virtio_net *net, const struct command *command)
{
	u16 id;

	if (command->number > VIRTIO_NET_CTRL_VLAN_DEL || !virtio_has(&net->device, VIRTIO_NET_F_CTRL_VLAN) || command->size_bytes != 2)
		return false;
	memcpy(&id, command->data, 2);
	if (id >= NET_VLANS)
		return false;
	if (command->number == VIRTIO_NET_CTRL_VLAN_ADD)
		net->filter.vlans[id / 8] |= (u8)(1u << id % 8);
	else
		net->filter.vlans[id / 8] &= (u8)~(1u << id % 8);
	return true;
}

/* "the driver MUST NOT request enabling of offloads that have not been negotiated" */
static bool offloads(struct virtio_net *net, const struct command *command)
{
	static const u64 all = BIT64(VIRTIO_NET_F_GUEST_CSUM) | BIT64(VIRTIO_NET_F_GUEST_TSO4) | BIT64(VIRTIO_NET_F_GUEST_TSO6) |
			       BIT64(VIRTIO_NET_F_GUEST_ECN);
	u64 wanted;

	if (command->number != VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET || !virtio_has(&net->device, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) ||
	    command->size_bytes != 8)
		return false;
	memcpy(&wanted, command->data, 8);
	if (wanted & ~(net->device.features & all))
		return false;
	__atomic_store_n(&net->port->offload, net_guest_offloads(wanted), __ATOMIC_SEQ_CST);
	return true;
}

static bool obey(struct virtio_net *net, const struct command *command)
{
	switch (command->class) {
	case VIRTIO_NET_CTRL_RX: return receive_mode(net, command);
	case VIRTIO_NET_CTRL_MAC: return address(net, command);
	case VIRTIO_NET_CTRL_VLAN: return vlan(net, command);
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS: return offloads(net, command);
	default: return false;
	}
}

/* OK: *answer is the acknowledgement. */
static int run(struct virtio_net *net, const struct virtq_chain *chain, u8 *answer)
{
	struct command *command = kzalloc(sizeof(*command));
	int code = OK;

	*answer = VIRTIO_NET_ERR;
	if (!command || chain->readable_bytes < COMMAND_BYTES || chain->readable_bytes > COMMAND_BYTES + DATA_MAX)
		goto out;
	command->size_bytes = chain->readable_bytes - COMMAND_BYTES;
	code = virtq_chain_read(net->device.vm, chain, 0, command, COMMAND_BYTES, true);
	code = code ? code : virtq_chain_read(net->device.vm, chain, COMMAND_BYTES, command->data, command->size_bytes, true);
	if (code != OK)
		goto out;
	mutex_lock(&net->receive_mutex);
	*answer = obey(net, command) ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
	mutex_unlock(&net->receive_mutex);
out:
	kfree(command);
	return code;
}

static void control_one(struct virtio_net *net, const struct virtq_chain *chain)
{
	u8 answer;

	if (!chain->writable_bytes || run(net, chain, &answer) != OK ||
	    virtq_chain_write(net->device.vm, chain, 0, &answer, 1) != OK) {
		virtio_driver_error(&net->device, "a command without room for its answer, or outside of RAM");
		virtio_drop(&net->device, NET_QUEUE_CONTROL);
		return;
	}
	virtio_give(&net->device, NET_QUEUE_CONTROL, chain->head, 1);
}

void net_control_work(struct virtio_net *net)
{
	struct virtq_chain chain = { .ranges = net->scratch, .capacity = VIRTQ_CHAIN_MAX };

	for (;;) {
		int code = virtio_take(&net->device, NET_QUEUE_CONTROL, &chain, NULL, NULL);
		u8 byte;

		if (code == ERR_AGAIN && gmem_read(net->device.vm, GPA(chain.ranges[0].address), &byte, 1) == OK)
			continue;
		if (code != OK)
			return;
		control_one(net, &chain);
	}
}
