/* SPDX-License-Identifier: MIT */
/* A pool for tests of machines: "images" has a volume "d.img", which is the boot file /solera/d. */
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/manage/volume.h"

int volume_find(const char *pool, const char *name_or_path, struct volume_info *info, struct manage_error *error)
{
	if (!string_equal(pool, "images") || !string_equal(name_or_path, "d.img"))
		return manage_fail(error, MANAGE_ERR_NO_STORAGE_VOL, "no storage vol with matching path '%s'", name_or_path);
	*info = (struct volume_info){ .name = "d.img", .path = "/solera/d" };
	return OK;
}
