// SPDX-License-Identifier: MIT
/* Kinesis requests in JSON, as far as a stream of PUTS_SHARDS equal shards must understand them. */
#ifndef SERVERS_PUTS_H
#define SERVERS_PUTS_H

#include <stddef.h>
#include <stdint.h>

#define PUTS_SHARDS 8

struct put {
	const uint8_t *data;
	size_t size;
	uint32_t shard; /* to which its hash key belongs */
};

/* Calls take() with each record of a PutRecords, whose body ends with a NUL; 0, or -1 from where the
 * body is none that Weir writes. */
int puts_each(const char *body, size_t size, void (*take)(void *user, const struct put *put),
	      void *user);
/* The answer to ListShards: each shard's range. */
void puts_shards(char *ret_json, size_t size);

#endif
