// SPDX-License-Identifier: MIT
#include "wire.h"

const char *wire_stream_member(const char *stream)
{
	return strncmp(stream, "arn:", 4) == 0 ? "StreamARN" : "StreamName";
}

static void add_record(struct body *body, const struct packed *packed)
{
	body_add_string(body, "{\"Data\":\"");
	for (uint32_t i = 0; i < packed->piece_count; i++)
		body_add_base64(body, packed->pieces[i]);
	body_end_base64(body);
	body_add_string(body, "\",\"PartitionKey\":\"");
	body_add_json(body,
		      (struct weir_slice){packed->keys.partition, packed->keys.partition_size});
	if (packed->keys.hash_size) {
		body_add_string(body, "\",\"ExplicitHashKey\":\"");
		body_add(body, packed->keys.hash, packed->keys.hash_size);
	}
	body_add_string(body, "\"}");
}

int32_t wire_json(const struct packing *packing, const char *stream,
		  const struct batching_request *request, struct body *body)
{
	struct packing_cursor cursor = packing_first(packing, request);
	const char *before = "";
	struct packed packed;
	int more;

	body_add_string(body, "{\"");
	body_add_string(body, wire_stream_member(stream));
	body_add_string(body, "\":\"");
	body_add_json(body, weir_slice_of(stream));
	body_add_string(body, "\",\"Records\":[");
	while ((more = packing_next(packing, &cursor, &packed)) > 0) {
		body_add_string(body, before);
		add_record(body, &packed);
		before = ",";
	}
	body_add_string(body, "]}");
	return more < 0 ? more : body->failed ? WEIR_ERR_MEMORY : 0;
}
