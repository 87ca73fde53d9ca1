// SPDX-License-Identifier: MIT
/*
 * Dead letters: what could not be parsed or delivered, with the reason and the original bytes.
 *
 * A dead batch holds the claims of the batch that its records come from until every dead-letter
 * output has written it, at the output that refused them, or at all when they died before. So a dead
 * letter is durable before its record counts as dealt with.
 */
#include <stdlib.h>

#include "batch/json.h"
#include "pipeline/pipeline.h"

#define DEAD_FIELDS 8

static const char *const dead_keys[DEAD_FIELDS] = {"pipeline", "stage",    "reason", "error",
						   "source",   "position", "line",   "record"};

static struct weir_value dead_text(struct weir_batch *view, struct weir_slice text)
{
	struct weir_value value;
	char *room = weir_batch_text(view, (uint32_t)text.size, &value);

	if (!room)
		return weir_value_null();
	if (text.size)
		memcpy(room, text.data, text.size);
	return value;
}

/* The original line: text where it is UTF-8, else bytes (base64 under the key `line_base64`). */
static int dead_shape(struct weir_batch *view, int is_text, uint16_t *ret_shape)
{
	struct weir_slice keys[DEAD_FIELDS];

	for (uint32_t i = 0; i < DEAD_FIELDS; i++)
		keys[i] = weir_slice_of(dead_keys[i]);
	if (!is_text)
		keys[6] = weir_slice_of("line_base64");
	return batch_shape(view, keys, DEAD_FIELDS, ret_shape);
}

/* The fields as they were when the record died, where there is no line to go back to. */
static int dead_fields(const struct weir_batch *from, const struct weir_record *record,
		       struct buffer *ret_json)
{
	struct weir_encode_spec spec = {.struct_size = sizeof(spec), .format = WEIR_ENCODE_JSON};

	return json_append_record(ret_json, from, record, &spec, (struct weir_slice){NULL, 0});
}

static int dead_record(struct pipeline *pipeline, struct batch *to, const struct weir_batch *from,
		       const struct batch_dead *dead)
{
	const struct weir_record *record = &from->records[dead->record];
	struct weir_slice line = weir_record_line(from, record);
	struct weir_slice error = weir_slice_of(dead->text);
	struct weir_slice source = {NULL, 0};
	struct buffer fields = {0};
	struct weir_record *letter;
	struct weir_value *row;
	int is_text = utf8_valid(line);
	int status = WEIR_ERR_MEMORY;
	uint64_t text;
	uint16_t shape;

	if (record->source < from->source_count)
		source = from->sources[record->source]->name;
	if (line.size == 0 && dead_fields(from, record, &fields) < 0)
		goto out;
	text = line.size + error.size + source.size + fields.size + strlen(pipeline->config->name) +
	       strlen(dead->stage) + strlen(dead->reason);
	if (text > UINT32_MAX / 2 || batch_reserve(&to->view, 1, DEAD_FIELDS, (uint32_t)text) < 0 ||
	    dead_shape(&to->view, is_text, &shape) < 0)
		goto out;
	letter = weir_batch_record(&to->view);
	row = weir_batch_row(&to->view, DEAD_FIELDS, &letter->row);
	letter->shape = shape;
	letter->capacity = DEAD_FIELDS;
	letter->timestamp_ns = record->timestamp_ns;
	letter->position = record->position;
	row[0] = dead_text(&to->view, weir_slice_of(pipeline->config->name));
	row[1] = dead_text(&to->view, weir_slice_of(dead->stage));
	row[2] = dead_text(&to->view, weir_slice_of(dead->reason));
	row[3] = dead_text(&to->view, error);
	row[4] = dead_text(&to->view, source);
	row[5] = weir_value_int((int64_t)record->position);
	row[6] = dead_text(&to->view, line);
	letter->line_block = row[6].block;
	letter->line_offset = (uint32_t)row[6].as.offset;
	letter->line_length = row[6].length;
	if (!is_text)
		row[6].tag = WEIR_BYTES;
	if (fields.size) {
		row[6].tag = WEIR_ABSENT;
		row[7] = dead_text(&to->view, (struct weir_slice){fields.data, fields.size});
		row[7].tag = WEIR_MAP;
	}
	status = 0;
out:
	buffer_done(&fields);
	return status;
}

static int dead_claims(struct batch *to, const struct batch *from, int32_t output)
{
	for (uint32_t i = 0; i < from->claim_count; i++) {
		struct claim *claim = from->claims[i].claim;

		if (batch_add_claim(to, claim, output) < 0)
			return WEIR_ERR_MEMORY;
		ledger_hold(claim->source->ledger, claim, output);
	}
	return 0;
}

static int dead_dispatch(struct pipeline *pipeline, struct batch *letters)
{
	struct weir_delivery **deliveries = calloc(pipeline->dead_count, sizeof(*deliveries));
	int status = WEIR_ERR_MEMORY;
	uint32_t made = 0;

	if (!deliveries || batch_freeze(letters) < 0)
		goto out;
	for (; made < pipeline->dead_count; made++) {
		struct weir_delivery *d = delivery_create(letters, pipeline->dead_outputs[made]);

		if (!d)
			goto out;
		deliveries[made] = d;
		d->view.count = letters->view.record_count;
		for (uint32_t i = 0; i < letters->view.record_count; i++)
			d->selected[i >> 6] |= UINT64_C(1) << (i & 63);
		memcpy(letters->routed, d->selected, batch_words(letters) * sizeof(uint64_t));
	}
	atomic_store(&letters->deliveries, made);
	for (uint32_t i = 0; i < made; i++)
		delivery_write(deliveries[i]);
	status = 0;
	made = 0;
out:
	for (uint32_t i = 0; i < made; i++)
		free(deliveries[i]);
	free(deliveries);
	return status;
}

int dead_letter_send(struct pipeline *pipeline, struct batch *batch, const struct batch_dead *dead,
		     uint32_t count, int32_t output)
{
	struct batch *letters = batch_acquire(&pipeline->pool);
	int status = WEIR_ERR_MEMORY;

	if (!letters)
		return WEIR_ERR_MEMORY;
	letters->is_dead_letter = 1;
	if (dead_claims(letters, batch, output) < 0)
		goto out;
	for (uint32_t i = 0; i < count; i++)
		if (dead_record(pipeline, letters, &batch->view, &dead[i]) < 0)
			goto out;
	status = dead_dispatch(pipeline, letters);
out:
	/* On failure the claims stay held: nothing is committed past what could not be buried. */
	batch_unref(letters);
	return status;
}
