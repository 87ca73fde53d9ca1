// SPDX-License-Identifier: MIT
#include "partial.h"

#include <stdlib.h>

#include "row_copy.h"

/* The streams are stdout and stderr; a longer name is cut for the comparison. */
#define STREAM_MAX 16

struct partial {
	uint8_t source[16];
	char stream[STREAM_MAX];
	char *text; /* before, parts and after, as partial.h shows */
	uint32_t size;
	uint32_t before, after; /* bytes of each */
	uint32_t capacity;
	struct row_copy row; /* of the first part */
	struct weir_claim **claims;
	uint32_t claim_count;
	int64_t timestamp_ns; /* of the first part's record */
	uint64_t position;
	uint64_t touched_ns; /* monotonic, of the latest part */
};

struct partials {
	struct partial *waiting; /* oldest first */
	uint32_t count;
	uint32_t capacity;
	uint32_t max_bytes;
	uint64_t timeout_ns;
	int timer_set;
	struct weir_metric *cut_metric;
};

int partials_create(struct parse *parse, const struct weir_node *options,
		    struct partials **ret_partials, struct weir_error *error)
{
	struct partials *partials = calloc(1, sizeof(*partials));

	if (!partials)
		return weir_fail(error, WEIR_ERR_MEMORY, "parse: no memory");
	partials->max_bytes = (uint32_t)weir_node_int(options, "max_bytes", 0);
	partials->timeout_ns = (uint64_t)weir_node_int(options, "partial_timeout", 0);
	parse->host->stateful(parse->context);
	partials->cut_metric = parse->host->metric(parse->context, WEIR_METRIC_COUNTER, "cut_total",
						   "Lines that went on before their last part");
	*ret_partials = partials;
	return WEIR_OK;
}

/* Frees what is held without giving up its claims. */
static void partial_free(struct parse *parse, struct partial *partial)
{
	parse->host->memory_charge(parse->context, -(int64_t)partial->capacity);
	free(partial->text);
	free(partial->claims);
	row_copy_free(&partial->row);
}

void partials_destroy(struct parse *parse, struct partials *partials)
{
	if (!partials)
		return;
	for (uint32_t i = 0; i < partials->count; i++) {
		struct partial *partial = &partials->waiting[i];

		for (uint32_t k = 0; k < partial->claim_count; k++)
			parse->host->claim_release(partial->claims[k]);
		partial_free(parse, partial);
	}
	free(partials->waiting);
	free(partials);
}

static void partial_remove(struct parse *parse, struct partials *partials, struct partial *partial)
{
	struct partial *end = partials->waiting + partials->count;

	partial_free(parse, partial);
	memmove(partial, partial + 1, (size_t)((char *)end - (char *)(partial + 1)));
	partials->count--;
}

static void stream_key(struct weir_slice stream, char ret_key[STREAM_MAX])
{
	memset(ret_key, 0, STREAM_MAX);
	memcpy(ret_key, stream.data, stream.size < STREAM_MAX ? stream.size : STREAM_MAX);
}

static const uint8_t *source_of(const struct parse *parse)
{
	return parse->batch->sources[parse->batch->records[parse->record].source]->id;
}

static struct partial *find(const struct parse *parse, const struct partials *partials,
			    const char stream[STREAM_MAX])
{
	const uint8_t *source = partials->count ? source_of(parse) : NULL;

	for (uint32_t i = 0; i < partials->count; i++)
		if (memcmp(partials->waiting[i].source, source, 16) == 0 &&
		    memcmp(partials->waiting[i].stream, stream, STREAM_MAX) == 0)
			return &partials->waiting[i];
	return NULL;
}

/* A new one for the record at hand, without a part yet; NULL without memory. */
static struct partial *add(struct parse *parse, struct partials *partials,
			   const char stream[STREAM_MAX])
{
	const struct weir_record *record = &parse->batch->records[parse->record];
	struct partial *partial;

	if (partials->count == partials->capacity) {
		uint32_t capacity = partials->capacity ? 2 * partials->capacity : 8;
		struct partial *grown = realloc(partials->waiting, capacity * sizeof(*grown));

		if (!grown)
			return NULL;
		partials->waiting = grown;
		partials->capacity = capacity;
	}
	partial = &partials->waiting[partials->count];
	memset(partial, 0, sizeof(*partial));
	if (row_copy_take(&partial->row, parse->batch, record) != 0)
		return NULL;
	memcpy(partial->source, source_of(parse), sizeof(partial->source));
	memcpy(partial->stream, stream, STREAM_MAX);
	partial->timestamp_ns = record->timestamp_ns;
	partial->position = record->position;
	partials->count++;
	return partial;
}

static int text_grow(struct parse *parse, struct partial *partial, uint64_t size)
{
	uint64_t capacity = partial->capacity ? partial->capacity : 16384;
	char *grown;

	while (capacity < size)
		capacity *= 2;
	if (capacity == partial->capacity)
		return 0;
	grown = realloc(partial->text, capacity);
	if (!grown)
		return -1;
	parse->host->memory_charge(parse->context, (int64_t)(capacity - partial->capacity));
	partial->text = grown;
	partial->capacity = (uint32_t)capacity;
	return 0;
}

/* before, the parts so far with this one, after: into `out`, of exactly that size. */
static uint32_t whole_size(const struct partial *partial, const struct line *line)
{
	return line->size + partial->size - partial->before - partial->after;
}

static void whole_write(const struct partial *partial, const struct line *line, const char *from,
			char *out)
{
	uint32_t before = (uint32_t)(from - line->text);
	uint32_t held = partial->size - partial->before - partial->after;

	if (held) /* first, because `out` may be where they are */
		memmove(out + before, partial->text + partial->before, held);
	memcpy(out, line->text, before);
	memcpy(out + before + held, from, line->size - before);
}

/* Adds the record at hand to those that wait. */
static const char *hold(struct parse *parse, struct partials *partials, struct partial *partial,
			const char *from, const char *to, const struct line *line)
{
	uint32_t size = whole_size(partial, line);
	struct weir_claim **claims =
		realloc(partial->claims, (partial->claim_count + 1) * sizeof(struct weir_claim *));

	if (claims)
		partial->claims = claims;
	if (!claims || text_grow(parse, partial, size) != 0)
		return "no memory to hold a part of a line";
	claims[partial->claim_count] =
		parse->host->record_hold(parse->context, parse->batch, parse->record);
	if (!claims[partial->claim_count])
		return "no memory to hold a part of a line";
	partial->claim_count++;
	whole_write(partial, line, from, partial->text);
	partial->size = size;
	partial->before = (uint32_t)(from - line->text);
	partial->after = (uint32_t)(line->text + line->size - to);
	partial->touched_ns = parse->host->monotonic_ns();
	parse->held = 1;
	if (!partials->timer_set && partials->timeout_ns)
		partials->timer_set =
			parse->host->timer_set(parse->context, 0, partials->timeout_ns) == WEIR_OK;
	return NULL;
}

/* The record at hand becomes the whole line. */
static const char *complete(struct parse *parse, struct partials *partials, struct partial *partial,
			    const char *from, struct line *line)
{
	uint32_t size = whole_size(partial, line);
	struct weir_value value;
	char *text = parse_text(parse, size, &value);
	struct weir_record *record = &parse->batch->records[parse->record];

	if (!text)
		return "no memory to join a line";
	whole_write(partial, line, from, text);
	*line = (struct line){text, size, value.block, value.as.offset};
	record->line_block = value.block;
	record->line_offset = (uint32_t)value.as.offset;
	record->line_length = size;
	for (uint32_t i = 0; i < partial->claim_count; i++)
		parse->host->batch_claim(parse->batch, partial->claims[i]);
	partial_remove(parse, partials, partial);
	return NULL;
}

const char *partials_join(struct parse *parse, struct partials *partials, struct weir_slice stream,
			  const char *from, const char *to, int more, struct line *line)
{
	char key[STREAM_MAX];
	struct partial *partial;
	uint64_t held;
	const char *wrong;

	if (parse->releasing || (!more && partials->count == 0))
		return NULL;
	stream_key(stream, key);
	partial = find(parse, partials, key);
	held = partial ? partial->size - partial->before - partial->after : 0;
	if (more && held + (uint64_t)(to - from) < partials->max_bytes) {
		int fresh = !partial;

		if (fresh)
			partial = add(parse, partials, key);
		if (!partial)
			return "no memory to hold a part of a line";
		wrong = hold(parse, partials, partial, from, to, line);
		if (wrong && fresh)
			partial_remove(parse, partials, partial);
		return wrong;
	}
	if (more) {
		parse->batch->records[parse->record].flags |= WEIR_RECORD_CUT;
		parse->host->metric_add(partials->cut_metric, 1);
	}
	return partial ? complete(parse, partials, partial, from, line) : NULL;
}

/* ---- letting go ------------------------------------------------------------------------------ */

/* A batch with one record, as it was held; its line is the whole so far. */
static int make_batch(struct parse *parse, const struct partial *partial,
		      struct weir_batch **ret_batch)
{
	const struct weir_services *host = parse->host;
	struct weir_batch *batch;
	struct weir_record *record;
	struct weir_value value;
	char *text;
	int result = host->batch_begin(parse->context, &batch);

	if (result != WEIR_OK)
		return result;
	*ret_batch = batch;
	result = host->batch_reserve(batch, 1, partial->row.count,
				     partial->size + partial->row.text_size + 1);
	if (result != WEIR_OK)
		return result;
	record = weir_batch_record(batch);
	text = weir_batch_text(batch, partial->size, &value);
	if (!record || !text)
		return WEIR_ERR_MEMORY;
	memcpy(text, partial->text, partial->size);
	record->flags = WEIR_RECORD_CUT;
	record->line_block = value.block;
	record->line_offset = (uint32_t)value.as.offset;
	record->line_length = partial->size;
	record->source = host->batch_source(batch, partial->claims[0]);
	record->timestamp_ns = partial->timestamp_ns;
	record->position = partial->position;
	result = row_copy_put(&partial->row, host, batch, record);
	for (uint32_t slot = 0; slot < partial->row.count; slot++)
		if (partial->row.names[slot].size == parse->field.size &&
		    memcmp(partial->row.names[slot].data, parse->field.data, parse->field.size) ==
			    0)
			weir_record_row(batch, record)[slot] = value;
	return result;
}

static int release(struct parse *parse, struct partials *partials, struct partial *partial)
{
	struct weir_batch *batch = NULL;
	struct weir_error error;
	int result = make_batch(parse, partial, &batch);

	if (result != WEIR_OK) {
		/* Nothing was taken: the batch goes away empty, and the parts stay for later. */
		if (batch) {
			batch->record_count = 0;
			(void)parse->host->batch_emit(parse->context, batch);
		}
		return result;
	}
	parse->releasing = 1;
	result = parse_batch(parse, batch, &error);
	parse->releasing = 0;
	if (result != WEIR_OK) /* the line goes on as it is */
		batch->records[0].flags |= WEIR_RECORD_UNPARSED;
	for (uint32_t i = 0; i < partial->claim_count; i++)
		parse->host->batch_claim(batch, partial->claims[i]);
	parse->host->metric_add(partials->cut_metric, 1);
	(void)parse->host->batch_emit(parse->context, batch);
	partial_remove(parse, partials, partial);
	return WEIR_OK;
}

void partials_release(struct parse *parse, struct partials *partials, uint64_t limit_ns)
{
	uint32_t i = 0;

	while (i < partials->count) {
		if (partials->waiting[i].touched_ns > limit_ns)
			i++;
		else if (release(parse, partials, &partials->waiting[i]) != WEIR_OK)
			break;
	}
}

void partials_timer(struct parse *parse, struct partials *partials)
{
	uint64_t now = parse->host->monotonic_ns(), oldest = UINT64_MAX, due;

	partials->timer_set = 0;
	if (now > partials->timeout_ns)
		partials_release(parse, partials, now - partials->timeout_ns);
	for (uint32_t i = 0; i < partials->count; i++)
		if (partials->waiting[i].touched_ns < oldest)
			oldest = partials->waiting[i].touched_ns;
	if (partials->count == 0)
		return;
	due = oldest + partials->timeout_ns;
	/* One that could not be let go is tried again after a whole timeout. */
	partials->timer_set =
		parse->host->timer_set(parse->context, 0,
				       due > now ? due - now : partials->timeout_ns) == WEIR_OK;
}
