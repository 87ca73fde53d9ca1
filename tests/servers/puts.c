// SPDX-License-Identifier: MIT
#include "puts.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DECIMAL_MAX 40 /* of 2^128 - 1, and the NUL */
#define MD5_SIZE 16

__extension__ typedef unsigned __int128 hash_key;

#define SHARD_WIDTH (~(hash_key)0 / PUTS_SHARDS + 1)

struct text {
	const char *at;
	size_t size;
};

static uint32_t shard_of(struct text partition, struct text explicit)
{
	unsigned char md5[EVP_MAX_MD_SIZE] = {0};
	unsigned int md5_size = 0;
	hash_key key = 0;

	for (size_t i = 0; i < explicit.size; i++)
		key = 10 * key + (hash_key)(explicit.at[i] - '0');
	if (explicit.size == 0) {
		EVP_Digest(partition.at, partition.size, md5, &md5_size, EVP_md5(), NULL);
		for (int i = 0; i < MD5_SIZE; i++)
			key = key << 8 | md5[i];
	}
	return (uint32_t)(key / SHARD_WIDTH);
}

/* ---- the body ---- */

/* What a string holds that follows `before`; 0 and beyond it, or -1. */
static int string_after(const char **at, const char *end, const char *before, struct text *ret)
{
	size_t size = strlen(before);
	const char *stop;

	if ((size_t)(end - *at) < size || memcmp(*at, before, size) != 0)
		return -1;
	*at += size;
	stop = memchr(*at, '"', (size_t)(end - *at));
	if (!stop)
		return -1;
	*ret = (struct text){*at, (size_t)(stop - *at)};
	*at = stop + 1;
	return 0;
}

static int64_t decoded(struct text base64, uint8_t *to)
{
	int size;

	if (base64.size == 0)
		return 0;
	size = EVP_DecodeBlock(to, (const unsigned char *)base64.at, (int)base64.size);
	for (size_t i = base64.size; size > 0 && i > 0 && base64.at[i - 1] == '='; i--)
		size--;
	return size;
}

static int one(const char **at, const char *end, uint8_t *room, struct put *ret)
{
	struct text data, partition, explicit = {0};
	int64_t size;

	if (string_after(at, end, "{\"Data\":\"", &data) ||
	    string_after(at, end, ",\"PartitionKey\":\"", &partition))
		return -1;
	if (**at == ',' && string_after(at, end, ",\"ExplicitHashKey\":\"", &explicit))
		return -1;
	size = decoded(data, room);
	if (size < 0 || *(*at)++ != '}')
		return -1;
	*ret = (struct put){room, (size_t)size, shard_of(partition, explicit)};
	return 0;
}

int puts_each(const char *body, size_t size, void (*take)(void *user, const struct put *put),
	      void *user)
{
	static const char begin[] = "\"Records\":[";
	const char *at = memmem(body, size, begin, sizeof(begin) - 1), *end = body + size;
	uint8_t *room = malloc(size + 1);
	struct put put;
	int code = -1;

	if (!at || !room)
		goto out;
	at += sizeof(begin) - 1;
	while (end - at > 1 && (code = one(&at, end, room, &put)) == 0) {
		take(user, &put);
		if (*at++ != ',')
			break;
	}
out:
	free(room);
	return code;
}

/* ---- shards ---- */

static const char *decimal(hash_key key, char text[DECIMAL_MAX])
{
	char *at = text + DECIMAL_MAX - 1;

	*at = '\0';
	do {
		*--at = (char)('0' + (int)(key % 10));
		key /= 10;
	} while (key);
	return at;
}

void puts_shards(char *ret_json, size_t size)
{
	char first[DECIMAL_MAX], last[DECIMAL_MAX];
	size_t used = (size_t)snprintf(ret_json, size, "{\"Shards\":[");

	for (uint32_t i = 0; i < PUTS_SHARDS; i++)
		used += (size_t)snprintf(
			ret_json + used, size - used,
			"%s{\"ShardId\":\"shardId-%012u\",\"HashKeyRange\":{"
			"\"StartingHashKey\":\"%s\",\"EndingHashKey\":\"%s\"},"
			"\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"1\"}}",
			i ? "," : "", i, decimal(i * SHARD_WIDTH, first),
			decimal(i * SHARD_WIDTH + (SHARD_WIDTH - 1), last));
	snprintf(ret_json + used, size - used, "]}");
}
