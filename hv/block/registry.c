/* SPDX-License-Identifier: MIT */
/*
 * The list of block devices, and the rules of who may open what beside whom.
 *
 * One mutex guards the list and all users. A device's own open and close run without it (they may open what lies below);
 * `opening` keeps others out meanwhile. Two users conflict when they hold the same device, or one holds what the other's lies on.
 * Next to read: hv/block/transfer.c.
 */
#include "hv/block/registry.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/thread.h"

static struct mutex registry = {
	NULL, { SPINLOCK_INIT("block devices", LOCK_RANK_WAITQUEUE), LIST_INIT(registry.queue.waiters) }
};
/* A device was closed, or its own open ended. */
static struct waitqueue registry_changed = { SPINLOCK_INIT("block devices", LOCK_RANK_WAITQUEUE), LIST_INIT(registry_changed.waiters) };
static struct list_node devices = LIST_INIT(devices); /* [registry] */

static struct block_device *find(const char *name)
{
	LIST_FOR_EACH(node, &devices) {
		struct block_device *device = LIST_ENTRY(node, struct block_device, node);

		if (string_equal(device->name, name))
			return device;
	}
	return NULL;
}

int block_register(struct block_device *device)
{
	int result = OK;

	BUG_ON(device->limits.max_segments < 2 || device->limits.max_transfer_bytes < PAGE_SIZE);
	mutex_lock(&registry);
	if (find(device->name)) {
		result = ERR_EXISTS;
	} else {
		list_init(&device->users);
		device->opening = false;
		__atomic_store_n(&device->gone, false, __ATOMIC_RELEASE);
		list_push_back(&devices, &device->node);
	}
	mutex_unlock(&registry);
	return result;
}

/* [registry] */
static void tell_users(struct block_device *device)
{
	LIST_FOR_EACH_SAFE(node, &device->users) {
		struct block_user *user = LIST_ENTRY(node, struct block_user, node);

		if (user->changed)
			user->changed(user->context, device);
	}
}

void block_device_changed(struct block_device *device)
{
	mutex_lock(&registry);
	tell_users(device);
	mutex_unlock(&registry);
}

static bool is_unused(struct block_device *device)
{
	bool unused;

	mutex_lock(&registry);
	unused = list_empty(&device->users) && !device->opening;
	mutex_unlock(&registry);
	return unused;
}

void block_unregister(struct block_device *device)
{
	mutex_lock(&registry);
	__atomic_store_n(&device->gone, true, __ATOMIC_SEQ_CST);
	list_remove(&device->node);
	tell_users(device);
	mutex_unlock(&registry);
	for (;;) { /* not waitqueue_wait: its condition must not sleep, and is_unused takes the mutex */
		struct waiter waiter;

		waitqueue_prepare(&registry_changed, &waiter);
		if (is_unused(device)) {
			waitqueue_finish(&registry_changed, &waiter);
			return;
		}
		(void)waitqueue_sleep(&registry_changed, &waiter, WAITQUEUE_NO_TIMEOUT);
		waitqueue_finish(&registry_changed, &waiter);
	}
}

static bool modes_conflict(u8 a, u8 b)
{
	if (a == BLOCK_OPEN_LOOK || b == BLOCK_OPEN_LOOK)
		return false;
	return a != b || a == BLOCK_OPEN_EXCLUSIVE;
}

static bool lies_on(const struct block_device *device, const struct block_device *below)
{
	for (; device; device = device->parent)
		if (device == below)
			return true;
	return false;
}

/* [registry] The user, of the device itself or of one above or below it, that mode does not go together with. */
static const struct block_user *conflict(const struct block_device *device, u8 mode)
{
	LIST_FOR_EACH(node, &devices) {
		const struct block_device *other = LIST_ENTRY(node, struct block_device, node);

		if (!lies_on(device, other) && !lies_on(other, device))
			continue;
		LIST_FOR_EACH(user_node, &other->users) {
			const struct block_user *user = LIST_ENTRY(user_node, struct block_user, node);

			if (modes_conflict(user->mode, mode) && !(user->holder && lies_on(device, user->holder)))
				return user;
		}
	}
	return NULL;
}

/* [registry] */
static int admit(struct block_device *device, u8 mode, struct block_user *user)
{
	const struct block_user *other;

	if (mode != BLOCK_OPEN_READ && mode != BLOCK_OPEN_LOOK && device->limits.read_only) {
		format(user->words, sizeof(user->words), "%s can only be read", device->name);
		return ERR_UNSUPPORTED;
	}
	other = conflict(device, mode);
	if (other) {
		format(user->words, sizeof(user->words), "%s is in use by %s%s%s", device->name, other->name,
		       other->device == device ? "" : " through ", other->device == device ? "" : other->device->name);
		return ERR_BUSY;
	}
	user->device = device;
	user->mode = mode;
	list_push_back(&device->users, &user->node);
	return OK;
}

/* Runs a device's own open or close, which may sleep and may open others. [not registry; device->opening set] */
static int run_own(struct block_device *device, bool open)
{
	int result = OK;

	if (open && device->ops->open)
		result = device->ops->open(device);
	else if (!open && device->ops->close)
		device->ops->close(device);
	mutex_lock(&registry);
	device->opening = false;
	mutex_unlock(&registry);
	waitqueue_wake_all(&registry_changed);
	return result;
}

int block_open(const char *name, enum block_open_mode mode, struct block_user *user)
{
	struct block_device *device;
	int result = ERR_NOT_FOUND;
	bool first = false;

	list_init(&user->node);
	for (;;) {
		struct waiter waiter;

		waitqueue_prepare(&registry_changed, &waiter);
		mutex_lock(&registry);
		device = find(name);
		if (!device || !device->opening) {
			waitqueue_finish(&registry_changed, &waiter);
			break;
		}
		mutex_unlock(&registry);
		(void)waitqueue_sleep(&registry_changed, &waiter, WAITQUEUE_NO_TIMEOUT);
		waitqueue_finish(&registry_changed, &waiter);
	}
	if (!device) {
		format(user->words, sizeof(user->words), "there is no block device '%s'", name);
	} else {
		first = list_empty(&device->users);
		result = admit(device, (u8)mode, user);
		first = first && result == OK;
		device->opening = first;
	}
	mutex_unlock(&registry);
	if (first) {
		result = run_own(device, true);
		if (result) {
			format(user->words, sizeof(user->words), "%s could not be opened", device->name);
			mutex_lock(&registry);
			list_remove(&user->node);
			mutex_unlock(&registry);
			waitqueue_wake_all(&registry_changed);
		}
	}
	return result;
}

void block_close(struct block_user *user)
{
	struct block_device *device = user->device;
	bool last;

	mutex_lock(&registry);
	list_remove(&user->node);
	last = list_empty(&device->users);
	device->opening = last;
	mutex_unlock(&registry);
	if (last)
		(void)run_own(device, false);
}

void block_for_each(bool (*visit)(void *context, struct block_device *device), void *context)
{
	mutex_lock(&registry);
	LIST_FOR_EACH(node, &devices)
		if (!visit(context, LIST_ENTRY(node, struct block_device, node)))
			break;
	mutex_unlock(&registry);
}
