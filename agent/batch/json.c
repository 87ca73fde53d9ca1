// SPDX-License-Identifier: MIT
/*
 * Records as JSON objects. Every member is written with a comma after it; the last comma becomes the
 * closing brace.
 *
 * The usual field, a short string without escapes, takes one check for room and two copies. What
 * needs more goes to json_string.c. On failure the buffer is as long as it was before.
 *
 * Names that begin with @ belong to the metadata: where the specification asks for a piece of it, a
 * field of the record with the same name is left out.
 */
#include "batch/json.h"

#include "batch/json_copy.h"
#include "batch/json_number.h"
#include "batch/json_string.h"

/* For a number or a timestamp, quotes and a comma, and what the copies write too much. */
#define VALUE_ROOM (NUMBER_TIMESTAMP_MAX + 2 * JSON_COPY_SLACK)

struct meta {
	uint32_t bit; /* WEIR_META_* */
	const char *name;
	struct weir_slice json;
};

static const struct meta metas[] = {
	{WEIR_META_TIMESTAMP, "@timestamp", {"\"@timestamp\":", 13}},
	{WEIR_META_SOURCE, "@source", {"\"@source\":", 10}},
	{WEIR_META_POSITION, "@position", {"\"@position\":", 12}},
	{WEIR_META_HOST, "@host", {"\"@host\":", 8}},
};
#define META_COUNT (sizeof(metas) / sizeof(metas[0]))

static inline char *room_for(struct buffer *out, size_t size)
{
	if (out->capacity - out->size >= size && out->data)
		return out->data + out->size;
	return buffer_reserve(out, size);
}

static inline void end_at(struct buffer *out, const char *to)
{
	out->size = (size_t)(to - out->data);
}

static char *append_quoted_timestamp(char *to, int64_t ns)
{
	*to++ = '"';
	to = number_append_timestamp(to, ns);
	*to++ = '"';
	return to;
}

int json_append_timestamp(struct buffer *out, int64_t ns)
{
	char *to = room_for(out, VALUE_ROOM);

	if (!to)
		return WEIR_ERR_MEMORY;
	end_at(out, append_quoted_timestamp(to, ns));
	return 0;
}

/* What is neither text nor absent; room is there. */
static char *append_scalar(char *to, const struct weir_value *value)
{
	switch (value->tag) {
	case WEIR_BOOL:
		memcpy(to, value->as.i64 ? "true" : "false", 5);
		return to + (value->as.i64 ? 4 : 5);
	case WEIR_INT:
		return number_append_int(to, value->as.i64);
	case WEIR_DOUBLE:
		return number_append_double(to, value->as.f64);
	case WEIR_TIMESTAMP:
		return append_quoted_timestamp(to, value->as.i64);
	default:
		memcpy(to, "null", 4);
		return to + 4;
	}
}

/* A number that is still text. */
static inline char *append_digits(char *to, const struct weir_batch *batch,
				  const struct weir_value *value)
{
	json_copy_plain(to, (const char *)batch->blocks[value->block].data + value->as.offset,
			value->length);
	return to + value->length;
}

/* The usual string; NULL when it needs more than a copy. `to` has room for the text and slack. */
static inline char *append_clean(char *to, const struct weir_batch *batch,
				 const struct weir_value *value)
{
	const char *text = (const char *)batch->blocks[value->block].data + value->as.offset;

	*to++ = '"';
	if (value->flags & WEIR_VALUE_PLAIN)
		json_copy_plain(to, text, value->length);
	else if (json_copy_padded(to, text, value->length) < value->length)
		return NULL;
	to[value->length] = '"';
	return to + value->length + 1;
}

static int append_careful(struct buffer *out, const struct weir_batch *batch,
			  const struct weir_value *value)
{
	struct weir_slice text = weir_value_slice(batch, value);

	if (value->tag == WEIR_STRING)
		return json_append_string(out, text);
	if (value->tag == WEIR_BYTES)
		return json_append_base64(out, text);
	return buffer_append(out, text.data, text.size);
}

/* Any value, with the byte `after` behind it. */
static inline int append_value(struct buffer *out, const struct weir_batch *batch,
			       const struct weir_value *value, char after)
{
	char *to = room_for(out, (size_t)value->length + VALUE_ROOM);
	char *end = NULL;

	if (!to)
		return WEIR_ERR_MEMORY;
	if (value->tag == WEIR_STRING)
		end = append_clean(to, batch, value);
	else if (!weir_value_has_text(value))
		end = append_scalar(to, value);
	else if (value->tag == WEIR_INT)
		end = append_digits(to, batch, value);
	if (!end) {
		if (append_careful(out, batch, value) != 0 || !(end = room_for(out, 1)))
			return WEIR_ERR_MEMORY;
	}
	if (after)
		*end++ = after;
	end_at(out, end);
	return 0;
}

int json_append_value(struct buffer *out, const struct weir_batch *batch,
		      const struct weir_value *value)
{
	size_t start = out->size;
	int result = append_value(out, batch, value, '\0');

	if (result != 0)
		out->size = start;
	return result;
}

static inline int append_key(struct buffer *out, struct weir_slice json)
{
	char *to = room_for(out, json.size + JSON_COPY_SLACK);

	if (!to)
		return WEIR_ERR_MEMORY;
	json_copy_key(to, json.data, json.size);
	out->size += json.size;
	return 0;
}

static inline int append_member(struct buffer *out, struct weir_slice key,
				const struct weir_batch *batch, const struct weir_value *value)
{
	int result = append_key(out, key);

	return result == 0 ? append_value(out, batch, value, ',') : result;
}

static int append_meta_value(struct buffer *out, const struct weir_batch *batch,
			     const struct weir_record *record, uint32_t bit, struct weir_slice host)
{
	char *to;

	if (bit == WEIR_META_TIMESTAMP)
		return json_append_timestamp(out, record->timestamp_ns);
	if (bit == WEIR_META_SOURCE)
		return json_append_string(out, record->source < batch->source_count
						       ? batch->sources[record->source]->name
						       : weir_slice_of(""));
	if (bit == WEIR_META_HOST)
		return json_append_string(out, host);
	to = room_for(out, VALUE_ROOM);
	if (!to)
		return WEIR_ERR_MEMORY;
	end_at(out, number_append_unsigned(to, record->position));
	return 0;
}

static int append_meta(struct buffer *out, const struct weir_batch *batch,
		       const struct weir_record *record, const struct meta *meta,
		       struct weir_slice host)
{
	int result = append_key(out, meta->json);

	if (result == 0)
		result = append_meta_value(out, batch, record, meta->bit, host);
	return result == 0 ? buffer_append(out, ",", 1) : result;
}

/* The metadata of this name, or NULL. */
static const struct meta *meta_named(struct weir_slice name)
{
	if (name.size == 0 || name.data[0] != '@')
		return NULL;
	for (size_t i = 0; i < META_COUNT; i++)
		if (weir_slice_equals(name, metas[i].name))
			return &metas[i];
	return NULL;
}

/* Looks at the JSON of the name first, which is written next anyway: "@... */
static inline int gives_way(const struct weir_key *key, uint32_t asked)
{
	const struct meta *meta = key->json.data[1] == '@' ? meta_named(key->name) : NULL;

	return meta && (meta->bit & asked);
}

static int append_all(struct buffer *out, const struct weir_batch *batch,
		      const struct weir_record *record, uint32_t asked)
{
	const struct weir_shape *shape = batch->shapes[record->shape];
	const struct weir_value *row = weir_record_row(batch, record);
	int result = 0;

	for (uint32_t i = 0; i < shape->count && result == 0; i++) {
		const struct weir_key *key = shape->keys[i];

		if (row[i].tag == WEIR_ABSENT)
			continue;
		if (asked && gives_way(key, asked))
			continue;
		result = append_member(out, key->json, batch, &row[i]);
	}
	return result;
}

/* A chosen field; metadata goes by its name too, unless it has been written already. */
static int append_chosen(struct buffer *out, const struct weir_batch *batch,
			 const struct weir_record *record, const struct weir_encode_spec *spec,
			 struct weir_slice name, struct weir_slice host)
{
	const struct meta *meta = meta_named(name);
	const struct weir_shape *shape = batch->shapes[record->shape];
	int32_t slot;

	if (meta)
		return meta->bit & spec->meta ? 0 : append_meta(out, batch, record, meta, host);
	slot = weir_shape_find(shape, name);
	if (slot < 0 || weir_record_row(batch, record)[slot].tag == WEIR_ABSENT)
		return 0;
	return append_member(out, shape->keys[slot]->json, batch,
			     &weir_record_row(batch, record)[slot]);
}

static int append_fields(struct buffer *out, const struct weir_batch *batch,
			 const struct weir_record *record, const struct weir_encode_spec *spec,
			 struct weir_slice host)
{
	int result = 0;

	for (size_t i = 0; i < META_COUNT && result == 0; i++)
		if (spec->meta & metas[i].bit)
			result = append_meta(out, batch, record, &metas[i], host);
	if (result == 0 && spec->field_count == 0)
		result = append_all(out, batch, record, spec->meta);
	for (uint32_t i = 0; i < spec->field_count && result == 0; i++)
		result = append_chosen(out, batch, record, spec, spec->fields[i], host);
	return result;
}

int json_append_record(struct buffer *out, const struct weir_batch *batch,
		       const struct weir_record *record, const struct weir_encode_spec *spec,
		       struct weir_slice host)
{
	size_t start = out->size;

	if (buffer_append(out, "{", 1) == 0 && append_fields(out, batch, record, spec, host) == 0) {
		if (out->data[out->size - 1] == ',' && out->size - start > 1) {
			out->data[out->size - 1] = '}';
			return 0;
		}
		if (buffer_append(out, "}", 1) == 0)
			return 0;
	}
	out->size = start;
	return WEIR_ERR_MEMORY;
}

int text_append_value(struct buffer *out, const struct weir_batch *batch,
		      const struct weir_value *value)
{
	char *to;

	if (value->tag == WEIR_ABSENT || value->tag == WEIR_NULL)
		return 0;
	if (weir_value_has_text(value)) {
		struct weir_slice text = weir_value_slice(batch, value);

		return buffer_append(out, text.data, text.size);
	}
	to = room_for(out, VALUE_ROOM);
	if (!to)
		return WEIR_ERR_MEMORY;
	end_at(out, value->tag == WEIR_TIMESTAMP ? number_append_timestamp(to, value->as.i64)
						 : append_scalar(to, value));
	return 0;
}
