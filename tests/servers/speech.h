// SPDX-License-Identifier: MIT
/*
 * Just enough of a service's protocol to count the records of a request and to say yes to each:
 * Kinesis PutRecords in JSON or CBOR, Firehose PutRecordBatch, Elasticsearch _bulk.
 *
 * Records are counted by a mark that each has once, without parsing: the sink must be faster than
 * what is measured. What is in the records is checked elsewhere, against real servers.
 */
#ifndef SERVERS_SPEECH_H
#define SERVERS_SPEECH_H

#include <stddef.h>
#include <stdint.h>

enum speech { SPEECH_NONE, SPEECH_KINESIS, SPEECH_FIREHOSE, SPEECH_BULK };

/* SPEECH_NONE for an unknown name. */
enum speech speech_named(const char *name);
uint64_t speech_records(enum speech speech, const char *body, size_t size);
/* The answer to a request of so many records, in malloc()ed memory; NULL without memory. CBOR when
 * the request was. */
char *speech_answer(enum speech speech, int cbor, uint64_t records, size_t *ret_size);

#endif
