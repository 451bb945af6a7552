/* SPDX-License-Identifier: MIT */
/* What this build is. */
#ifndef HV_VERSION_H
#define HV_VERSION_H

extern const char solera_version[]; /* from git, e.g. "0.1-23-gabcdef" */
extern const char solera_config[];  /* "debug" or "release" */

#endif
