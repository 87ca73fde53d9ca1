// SPDX-License-Identifier: MIT
/*
 * Layout of the bytes: version u16, head size u16, tail size u16, shorter u16, device u64,
 * inode u64, birth i64, head hash 16, tail hash 16, tail offset u64, 0 u32. Hashes are XXH3-128.
 */
#include "identity.h"

#include <endian.h>
#include <string.h>
#include <xxhash.h>

struct identity_hash identity_hash_of(const void *data, size_t size)
{
	XXH128_hash_t hash = XXH3_128bits(data, size);

	return (struct identity_hash){hash.low64, hash.high64};
}

int identity_hash_equals(struct identity_hash a, struct identity_hash b)
{
	return a.low == b.low && a.high == b.high;
}

int identity_take_head(struct identity *identity, identity_read *read_at, void *user)
{
	uint8_t head[IDENTITY_HEAD_MAX];
	int64_t size = read_at(user, head, sizeof(head), 0);

	if (size < 0)
		return -1;
	identity->head_size = (uint32_t)size;
	identity->head = identity_hash_of(head, (size_t)size);
	return 0;
}

void identity_set_tail(struct identity *identity, const void *data, uint32_t size, uint64_t offset)
{
	identity->tail_size = size;
	identity->tail = identity_hash_of(data, size);
	identity->tail_offset = offset;
}

int identity_head_matches(const struct identity *identity, identity_read *read_at, void *user)
{
	uint8_t head[IDENTITY_HEAD_MAX];

	if (identity->head_size == 0)
		return 1;
	return identity->head_size <= sizeof(head) &&
	       read_at(user, head, identity->head_size, 0) == (int64_t)identity->head_size &&
	       identity_hash_equals(identity_hash_of(head, identity->head_size), identity->head);
}

int identity_tail_matches(const struct identity *identity, identity_read *read_at, void *user)
{
	uint8_t tail[IDENTITY_TAIL_MAX];
	uint32_t size = identity->tail_size;

	if (size == 0)
		return 1;
	return size <= sizeof(tail) && size <= identity->tail_offset &&
	       read_at(user, tail, size, identity->tail_offset - size) == (int64_t)size &&
	       identity_hash_equals(identity_hash_of(tail, size), identity->tail);
}

int identity_same_file(const struct identity *a, const struct identity *b)
{
	return a->device == b->device && a->inode == b->inode &&
	       (a->birth_ns == b->birth_ns || a->birth_ns == 0 || b->birth_ns == 0);
}

int identity_head_outgrown(const struct identity *identity, uint64_t text_size)
{
	if (identity->head_size == 0)
		return text_size > 0;
	if (identity->head_size < IDENTITY_HEAD_STRONG)
		return text_size >= IDENTITY_HEAD_STRONG;
	return identity->head_size < IDENTITY_HEAD_MAX && text_size >= IDENTITY_HEAD_MAX;
}

static uint8_t *put16(uint8_t *at, uint32_t value)
{
	uint16_t little = htole16((uint16_t)value);

	memcpy(at, &little, sizeof(little));
	return at + sizeof(little);
}

static uint8_t *put64(uint8_t *at, uint64_t value)
{
	uint64_t little = htole64(value);

	memcpy(at, &little, sizeof(little));
	return at + sizeof(little);
}

static uint16_t take16(const uint8_t **at)
{
	uint16_t little;

	memcpy(&little, *at, sizeof(little));
	*at += sizeof(little);
	return le16toh(little);
}

static uint64_t take64(const uint8_t **at)
{
	uint64_t little;

	memcpy(&little, *at, sizeof(little));
	*at += sizeof(little);
	return le64toh(little);
}

void identity_encode(const struct identity *identity, uint8_t ret_bytes[IDENTITY_BYTES])
{
	uint8_t *at = ret_bytes;

	memset(ret_bytes, 0, IDENTITY_BYTES);
	at = put16(at, IDENTITY_VERSION);
	at = put16(at, identity->head_size);
	at = put16(at, identity->tail_size);
	at = put16(at, identity->shorter);
	at = put64(at, identity->device);
	at = put64(at, identity->inode);
	at = put64(at, (uint64_t)identity->birth_ns);
	at = put64(at, identity->head.low);
	at = put64(at, identity->head.high);
	at = put64(at, identity->tail.low);
	at = put64(at, identity->tail.high);
	(void)put64(at, identity->tail_offset);
}

int identity_decode(struct identity *identity, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	if (size < IDENTITY_BYTES || take16(&at) != IDENTITY_VERSION)
		return -1;
	memset(identity, 0, sizeof(*identity));
	identity->head_size = take16(&at);
	identity->tail_size = take16(&at);
	identity->shorter = take16(&at) & 1;
	identity->device = take64(&at);
	identity->inode = take64(&at);
	identity->birth_ns = (int64_t)take64(&at);
	identity->head.low = take64(&at);
	identity->head.high = take64(&at);
	identity->tail.low = take64(&at);
	identity->tail.high = take64(&at);
	identity->tail_offset = take64(&at);
	if (identity->head_size > IDENTITY_HEAD_MAX || identity->tail_size > IDENTITY_TAIL_MAX)
		return -1;
	return 0;
}
