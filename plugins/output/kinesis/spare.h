// SPDX-License-Identifier: MIT
/*
 * Memory for the aggregates of a shipment, kept for the next one: 5 MB fresh from the system cost a page
 * fault for every 4 KiB, and between other allocations leave holes that nothing else fills. One is
 * kept, however many are in flight: as one shipment ends the next is made.
 *
 * Charged to the bound on memory as long as it is had. Any thread.
 */
#ifndef KINESIS_SPARE_H
#define KINESIS_SPARE_H

#include <pthread.h>
#include <weir/plugin.h>

struct room {
	char *data;
	uint64_t size;
};

struct spare {
	const struct weir_services *host;
	struct weir_context *context;
	pthread_mutex_t lock; /* guards `kept` */
	struct room kept;
};

void spare_init(struct spare *spare, const struct weir_services *host,
		struct weir_context *context);
/* Room for so many bytes at least; data is NULL without memory. */
struct room spare_take(struct spare *spare, uint64_t size);
/* Empties *room. */
void spare_give(struct spare *spare, struct room *room);
/* Frees what is kept. */
void spare_clear(struct spare *spare);
void spare_done(struct spare *spare);

#endif
