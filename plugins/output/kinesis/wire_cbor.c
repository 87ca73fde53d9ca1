// SPDX-License-Identifier: MIT
/* RFC 8949, with definite lengths throughout. */
#include "wire.h"

#define CBOR_BYTES 0x40
#define CBOR_TEXT 0x60
#define CBOR_LIST 0x80
#define CBOR_MAP 0xa0

static void add_head(struct body *body, uint32_t major, uint64_t length)
{
	uint32_t bytes = length < 24            ? 0
			 : length <= 0xff       ? 1
			 : length <= 0xffff     ? 2
			 : length <= 0xffffffff ? 4
						: 8;
	char head[9];

	head[0] = (char)(major | (bytes == 0   ? (uint32_t)length
				  : bytes == 1 ? 24
				  : bytes == 2 ? 25
				  : bytes == 4 ? 26
					       : 27));
	for (uint32_t i = 0; i < bytes; i++)
		head[1 + i] = (char)(length >> 8 * (bytes - 1 - i));
	body_add(body, head, 1 + bytes);
}

static void add_text(struct body *body, const char *text, uint64_t size)
{
	add_head(body, CBOR_TEXT, size);
	body_add(body, text, size);
}

static void add_name(struct body *body, const char *name)
{
	add_text(body, name, strlen(name));
}

static void add_record(struct body *body, const struct packed *packed)
{
	add_head(body, CBOR_MAP, packed->keys.hash_size ? 3 : 2);
	add_name(body, "Data");
	add_head(body, CBOR_BYTES, packed->size);
	for (uint32_t i = 0; i < packed->piece_count; i++)
		body_add_slice(body, packed->pieces[i]);
	add_name(body, "PartitionKey");
	add_text(body, packed->keys.partition, packed->keys.partition_size);
	if (!packed->keys.hash_size)
		return;
	add_name(body, "ExplicitHashKey");
	add_text(body, packed->keys.hash, packed->keys.hash_size);
}

int32_t wire_cbor(const struct packing *packing, const char *stream,
		  const struct batching_request *request, struct body *body)
{
	struct packing_cursor cursor = packing_first(packing, request);
	struct packed packed;
	int more;

	add_head(body, CBOR_MAP, 2);
	add_name(body, wire_stream_member(stream));
	add_name(body, stream);
	add_name(body, "Records");
	add_head(body, CBOR_LIST, packing_count(packing, request));
	while ((more = packing_next(packing, &cursor, &packed)) > 0)
		add_record(body, &packed);
	return more < 0 ? more : body->failed ? WEIR_ERR_MEMORY : 0;
}
