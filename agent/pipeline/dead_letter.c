// SPDX-License-Identifier: MIT
/*
 * Dead letters: what could not be parsed or delivered, with the reason and the original bytes.
 *
 * A dead batch holds the claims of the batch that its records come from until every dead-letter
 * output has written it, at the output that refused them, or at all when they died before. So a dead
 * letter is durable before its record counts as dealt with.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "batch/json.h"
#include "pipeline/letter.h"
#include "pipeline/pipeline.h"

/* What is written of one record. */
struct dead_note {
	const struct weir_batch *from;
	const struct weir_record *record;
	const struct weir_source_view *source; /* or NULL */
	struct weir_slice texts[LETTER_KEYS];
	int line_is_text;
};

/* The original line: text where it is UTF-8, else bytes (base64 under the key `line_base64`). */
static int dead_shape(struct weir_batch *view, int is_text, uint16_t *ret_shape)
{
	struct weir_slice keys[LETTER_KEYS];

	for (uint32_t i = 0; i < LETTER_KEYS; i++)
		keys[i] = weir_slice_of(letter_keys[i]);
	if (!is_text)
		keys[LETTER_LINE] = weir_slice_of(LETTER_LINE_BASE64);
	return batch_shape(view, keys, LETTER_KEYS, ret_shape);
}

/* The fields as they were when the record died, where there is no line to go back to. */
static int dead_fields(const struct weir_batch *from, const struct weir_record *record,
		       struct buffer *ret_json)
{
	struct weir_encode_spec spec = {.struct_size = sizeof(spec), .format = WEIR_ENCODE_JSON};

	return json_append_record(ret_json, from, record, &spec, (struct weir_slice){NULL, 0});
}

/* Stages before the outputs are known by their name's address. */
static const char *dead_kind(const struct pipeline *pipeline, const char *stage, int32_t output)
{
	if (output >= 0)
		return "output";
	for (uint32_t i = 0; i < pipeline->input_count; i++)
		if (pipeline->inputs[i]->config->name == stage)
			return "input";
	return "filter";
}

/* All but the fields. */
static void dead_note(const struct pipeline *pipeline, const struct batch_dead *dead,
		      int32_t output, struct dead_note *note)
{
	const struct weir_record *record = note->record;
	struct weir_slice *texts = note->texts;

	if (record->source < note->from->source_count)
		note->source = note->from->sources[record->source];
	texts[LETTER_PIPELINE] = weir_slice_of(pipeline->config->name);
	texts[LETTER_STAGE] = weir_slice_of(dead->stage);
	texts[LETTER_KIND] = weir_slice_of(dead_kind(pipeline, dead->stage, output));
	texts[LETTER_REASON] = weir_slice_of(dead->reason);
	texts[LETTER_ERROR] = weir_slice_of(dead->text);
	texts[LETTER_LINE] = weir_record_line(note->from, record);
	if (note->source) {
		texts[LETTER_SOURCE] = note->source->name;
		texts[LETTER_SOURCE_ID] = note->source->hex;
	}
	note->line_is_text = utf8_valid(texts[LETTER_LINE]);
}

static void dead_row(struct weir_batch *view, const struct dead_note *note, struct weir_value *row)
{
	const struct weir_record *record = note->record;

	for (uint32_t i = 0; i < LETTER_KEYS; i++)
		if (note->texts[i].data && (i != LETTER_SOURCE_ID || note->texts[i].size))
			row[i] = batch_text(view, note->texts[i]);
	row[LETTER_TIME] = weir_value_timestamp(clock_wall_ns());
	row[LETTER_POSITION] = weir_value_int((int64_t)record->position);
	if (record->ordinal)
		row[LETTER_ORDINAL] = weir_value_int(record->ordinal);
	if (!note->line_is_text)
		row[LETTER_LINE].tag = WEIR_BYTES;
}

static int dead_write(struct batch *to, const struct dead_note *note)
{
	struct weir_record *letter;
	struct weir_value *row;
	uint64_t text = 0;
	uint16_t shape;

	for (uint32_t i = 0; i < LETTER_KEYS; i++)
		text += note->texts[i].size;
	if (text > UINT32_MAX / 2 || batch_reserve(&to->view, 1, LETTER_KEYS, (uint32_t)text) < 0 ||
	    dead_shape(&to->view, note->line_is_text, &shape) < 0)
		return WEIR_ERR_MEMORY;
	letter = weir_batch_record(&to->view);
	row = weir_batch_row(&to->view, LETTER_KEYS, &letter->row);
	letter->shape = shape;
	letter->capacity = LETTER_KEYS;
	letter->timestamp_ns = note->record->timestamp_ns;
	letter->position = note->record->position;
	dead_row(&to->view, note, row);
	letter->line_block = row[LETTER_LINE].block;
	letter->line_offset = (uint32_t)row[LETTER_LINE].as.offset;
	letter->line_length = row[LETTER_LINE].length;
	if (note->texts[LETTER_RECORD].size) {
		row[LETTER_LINE].tag = WEIR_ABSENT;
		row[LETTER_RECORD].tag = WEIR_MAP;
	}
	return 0;
}

static int dead_record(struct pipeline *pipeline, struct batch *to, const struct weir_batch *from,
		       const struct batch_dead *dead, int32_t output)
{
	struct dead_note note = {.from = from, .record = &from->records[dead->record]};
	struct buffer fields = {0};
	int status = WEIR_ERR_MEMORY;

	dead_note(pipeline, dead, output, &note);
	if (note.texts[LETTER_LINE].size || dead_fields(from, note.record, &fields) == 0) {
		note.texts[LETTER_RECORD] = (struct weir_slice){fields.data, fields.size};
		status = dead_write(to, &note);
	}
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
	if (tap_any(&pipeline->host->taps))
		tap_offer(&pipeline->host->taps, pipeline->config->name, TAP_DEAD, NULL,
			  &letters->view, NULL, pipeline->host->host_name);
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
		if (dead_record(pipeline, letters, &batch->view, &dead[i], output) < 0)
			goto out;
	for (uint32_t i = 0; i < count; i++)
		dead_tally_add(
			&pipeline->dead_tally, dead[i].stage, dead[i].reason, dead[i].text,
			weir_record_line(&batch->view, &batch->view.records[dead[i].record]));
	status = dead_dispatch(pipeline, letters);
out:
	/* On failure the claims stay held: nothing is committed past what could not be buried. */
	batch_unref(letters);
	return status;
}
