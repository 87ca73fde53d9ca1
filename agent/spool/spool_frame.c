// SPDX-License-Identifier: MIT
#include "spool/spool_frame.h"

#include <endian.h>
#include <string.h>

#include "spool/crc32c.h"

#define FRAME_MARK 0xF5

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

static void put32(uint8_t *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
}

static uint32_t frame_seed(uint32_t salt, uint32_t offset)
{
	uint8_t seed[8];

	put32(seed, salt);
	put32(seed + 4, offset);
	return crc32c(0, seed, sizeof(seed));
}

/* Over type, size and number. */
static uint32_t header_sum(const uint8_t *frame, uint32_t seed)
{
	return crc32c(crc32c(seed, frame + 1, 1), frame + 4, 8);
}

void spool_frame_open(uint8_t *frame, uint32_t type, uint32_t size)
{
	memset(frame, 0, SPOOL_FRAME_HEADER);
	frame[0] = FRAME_MARK;
	frame[1] = (uint8_t)type;
	put32(frame + 4, size);
	memset(frame + SPOOL_FRAME_HEADER + size, 0,
	       spool_frame_bytes(size) - SPOOL_FRAME_HEADER - size);
}

uint32_t spool_frame_close(uint8_t *frame, uint32_t number, uint32_t salt, uint32_t offset)
{
	uint32_t size = get32(frame + 4);
	uint32_t sum;

	put32(frame + 8, number);
	sum = header_sum(frame, frame_seed(salt, offset));
	frame[2] = (uint8_t)sum;
	frame[3] = (uint8_t)(sum >> 8);
	put32(frame + 12, crc32c(sum, frame + SPOOL_FRAME_HEADER, size));
	return (uint32_t)spool_frame_bytes(size);
}

int spool_frame_read(const uint8_t *data, size_t available, uint32_t salt, uint32_t offset,
		     struct spool_frame *ret_frame)
{
	uint32_t sum;
	uint32_t size;

	if (available < SPOOL_FRAME_HEADER)
		return available && data[0] != FRAME_MARK ? SPOOL_FRAME_NONE : SPOOL_FRAME_MORE;
	if (data[0] != FRAME_MARK)
		return SPOOL_FRAME_NONE;
	sum = header_sum(data, frame_seed(salt, offset));
	if (data[2] != (uint8_t)sum || data[3] != (uint8_t)(sum >> 8))
		return SPOOL_FRAME_NONE;
	size = get32(data + 4);
	if (available < spool_frame_bytes(size))
		return SPOOL_FRAME_MORE;
	if (get32(data + 12) != crc32c(sum, data + SPOOL_FRAME_HEADER, size))
		return SPOOL_FRAME_NONE;
	*ret_frame = (struct spool_frame){.offset = offset,
					  .type = data[1],
					  .number = get32(data + 8),
					  .size = size,
					  .payload = data + SPOOL_FRAME_HEADER};
	return SPOOL_FRAME_VALID;
}
