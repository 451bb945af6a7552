/* SPDX-License-Identifier: MIT */
/*
 * Slabs: a naturally aligned block of pages with a header, then objects of one size. A pointer finds its block through
 * the frame table. Power-of-two objects are aligned to their size, all others to 16. One empty slab a class is kept.
 * A bitmap of live objects catches double and wild frees in every build; debug builds also poison freed objects.
 */
#include "hv/slab.h"
#include "hv/lib/list.h"
#include "hv/lib/lock.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/pages.h"

#define OBJECTS_MAX 256
#define POISON 0x6b
#define SMALL_MAX 2048u

struct slab {
	struct list_node node;    /* in its class's list of slabs with room; alone when full */
	struct slab_class *class;
	void *free;               /* chain through the objects */
	u32 used, first_offset;
	u64 live[OBJECTS_MAX / 64];
};

struct slab_class {
	u32 size, order;
	struct spinlock lock;
	struct list_node with_room; /* [lock] */
	u32 empty;                  /* [lock] how many of them hold no object */
	u64 objects;                /* [lock] live */
};

static struct slab_class classes[] = {
	{ .size = 16, .order = 0 }, { .size = 32, .order = 0 }, { .size = 48, .order = 0 }, { .size = 64, .order = 0 },
	{ .size = 96, .order = 0 }, { .size = 128, .order = 0 }, { .size = 192, .order = 0 }, { .size = 256, .order = 0 },
	{ .size = 384, .order = 0 }, { .size = 512, .order = 1 }, { .size = 768, .order = 1 }, { .size = 1024, .order = 2 },
	{ .size = 1536, .order = 2 }, { .size = SMALL_MAX, .order = 3 },
};

void slab_init(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		spinlock_init(&classes[i].lock, "slab", LOCK_RANK_SLAB);
		list_init(&classes[i].with_room);
		classes[i].empty = 0;
		classes[i].objects = 0;
	}
}

static struct slab_class *class_for(size_t size)
{
	size_t i = 0;

	while (classes[i].size < size)
		i++;
	return &classes[i];
}

static unsigned order_for(size_t size)
{
	u64 pages = DIV_ROUND_UP((u64)size, PAGE_SIZE);

	return pages <= 1 ? 0 : 64u - (unsigned)__builtin_clzll(pages - 1);
}

static struct slab *new_slab(struct slab_class *class)
{
	hpa_t base = pages_alloc(class->order, PAGE_OWNER_SLAB, 0);
	u32 alignment = (class->size & (class->size - 1)) == 0 ? class->size : 16;
	u32 bytes = (u32)PAGE_SIZE << class->order, offset, count = 0;
	struct slab *slab;
	void **link;

	if (base.value == 0)
		return NULL;
	slab = direct_map(base);
	memset(slab, 0, sizeof(*slab));
	slab->class = class;
	slab->first_offset = ALIGN_UP((u32)sizeof(*slab), alignment);
	link = &slab->free;
	for (offset = slab->first_offset; offset + class->size <= bytes && count < OBJECTS_MAX; offset += class->size, count++) {
		*link = (u8 *)slab + offset;
		link = *link;
	}
	*link = NULL;
	return slab;
}

static u32 object_index(const struct slab *slab, const void *object)
{
	return (u32)((u64)object - (u64)slab - slab->first_offset) / slab->class->size;
}

static void *take_object(struct slab_class *class, struct slab *slab)
{
	void *object = slab->free;
	u32 index = object_index(slab, object);

	slab->free = *(void **)object;
	slab->live[index / 64] |= BIT64(index % 64);
	if (slab->used++ == 0)
		class->empty--;
	class->objects++;
	if (!slab->free)
		list_remove(&slab->node);
	return object;
}

static void *alloc_small(struct slab_class *class)
{
	u64 flags = lock_irqsave(&class->lock);
	void *object = NULL;

	if (list_empty(&class->with_room)) {
		struct slab *slab = new_slab(class);

		if (slab) {
			list_push_front(&class->with_room, &slab->node);
			class->empty++;
		}
	}
	if (!list_empty(&class->with_room))
		object = take_object(class, LIST_ENTRY(class->with_room.next, struct slab, node));
	unlock_irqrestore(&class->lock, flags);
	return object;
}

void *slab_alloc(size_t size)
{
	hpa_t base;

	if (size <= SMALL_MAX)
		return alloc_small(class_for(size));
	if (size > PAGE_SIZE << PAGES_MAX_ORDER)
		return NULL;
	base = pages_alloc(order_for(size), PAGE_OWNER_HOST, 0);
	return base.value ? direct_map(base) : NULL;
}

static void find_block(const void *object, hpa_t *base, unsigned *order, enum page_owner *owner)
{
	if (!pages_find(direct_unmap(object), base, order, owner))
		panic("kfree: %p is nobody's memory", object);
}

static void return_object(struct slab_class *class, struct slab *slab, void *object)
{
	u32 index = object_index(slab, object);

	if ((u64)object < (u64)slab + slab->first_offset || index >= OBJECTS_MAX || !(slab->live[index / 64] & BIT64(index % 64)) ||
	    (u64)object != (u64)slab + slab->first_offset + (u64)index * class->size)
		panic("kfree: %p is no live object (freed twice?)", object);
	slab->live[index / 64] &= ~BIT64(index % 64);
#ifdef SOLERA_DEBUG
	memset(object, POISON, class->size);
#endif
	if (!slab->free)
		list_push_front(&class->with_room, &slab->node);
	*(void **)object = slab->free;
	slab->free = object;
	slab->used--;
	class->objects--;
}

static void free_small(struct slab *slab, void *object)
{
	struct slab_class *class = slab->class;
	u64 flags = lock_irqsave(&class->lock);
	bool give_back = false;

	return_object(class, slab, object);
	if (slab->used == 0) {
		give_back = class->empty > 0;
		if (give_back)
			list_remove(&slab->node);
		else
			class->empty++;
	}
	unlock_irqrestore(&class->lock, flags);
	if (give_back)
		pages_free(direct_unmap(slab), class->order);
}

void slab_free(void *object)
{
	enum page_owner owner;
	unsigned order;
	hpa_t base;

	find_block(object, &base, &order, &owner);
	if (owner == PAGE_OWNER_SLAB)
		free_small(direct_map(base), object);
	else if (owner == PAGE_OWNER_HOST && direct_unmap(object).value == base.value)
		pages_free(base, order);
	else
		panic("kfree: %p belongs to owner %d", object, owner);
}

size_t slab_size(const void *object)
{
	enum page_owner owner;
	unsigned order;
	hpa_t base;

	find_block(object, &base, &order, &owner);
	return owner == PAGE_OWNER_SLAB ? ((struct slab *)direct_map(base))->class->size : PAGE_SIZE << order;
}

u64 slab_objects(void)
{
	u64 total = 0;

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		total += READ_ONCE(classes[i].objects);
	return total;
}
