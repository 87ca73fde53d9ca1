// SPDX-License-Identifier: MIT
#include "message.h"
#include "syslog.h"

#define FACILITIES 24
#define SEVERITIES 8
#define FIELDS 8
#define UNPARSED_FIELDS 2

static const char *const keys[FIELDS] = {"facility", "severity", "hostname",        "app_name",
					 "procid",   "msgid",    "structured_data", "message"};
/* Of a message that can't be parsed. */
static const char *const unparsed_keys[UNPARSED_FIELDS] = {"message", "parse_error"};

/* Of a word in a batch, so that its place is its number times this. */
#define WORD_SIZE 8

static const char words[FACILITIES + SEVERITIES][WORD_SIZE + 1] = {
	"kern",   "user",   "mail",     "daemon", "auth",    "syslog", "lpr",    "news",
	"uucp",   "cron",   "authpriv", "ftp",    "ntp",     "audit",  "alert",  "clock",
	"local0", "local1", "local2",   "local3", "local4",  "local5", "local6", "local7",
	"emerg",  "alert",  "crit",     "err",    "warning", "notice", "info",   "debug"};

static int put_words(struct recording *recording)
{
	const uint32_t size = (FACILITIES + SEVERITIES) * WORD_SIZE;
	char *text;

	if (recording->input->host->batch_reserve(recording->batch, 0, 0, size) < 0)
		return WEIR_ERR_MEMORY;
	text = weir_batch_text(recording->batch, size, &recording->words);
	for (uint32_t i = 0; i < FACILITIES + SEVERITIES; i++)
		memcpy(text + i * WORD_SIZE, words[i], WORD_SIZE);
	return 0;
}

void recording_fields(struct weir_fields *fields)
{
	for (uint32_t i = 0; i < FIELDS; i++)
		fields->add(fields, weir_slice_of(keys[i]));
	for (uint32_t i = 0; i < UNPARSED_FIELDS; i++)
		fields->add(fields, weir_slice_of(unparsed_keys[i]));
}

int recording_begin(struct recording *recording, struct input *input, struct weir_batch *batch,
		    uint16_t block)
{
	struct weir_slice parsed[FIELDS], unparsed[UNPARSED_FIELDS];

	*recording = (struct recording){.input = input, .batch = batch, .block = block};
	for (uint32_t i = 0; i < FIELDS; i++)
		parsed[i] = weir_slice_of(keys[i]);
	for (uint32_t i = 0; i < UNPARSED_FIELDS; i++)
		unparsed[i] = weir_slice_of(unparsed_keys[i]);
	if (input->host->batch_shape(batch, parsed, FIELDS, &recording->parsed) < 0 ||
	    input->host->batch_shape(batch, unparsed, UNPARSED_FIELDS, &recording->unparsed) < 0)
		return WEIR_ERR_MEMORY;
	return put_words(recording);
}

static struct weir_value word(const struct recording *recording, uint32_t index)
{
	struct weir_value value = recording->words;

	value.as.offset += index * WORD_SIZE;
	value.length = (uint32_t)strlen(words[index]);
	value.flags = WEIR_VALUE_PLAIN;
	return value;
}

/* A slice of the block; null where the message says nothing. */
static struct weir_value text(const struct recording *recording, struct weir_slice slice)
{
	const char *block = (const char *)recording->batch->blocks[recording->block].data;

	if (!slice.data)
		return weir_value_null();
	return weir_value_text(WEIR_STRING, 0, recording->block, (uint64_t)(slice.data - block),
			       (uint32_t)slice.size);
}

static int put_data(const struct recording *recording, struct weir_slice data,
		    struct weir_value *ret_value)
{
	struct weir_batch *batch = recording->batch;
	uint64_t most = structured_data_json_max(data);
	char *json;

	*ret_value = weir_value_null();
	if (!data.data)
		return 0;
	if (recording->input->host->batch_reserve(batch, 0, 0, (uint32_t)most) < 0)
		return WEIR_ERR_MEMORY;
	json = weir_batch_text(batch, (uint32_t)most, ret_value);
	ret_value->tag = WEIR_MAP;
	ret_value->length = (uint32_t)structured_data_json(data, json);
	batch->blocks[batch->arena_block].used -= (uint32_t)most - ret_value->length;
	return 0;
}

static int put_parsed(struct recording *recording, struct weir_record *record,
		      const struct message *message)
{
	struct weir_value data;
	struct weir_value *row;

	if (put_data(recording, message->data, &data) < 0)
		return WEIR_ERR_MEMORY;
	row = weir_batch_row(recording->batch, FIELDS, &record->row);
	row[0] = word(recording, message->facility);
	row[1] = word(recording, FACILITIES + message->severity);
	row[2] = text(recording, message->hostname);
	row[3] = text(recording, message->app_name);
	row[4] = text(recording, message->procid);
	row[5] = text(recording, message->msgid);
	row[6] = data;
	row[7] = text(recording, message->text);
	record->shape = recording->parsed;
	record->capacity = FIELDS;
	if (message->time_ns != MESSAGE_NO_TIME)
		record->timestamp_ns = message->time_ns;
	return 0;
}

static int put_unparsed(struct recording *recording, struct weir_record *record,
			struct weir_slice line, const char *wrong)
{
	struct weir_batch *batch = recording->batch;
	uint32_t size = (uint32_t)strlen(wrong);
	struct weir_value reason;
	struct weir_value *row;

	if (recording->input->host->batch_reserve(batch, 0, 0, size) < 0)
		return WEIR_ERR_MEMORY;
	memcpy(weir_batch_text(batch, size, &reason), wrong, size);
	row = weir_batch_row(batch, FIELDS, &record->row);
	row[0] = text(recording, line);
	row[1] = reason;
	record->shape = recording->unparsed;
	record->capacity = FIELDS;
	record->flags |= WEIR_RECORD_UNPARSED;
	recording->unparsed_count++;
	return 0;
}

int recording_add(struct recording *recording, const struct frame *frame, uint32_t offset,
		  uint64_t position)
{
	struct weir_batch *batch = recording->batch;
	const char *data = (const char *)batch->blocks[recording->block].data + offset;
	struct weir_record record = {.line_block = recording->block,
				     .line_offset = offset,
				     .timestamp_ns = batch->read_ns,
				     .position = position,
				     .span = frame->span};
	uint32_t length = frame->length;
	struct message message;
	const char *wrong = "it goes on a message that was longer than max_message";
	int status;

	while (length && !frame->is_part && strchr("\r\n", data[length - 1]))
		length--; /* and NULs, which strchr() finds as well */
	if (length == 0)
		return 0;
	if (recording->input->host->batch_reserve(batch, 1, FIELDS, 0) < 0)
		return WEIR_ERR_MEMORY;
	record.line_length = length;
	record.flags = frame->is_part ? WEIR_RECORD_CUT : 0;
	recording->cut_count += frame->is_part && !frame->goes_on;
	if (!frame->goes_on)
		wrong = message_parse((struct weir_slice){data, length}, recording->input->zone,
				      batch->read_ns, &message);
	status = wrong ? put_unparsed(recording, &record, (struct weir_slice){data, length}, wrong)
		       : put_parsed(recording, &record, &message);
	if (status == 0)
		*weir_batch_record(batch) = record;
	return status;
}
