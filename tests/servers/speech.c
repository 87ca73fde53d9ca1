// SPDX-License-Identifier: MIT
#include "speech.h"

#include <stdlib.h>
#include <string.h>

#include "aggregate.h"

/* One item of each answer, as the services give it. */
#define KINESIS_ITEM "{\"SequenceNumber\":\"1\",\"ShardId\":\"shardId-000000000000\"}"
#define FIREHOSE_ITEM "{\"RecordId\":\"1\"}"
#define BULK_ITEM "{\"create\":{\"status\":201}}"
/* CBOR: {"SequenceNumber": "1", "ShardId": "shardId-000000000000"} */
#define CBOR_ITEM                    \
	"\xA2\x6ESequenceNumber\x61" \
	"1\x67ShardId\x74shardId-000000000000"
/* CBOR: {"FailedRecordCount": 0, "Records": [ (of a 16-bit number of items) */
#define CBOR_HEAD  \
	"\xA2\x71" \
	"FailedRecordCount\x00\x67Records\x99"

/* A stream of one shard, for who asks before putting. */
#define SHARDS                                                                                    \
	"{\"Shards\":[{\"ShardId\":\"shardId-000000000000\",\"HashKeyRange\":{"                   \
	"\"StartingHashKey\":\"0\",\"EndingHashKey\":\"340282366920938463463374607431768211455\"" \
	"},\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"1\"}}]}"

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

/* ---- CBOR, with definite lengths ---- */

/* The length of a byte string from its head, which must be within the body; moves *at behind it. */
static uint64_t cbor_length(const uint8_t **at, const uint8_t *end)
{
	uint32_t low = *at < end ? *(*at)++ & 31u : 0;
	uint64_t length = low < 24 ? low : 0;

	for (uint32_t i = low < 24 || low > 27 ? 0 : 1u << (low - 24); i > 0 && *at < end; i--)
		length = length << 8 | *(*at)++;
	return length;
}

static struct speech_count count_cbor(const char *body, size_t size)
{
	static const char mark[] = "\x64"
				   "Data";
	const char *end = body + size;
	struct speech_count found = {0, 0};

	while ((body = memmem(body, (size_t)(end - body), mark, sizeof(mark) - 1))) {
		const uint8_t *at = (const uint8_t *)body + sizeof(mark) - 1;
		uint64_t length = cbor_length(&at, (const uint8_t *)end);
		uint64_t left = (uint64_t)((const uint8_t *)end - at);

		length = length < left ? length : left;
		found.records++;
		found.lines +=
			aggregate_is(at, length) ? aggregate_each(at, length, NULL, NULL) : 1;
		body = (const char *)at + length;
	}
	return found;
}

struct speech_count speech_count(enum speech speech, const char *body, size_t size)
{
	uint64_t records = 0;

	if (size == 0)
		return (struct speech_count){0, 0};
	if (speech == SPEECH_KINESIS && body[0] != '{')
		return count_cbor(body, size);
	if (speech == SPEECH_BULK)
		records = count(body, size, "\n") / 2;
	else
		records = count(body, size,
				speech == SPEECH_KINESIS ? "\"PartitionKey\"" : "\"Data\"");
	return (struct speech_count){records, records};
}

/* ---- answers ---- */

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

char *speech_answer(enum speech speech, const char *head, int cbor, uint64_t records,
		    size_t *ret_size)
{
	if (strstr(head, ".ListShards"))
		return json_answer(SHARDS, "", "", 0, ret_size);
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
