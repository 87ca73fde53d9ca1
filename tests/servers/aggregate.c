// SPDX-License-Identifier: MIT
#include "aggregate.h"

#include <openssl/evp.h>
#include <string.h>

#define MAGIC "\xF3\x89\x9A\xC2"
#define MAGIC_SIZE 4
#define MD5_SIZE 16

/* Fields of the protobuf: a record in the message, the data in a record. */
#define TAG_RECORD 0x1a
#define TAG_DATA 0x1a
#define WIRE_TYPE 7u /* the tag's bits of it */
#define WIRE_VARINT 0u

static uint64_t varint(const uint8_t **at, const uint8_t *end)
{
	uint64_t value = 0;

	for (uint32_t shift = 0; *at < end && shift < 64; shift += 7) {
		uint8_t byte = *(*at)++;

		value |= (uint64_t)(byte & 127) << shift;
		if (byte < 128)
			break;
	}
	return value;
}

/* The next field of a message, in which fields are numbers or have a length: its tag, or 0 at the
 * end. */
static uint8_t field(const uint8_t **at, const uint8_t *end, const uint8_t **ret_data,
		     size_t *ret_size)
{
	uint8_t tag;
	uint64_t value;

	if (*at >= end)
		return 0;
	tag = *(*at)++;
	value = varint(at, end);
	*ret_data = *at;
	*ret_size = 0;
	if ((tag & WIRE_TYPE) != WIRE_VARINT) {
		*ret_size = value < (uint64_t)(end - *at) ? (size_t)value : (size_t)(end - *at);
		*at += *ret_size;
	}
	return tag;
}

int aggregate_is(const uint8_t *data, size_t size)
{
	return size > MAGIC_SIZE + MD5_SIZE && memcmp(data, MAGIC, MAGIC_SIZE) == 0;
}

int aggregate_is_whole(const uint8_t *data, size_t size)
{
	unsigned char md5[EVP_MAX_MD_SIZE];
	unsigned int md5_size = 0;

	return EVP_Digest(data + MAGIC_SIZE, size - MAGIC_SIZE - MD5_SIZE, md5, &md5_size,
			  EVP_md5(), NULL) &&
	       md5_size == MD5_SIZE && memcmp(md5, data + size - MD5_SIZE, MD5_SIZE) == 0;
}

uint64_t aggregate_each(const uint8_t *data, size_t size,
			void (*take)(void *user, const uint8_t *data, size_t size), void *user)
{
	const uint8_t *at = data + MAGIC_SIZE, *end = data + size - MD5_SIZE, *record, *found;
	size_t record_size, found_size;
	uint64_t count = 0;
	uint8_t tag;

	while ((tag = field(&at, end, &record, &record_size))) {
		const uint8_t *within = record, *record_end = record + record_size;

		if (tag != TAG_RECORD)
			continue;
		count++;
		while (take && (tag = field(&within, record_end, &found, &found_size)))
			if (tag == TAG_DATA)
				take(user, found, found_size);
	}
	return count;
}
