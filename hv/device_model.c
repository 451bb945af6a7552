/* SPDX-License-Identifier: MIT */
/* The table of device models by name (hv/device_model.h); hv/main.c fills it. */
#include "hv/device_model.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"

#define MODELS_MAX 16

static const struct device_model *models[MODELS_MAX]; /* (c) after start-up */
static unsigned count;

void device_model_register(const struct device_model *model)
{
	BUG_ON(count == MODELS_MAX || device_model_find(model->name));
	models[count++] = model;
}

const struct device_model *device_model_find(const char *name)
{
	for (unsigned i = 0; i < count; i++)
		if (string_equal(models[i]->name, name))
			return models[i];
	return NULL;
}
