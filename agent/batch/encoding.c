// SPDX-License-Identifier: MIT
/*
 * Encodings of a frozen batch, each made once and shared by the outputs that ask for the same one.
 * The first to ask encodes under the batch's lock; the others find it there.
 */
#include <stdlib.h>

#include "batch/batch.h"
#include "batch/json.h"

struct batch_encoding {
	struct batch_encoding *next;
	struct weir_encode_spec spec; /* with copies of its slices */
	struct weir_encoding view;
	struct buffer data;
	uint32_t *starts;
	char *spec_text;
	int64_t charge;
};

static int slice_same(struct weir_slice a, struct weir_slice b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static int spec_same(const struct weir_encode_spec *a, const struct weir_encode_spec *b)
{
	if (a->format != b->format || a->meta != b->meta || a->field_count != b->field_count ||
	    !slice_same(a->separator, b->separator))
		return 0;
	for (uint32_t i = 0; i < a->field_count; i++)
		if (!slice_same(a->fields[i], b->fields[i]))
			return 0;
	return 1;
}

/* Copies the spec, its slices in one allocation. */
static int spec_copy(struct batch_encoding *encoding, const struct weir_encode_spec *spec)
{
	size_t size = spec->field_count * sizeof(struct weir_slice) + spec->separator.size;
	struct weir_slice *fields;
	char *text;

	for (uint32_t i = 0; i < spec->field_count; i++)
		size += spec->fields[i].size;
	encoding->spec_text = malloc(size + 1);
	if (!encoding->spec_text)
		return WEIR_ERR_MEMORY;
	encoding->spec = *spec;
	fields = (struct weir_slice *)(void *)encoding->spec_text;
	text = (char *)(fields + spec->field_count);
	for (uint32_t i = 0; i < spec->field_count; i++) {
		memcpy(text, spec->fields[i].data, spec->fields[i].size);
		fields[i] = (struct weir_slice){text, spec->fields[i].size};
		text += spec->fields[i].size;
	}
	if (spec->separator.size)
		memcpy(text, spec->separator.data, spec->separator.size);
	encoding->spec.fields = fields;
	encoding->spec.separator = (struct weir_slice){text, spec->separator.size};
	return 0;
}

static int append_text_record(struct buffer *out, const struct weir_batch *batch,
			      const struct weir_record *record, const struct weir_encode_spec *spec)
{
	for (uint32_t i = 0; i < spec->field_count; i++) {
		const struct weir_value *value = weir_record_find(batch, record, spec->fields[i]);

		if (i && buffer_append(out, spec->separator.data, spec->separator.size) < 0)
			return WEIR_ERR_MEMORY;
		if (value && text_append_value(out, batch, value) < 0)
			return WEIR_ERR_MEMORY;
	}
	return 0;
}

static int append_record(struct batch_encoding *encoding, const struct weir_batch *batch,
			 const struct weir_record *record, struct weir_slice host)
{
	const struct weir_encode_spec *spec = &encoding->spec;
	struct weir_slice line;
	int status;

	switch (spec->format) {
	case WEIR_ENCODE_JSON:
		status = json_append_record(&encoding->data, batch, record, spec, host);
		break;
	case WEIR_ENCODE_TEXT:
		status = append_text_record(&encoding->data, batch, record, spec);
		break;
	default:
		line = weir_record_line(batch, record);
		status = buffer_append(&encoding->data, line.data, line.size);
	}
	if (status < 0)
		return status;
	return buffer_append(&encoding->data, "\n", 1);
}

static void encoding_free(struct batch_encoding *encoding)
{
	if (!encoding)
		return;
	buffer_done(&encoding->data);
	free(encoding->starts);
	free(encoding->spec_text);
	free(encoding);
}

static struct batch_encoding *
encoding_create(struct batch *batch, const struct weir_encode_spec *spec, struct weir_slice host)
{
	const struct weir_batch *view = &batch->view;
	struct batch_encoding *encoding = calloc(1, sizeof(*encoding));

	if (!encoding || spec_copy(encoding, spec) < 0)
		goto fail;
	encoding->starts = malloc((view->record_count + 1) * sizeof(*encoding->starts));
	/* Most encodings are a little larger than the text they come from. */
	if (!encoding->starts || !buffer_reserve(&encoding->data, view->blocks[0].used * 3 / 2))
		goto fail;
	for (uint32_t i = 0; i < view->record_count; i++) {
		encoding->starts[i] = (uint32_t)encoding->data.size;
		if (!(batch->routed[i >> 6] >> (i & 63) & 1))
			continue;
		if (append_record(encoding, view, &view->records[i], host) < 0 ||
		    encoding->data.size > UINT32_MAX)
			goto fail;
	}
	encoding->starts[view->record_count] = (uint32_t)encoding->data.size;
	encoding->view = (struct weir_encoding){sizeof(encoding->view), view->record_count,
						encoding->data.data, encoding->starts};
	encoding->charge = (int64_t)(encoding->data.capacity +
				     (view->record_count + 1) * sizeof(*encoding->starts));
	batch_charge(batch, encoding->charge);
	return encoding;
fail:
	encoding_free(encoding);
	return NULL;
}

int batch_encode(struct batch *batch, const struct weir_encode_spec *spec, struct weir_slice host,
		 const struct weir_encoding **ret_encoding)
{
	struct batch_encoding *encoding;

	pthread_mutex_lock(&batch->encoding_lock);
	for (encoding = batch->encodings; encoding; encoding = encoding->next)
		if (spec_same(&encoding->spec, spec))
			break;
	if (!encoding) {
		encoding = encoding_create(batch, spec, host);
		if (encoding) {
			encoding->next = batch->encodings;
			batch->encodings = encoding;
		}
	}
	pthread_mutex_unlock(&batch->encoding_lock);
	if (!encoding)
		return WEIR_ERR_MEMORY;
	*ret_encoding = &encoding->view;
	return 0;
}

void batch_encodings_free(struct batch *batch)
{
	while (batch->encodings) {
		struct batch_encoding *encoding = batch->encodings;

		batch->encodings = encoding->next;
		batch->charge -= encoding->charge;
		encoding_free(encoding);
	}
}
