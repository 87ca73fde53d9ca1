// SPDX-License-Identifier: MIT
/* Limits of Kinesis Data Streams. Source: the service model of 2013-12-02, PutRecords. */
#ifndef KINESIS_LIMITS_H
#define KINESIS_LIMITS_H

#define KINESIS_RECORDS_MAX 500
/* Data and partition keys of a request. The model says 10 MiB by now; 5 MiB is taken everywhere. */
#define KINESIS_REQUEST_MAX (5u << 20)
/* Data and partition key of a record; up to the second where the stream's own limit was raised. */
#define KINESIS_RECORD_DEFAULT (1u << 20)
#define KINESIS_RECORD_MAX (10u << 20)
/* What a shard takes in a second. */
#define KINESIS_SHARD_RECORDS_S 1000
#define KINESIS_SHARD_BYTES_S (1u << 20)
/* KPL's RateLimit, in percent of that, its default and its most: 150 for several producers that don't
 * all send at once. */
#define KINESIS_RATE_DEFAULT 150
#define KINESIS_RATE_MAX 10000
/* Of an aggregate: KPL's AggregationMaxSize, its least and its default. Source: its configuration. */
#define KINESIS_AGGREGATE_MIN 64
#define KINESIS_AGGREGATE_DEFAULT 51200
/* Our own: more would not fit the largest record. */
#define KINESIS_AGGREGATE_RECORDS_MAX 1000000
#define KINESIS_KEY_MAX 256                                            /* characters, not bytes */
#define KINESIS_HASH_KEY_MAX "340282366920938463463374607431768211455" /* 2^128 - 1 */
#define KINESIS_STREAM_NAME_MAX 128

#endif
