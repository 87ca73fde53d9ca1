// SPDX-License-Identifier: MIT
/*
 * Shipments: requests of PutRecords, each with up to 500 parcels of any lanes.
 *
 * The aggregates of a shipment are written one behind the other into memory of its own, which the body
 * points into (CBOR) or which is gone once the body is made (JSON).
 */
#ifndef KINESIS_SHIPMENT_H
#define KINESIS_SHIPMENT_H

#include "lane.h"
#include "spare.h"
#include "support/aws_call/aws_call.h"
#include "wire.h"

struct shipment {
	struct weir_http_request http; /* http.user is the shipment */
	struct aws_call call;
	struct parcel *parcels;
	uint32_t count, capacity;
	uint32_t records;
	uint64_t bytes; /* of the parcels, as Kinesis counts them */
	struct body body;
	struct weir_slice *slices;
	struct room aggregates;
	int64_t charged;  /* for the body */
	uint64_t sent_ns; /* first handed to the HTTP service */
	struct shipment *next;
};

struct shipment_maker {
	const struct lot_maker *lots;
	const struct aws_operation *operation;
	const struct wire *wire;
	const char *stream;
	struct spare *spare;
};

struct shipment *shipment_create(const struct aws_operation *operation);
/* Frees the shipment, not the records. NULL will do. */
void shipment_free(struct shipment *shipment, const struct shipment_maker *maker);
/* Room for one more parcel, or NULL. */
struct parcel *shipment_room(struct shipment *shipment);
/* Counts the parcel that was put into that room. */
void shipment_add(struct shipment *shipment);
/* Makes the body and its digest; again when the parcels have changed. */
int32_t shipment_compose(struct shipment *shipment, const struct shipment_maker *maker);
/* Moves the second half of the parcels, or of the records of the only one, into a new shipment. There
 * are two records or more. NULL without memory: then the parcels can only go back to their lanes. */
struct shipment *shipment_halve(struct shipment *shipment, const struct lane_limits *limits,
				const struct shipment_maker *maker);

#endif
