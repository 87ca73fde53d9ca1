// SPDX-License-Identifier: MIT
/* Aggregates of the Kinesis Producer Library as far as their records: bytes F3 89 9A C2, a message of
 * tables and records, and the message's MD5. */
#ifndef SERVERS_AGGREGATE_H
#define SERVERS_AGGREGATE_H

#include <stddef.h>
#include <stdint.h>

/* What begins with the magic and is large enough. */
int aggregate_is(const uint8_t *data, size_t size);
/* Whether an aggregate's MD5 is that of its message. */
int aggregate_is_whole(const uint8_t *data, size_t size);
/* How many records an aggregate has; take, unless NULL, is called with the data of each. */
uint64_t aggregate_each(const uint8_t *data, size_t size,
			void (*take)(void *user, const uint8_t *data, size_t size), void *user);

#endif
