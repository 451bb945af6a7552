/* SPDX-License-Identifier: MIT */
/*
 * The devices that a machine's description adds to the board: made by their models, then treated all alike.
 * Who knows the models: hv/main.c. Next to read: hv/device_model.h.
 */
#include "hv/dev/pc_internal.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

static int create_one(struct pc *pc, const struct device_spec *spec, const char **error)
{
	const struct device_model *model = device_model_find(spec->model);

	*error = "this build of Solera has no such device";
	return model ? model->create(pc->vm, &pc->pci, spec, &pc->devices[pc->device_count], error) : ERR_UNSUPPORTED;
}

int pc_devices_create(struct pc *pc, const char **error)
{
	const struct vm_config *config = &pc->vm->config;
	int code = OK;

	if (!config->device_count)
		return OK;
	pc->devices = kzalloc(config->device_count * sizeof(pc->devices[0]));
	if (!pc->devices)
		return ERR_NO_MEMORY;
	for (u32 i = 0; i < config->device_count && code == OK; i++) {
		code = create_one(pc, &config->devices[i], error);
		pc->device_count += code == OK;
	}
	if (code != OK)
		pc_devices_destroy(pc);
	return code;
}

void pc_devices_reset(struct pc *pc)
{
	for (u32 i = 0; i < pc->device_count; i++)
		pc->devices[i].ops->reset(pc->devices[i].device);
}

void pc_devices_quiesce(struct pc *pc)
{
	for (u32 i = 0; i < pc->device_count; i++)
		pc->devices[i].ops->quiesce(pc->devices[i].device);
}

void pc_devices_resume(struct pc *pc)
{
	for (u32 i = 0; i < pc->device_count; i++)
		pc->devices[i].ops->resume(pc->devices[i].device);
}

void pc_devices_save(struct pc *pc, struct state_writer *writer)
{
	for (u32 i = 0; i < pc->device_count; i++)
		pc->devices[i].ops->save(pc->devices[i].device, writer);
}

int pc_devices_load(struct pc *pc, struct state_reader *reader)
{
	int code = OK;

	for (u32 i = 0; i < pc->device_count && code == OK; i++)
		code = pc->devices[i].ops->load(pc->devices[i].device, reader);
	return code;
}

void pc_device_changed(struct vm *vm, const char *alias)
{
	struct pc *pc = vm->board;

	for (u32 i = 0; i < pc->device_count; i++)
		if (string_equal(vm->config.devices[i].alias, alias) && pc->devices[i].ops->changed)
			pc->devices[i].ops->changed(pc->devices[i].device);
}

void pc_devices_destroy(struct pc *pc)
{
	while (pc->device_count) {
		struct device_instance *last = &pc->devices[--pc->device_count];

		last->ops->destroy(last->device);
	}
	kfree(pc->devices);
	pc->devices = NULL;
}
