// SPDX-License-Identifier: MIT
/*
 * Just enough of a service's protocol to count the records of a request and to say yes to each:
 * Kinesis PutRecords in JSON or CBOR, Firehose PutRecordBatch, Elasticsearch _bulk.
 *
 * Records are counted by a mark that each has once, hardly parsing: the sink must be faster than what
 * is measured. What is in the records is checked elsewhere, against real servers. Of aggregates in
 * CBOR, as the Kinesis Producer Library packs them, what is within counts.
 */
#ifndef SERVERS_SPEECH_H
#define SERVERS_SPEECH_H

#include <stddef.h>
#include <stdint.h>

enum speech { SPEECH_NONE, SPEECH_KINESIS, SPEECH_FIREHOSE, SPEECH_BULK };

/* SPEECH_NONE for an unknown name. */
enum speech speech_named(const char *name);

struct speech_count {
	uint64_t records; /* as the service counts them */
	uint64_t lines;   /* as the sender of aggregates does */
};

struct speech_count speech_count(enum speech speech, const char *body, size_t size);
/* The answer to a request with that head and so many records, in malloc()ed memory; NULL without
 * memory. CBOR when the request was. */
char *speech_answer(enum speech speech, const char *head, int cbor, uint64_t records,
		    size_t *ret_size);

#endif
