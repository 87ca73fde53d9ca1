// SPDX-License-Identifier: MIT
#include "keys.h"

#include <openssl/evp.h>

static uint64_t next_random(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void put_hex(char *to, const uint8_t *bytes, uint32_t count)
{
	static const char digits[] = "0123456789abcdef";

	for (uint32_t i = 0; i < count; i++) {
		to[2 * i] = digits[bytes[i] >> 4];
		to[2 * i + 1] = digits[bytes[i] & 15];
	}
}

/* ---- checks ---- */

static uint32_t sequence_size(const uint8_t *at, const uint8_t *end)
{
	uint32_t size = *at < 0x80                  ? 1
			: *at >= 0xc2 && *at < 0xe0 ? 2
			: (*at & 0xf0) == 0xe0      ? 3
			: *at >= 0xf0 && *at < 0xf5 ? 4
						    : 0;

	if (size == 0 || (uint32_t)(end - at) < size)
		return 0;
	for (uint32_t i = 1; i < size; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if ((*at == 0xe0 && at[1] < 0xa0) || (*at == 0xed && at[1] >= 0xa0) ||
	    (*at == 0xf0 && at[1] < 0x90) || (*at == 0xf4 && at[1] >= 0x90))
		return 0; /* too long a form, a surrogate, beyond Unicode */
	return size;
}

int key_is_utf8(struct weir_slice key, uint32_t *ret_characters)
{
	const uint8_t *at = (const uint8_t *)key.data, *end = at + key.size;

	*ret_characters = 0;
	while (at < end) {
		uint32_t size = sequence_size(at, end);

		if (size == 0)
			return 0;
		at += size;
		++*ret_characters;
	}
	return 1;
}

int hash_key_is_valid(struct weir_slice key)
{
	const size_t longest = sizeof(KINESIS_HASH_KEY_MAX) - 1;

	if (key.size == 0 || key.size > longest || (key.size > 1 && *key.data == '0'))
		return 0;
	for (uint64_t i = 0; i < key.size; i++)
		if (key.data[i] < '0' || key.data[i] > '9')
			return 0;
	return key.size < longest || memcmp(key.data, KINESIS_HASH_KEY_MAX, longest) <= 0;
}

static int32_t refuse(struct batching_refusal *refusal, const char *reason, const char *text)
{
	refusal->reason = reason;
	snprintf(refusal->text, sizeof(refusal->text), "%s", text);
	return WEIR_ERR_INVALID;
}

static int32_t check_partition(struct weir_slice key, struct batching_refusal *refusal)
{
	uint32_t characters;

	if (key.size == 0)
		return refuse(refusal, "bad_key",
			      "partition_key is absent or empty in this record");
	if (!key_is_utf8(key, &characters))
		return refuse(refusal, "bad_key", "partition_key is not valid UTF-8");
	if (characters > KINESIS_KEY_MAX)
		return refuse(refusal, "bad_key", "partition_key is longer than 256 characters");
	return 0;
}

/* ---- evaluating, under the lock ---- */

static struct weir_slice evaluate(struct keys *keys, struct weir_expr *expr,
				  const struct batching_record *record)
{
	struct weir_slice text = {NULL, 0};

	if (keys->host->expr_text(expr, record->batch, record->index, &text))
		text.size = 0;
	return text;
}

static int32_t copy_partition(struct keys *keys, const struct batching_record *record,
			      struct record_keys *ret_keys, struct batching_refusal *refusal)
{
	struct weir_slice key = evaluate(keys, keys->partition, record);
	int32_t code = check_partition(key, refusal);

	if (code)
		return code;
	memcpy(ret_keys->partition, key.data, key.size);
	ret_keys->partition_size = (uint32_t)key.size;
	return 0;
}

static int32_t copy_hash(struct keys *keys, const struct batching_record *record,
			 struct record_keys *ret_keys, struct batching_refusal *refusal)
{
	struct weir_slice key = evaluate(keys, keys->hash, record);

	if (key.size == 0) /* the partition key decides */
		return 0;
	if (!hash_key_is_valid(key))
		return refuse(refusal, "bad_key",
			      "explicit_hash_key is no whole number from 0 to 2^128 - 1");
	memcpy(ret_keys->hash, key.data, key.size);
	ret_keys->hash_size = (uint32_t)key.size;
	return 0;
}

static int32_t evaluate_all(struct keys *keys, const struct batching_record *record,
			    struct record_keys *ret_keys, struct batching_refusal *refusal)
{
	int32_t code = 0;

	if (!keys->partition && !keys->hash)
		return 0;
	pthread_mutex_lock(&keys->lock);
	if (keys->partition)
		code = copy_partition(keys, record, ret_keys, refusal);
	if (!code && keys->hash)
		code = copy_hash(keys, record, ret_keys, refusal);
	pthread_mutex_unlock(&keys->lock);
	return code;
}

/* ---- keys of a record ---- */

/* MD5, as the Kinesis Agent's DETERMINISTIC has it. */
static int32_t hash_record(struct weir_slice data, char *to)
{
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (!EVP_Digest(data.data, data.size, digest, NULL, EVP_md5(), NULL))
		return WEIR_ERR_INTERNAL;
	put_hex(to, digest, KEY_HASH_SIZE / 2);
	return 0;
}

void keys_random(uint64_t *seed, char *ret_key)
{
	uint64_t random = next_random(seed);

	put_hex(ret_key, (const uint8_t *)&random, KEY_RANDOM_SIZE / 2);
}

int32_t keys_of(struct keys *keys, const struct batching_record *record, uint64_t *seed,
		struct record_keys *ret_keys, struct batching_refusal *ret_refusal)
{
	ret_keys->hash_size = 0;
	if (keys->kind == KEY_RANDOM && seed) {
		keys_random(seed, ret_keys->partition);
		ret_keys->partition_size = KEY_RANDOM_SIZE;
	} else if (keys->kind == KEY_HASH) {
		if (hash_record(record->data, ret_keys->partition))
			return refuse(ret_refusal, "bad_key", "MD5 is not to be had");
		ret_keys->partition_size = KEY_HASH_SIZE;
	}
	return evaluate_all(keys, record, ret_keys, ret_refusal);
}

uint32_t keys_size(struct keys *keys, const struct batching_record *record,
		   struct batching_refusal *ret_refusal)
{
	struct record_keys made;

	made.partition_size = keys->kind == KEY_RANDOM ? KEY_RANDOM_SIZE : KEY_HASH_SIZE;
	if (evaluate_all(keys, record, &made, ret_refusal))
		return 0;
	return made.partition_size;
}

/* ---- create ---- */

static int32_t compile(struct keys *keys, const struct weir_node *node, struct weir_expr **ret_expr,
		       struct weir_error *error)
{
	int32_t code = keys->host->expr_compile(node->text, ret_expr, error);

	if (code && error) {
		error->line = node->line;
		error->column = node->column;
	}
	return code;
}

int32_t keys_create(struct keys *keys, const struct weir_services *host,
		    const struct weir_node *options, struct weir_error *error)
{
	const struct weir_node *partition = weir_node_find(options, "partition_key");
	const struct weir_node *hash = weir_node_find(options, "explicit_hash_key");
	int32_t code = 0;

	memset(keys, 0, sizeof(*keys));
	pthread_mutex_init(&keys->lock, NULL);
	keys->host = host;
	keys->partition_written = partition;
	keys->hash_written = hash;
	keys->kind = !partition || weir_slice_equals(partition->text, "random") ? KEY_RANDOM
		     : weir_slice_equals(partition->text, "hash")               ? KEY_HASH
										: KEY_EXPRESSION;
	if (keys->kind == KEY_EXPRESSION)
		code = compile(keys, partition, &keys->partition, error);
	if (!code && hash)
		code = compile(keys, hash, &keys->hash, error);
	return code;
}

void keys_fields(const struct keys *keys, struct weir_fields *fields)
{
	fields->reads_expr(fields, keys->partition, keys->partition_written, 0);
	fields->reads_expr(fields, keys->hash, keys->hash_written, 0);
}

void keys_done(struct keys *keys)
{
	if (!keys->host)
		return;
	if (keys->partition)
		keys->host->expr_free(keys->partition);
	if (keys->hash)
		keys->host->expr_free(keys->hash);
	pthread_mutex_destroy(&keys->lock);
	memset(keys, 0, sizeof(*keys));
}
