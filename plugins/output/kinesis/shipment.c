// SPDX-License-Identifier: MIT
#include "shipment.h"

#include <stdlib.h>

#define PARCELS_FIRST 16

struct shipment *shipment_create(const struct aws_operation *operation)
{
	struct shipment *shipment = calloc(1, sizeof(*shipment));

	if (!shipment)
		return NULL;
	shipment->http.struct_size = sizeof(shipment->http);
	shipment->http.user = shipment;
	shipment->call.operation = operation;
	return shipment;
}

static void drop_body(struct shipment *shipment, const struct shipment_maker *maker)
{
	const struct lot_maker *lots = maker->lots;

	if (shipment->charged)
		lots->host->memory_charge(lots->context, -shipment->charged);
	shipment->charged = 0;
	body_done(&shipment->body);
	free(shipment->slices);
	shipment->slices = NULL;
	spare_give(maker->spare, &shipment->aggregates);
}

void shipment_free(struct shipment *shipment, const struct shipment_maker *maker)
{
	if (!shipment)
		return;
	drop_body(shipment, maker);
	aws_call_done(&shipment->call);
	for (uint32_t i = 0; i < shipment->count; i++)
		parcel_done(&shipment->parcels[i]);
	free(shipment->parcels);
	free(shipment);
}

struct parcel *shipment_room(struct shipment *shipment)
{
	uint32_t capacity = shipment->capacity ? 2 * shipment->capacity : PARCELS_FIRST;
	struct parcel *parcels;

	if (shipment->count == shipment->capacity) {
		parcels = realloc(shipment->parcels, capacity * sizeof(*parcels));
		if (!parcels)
			return NULL;
		shipment->parcels = parcels;
		shipment->capacity = capacity;
	}
	return &shipment->parcels[shipment->count];
}

void shipment_add(struct shipment *shipment)
{
	const struct parcel *parcel = &shipment->parcels[shipment->count++];

	shipment->records += parcel->count;
	shipment->bytes += parcel->bytes;
}

/* ---- the body ---- */

static char *write_data(const struct record *record, uint32_t newline, char *to)
{
	struct weir_slice pieces[PACKING_PIECES_MAX];
	uint32_t count = record_pieces(record, newline, pieces);

	for (uint32_t i = 0; i < count; i++) {
		if (pieces[i].size)
			memcpy(to, pieces[i].data, pieces[i].size);
		to += pieces[i].size;
	}
	return to;
}

/* All but the digest; returns where that belongs. */
static char *write_aggregate(const struct parcel *parcel, uint32_t newline, char *to)
{
	to = aggregate_write_head(&parcel->aggregate, to);
	for (const struct record *record = parcel->first; record; record = record->next) {
		const struct aggregate_record what = {.data_size = record->size,
						      .partition_index = record->partition_index,
						      .hash_index = record->hash_index};

		to = write_data(record, newline, aggregate_write_record(&what, to));
	}
	return to;
}

/* Behind each other, and digested together while they are in a cache. */
static int32_t write_aggregates(const struct shipment *shipment, uint32_t newline,
				struct hasher *hasher)
{
	struct aggregate_text texts[HASHER_TOGETHER];
	char *at = shipment->aggregates.data;
	uint32_t count = 0;
	int32_t code = 0;

	for (uint32_t i = 0; i < shipment->count && code == 0; i++) {
		if (shipment->parcels[i].count == 1)
			continue;
		texts[count].start = at;
		texts[count].end = write_aggregate(&shipment->parcels[i], newline, at);
		at = texts[count++].end + HASHER_MD5_SIZE;
		if (count < HASHER_TOGETHER)
			continue;
		code = aggregate_write_digests(hasher, texts, count);
		count = 0;
	}
	return code ? code : aggregate_write_digests(hasher, texts, count);
}

static void add_single(struct shipment *shipment, const struct shipment_maker *maker, uint32_t i)
{
	const struct record *record = shipment->parcels[i].first;
	struct packed packed = {.size = record->size,
				.partition_key = record_partition_key(record),
				.hash_key = record_hash_key(record)};

	packed.piece_count = record_pieces(record, maker->lots->newline, packed.pieces);
	maker->wire->add(&shipment->body, &packed, i == 0);
}

/* Its text is written already; returns the end of it. */
static char *add_aggregate(struct shipment *shipment, const struct shipment_maker *maker,
			   uint32_t i, char *at)
{
	const struct parcel *parcel = &shipment->parcels[i];
	char hash_key[HASH_KEY_TEXT];
	struct packed packed = {.piece_count = 1,
				.size = aggregate_size(&parcel->aggregate),
				.partition_key = {PARCEL_KEY, PARCEL_KEY_SIZE}};

	packed.pieces[0] = (struct weir_slice){at, packed.size};
	packed.hash_key =
		(struct weir_slice){hash_key, hash_key_write(parcel->first->hash, hash_key)};
	maker->wire->add(&shipment->body, &packed, i == 0);
	return at + packed.size;
}

static int32_t add_parcels(struct shipment *shipment, const struct shipment_maker *maker)
{
	char *at = shipment->aggregates.data;

	maker->wire->begin(&shipment->body, maker->stream, shipment->count);
	for (uint32_t i = 0; i < shipment->count; i++) {
		if (shipment->parcels[i].count == 1)
			add_single(shipment, maker, i);
		else
			at = add_aggregate(shipment, maker, i, at);
	}
	maker->wire->end(&shipment->body);
	return shipment->body.failed ? WEIR_ERR_MEMORY : 0;
}

static uint64_t aggregates_size(const struct shipment *shipment)
{
	uint64_t size = 0;

	for (uint32_t i = 0; i < shipment->count; i++)
		if (shipment->parcels[i].count > 1)
			size += aggregate_size(&shipment->parcels[i].aggregate);
	return size;
}

static void charge(struct shipment *shipment, const struct shipment_maker *maker)
{
	if (maker->wire == &wire_json) /* all of it is base64 by now */
		spare_give(maker->spare, &shipment->aggregates);
	shipment->charged = (int64_t)shipment->body.text_capacity;
	maker->lots->host->memory_charge(maker->lots->context, shipment->charged);
}

int32_t shipment_compose(struct shipment *shipment, const struct shipment_maker *maker)
{
	struct hasher *hasher;
	int32_t code;

	drop_body(shipment, maker);
	shipment->aggregates = spare_take(maker->spare, aggregates_size(shipment));
	hasher = shipment->aggregates.data ? hasher_create() : NULL;
	if (!hasher)
		return WEIR_ERR_MEMORY;
	code = write_aggregates(shipment, maker->lots->newline, hasher);
	hasher_destroy(hasher);
	if (code == 0)
		code = add_parcels(shipment, maker);
	if (code)
		return code;
	shipment->slices = body_slices(&shipment->body);
	if (!shipment->slices)
		return WEIR_ERR_MEMORY;
	charge(shipment, maker);
	shipment->http.body = shipment->slices;
	shipment->http.body_count = shipment->body.count;
	shipment->http.body_size = shipment->body.size;
	shipment->http.record_count = shipment->records;
	return aws_call_digest(&shipment->call, shipment->slices, shipment->body.count);
}

/* ---- halves ---- */

static void recount(struct shipment *shipment)
{
	uint32_t count = shipment->count;

	shipment->count = shipment->records = 0;
	shipment->bytes = 0;
	for (uint32_t i = 0; i < count; i++)
		shipment_add(shipment);
}

/* Cuts a list of records into one parcel, as if they were all that the lane had. */
static int32_t recut(struct lane *lane, const struct lane_limits *limits, struct record *first,
		     struct parcel *ret_parcel)
{
	struct record **end = &ret_parcel->first;
	struct lane some;
	int32_t code;

	lane_init(&some, &lane->shard);
	lane_return(&some, first);
	code = lane_cut(&some, limits, ret_parcel);
	ret_parcel->lane = lane;
	if (!some.first)
		return code;
	while (*end) /* memory has run out on the way: the list becomes whole again */
		end = &(*end)->next;
	*end = some.first;
	parcel_done(ret_parcel);
	return WEIR_ERR_MEMORY;
}

/* The one parcel becomes two. They held together, so each half fits an aggregate. */
static int32_t halve_parcel(struct parcel *parcel, const struct lane_limits *limits,
			    struct parcel *ret_second)
{
	struct record *last = parcel->first, *rest;
	struct parcel first, second;
	int32_t code;

	for (uint32_t i = 1; i < parcel->count / 2; i++)
		last = last->next;
	rest = last->next;
	last->next = NULL;
	code = recut(parcel->lane, limits, parcel->first, &first);
	if (code == 0) {
		code = recut(parcel->lane, limits, rest, &second);
		if (code)
			parcel_done(&first);
	}
	if (code) {
		last->next = rest;
		return code;
	}
	parcel_done(parcel);
	*parcel = first;
	*ret_second = second;
	parcel->lane->in_flight++;
	return 0;
}

struct shipment *shipment_halve(struct shipment *shipment, const struct lane_limits *limits,
				const struct shipment_maker *maker)
{
	struct shipment *second = shipment_create(shipment->call.operation);
	uint32_t keep = shipment->count / 2;

	if (!second)
		return NULL;
	drop_body(shipment, maker);
	second->sent_ns = shipment->sent_ns;
	if (shipment->count == 1) {
		if (!shipment_room(second) ||
		    halve_parcel(shipment->parcels, limits, second->parcels)) {
			free(second->parcels);
			free(second);
			return NULL;
		}
		second->count = 1;
	} else {
		second->parcels = calloc(shipment->count - keep, sizeof(*second->parcels));
		if (!second->parcels) {
			free(second);
			return NULL;
		}
		second->capacity = second->count = shipment->count - keep;
		memcpy(second->parcels, shipment->parcels + keep,
		       second->count * sizeof(*second->parcels));
		shipment->count = keep;
	}
	recount(shipment);
	recount(second);
	return second;
}
