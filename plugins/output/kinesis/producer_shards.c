// SPDX-License-Identifier: MIT
/*
 * Where records go: the map of the stream's shards, asked for at the start and whenever something has
 * landed elsewhere than it should have.
 *
 *   UNKNOWN ──▶ SHARDS ◀──▶ LOOSE (the shards can't be listed)
 *                 ◀───────▶ SINGLE (the service spreads records whatever their keys are)
 *
 * An aggregate that landed on another shard waits for the new map. Then its records whose hash keys
 * that shard holds are delivered; consumers drop the others silently, so these are sent again, and
 * only these.
 */
#include <stdlib.h>

#include "producer_internal.h"

#define SECOND UINT64_C(1000000000)
/* Between two maps: up to this after the first, twice that after each that did not help. */
#define ASK_MIN_NS (SECOND / 4)
#define ASK_MAX_NS (30 * SECOND)
/* Where the map can't be had or does not matter, in case that changes. */
#define ASK_AGAIN_NS (60 * SECOND)
#define ASK_RETRY_NS (SECOND / 5)
/* Of one call, before it counts as failed. */
#define CALL_TRIES 5
/* Maps without the shard that took an aggregate, or failures to get one: then all of it goes again. */
#define MISPLACED_TRIES 8
/* Aggregates on shards that don't hold their own hash keys: then keys don't decide. */
#define STRIKES_MAX 3

#define LIST_TARGET "Kinesis_20131202.ListShards"
#define DESCRIBE_TARGET "Kinesis_20131202.DescribeStreamSummary"
#define JSON_TYPE "application/x-amz-json-1.1"

/* ---- lanes, under the lock ---- */

struct lane *producer_lane(struct producer *p, struct hash_key hash)
{
	return p->placement == PLACEMENT_SHARDS ? p->lanes[shard_map_find(&p->map, hash)]
						: &p->loose;
}

static void merge_back(struct lane *lane)
{
	struct record *back = lane->back;

	lane->back = NULL;
	lane->back_end = &lane->back;
	lane_return(lane, back);
}

void producer_return(struct producer *p, struct record *first)
{
	if (!first)
		return;
	while (first) {
		struct record *next = first->next;
		struct lane *lane = producer_lane(p, first->hash);

		first->next = NULL;
		*lane->back_end = first;
		lane->back_end = &first->next;
		first = next;
	}
	for (uint32_t i = 0; i < p->lane_count; i++)
		merge_back(p->lanes[i]);
	merge_back(&p->loose);
}

void producer_landed(struct producer *p, struct lane *lane)
{
	struct lane **at = &p->gone;

	if (--lane->in_flight > 0 || !lane->is_gone)
		return;
	while (*at != lane)
		at = &(*at)->next_gone;
	*at = lane->next_gone;
	free(lane);
}

static struct record *lane_empty(struct lane *lane)
{
	struct record *first = lane->first;

	lane->first = NULL;
	lane->end = &lane->first;
	lane->count = 0;
	lane->bytes = 0;
	return first;
}

/* Returns the records of the lane, which is freed now or with the last answer. */
static struct record *lane_go(struct producer *p, struct lane *lane)
{
	struct record *first = lane_empty(lane);

	if (lane->in_flight == 0) {
		free(lane);
		return first;
	}
	lane->is_gone = 1;
	lane->next_gone = p->gone;
	p->gone = lane;
	return first;
}

/* ---- taking a map over, under the lock ---- */

/* The lane that this very shard has already. */
static struct lane *lane_of(const struct producer *p, const struct shard *shard)
{
	uint32_t at = p->lane_count ? shard_map_find(&p->map, shard->begin) : SHARD_NONE;
	struct lane *lane = at == SHARD_NONE ? NULL : p->lanes[at];

	if (!lane || strcmp(lane->shard.id, shard->id) != 0 ||
	    hash_key_compare(lane->shard.begin, shard->begin) != 0 ||
	    hash_key_compare(lane->shard.end, shard->end) != 0)
		return NULL;
	return lane;
}

/* A lane for each open shard of the map, old ones where there are. NULL without memory. */
static struct lane **make_lanes(struct producer *p, const struct shard_map *map)
{
	struct lane **lanes = calloc(map->open_count, sizeof(struct lane *));
	uint32_t i = 0;

	for (; lanes && i < map->open_count; i++) {
		lanes[i] = lane_of(p, &map->shards[i]);
		if (lanes[i]) {
			lanes[i]->is_kept = 1;
			continue;
		}
		lanes[i] = malloc(sizeof(struct lane));
		if (!lanes[i])
			break;
		lane_init(lanes[i], &map->shards[i]);
		lanes[i]->meters = meters_of_shard(&p->meters, map->shards[i].id);
		bucket_init(&lanes[i]->bucket, p->settings.rate * KINESIS_SHARD_RECORDS_S,
			    p->settings.rate * KINESIS_SHARD_BYTES_S,
			    (double)p->settings.linger_ns / SECOND, p->host->monotonic_ns());
	}
	if (!lanes || i == map->open_count)
		return lanes;
	while (i-- > 0) {
		if (!lanes[i]->is_kept)
			free(lanes[i]);
		else
			lanes[i]->is_kept = 0;
	}
	free(lanes);
	return NULL;
}

/* Exchanges the lanes; the records of those that go find their places among the new ones. */
static void change_lanes(struct producer *p, struct shard_map *take_map, struct lane **lanes,
			 uint32_t count)
{
	struct lane **before = p->lanes;
	uint32_t before_count = p->lane_count;

	shard_map_done(&p->map);
	p->map = *take_map;
	memset(take_map, 0, sizeof(*take_map));
	p->lanes = lanes;
	p->lane_count = count;
	p->turn = 0;
	for (uint32_t i = 0; i < before_count; i++)
		if (!before[i]->is_kept)
			producer_return(p, lane_go(p, before[i]));
	for (uint32_t i = 0; i < count; i++)
		lanes[i]->is_kept = lanes[i]->is_suspect = 0;
	producer_return(p, lane_empty(&p->loose));
	free(before);
}

static void place(struct producer *p, uint32_t placement)
{
	static const char *const words[] = {
		[PLACEMENT_SHARDS] = "aggregates go to the shards of their records",
		[PLACEMENT_LOOSE] = "only records with one hash key are aggregated",
		[PLACEMENT_SINGLE] = "the stream spreads records whatever their keys are, and its "
				     "consumers would "
				     "drop records out of aggregates: each record goes by itself",
	};

	if (p->placement != placement)
		weir_logf(p->host, p->context, WEIR_LOG_INFO, "kinesis_placement", "%s",
			  words[placement]);
	p->placement = placement;
}

/* WEIR_ERR_MEMORY, and all is as it was. The map is emptied in any case. */
static int32_t take_over(struct producer *p, struct shard_map *take_map, uint32_t distribution)
{
	int is_single = distribution == DISTRIBUTION_AUTO || p->strikes >= STRIKES_MAX;
	struct lane **lanes = NULL;
	uint32_t count = is_single ? 0 : take_map->open_count;

	if (!is_single) {
		lanes = make_lanes(p, take_map);
		if (!lanes) {
			shard_map_done(take_map);
			return WEIR_ERR_MEMORY;
		}
	}
	place(p, is_single ? PLACEMENT_SINGLE : PLACEMENT_SHARDS);
	change_lanes(p, take_map, lanes, count);
	p->host->metric_add(p->maps, 1);
	return 0;
}

/* ---- what landed elsewhere, under the lock ---- */

void producer_shards_doubt(struct producer *p, struct lane *lane, uint64_t now)
{
	uint64_t bound = ASK_MIN_NS, at;

	if (!lane->is_gone)
		lane->is_suspect = 1;
	if (p->query.is_under_way)
		return;
	for (uint32_t i = 0; i < p->ask_failures && bound < ASK_MAX_NS; i++)
		bound *= 2;
	at = p->asked_ns + producer_jitter(p, bound < ASK_MAX_NS ? bound : ASK_MAX_NS);
	at = at > now ? at : now;
	if (!p->ask_ns || p->ask_ns > at)
		p->ask_ns = at;
}

int32_t producer_misplace(struct producer *p, struct parcel *parcel, const char *shard)
{
	struct misplaced *m = calloc(1, sizeof(*m));

	if (!m)
		return WEIR_ERR_MEMORY;
	m->parcel = *parcel;
	memset(&parcel->aggregate, 0, sizeof(parcel->aggregate));
	snprintf(m->shard, sizeof(m->shard), "%s", shard);
	m->next = p->misplaced;
	p->misplaced = m;
	p->host->metric_add(p->misplaced_aggregates, 1);
	return 0;
}

/* Sends those again that the shard does not hold; NULL: all. */
static void resend(struct producer *p, struct misplaced *m, const struct shard *shard)
{
	struct record *record = m->parcel.first, *back = NULL, **back_end = &back;
	uint32_t count = 0;

	while (record) {
		struct record *next = record->next;

		if (shard && shard_holds(shard, record->hash)) {
			record->next = p->landed;
			p->landed = record;
		} else {
			record->next = NULL;
			*back_end = record;
			back_end = &record->next;
			count++;
		}
		record = next;
	}
	p->host->metric_add(p->misplaced_records, count);
	producer_return(p, back);
	producer_landed(p, m->parcel.lane);
	parcel_done(&m->parcel);
	free(m);
}

/* By the map as it is now. Returns whether it lacks a shard that took something. */
static int resolve_misplaced(struct producer *p)
{
	struct misplaced *m = p->misplaced;
	int is_lacking = 0;

	p->misplaced = NULL;
	while (m) {
		struct misplaced *next = m->next;
		const struct shard *shard = shard_map_named(&p->map, weir_slice_of(m->shard));

		if (shard || ++m->tries >= MISPLACED_TRIES) {
			/* Not even the hash key that it was sent with belongs there. */
			if (shard && !shard_holds(shard, m->parcel.first->hash))
				p->strikes++;
			resend(p, m, shard);
		} else {
			is_lacking = 1;
			m->next = p->misplaced;
			p->misplaced = m;
		}
		m = next;
	}
	return is_lacking;
}

/* Under the lock. */
static void have_map(struct producer *p, struct shard_map *take_map, uint32_t distribution,
		     uint64_t now)
{
	int failed = take_over(p, take_map, distribution) != 0;

	if (!failed && resolve_misplaced(p)) {
		p->ask_failures++;
		for (const struct misplaced *m = p->misplaced; m; m = m->next)
			producer_shards_doubt(p, m->parcel.lane, now);
	} else if (!failed) {
		p->ask_failures = 0;
	}
	if (p->strikes >= STRIKES_MAX && p->placement == PLACEMENT_SHARDS)
		p->ask_ns = now; /* once more, to go over to single records */
	else if (failed)
		p->ask_ns = now + ASK_RETRY_NS;
	else if (p->placement == PLACEMENT_SINGLE)
		p->ask_ns = now + ASK_AGAIN_NS;
}

void producer_shards_settle(struct producer *p, uint64_t now)
{
	if (!p->has_pending || p->in_flight || p->ready)
		return;
	p->has_pending = 0;
	have_map(p, &p->pending, p->pending_distribution, now);
}

/* No map is to be had: what waits for one goes on without. Under the lock. */
static void have_none(struct producer *p, uint64_t now)
{
	uint64_t bound = ASK_MIN_NS;

	for (uint32_t i = 0; i < p->ask_failures && bound < ASK_AGAIN_NS; i++)
		bound *= 2;
	p->ask_failures++;
	p->ask_ns = now + ASK_MIN_NS + producer_jitter(p, bound);
	if (p->placement == PLACEMENT_UNKNOWN)
		place(p, PLACEMENT_LOOSE);
	if (p->ask_failures < MISPLACED_TRIES)
		return;
	for (struct misplaced *m = p->misplaced, *next; m; m = next) {
		next = m->next;
		resend(p, m, NULL);
	}
	p->misplaced = NULL;
	for (uint32_t i = 0; i < p->lane_count; i++)
		p->lanes[i]->is_suspect = 0;
}

/* ---- asking ---- */

/* Tokens are base64, but that is not for us to say. */
static void add_json(struct text *body, struct weir_slice text)
{
	char escape[8];

	for (uint64_t i = 0; i < text.size; i++) {
		uint8_t c = (uint8_t)text.data[i];

		if (c < 0x20 || c == '"' || c == '\\')
			text_add(body, escape,
				 (size_t)snprintf(escape, sizeof(escape), "\\u%04x", c));
		else
			text_add(body, &text.data[i], 1);
	}
}

static void write_body(const struct producer *p, struct text *body, const struct text *token)
{
	const char *stream = p->shipments.stream;

	body->size = 0;
	if (token->size) {
		text_add_string(body, "{\"NextToken\":\"");
		add_json(body, text_slice(token));
	} else { /* letters, digits and a few signs: nothing to escape */
		text_add_string(body, "{\"");
		text_add_string(body, wire_stream_member(stream));
		text_add_string(body, "\":\"");
		text_add_string(body, stream);
	}
	text_add_string(body, "\"}");
}

static int32_t send_query(struct producer *p, const struct aws_operation *operation)
{
	struct shard_query *q = &p->query;
	int32_t code;

	write_body(p, &q->body, &q->token);
	if (q->body.failed)
		return WEIR_ERR_MEMORY;
	q->slice = text_slice(&q->body);
	q->http.struct_size = sizeof(q->http);
	q->http.attempt = 0;
	q->http.body = &q->slice;
	q->http.body_count = 1;
	q->http.body_size = q->slice.size;
	q->call.operation = operation;
	code = aws_call_digest(&q->call, &q->slice, 1);
	return code ? code : aws_service_send(p->service, &q->http, &q->call);
}

/* The query is over. Under the lock. */
static void end_query(struct producer *p)
{
	p->query.is_under_way = 0;
	p->query.token.size = 0;
	shard_map_done(&p->query.map);
}

static void begin_query(struct producer *p, const struct aws_operation *operation)
{
	if (send_query(p, operation) == 0)
		return;
	pthread_mutex_lock(&p->lock);
	end_query(p);
	p->ask_ns = p->host->monotonic_ns() + ASK_RETRY_NS;
	pthread_mutex_unlock(&p->lock);
}

void producer_shards_ask(struct producer *p)
{
	uint64_t now = p->host->monotonic_ns();
	int is_time;

	pthread_mutex_lock(&p->lock);
	is_time = p->ask_ns && p->ask_ns <= now && !p->query.is_under_way && !p->has_pending;
	if (is_time) {
		p->query.is_under_way = 1;
		p->ask_ns = 0;
		p->asked_ns = now;
	}
	pthread_mutex_unlock(&p->lock);
	if (is_time)
		begin_query(p, &p->query.describe);
}

/* ---- answers ---- */

/* Without the right to describe the stream it is taken as an ordinary one. */
static void described(struct producer *p, const struct weir_http_response *response,
		      const struct aws_error *failure)
{
	struct shard_query *q = &p->query;

	q->distribution = DISTRIBUTION_BY_KEY;
	if (failure && !q->was_denied && strcmp(failure->code, "ResourceNotFoundException") != 0) {
		weir_logf(p->host, p->context, WEIR_LOG_WARNING, "kinesis_summary",
			  "can't describe the stream (%s: %s): it is taken as one that goes by "
			  "keys; allow kinesis:DescribeStreamSummary",
			  failure->code, failure->text);
		q->was_denied = 1;
	} else if (!failure) {
		(void)stream_summary_read(response->body, &q->distribution);
	}
	begin_query(p, &q->list);
}

static void list_failed(struct producer *p, const char *code, const char *text)
{
	int is_first;

	pthread_mutex_lock(&p->lock);
	is_first = p->ask_failures == 0;
	end_query(p);
	have_none(p, p->host->monotonic_ns());
	pthread_mutex_unlock(&p->lock);
	if (is_first)
		weir_logf(p->host, p->context, WEIR_LOG_WARNING, "kinesis_shards",
			  "can't list the shards of the stream (%s: %s); it is tried again, and "
			  "needs kinesis:ListShards",
			  code, text);
	producer_pump(p);
}

static void list_finished(struct producer *p)
{
	struct shard_query *q = &p->query;
	uint64_t now = p->host->monotonic_ns();
	struct shard_map map;

	if (shard_map_seal(&q->map)) {
		list_failed(p, "no map", "the ranges of its open shards do not fit together");
		return;
	}
	pthread_mutex_lock(&p->lock);
	map = q->map;
	memset(&q->map, 0, sizeof(q->map));
	end_query(p); /* from here on it may be asked again */
	if (p->settings.strict && (p->in_flight || p->ready)) {
		shard_map_done(&p->pending);
		p->pending = map;
		p->pending_distribution = q->distribution;
		p->has_pending = 1;
	} else {
		have_map(p, &map, q->distribution, now);
	}
	pthread_mutex_unlock(&p->lock);
	producer_pump(p);
}

static void listed(struct producer *p, const struct weir_http_response *response)
{
	struct shard_query *q = &p->query;

	if (shard_list_read(response->body, &q->map, &q->token))
		list_failed(p, "no list", "the answer is not one of ListShards");
	else if (q->token.size)
		begin_query(p, &q->list);
	else
		list_finished(p);
}

static int passes(const struct aws_error *failure)
{
	return failure->class == AWS_ERROR_RETRY || failure->class == AWS_ERROR_KEYS ||
	       failure->class == AWS_ERROR_CLOCK;
}

uint32_t producer_shards_done(struct producer *p, const struct weir_http_response *response)
{
	int is_list = p->query.call.operation == &p->query.list;
	struct aws_error failure;

	if (response->advice == WEIR_HTTP_OK) {
		if (is_list)
			listed(p, response);
		else
			described(p, response, NULL);
		return WEIR_HTTP_FINISHED;
	}
	aws_error_read(response, &failure);
	if (passes(&failure) && p->query.http.attempt < CALL_TRIES)
		return aws_service_refused(p->service, response, &failure);
	if (is_list)
		list_failed(p, failure.code, failure.text);
	else
		described(p, response, &failure);
	return WEIR_HTTP_FINISHED;
}

/* ---- life ---- */

int32_t producer_shards_create(struct producer *p, struct weir_error *error)
{
	int32_t code = aws_operation_make(&p->query.describe, DESCRIBE_TARGET, JSON_TYPE, error);

	p->ask_ns = 1; /* at once */
	return code ? code : aws_operation_make(&p->query.list, LIST_TARGET, JSON_TYPE, error);
}

void producer_shards_destroy(struct producer *p)
{
	struct shard_query *q = &p->query;

	for (uint32_t i = 0; i < p->lane_count; i++)
		free(p->lanes[i]);
	free(p->lanes);
	while (p->gone) {
		struct lane *lane = p->gone;

		p->gone = lane->next_gone;
		free(lane);
	}
	while (p->misplaced) {
		struct misplaced *m = p->misplaced;

		p->misplaced = m->next;
		parcel_done(&m->parcel);
		free(m);
	}
	shard_map_done(&p->map);
	shard_map_done(&p->pending);
	shard_map_done(&q->map);
	aws_call_done(&q->call);
	aws_operation_done(&q->describe);
	aws_operation_done(&q->list);
	text_done(&q->body);
	text_done(&q->token);
}
