// SPDX-License-Identifier: MIT
/* Numbers and texts as chunks have them; reading never goes beyond the end. */
#ifndef SPOOL_SPOOL_WIRE_H
#define SPOOL_SPOOL_WIRE_H

#include <endian.h>
#include <string.h>
#include <weir/abi.h>

/* Bytes of the longest varint. */
#define WIRE_VARINT_MAX 10u

struct wire {
	const uint8_t *at, *end;
	int failed; /* something was not there, or was no number */
};

static inline uint8_t *wire_put_varint(uint8_t *at, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*at++ = (uint8_t)(value | 0x80);
	*at++ = (uint8_t)value;
	return at;
}

static inline uint8_t *wire_put64(uint8_t *at, uint64_t value)
{
	value = htole64(value);
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

static inline uint8_t *wire_put_text(uint8_t *at, struct weir_slice text)
{
	at = wire_put_varint(at, text.size);
	if (text.size)
		memcpy(at, text.data, text.size);
	return at + text.size;
}

static inline uint64_t wire_zigzag(int64_t value)
{
	return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static inline int64_t wire_unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1 ^ -(value & 1));
}

static inline uint64_t wire_varint(struct wire *wire)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && wire->at < wire->end; shift += 7) {
		uint8_t byte = *wire->at++;

		value |= (uint64_t)(byte & 0x7F) << shift;
		if (!(byte & 0x80))
			return value;
	}
	wire->failed = 1;
	return 0;
}

/* A varint of at most `max`. */
static inline uint32_t wire_number(struct wire *wire, uint32_t max)
{
	uint64_t value = wire_varint(wire);

	if (value > max) {
		wire->failed = 1;
		return 0;
	}
	return (uint32_t)value;
}

/* `size` bytes as they are; NULL when there are not so many. */
static inline const uint8_t *wire_bytes(struct wire *wire, uint64_t size)
{
	const uint8_t *bytes = wire->at;

	if (wire->failed || size > (uint64_t)(wire->end - wire->at)) {
		wire->failed = 1;
		return NULL;
	}
	wire->at += size;
	return bytes;
}

static inline uint64_t wire_fixed64(struct wire *wire)
{
	const uint8_t *bytes = wire_bytes(wire, sizeof(uint64_t));
	uint64_t value = 0;

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return le64toh(value);
}

static inline struct weir_slice wire_text(struct wire *wire)
{
	uint64_t size = wire_varint(wire);
	const uint8_t *bytes = wire_bytes(wire, size);

	return (struct weir_slice){(const char *)bytes, bytes ? size : 0};
}

#endif
