// SPDX-License-Identifier: MIT
#include "spare.h"

#include <stdlib.h>

/* Full shipments differ by little: rounded up to this, one has room for the next. Less is not kept, since
 * the allocator has it at hand. */
#define ROOM_UNIT (UINT64_C(256) << 10)

void spare_init(struct spare *spare, const struct weir_services *host, struct weir_context *context)
{
	spare->host = host;
	spare->context = context;
	pthread_mutex_init(&spare->lock, NULL);
}

static struct room exchange(struct spare *spare, struct room room)
{
	struct room kept;

	pthread_mutex_lock(&spare->lock);
	kept = spare->kept;
	spare->kept = room;
	pthread_mutex_unlock(&spare->lock);
	return kept;
}

static void drop(struct spare *spare, struct room room)
{
	if (room.data)
		spare->host->memory_charge(spare->context, -(int64_t)room.size);
	free(room.data);
}

struct room spare_take(struct spare *spare, uint64_t size)
{
	struct room room = {0};

	if (size >= ROOM_UNIT)
		room = exchange(spare, room);
	if (room.size >= size && room.data)
		return room;
	drop(spare, room);
	room.size = size < ROOM_UNIT ? size + 1 : (size + ROOM_UNIT - 1) / ROOM_UNIT * ROOM_UNIT;
	room.data = malloc(room.size);
	if (!room.data)
		return (struct room){0};
	spare->host->memory_charge(spare->context, (int64_t)room.size);
	return room;
}

void spare_give(struct spare *spare, struct room *room)
{
	drop(spare, room->size < ROOM_UNIT ? *room : exchange(spare, *room));
	*room = (struct room){0};
}

void spare_clear(struct spare *spare)
{
	drop(spare, exchange(spare, (struct room){0}));
}

void spare_done(struct spare *spare)
{
	spare_clear(spare);
	pthread_mutex_destroy(&spare->lock);
}
