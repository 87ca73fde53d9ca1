// SPDX-License-Identifier: MIT
#include "lane.h"

void lane_init(struct lane *lane, const struct shard *shard)
{
	*lane = (struct lane){.count = 0};
	if (shard)
		lane->shard = *shard;
	lane->end = &lane->first;
	lane->back_end = &lane->back;
}

static void insert_at(struct lane *lane, struct record **at, struct record *record)
{
	record->next = *at;
	*at = record;
	if (!record->next)
		lane->end = &record->next;
	lane->count++;
	lane->bytes += record->size + RECORD_OVERHEAD;
}

void lane_append(struct lane *lane, struct record *record)
{
	insert_at(lane, lane->end, record);
}

void lane_return(struct lane *lane, struct record *first)
{
	struct record **at = &lane->first;

	while (first) {
		struct record *next = first->next;

		while (*at && (*at)->number < first->number)
			at = &(*at)->next;
		insert_at(lane, at, first);
		at = &first->next;
		first = next;
	}
}

struct record *lane_take(struct lane *lane)
{
	struct record *record = lane->first;

	lane->first = record->next;
	if (!lane->first)
		lane->end = &lane->first;
	lane->count--;
	lane->bytes -= record->size + RECORD_OVERHEAD;
	record->next = NULL;
	return record;
}

int lane_full(const struct lane *lane, const struct lane_limits *limits)
{
	return lane->count >= limits->aggregate_records || lane->bytes >= limits->aggregate_bytes;
}

uint64_t lane_whole(const struct lane *lane, const struct lane_limits *limits, uint64_t *add_bytes)
{
	uint64_t by_bytes, count = lane->count / limits->aggregate_records, bytes = lane->bytes;

	if (limits->aggregate_records > 1) {
		by_bytes = lane->bytes / limits->aggregate_bytes;
		count = count > by_bytes ? count : by_bytes;
		bytes = count * limits->aggregate_bytes;
	}
	*add_bytes += bytes < lane->bytes ? bytes : lane->bytes;
	return count;
}

static uint64_t single_bytes(const struct record *record)
{
	return (uint64_t)record->size + record->key_size;
}

uint64_t lane_next_bytes(const struct lane *lane, const struct lane_limits *limits)
{
	uint64_t single = single_bytes(lane->first);
	uint64_t aggregate = limits->aggregate_bytes + PARCEL_KEY_SIZE;

	if (limits->aggregate_records == 1)
		return single;
	return single > aggregate ? single : aggregate;
}

/* Whether a record fits the aggregate; 1, 0, or WEIR_ERR_MEMORY. */
static int fits(const struct lane *lane, const struct lane_limits *limits, struct parcel *parcel,
		struct record *record)
{
	struct aggregate_record what = {.partition_key = record_partition_key(record),
					.hash_key = record_hash_key(record),
					.data_size = record->size};
	int code;

	if (limits->aggregate_records == 1)
		return !parcel->first;
	if (parcel->aggregate.records == limits->aggregate_records ||
	    (parcel->first && !lane_has_shard(lane) &&
	     hash_key_compare(parcel->first->hash, record->hash) != 0))
		return 0;
	code = aggregate_add(&parcel->aggregate, &what, limits->aggregate_bytes);
	record->partition_index = what.partition_index;
	record->hash_index = what.hash_index;
	return code;
}

/* A lack of memory ends the aggregate, unless it has no record yet. */
int32_t lane_cut(struct lane *lane, const struct lane_limits *limits, struct parcel *ret_parcel)
{
	struct record **end = &ret_parcel->first;

	*ret_parcel = (struct parcel){.lane = lane};
	while (lane->first) {
		int code = fits(lane, limits, ret_parcel, lane->first);

		if (code < 0 && !ret_parcel->first) {
			aggregate_done(&ret_parcel->aggregate);
			return code;
		}
		if (code <= 0 && ret_parcel->first)
			break;
		*end = lane_take(lane);
		end = &(*end)->next;
		ret_parcel->count++;
		if (code == 0) /* too large for any aggregate */
			break;
	}
	if (ret_parcel->count == 1 && ret_parcel->first)
		ret_parcel->bytes = single_bytes(ret_parcel->first);
	else
		ret_parcel->bytes = aggregate_size(&ret_parcel->aggregate) + PARCEL_KEY_SIZE;
	aggregate_seal(&ret_parcel->aggregate);
	return 0;
}

void parcel_done(struct parcel *parcel)
{
	aggregate_done(&parcel->aggregate);
}

void lane_failed(struct lane *lane, const struct lane_backoff *backoff, int is_held,
		 uint64_t random, uint64_t now)
{
	uint64_t bound = backoff->min_ns, most = backoff->max_ns;

	if (lane->not_before_ns > now)
		return;
	for (uint32_t i = 0; i < lane->failures && bound < most; i++)
		bound = bound > most / 2 ? most : 2 * bound;
	if (lane->failures < UINT32_MAX)
		lane->failures++;
	lane->not_before_ns =
		now + (is_held ? most / 2 + random % (most - most / 2 + 1) : random % (bound + 1));
}

void lane_worked(struct lane *lane)
{
	lane->failures = 0;
}
