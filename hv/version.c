/* SPDX-License-Identifier: MIT */
#include "hv/version.h"

const char solera_version[] = SOLERA_VERSION;
const char solera_config[] = SOLERA_CONFIG;
