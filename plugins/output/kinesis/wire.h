// SPDX-License-Identifier: MIT
/* The two forms of a PutRecords body: AWS JSON 1.1 with base64, and AWS CBOR 1.1 with the bytes. */
#ifndef KINESIS_WIRE_H
#define KINESIS_WIRE_H

#include "packing.h"
#include "support/aws_put/body.h"

#define WIRE_JSON_TYPE "application/x-amz-json-1.1"
#define WIRE_CBOR_TYPE "application/x-amz-cbor-1.1"

/* `stream` is a name or an ARN. */
int32_t wire_json(const struct packing *packing, const char *stream,
		  const struct batching_request *request, struct body *body);
/* Data stays where it is: the body has slices of it. */
int32_t wire_cbor(const struct packing *packing, const char *stream,
		  const struct batching_request *request, struct body *body);
/* The member that names the stream: StreamName or StreamARN. */
const char *wire_stream_member(const char *stream);

#endif
