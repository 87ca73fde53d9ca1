// SPDX-License-Identifier: MIT
/* RFC 8949, with definite lengths throughout. */
#include "wire.h"

#define CBOR_BYTES 0x40
#define CBOR_TEXT 0x60
#define CBOR_LIST 0x80
#define CBOR_MAP 0xa0

#define HEAD_MAX 9

static char *put_head(char *to, uint32_t major, uint64_t length)
{
	uint32_t bytes = length < 24            ? 0
			 : length <= 0xff       ? 1
			 : length <= 0xffff     ? 2
			 : length <= 0xffffffff ? 4
						: 8;

	*to++ = (char)(major | (bytes == 0   ? (uint32_t)length
				: bytes == 1 ? 24
				: bytes == 2 ? 25
				: bytes == 4 ? 26
					     : 27));
	for (uint32_t i = 0; i < bytes; i++)
		*to++ = (char)(length >> 8 * (bytes - 1 - i));
	return to;
}

static void add_head(struct body *body, uint32_t major, uint64_t length)
{
	char head[HEAD_MAX];

	body_add(body, head, (uint64_t)(put_head(head, major, length) - head));
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

static void begin(struct body *body, const char *stream, uint32_t count)
{
	add_head(body, CBOR_MAP, 2);
	add_name(body, wire_stream_member(stream));
	add_name(body, stream);
	add_name(body, "Records");
	add_head(body, CBOR_LIST, count);
}

static void add(struct body *body, const struct packed *packed, int is_first)
{
	static const char data_name[] = "?\x64"
					"Data",
			  key_name[] = "\x6c"
				       "PartitionKey";
	char head[sizeof(data_name) + HEAD_MAX] = "", tail[sizeof(key_name) + HEAD_MAX];
	char *to;

	/* The names and heads beside the data are one piece before it and one behind it: several
	 * small ones cost more than the copy of a line. */
	(void)is_first;
	memcpy(head, data_name, sizeof(data_name));
	head[0] = (char)(CBOR_MAP | (packed->hash_key.size ? 3 : 2));
	to = put_head(head + sizeof(data_name) - 1, CBOR_BYTES, packed->size);
	body_add(body, head, (uint64_t)(to - head));
	for (uint32_t i = 0; i < packed->piece_count; i++)
		body_add_slice(body, packed->pieces[i]);
	memcpy(tail, key_name, sizeof(key_name));
	to = put_head(tail + sizeof(key_name) - 1, CBOR_TEXT, packed->partition_key.size);
	body_add(body, tail, (uint64_t)(to - tail));
	body_add(body, packed->partition_key.data, packed->partition_key.size);
	if (!packed->hash_key.size)
		return;
	add_name(body, "ExplicitHashKey");
	add_text(body, packed->hash_key.data, packed->hash_key.size);
}

static void end(struct body *body)
{
	(void)body; /* lengths came first */
}

const struct wire wire_cbor = {"application/x-amz-cbor-1.1", begin, add, end};
