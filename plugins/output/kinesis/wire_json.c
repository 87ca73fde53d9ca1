// SPDX-License-Identifier: MIT
#include "wire.h"

static void begin(struct body *body, const char *stream, uint32_t count)
{
	(void)count;
	body_add_string(body, "{\"");
	body_add_string(body, wire_stream_member(stream));
	body_add_string(body, "\":\"");
	body_add_json(body, weir_slice_of(stream));
	body_add_string(body, "\",\"Records\":[");
}

static void add(struct body *body, const struct packed *packed, int is_first)
{
	body_add_string(body, is_first ? "{\"Data\":\"" : ",{\"Data\":\"");
	for (uint32_t i = 0; i < packed->piece_count; i++)
		body_add_base64(body, packed->pieces[i]);
	body_end_base64(body);
	body_add_string(body, "\",\"PartitionKey\":\"");
	body_add_json(body, packed->partition_key);
	if (packed->hash_key.size) {
		body_add_string(body, "\",\"ExplicitHashKey\":\"");
		body_add(body, packed->hash_key.data, packed->hash_key.size);
	}
	body_add_string(body, "\"}");
}

static void end(struct body *body)
{
	body_add_string(body, "]}");
}

const struct wire wire_json = {"application/x-amz-json-1.1", begin, add, end};
