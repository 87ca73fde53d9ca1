// SPDX-License-Identifier: MIT
#include "lot.h"

#include <stdlib.h>

#define KEYS_FIRST 256
/* Indices handed to the host at a time. */
#define OUTCOME_CHUNK 512

void lot_maker_init(struct lot_maker *maker)
{
	pthread_mutex_init(&maker->run.lock, NULL);
	maker->host->random(&maker->run.seed, sizeof(maker->run.seed));
}

void lot_maker_done(struct lot_maker *maker)
{
	pthread_mutex_destroy(&maker->run.lock);
}

/* ---- keys ---- */

/* The key for a record of `size` bytes, under the run's lock. */
static void run_key(struct lot_maker *maker, uint64_t size, uint64_t now_ns,
		    struct record_keys *keys)
{
	struct key_run *run = &maker->run;

	size += RECORD_OVERHEAD;
	if (run->records == 0 || run->records >= maker->run_records ||
	    run->bytes + size > maker->run_bytes || now_ns > run->began_ns + maker->run_ns) {
		keys_random(&run->seed, run->key);
		run->bytes = run->records = 0;
		run->began_ns = now_ns;
	}
	run->bytes += size;
	run->records++;
	memcpy(keys->partition, run->key, KEY_RANDOM_SIZE);
	keys->partition_size = KEY_RANDOM_SIZE;
}

static int keys_room(struct lot *lot, uint32_t size)
{
	uint32_t capacity = lot->keys_capacity ? lot->keys_capacity : KEYS_FIRST;
	char *moved;

	while (capacity - lot->keys_size < size)
		capacity *= 2;
	if (capacity == lot->keys_capacity)
		return 0;
	moved = realloc(lot->keys, capacity);
	if (!moved)
		return WEIR_ERR_MEMORY;
	lot->keys = moved;
	lot->keys_capacity = capacity;
	return 0;
}

/* Whether the record before has the same keys; then so is its hash. */
static int same_keys(const struct lot *lot, const struct record *before,
		     const struct record_keys *keys)
{
	const char *at = lot->keys + before->key_at;

	return before->key_size == keys->partition_size && before->hash_size == keys->hash_size &&
	       memcmp(at, keys->partition, keys->partition_size) == 0 &&
	       memcmp(at + before->key_size, keys->hash, keys->hash_size) == 0;
}

static int32_t keep_keys(struct lot *lot, struct record *record, const struct record_keys *keys,
			 struct hasher *hasher)
{
	const struct record *before = lot->count ? record - 1 : NULL;
	uint32_t size = keys->partition_size + keys->hash_size;

	record->key_size = keys->partition_size;
	record->hash_size = keys->hash_size;
	if (before && same_keys(lot, before, keys)) {
		record->key_at = before->key_at;
		record->hash = before->hash;
		return 0;
	}
	if (keys_room(lot, size))
		return WEIR_ERR_MEMORY;
	record->key_at = lot->keys_size;
	memcpy(lot->keys + lot->keys_size, keys->partition, keys->partition_size);
	memcpy(lot->keys + lot->keys_size + keys->partition_size, keys->hash, keys->hash_size);
	lot->keys_size += size;
	if (keys->hash_size)
		return hash_key_read((struct weir_slice){keys->hash, keys->hash_size},
				     &record->hash);
	return hasher_key(hasher, (struct weir_slice){keys->partition, keys->partition_size},
			  &record->hash);
}

/* ---- records ---- */

static int32_t too_large(const struct lot_maker *maker, uint64_t size,
			 struct batching_refusal *refusal)
{
	refusal->reason = "too_large";
	snprintf(refusal->text, sizeof(refusal->text),
		 "data and partition key are %llu bytes; Kinesis takes %llu (see max_record)",
		 (unsigned long long)size, (unsigned long long)maker->record_max);
	return WEIR_ERR_INVALID;
}

/* 0; WEIR_ERR_INVALID and why; or another failure. */
static int32_t make_record(struct lot *lot, struct lot_maker *maker, uint32_t index,
			   struct hasher *hasher, struct batching_refusal *refusal)
{
	struct record *record = &lot->records[lot->count];
	struct batching_record what;
	struct record_keys keys;
	uint64_t size;
	int32_t code;

	entry_record(&lot->entry, index, &what);
	size = what.data.size + maker->newline;
	if (maker->keys->kind == KEY_RANDOM)
		run_key(maker, size, lot->arrived_ns, &keys);
	code = keys_of(maker->keys, &what, NULL, &keys, refusal);
	if (code)
		return code;
	if (size + keys.partition_size > maker->record_max)
		return too_large(maker, size + keys.partition_size, refusal);
	*record = (struct record){.lot = lot, .index = index, .size = (uint32_t)size};
	code = keep_keys(lot, record, &keys, hasher);
	if (code == 0)
		lot->count++;
	return code == WEIR_ERR_INVALID ? WEIR_ERR_INTERNAL : code;
}

/* Returns whether that was the delivery's last record and it is gone. */
static int refuse_record(struct lot *lot, const struct lot_maker *maker, uint32_t index,
			 const struct batching_refusal *refusal)
{
	int gone = ++lot->refused == lot->entry.view.count;

	atomic_fetch_sub_explicit(&lot->entry.left, 1, memory_order_relaxed);
	maker->host->outcome(lot->entry.view.handle, &index, 1, WEIR_OUTCOME_DEAD, refusal->reason,
			     weir_slice_of(refusal->text));
	return gone;
}

static int32_t make_records(struct lot *lot, struct lot_maker *maker, struct hasher *hasher)
{
	uint32_t count = lot->entry.view.batch->record_count;
	uint32_t index = entry_next(&lot->entry, lot->next);

	while (index < count) {
		struct batching_refusal refusal = {.reason = "refused"};
		int32_t code = make_record(lot, maker, index, hasher, &refusal);

		if (code && code != WEIR_ERR_INVALID)
			return code;
		lot->next = index + 1;
		if (code && refuse_record(lot, maker, index, &refusal))
			return LOT_EMPTY;
		index = entry_next(&lot->entry, lot->next);
	}
	return 0;
}

static void charge(struct lot *lot, const struct lot_maker *maker)
{
	int64_t bytes = (int64_t)(sizeof(*lot) + lot->keys_capacity +
				  lot->entry.view.count * sizeof(*lot->records));

	maker->host->memory_charge(maker->context, bytes - lot->charged);
	lot->charged = bytes;
}

int32_t lot_fill(struct lot *lot, struct lot_maker *maker)
{
	int random = maker->keys->kind == KEY_RANDOM;
	struct hasher *hasher;
	int32_t code = 0;

	if (maker->encode && !lot->entry.encoding)
		code = maker->host->encode(lot->entry.view.handle, maker->encode,
					   &lot->entry.encoding);
	if (code)
		return code;
	if (!lot->records)
		lot->records = calloc(lot->entry.view.count, sizeof(*lot->records));
	hasher = lot->records ? hasher_create() : NULL;
	if (!hasher)
		return WEIR_ERR_MEMORY;
	if (random)
		pthread_mutex_lock(&maker->run.lock);
	code = make_records(lot, maker, hasher);
	if (random)
		pthread_mutex_unlock(&maker->run.lock);
	hasher_destroy(hasher);
	if (code == 0)
		charge(lot, maker);
	return code;
}

/* ---- life ---- */

struct lot *lot_create(const struct weir_delivery_view *delivery, uint64_t now_ns)
{
	struct lot *lot = calloc(1, sizeof(*lot));

	if (!lot)
		return NULL;
	lot->entry.view = *delivery;
	lot->arrived_ns = now_ns;
	atomic_init(&lot->entry.left, delivery->count);
	return lot;
}

void lot_free(struct lot *lot, const struct lot_maker *maker)
{
	if (!lot)
		return;
	if (lot->charged)
		maker->host->memory_charge(maker->context, -lot->charged);
	free(lot->records);
	free(lot->keys);
	free(lot);
}

void lot_settle(struct lot *lot, uint32_t count, const struct lot_maker *maker)
{
	/* Acquire and release: whoever frees it has seen all that others did with it. */
	if (atomic_fetch_sub_explicit(&lot->entry.left, count, memory_order_acq_rel) == count)
		lot_free(lot, maker);
}

/* ---- what is in a record ---- */

struct weir_slice record_partition_key(const struct record *record)
{
	return (struct weir_slice){record->lot->keys + record->key_at, record->key_size};
}

struct weir_slice record_hash_key(const struct record *record)
{
	return (struct weir_slice){record->lot->keys + record->key_at + record->key_size,
				   record->hash_size};
}

uint32_t record_pieces(const struct record *record, uint32_t newline, struct weir_slice *ret_pieces)
{
	static const char end[] = "\n";
	struct batching_record what;

	entry_record(&record->lot->entry, record->index, &what);
	ret_pieces[0] = what.data;
	if (!newline)
		return 1;
	if (what.newline) {
		ret_pieces[0].size++;
		return 1;
	}
	ret_pieces[1] = (struct weir_slice){end, 1};
	return 2;
}

void records_outcome(struct record *first, const struct lot_maker *maker, uint32_t outcome,
		     const char *reason, struct weir_slice text)
{
	uint32_t indices[OUTCOME_CHUNK];

	while (first) {
		struct lot *lot = first->lot;
		uint32_t count = 0;

		for (; first && first->lot == lot && count < OUTCOME_CHUNK; first = first->next)
			indices[count++] = first->index;
		maker->host->outcome(lot->entry.view.handle, indices, count, outcome, reason, text);
		lot_settle(lot, count, maker);
	}
}
