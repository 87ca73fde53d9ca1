// SPDX-License-Identifier: MIT
#include "support/aggregate/aggregate.h"

#include <stdlib.h>

static const char magic[AGGREGATE_MAGIC_SIZE] = "\xf3\x89\x9a\xc2";

/* Field number << 3 | wire type: 0 = varint, 2 = length-delimited. */
#define TAG_PARTITION_TABLE 0x0a
#define TAG_HASH_TABLE 0x12
#define TAG_RECORD 0x1a
#define TAG_PARTITION_INDEX 0x08
#define TAG_HASH_INDEX 0x10
#define TAG_DATA 0x1a

#define TABLE_FIRST 16
#define SLOTS_FIRST 64 /* a power of two; at most half of them are taken */

static uint32_t varint_size(uint64_t value)
{
	uint32_t size = 1;

	for (; value > 0x7f; value >>= 7)
		size++;
	return size;
}

static char *put_varint(char *to, uint64_t value)
{
	for (; value > 0x7f; value >>= 7)
		*to++ = (char)(value | 0x80);
	*to++ = (char)value;
	return to;
}

/* ---- tables ---- */

static uint32_t slot_of(const struct aggregate_table *table, struct weir_slice key)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
	uint32_t at;

	for (uint64_t i = 0; i < key.size; i++)
		hash = (hash ^ (uint8_t)key.data[i]) * UINT64_C(1099511628211);
	at = (uint32_t)(hash >> 32) & (table->slot_count - 1);
	for (; table->slots[at]; at = (at + 1) & (table->slot_count - 1)) {
		struct weir_slice other = table->keys[table->slots[at] - 1];

		if (other.size == key.size && memcmp(other.data, key.data, key.size) == 0)
			break;
	}
	return at;
}

static int grow_slots(struct aggregate_table *table)
{
	uint32_t *before = table->slots;
	uint32_t count = table->slot_count ? 4 * table->slot_count : SLOTS_FIRST;
	uint32_t *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return WEIR_ERR_MEMORY;
	table->slots = slots;
	table->slot_count = count;
	for (uint32_t i = 0; i < table->count; i++)
		slots[slot_of(table, table->keys[i])] = i + 1;
	free(before);
	return 0;
}

/* Makes room for one key more. */
static int table_room(struct aggregate_table *table)
{
	uint32_t capacity = table->capacity ? 2 * table->capacity : TABLE_FIRST;
	struct weir_slice *keys;

	if (2 * (table->count + 1) > table->slot_count && grow_slots(table))
		return WEIR_ERR_MEMORY;
	if (table->count < table->capacity)
		return 0;
	keys = realloc(table->keys, capacity * sizeof(*keys));
	if (!keys)
		return WEIR_ERR_MEMORY;
	table->keys = keys;
	table->capacity = capacity;
	return 0;
}

/* The key's place; table->count when it is new. Mostly it is that of the record before. */
static uint32_t table_find(const struct aggregate_table *table, struct weir_slice key)
{
	const struct weir_slice *last = table->count ? &table->keys[table->count - 1] : NULL;
	uint32_t slot;

	if (last && last->data == key.data && last->size == key.size)
		return table->count - 1;
	slot = table->slots[slot_of(table, key)];
	return slot ? slot - 1 : table->count;
}

static void table_add(struct aggregate_table *table, struct weir_slice key)
{
	table->keys[table->count] = key;
	table->slots[slot_of(table, key)] = table->count + 1;
	table->count++;
}

static uint64_t entry_size(struct weir_slice key)
{
	return 1 + varint_size(key.size) + key.size;
}

static void table_done(struct aggregate_table *table)
{
	free(table->keys);
	free(table->slots);
}

/* ---- adding ---- */

/* Of the submessage, without its own tag and length. */
static uint64_t record_size(const struct aggregate_record *record)
{
	uint64_t size = 1 + varint_size(record->partition_index) + 1 +
			varint_size(record->data_size) + record->data_size;

	return record->hash_index == AGGREGATE_NO_KEY ? size
						      : size + 1 + varint_size(record->hash_index);
}

int aggregate_add(struct aggregate *aggregate, struct aggregate_record *record, uint64_t size_max)
{
	struct aggregate_table *partition = &aggregate->partition, *hash = &aggregate->hash;
	uint64_t size = 0, inner;

	if (table_room(partition) || (record->hash_key.size && table_room(hash)))
		return WEIR_ERR_MEMORY;
	record->partition_index = table_find(partition, record->partition_key);
	if (record->partition_index == partition->count)
		size += entry_size(record->partition_key);
	record->hash_index = AGGREGATE_NO_KEY;
	if (record->hash_key.size)
		record->hash_index = table_find(hash, record->hash_key);
	if (record->hash_index == hash->count)
		size += entry_size(record->hash_key);
	inner = record_size(record);
	size += 1 + varint_size(inner) + inner;
	if (aggregate_size(aggregate) + size > size_max)
		return 0;
	if (record->partition_index == partition->count)
		table_add(partition, record->partition_key);
	if (record->hash_index == hash->count)
		table_add(hash, record->hash_key);
	aggregate->message_size += size;
	aggregate->records++;
	return 1;
}

void aggregate_seal(struct aggregate *aggregate)
{
	free(aggregate->partition.slots);
	free(aggregate->hash.slots);
	aggregate->partition.slots = aggregate->hash.slots = NULL;
	aggregate->partition.slot_count = aggregate->hash.slot_count = 0;
}

void aggregate_done(struct aggregate *aggregate)
{
	table_done(&aggregate->partition);
	table_done(&aggregate->hash);
	memset(aggregate, 0, sizeof(*aggregate));
}

uint64_t aggregate_size(const struct aggregate *aggregate)
{
	return AGGREGATE_ENVELOPE + aggregate->message_size;
}

/* ---- writing ---- */

static char *write_table(const struct aggregate_table *table, char tag, char *to)
{
	for (uint32_t i = 0; i < table->count; i++) {
		*to++ = tag;
		to = put_varint(to, table->keys[i].size);
		memcpy(to, table->keys[i].data, table->keys[i].size);
		to += table->keys[i].size;
	}
	return to;
}

char *aggregate_write_head(const struct aggregate *aggregate, char *to)
{
	memcpy(to, magic, sizeof(magic));
	to = write_table(&aggregate->partition, TAG_PARTITION_TABLE, to + sizeof(magic));
	return write_table(&aggregate->hash, TAG_HASH_TABLE, to);
}

char *aggregate_write_record(const struct aggregate_record *record, char *to)
{
	*to++ = TAG_RECORD;
	to = put_varint(to, record_size(record));
	*to++ = TAG_PARTITION_INDEX;
	to = put_varint(to, record->partition_index);
	if (record->hash_index != AGGREGATE_NO_KEY) {
		*to++ = TAG_HASH_INDEX;
		to = put_varint(to, record->hash_index);
	}
	*to++ = TAG_DATA;
	return put_varint(to, record->data_size);
}

char *aggregate_write_digest(struct hasher *hasher, char *start, char *to)
{
	const char *message = start + AGGREGATE_MAGIC_SIZE;
	uint8_t digest[HASHER_MD5_SIZE];

	if (hasher_md5(hasher, message, (uint64_t)(to - message), digest))
		return NULL;
	memcpy(to, digest, sizeof(digest));
	return to + sizeof(digest);
}

int32_t aggregate_write_digests(struct hasher *hasher, const struct aggregate_text *texts,
				uint32_t count)
{
	struct weir_slice messages[HASHER_TOGETHER];
	uint8_t digests[HASHER_TOGETHER][HASHER_MD5_SIZE];
	int32_t code;

	if (count == 0)
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		const char *message = texts[i].start + AGGREGATE_MAGIC_SIZE;

		messages[i] = (struct weir_slice){message, (uint64_t)(texts[i].end - message)};
	}
	code = hasher_md5_all(hasher, messages, count, digests);
	for (uint32_t i = 0; i < count && code == 0; i++)
		memcpy(texts[i].end, digests[i], HASHER_MD5_SIZE);
	return code;
}
