/* SPDX-License-Identifier: MIT */
/*
 * The devices that a machine's description adds to the board: made by their models, then treated all alike; and the root ports into
 * which more come while the machine runs.
 *
 * pc->devices is hv/manage's: whoever calls these functions holds the machine's life (domain->operation), so none of them meets
 * another. A device that the guest let go of is destroyed by pc_device_reap, once no vCPU can be inside of it.
 * Who knows the models: hv/main.c. Next to read: hv/device_model.h, vpcie_port.h.
 */
#include "hv/dev/pc_internal.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

static struct vpcie_port *port_of(struct pc *pc, u8 number)
{
	return number && number <= pc->port_count ? &pc->ports[number - 1] : NULL;
}

static int create_one(struct pc *pc, const struct device_spec *spec, const char **error)
{
	const struct device_model *model = device_model_find(spec->model);
	struct vpcie_port *port = port_of(pc, spec->port);
	struct pc_device *device = &pc->devices[pc->device_count];
	int code;

	*error = "this build of Solera has no such device";
	if (!model)
		return ERR_UNSUPPORTED;
	*error = "there is no such root port, or it is taken";
	if (spec->port && (!port || port->secondary.devices[0] || port->leaving))
		return ERR_EXISTS;
	code = model->create(pc->vm, port ? &port->secondary : &pc->pci, spec, &device->instance, error);
	if (code != OK)
		return code;
	string_copy(device->alias, spec->alias, sizeof(device->alias));
	device->port = spec->port;
	pc->device_count++;
	return OK;
}

static void device_left(void *context)
{
	struct pc *pc = context;
	const struct vm_listener *listener = &pc->vm->config.listener;

	if (listener->device_left)
		listener->device_left(listener->context, pc->vm);
}

static int create_ports(struct pc *pc, const char **error)
{
	const struct vm_config *config = &pc->vm->config;
	int code = OK;

	if (!config->root_port_count)
		return OK;
	pc->ports = kzalloc(config->root_port_count * sizeof(pc->ports[0]));
	if (!pc->ports)
		return ERR_NO_MEMORY;
	*error = "a root port does not fit on the machine's PCI bus";
	for (u32 i = 0; i < config->root_port_count && code == OK; i++) {
		code = vpcie_port_init(&pc->ports[i], &pc->pci, config->root_ports[i], (u8)(i + 1), device_left, pc);
		pc->port_count += code == OK;
	}
	return code;
}

int pc_devices_create(struct pc *pc, const char **error)
{
	const struct vm_config *config = &pc->vm->config;
	int code = create_ports(pc, error);

	if (code == OK && config->device_count + pc->port_count) {
		pc->devices = kzalloc((config->device_count + pc->port_count) * sizeof(pc->devices[0]));
		code = pc->devices ? OK : ERR_NO_MEMORY;
	}
	for (u32 i = 0; i < config->device_count && code == OK; i++) {
		code = create_one(pc, &config->devices[i], error);
		if (code == OK && config->devices[i].port)
			vpcie_port_plugged(port_of(pc, config->devices[i].port), true);
	}
	if (code != OK)
		pc_devices_destroy(pc);
	return code;
}

void pc_devices_reset(struct pc *pc)
{
	for (u32 i = 0; i < pc->device_count; i++)
		pc->devices[i].instance.ops->reset(pc->devices[i].instance.device);
	for (u32 i = 0; i < pc->port_count; i++) {
		struct vpcie_port *port = &pc->ports[i];

		vpcie_port_reset(port);
		if (port->secondary.devices[0])
			vpci_reset(port->secondary.devices[0]);
	}
}

void pc_devices_quiesce(struct pc *pc)
{
	for (u32 i = 0; i < pc->device_count; i++)
		pc->devices[i].instance.ops->quiesce(pc->devices[i].instance.device);
}

void pc_devices_resume(struct pc *pc)
{
	for (u32 i = 0; i < pc->device_count; i++)
		pc->devices[i].instance.ops->resume(pc->devices[i].instance.device);
}

void pc_devices_save(struct pc *pc, struct state_writer *writer)
{
	for (u32 i = 0; i < pc->port_count; i++)
		vpcie_port_save(&pc->ports[i], writer);
	for (u32 i = 0; i < pc->device_count; i++)
		pc->devices[i].instance.ops->save(pc->devices[i].instance.device, writer);
}

int pc_devices_load(struct pc *pc, struct state_reader *reader)
{
	int code = OK;

	for (u32 i = 0; i < pc->port_count && code == OK; i++)
		code = vpcie_port_load(&pc->ports[i], reader);
	for (u32 i = 0; i < pc->device_count && code == OK; i++)
		code = pc->devices[i].instance.ops->load(pc->devices[i].instance.device, reader);
	return code;
}

static struct pc_device *find(struct pc *pc, const char *alias)
{
	for (u32 i = 0; i < pc->device_count; i++)
		if (string_equal(pc->devices[i].alias, alias))
			return &pc->devices[i];
	return NULL;
}

void pc_device_changed(struct vm *vm, const char *alias)
{
	struct pc_device *device = find(vm->board, alias);

	if (device && device->instance.ops->changed)
		device->instance.ops->changed(device->instance.device);
}

int pc_device_attach(struct vm *vm, const struct device_spec *spec, const char **error)
{
	struct pc *pc = vm->board;
	int code;

	*error = "there is no such root port";
	if (!spec->port || pc->device_count == vm->config.device_count + pc->port_count)
		return ERR_FULL;
	code = create_one(pc, spec, error);
	if (code != OK)
		return code;
	if (vm_state(vm) != VM_RUNNING) /* vm_resume lets it go with the others */
		pc->devices[pc->device_count - 1].instance.ops->quiesce(pc->devices[pc->device_count - 1].instance.device);
	vpcie_port_plugged(port_of(pc, spec->port), false);
	return OK;
}

int pc_device_ask(struct vm *vm, const char *alias, bool again)
{
	struct pc *pc = vm->board;
	struct pc_device *device = find(pc, alias);
	struct vpcie_port *port = device ? port_of(pc, device->port) : NULL;

	if (!port)
		return ERR_UNSUPPORTED;
	if (again)
		vpcie_port_forget(port);
	return vpcie_port_ask(port);
}

bool pc_device_reap(struct vm *vm, const char *alias)
{
	struct pc *pc = vm->board;
	struct pc_device *device = find(pc, alias);
	struct vpcie_port *port = device ? port_of(pc, device->port) : NULL;
	struct vpci_device *leaving = port ? __atomic_load_n(&port->leaving, __ATOMIC_ACQUIRE) : NULL;

	if (!leaving || !vpci_is_gone(leaving))
		return false;
	vm_await_vcpus(vm);
	device->instance.ops->destroy(device->instance.device);
	*device = pc->devices[--pc->device_count];
	__atomic_store_n(&port->leaving, NULL, __ATOMIC_RELEASE);
	return true;
}

void pc_devices_destroy(struct pc *pc)
{
	while (pc->device_count) {
		struct pc_device *last = &pc->devices[--pc->device_count];

		last->instance.ops->destroy(last->instance.device);
	}
	kfree(pc->devices);
	kfree(pc->ports);
	pc->devices = NULL;
	pc->ports = NULL;
	pc->port_count = 0;
}
