// SPDX-License-Identifier: MIT
#include "speech.h"

#include <stdlib.h>
#include <string.h>

/* One item of each answer, as the services give it. */
#define KINESIS_ITEM "{\"SequenceNumber\":\"1\",\"ShardId\":\"shardId-000000000000\"}"
#define FIREHOSE_ITEM "{\"RecordId\":\"1\"}"
#define BULK_ITEM "{\"create\":{\"status\":201}}"
/* CBOR: {"SequenceNumber": "1", "ShardId": "s"} */
#define CBOR_ITEM                    \
	"\xA2\x6ESequenceNumber\x61" \
	"1\x67ShardId\x61s"
/* CBOR: {"FailedRecordCount": 0, "Records": [ (of a 16-bit number of items) */
#define CBOR_HEAD  \
	"\xA2\x71" \
	"FailedRecordCount\x00\x67Records\x99"

enum speech speech_named(const char *name)
{
	return strcmp(name, "kinesis") == 0    ? SPEECH_KINESIS
	       : strcmp(name, "firehose") == 0 ? SPEECH_FIREHOSE
	       : strcmp(name, "bulk") == 0     ? SPEECH_BULK
					       : SPEECH_NONE;
}

static uint64_t count(const char *body, size_t size, const char *mark)
{
	const char *end = body + size;
	uint64_t found = 0;

	while ((body = memmem(body, (size_t)(end - body), mark, strlen(mark)))) {
		body += strlen(mark);
		found++;
	}
	return found;
}

uint64_t speech_records(enum speech speech, const char *body, size_t size)
{
	if (size == 0)
		return 0;
	switch (speech) {
	case SPEECH_KINESIS:
		return count(body, size, body[0] == '{' ? "\"PartitionKey\"" : "\x6CPartitionKey");
	case SPEECH_FIREHOSE:
		return count(body, size, "\"Data\"");
	case SPEECH_BULK:
		return count(body, size, "\n") / 2;
	default:
		return 0;
	}
}

static char *json_answer(const char *head, const char *item, const char *tail, uint64_t records,
			 size_t *ret_size)
{
	size_t item_size = strlen(item);
	char *text = malloc(strlen(head) + strlen(tail) + records * (item_size + 1) + 1);
	char *at = text;

	if (!text)
		return NULL;
	at = stpcpy(at, head);
	for (uint64_t i = 0; i < records; i++) {
		if (i)
			*at++ = ',';
		memcpy(at, item, item_size);
		at += item_size;
	}
	at = stpcpy(at, tail);
	*ret_size = (size_t)(at - text);
	return text;
}

static char *cbor_answer(uint64_t records, size_t *ret_size)
{
	size_t head = sizeof(CBOR_HEAD) - 1, item = sizeof(CBOR_ITEM) - 1;
	char *data = malloc(head + 2 + records * item);

	if (!data)
		return NULL;
	memcpy(data, CBOR_HEAD, head);
	data[head] = (char)(records >> 8);
	data[head + 1] = (char)records;
	for (uint64_t i = 0; i < records; i++)
		memcpy(data + head + 2 + i * item, CBOR_ITEM, item);
	*ret_size = head + 2 + records * item;
	return data;
}

char *speech_answer(enum speech speech, int cbor, uint64_t records, size_t *ret_size)
{
	if (cbor)
		return cbor_answer(records, ret_size);
	switch (speech) {
	case SPEECH_KINESIS:
		return json_answer("{\"FailedRecordCount\":0,\"Records\":[", KINESIS_ITEM, "]}",
				   records, ret_size);
	case SPEECH_FIREHOSE:
		return json_answer("{\"FailedPutCount\":0,\"RequestResponses\":[", FIREHOSE_ITEM,
				   "]}", records, ret_size);
	default:
		return json_answer("{\"took\":1,\"errors\":false,\"items\":[", BULK_ITEM, "]}",
				   records, ret_size);
	}
}
