// SPDX-License-Identifier: MIT
#include "wire.h"

const char *wire_stream_member(const char *stream)
{
	return strncmp(stream, "arn:", 4) == 0 ? "StreamARN" : "StreamName";
}

int32_t wire_request(const struct wire *wire, const struct packing *packing, const char *stream,
		     const struct batching_request *request, struct body *body)
{
	struct packing_cursor cursor = packing_first(packing, request);
	struct packed packed;
	int more, is_first = 1;

	wire->begin(body, stream, packing_count(packing, request));
	while ((more = packing_next(packing, &cursor, &packed)) > 0) {
		wire->add(body, &packed, is_first);
		is_first = 0;
	}
	wire->end(body);
	return more < 0 ? more : body->failed ? WEIR_ERR_MEMORY : 0;
}
