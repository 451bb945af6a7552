/* SPDX-License-Identifier: MIT */
/* Numbers of "Console Device" (VIRTIO 1.2, 5.3) that device and driver share. */
#ifndef VIRTIO_SPEC_VIRTIO_CONSOLE_H
#define VIRTIO_SPEC_VIRTIO_CONSOLE_H

#include "hv/lib/types.h"

enum { VIRTIO_CONSOLE_F_SIZE = 0, VIRTIO_CONSOLE_F_MULTIPORT = 1, VIRTIO_CONSOLE_F_EMERG_WRITE = 2 };

/* "Virtqueues" (5.3.2): port 0 has queues 0 and 1, control 2 and 3, port n has 2n + 2 and 2n + 3. Even ones receive. */
#define VIRTIO_CONSOLE_RECEIVE(port) ((port) ? 2 * (port) + 2 : 0)
#define VIRTIO_CONSOLE_TRANSMIT(port) (VIRTIO_CONSOLE_RECEIVE(port) + 1)
#define VIRTIO_CONSOLE_CONTROL_RECEIVE 2
#define VIRTIO_CONSOLE_CONTROL_TRANSMIT 3

struct virtio_console_config {
	u16 cols, rows;
	u32 max_nr_ports, emerg_wr;
};
STATIC_ASSERT(sizeof(struct virtio_console_config) == 12, "virtio_console_config");
#define VIRTIO_CONSOLE_CONFIG_EMERG_WR 8

/* "Multiport Device Operation" (5.3.6.2) */
struct virtio_console_control {
	u32 id; /* the port */
	u16 event, value;
};
STATIC_ASSERT(sizeof(struct virtio_console_control) == 8, "virtio_console_control");
enum { VIRTIO_CONSOLE_DEVICE_READY = 0, VIRTIO_CONSOLE_DEVICE_ADD = 1, VIRTIO_CONSOLE_DEVICE_REMOVE = 2,
       VIRTIO_CONSOLE_PORT_READY = 3, VIRTIO_CONSOLE_CONSOLE_PORT = 4, VIRTIO_CONSOLE_RESIZE = 5,
       VIRTIO_CONSOLE_PORT_OPEN = 6, VIRTIO_CONSOLE_PORT_NAME = 7 };

#endif
