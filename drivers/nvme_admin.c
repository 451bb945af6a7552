/* SPDX-License-Identifier: MIT */
/*
 * What the driver asks and tells a controller: identity, queues, namespaces. One command at a time through the admin queue,
 * polled, since nothing else runs then. NVM Express Base Specification 1.4, "Admin Command Set" (5).
 */
#include "drivers/nvme_internal.h"
#include "hv/clock.h"
#include "hv/dma.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"

#define POLL_NS 100000u
#define ADMIN_TIMEOUT_NS (10 * 1000000000ull)

int nvme_admin(struct nvme_controller *controller, u8 opcode, u32 namespace_id, hpa_t data, const u32 words[2], u32 *result)
{
	struct nvme_queue *queue = &controller->admin;
	const volatile struct nvme_completion *completion = &queue->completions[queue->head];
	u64 deadline = clock_ns() + ADMIN_TIMEOUT_NS;
	u16 status;

	queue->commands[queue->tail] = (struct nvme_command){
		.opcode = opcode, .id = (u16)queue->tail, .namespace_id = namespace_id, .prp1 = data.value,
		.words = { words[0], words[1] },
	};
	queue->tail = (queue->tail + 1) & (queue->entries - 1);
	nvme_ring(queue, false, queue->tail);
	while (((status = completion->status) & 1) != queue->phase) {
		if (clock_ns() > deadline)
			return ERR_TIMEOUT;
		thread_sleep_ns(POLL_NS);
	}
	if (result)
		*result = completion->result;
	if (++queue->head == queue->entries) {
		queue->head = 0;
		queue->phase ^= 1;
	}
	nvme_ring(queue, true, queue->head);
	return NVME_STATUS_CODE(status) ? ERR_IO : OK;
}

/* ASCII, padded with blanks; other characters do not belong on a terminal. */
static void take_text(char *to, const u8 *from, size_t count)
{
	while (count && (from[count - 1] == ' ' || from[count - 1] == 0))
		count--;
	for (size_t i = 0; i < count; i++)
		to[i] = from[i] > ' ' - 1 && from[i] < 0x7f ? (char)from[i] : '?';
	to[count] = 0;
}

static u32 little16(const u8 *at) { return at[0] | (u32)at[1] << 8; }
static u32 little32(const u8 *at) { return little16(at) | little16(at + 2) << 16; }
static u64 little64(const u8 *at) { return little32(at) | (u64)little32(at + 4) << 32; }

static void use_identity(struct nvme_controller *controller, const u8 *data)
{
	u32 mdts = data[NVME_ID_MDTS]; /* a power of two of the smallest page; 0: no limit */
	u64 shift = mdts + NVME_CAP_PAGE_SHIFT_MIN(controller->capabilities);

	take_text(controller->model, data + NVME_ID_MODEL, 40);
	take_text(controller->serial, data + NVME_ID_SERIAL, 20);
	controller->max_transfer_bytes = mdts && shift < 20 ? BIT32(shift) : NVME_TRANSFER_MAX;
	controller->namespace_count = little32(data + NVME_ID_NAMESPACES);
	controller->optional_commands = little16(data + NVME_ID_ONCS);
	controller->volatile_cache = data[NVME_ID_VWC] & 1;
}

int nvme_identify(struct nvme_controller *controller)
{
	hpa_t address;
	u8 *data = dma_alloc(NVME_PAGE_BYTES, false, &address);
	int error;

	if (!data)
		return ERR_NO_MEMORY;
	error = nvme_admin(controller, NVME_ADMIN_IDENTIFY, 0, address, (u32[2]){ NVME_IDENTIFY_CONTROLLER, 0 }, NULL);
	if (!error)
		use_identity(controller, data);
	dma_free(data, NVME_PAGE_BYTES);
	return error;
}

/* Completion queue first, since the submission queue names it. Vector i serves queue i + 1. */
static int create_pair(struct nvme_controller *controller, struct nvme_queue *queue, u32 vector)
{
	u32 size = (queue->entries - 1) << 16 | queue->id;
	int error;

	nvme_queue_start(queue);
	error = nvme_admin(controller, NVME_ADMIN_CREATE_CQ, 0, queue->completions_address,
			   (u32[2]){ size, vector << 16 | NVME_CQ_INTERRUPTS | NVME_QUEUE_CONTIGUOUS }, NULL);
	if (error)
		return error;
	return nvme_admin(controller, NVME_ADMIN_CREATE_SQ, 0, queue->commands_address,
			  (u32[2]){ size, (u32)queue->id << 16 | NVME_QUEUE_CONTIGUOUS }, NULL);
}

int nvme_create_queues(struct nvme_controller *controller)
{
	u32 wanted = controller->queue_count, granted;
	int error = nvme_admin(controller, NVME_ADMIN_SET_FEATURES, 0, HPA(0),
			       (u32[2]){ NVME_FEATURE_QUEUES, (wanted - 1) << 16 | (wanted - 1) }, &granted);

	if (error)
		return error;
	controller->queue_count = MIN(wanted, MIN(granted & 0xffff, granted >> 16) + 1);
	for (u32 i = 0; i < controller->queue_count && !error; i++)
		error = create_pair(controller, &controller->queues[i], i);
	return error;
}

static const struct block_device_ops namespace_ops = { .submit = nvme_submit };

static void set_limits(struct nvme_namespace *namespace, u64 blocks)
{
	struct nvme_controller *controller = namespace->controller;
	struct block_limits *limits = &namespace->device.limits;
	u64 most = (u64)UINT16_MAX << namespace->block_shift;

	*limits = (struct block_limits){
		.sector_count = blocks << namespace->block_shift,
		.logical_block_bytes = BLOCK_SECTOR_BYTES << namespace->block_shift,
		.physical_block_bytes = BLOCK_SECTOR_BYTES << namespace->block_shift,
		.max_transfer_bytes = NVME_TRANSFER_MAX, /* longer ones than the controller's are cut here */
		.max_segments = 256,
		.segment_boundary_mask = ~(u64)0,
		.max_discard_sectors = controller->optional_commands & NVME_ONCS_DSM ? (u64)UINT32_MAX : 0,
		.max_write_zeroes_sectors = controller->optional_commands & NVME_ONCS_WRITE_ZEROES ? most : 0,
		.volatile_cache = controller->volatile_cache,
	};
}

static void add_namespace(struct nvme_controller *controller, u32 id, const u8 *data, struct nvme_namespace *namespace)
{
	const u8 *format_word = data + NVME_NS_FORMAT + 4 * (data[NVME_NS_FORMATTED] & 15);
	u32 metadata_bytes = little16(format_word), block_log2 = format_word[2];
	u64 blocks = little64(data + NVME_NS_SIZE);

	if (blocks == 0)
		return;
	if (metadata_bytes || block_log2 < 9 || block_log2 > 12 || blocks >> (64 - 3)) {
		log_warning("%s: namespace %u is left out: blocks of %llu bytes with %u bytes of metadata are not supported",
			    controller->name, id, block_log2 < 32 ? 1ull << block_log2 : 0, metadata_bytes);
		return;
	}
	namespace->controller = controller;
	namespace->id = id;
	namespace->block_shift = block_log2 - 9;
	format(namespace->device.name, sizeof(namespace->device.name), "%sn%u", controller->name, id);
	string_copy(namespace->device.model, controller->model, sizeof(namespace->device.model));
	string_copy(namespace->device.serial, controller->serial, sizeof(namespace->device.serial));
	namespace->device.kind = "nvme";
	namespace->device.ops = &namespace_ops;
	namespace->device.context = namespace;
	set_limits(namespace, blocks);
	namespace->registered = block_register(&namespace->device) == OK;
	if (namespace->registered)
		log_info("%s: %s, %llu MiB", namespace->device.name, controller->model,
			 (unsigned long long)(namespace->device.limits.sector_count / 2048));
}

void nvme_find_namespaces(struct nvme_controller *controller)
{
	hpa_t address, list_address;
	u8 *data = dma_alloc(NVME_PAGE_BYTES, false, &address), *list = dma_alloc(NVME_PAGE_BYTES, false, &list_address);
	u32 found = 0;

	if (!data || !list)
		log_warning("%s: no memory to look for its namespaces", controller->name);
	/* A controller of the first versions has no list: numbers count up then. */
	else if (nvme_admin(controller, NVME_ADMIN_IDENTIFY, 0, list_address, (u32[2]){ NVME_IDENTIFY_ACTIVE, 0 }, NULL))
		for (u32 i = 0; i < MIN(controller->namespace_count, NVME_NAMESPACES_MAX); i++)
			((u32 *)(void *)list)[i] = i + 1;
	for (u32 i = 0; data && list && i < NVME_PAGE_BYTES / 4; i++) {
		u32 id = little32(list + 4 * (size_t)i);

		if (id == 0)
			break;
		if (found == NVME_NAMESPACES_MAX) {
			log_warning("%s: it has more than %u namespaces; the rest is left out", controller->name, NVME_NAMESPACES_MAX);
			break;
		}
		memset(data, 0, NVME_PAGE_BYTES);
		if (nvme_admin(controller, NVME_ADMIN_IDENTIFY, id, address, (u32[2]){ NVME_IDENTIFY_NAMESPACE, 0 }, NULL) == OK)
			add_namespace(controller, id, data, &controller->namespaces[found++]);
	}
	dma_free(data, NVME_PAGE_BYTES);
	dma_free(list, NVME_PAGE_BYTES);
}
