// SPDX-License-Identifier: MIT
/* The two forms of a PutRecords body: AWS JSON 1.1 with base64, and AWS CBOR 1.1 with the bytes. */
#ifndef KINESIS_WIRE_H
#define KINESIS_WIRE_H

#include "packing.h"
#include "support/aws_put/body.h"

struct wire {
	const char *content_type;
	/* `stream` is a name or an ARN; `count` records follow. */
	void (*begin)(struct body *body, const char *stream, uint32_t count);
	/* With CBOR the body points to the data, which must stay where it is. */
	void (*add)(struct body *body, const struct packed *packed, int is_first);
	void (*end)(struct body *body);
};

extern const struct wire wire_json, wire_cbor;

/* The whole body of a request. */
int32_t wire_request(const struct wire *wire, const struct packing *packing, const char *stream,
		     const struct batching_request *request, struct body *body);
/* The member that names the stream: StreamName or StreamARN. */
const char *wire_stream_member(const char *stream);

#endif
