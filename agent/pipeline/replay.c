// SPDX-License-Identifier: MIT
#include "pipeline/replay.h"

#include <stdlib.h>

#include "base/log.h"
#include "expr/json_walk.h"
#include "pipeline/agent.h"
#include "pipeline/letter_file.h"
#include "pipeline/pipeline.h"

#define REPLAY_TICK_NS 50000000

/* A batch is full after so many records, bytes of letters, or letters looked at. */
#define BATCH_RECORDS 256
#define BATCH_BYTES (128u << 10)
#define BATCH_LINES 4096

/* Memory to unescape one letter. */
#define SCRATCH_MAX ((size_t)1 << 30)

struct replay_plugin {
	struct weir_plugin plugin; /* first: the stage points at it */
	struct replay *replay;
};

struct replay_source {
	struct weir_source *handle;
	struct replay_file *file;
	struct letter_reader *reader;
};

struct replay_input {
	const struct weir_services *host;
	struct weir_context *context;
	struct replay *replay;
	struct replay_source *sources;
};

/* ---- a letter as a record ------------------------------------------------------------------------ */

static struct weir_value put_text(struct weir_batch *view, uint8_t tag, uint8_t flags,
				  struct weir_slice text)
{
	struct weir_value value = batch_text(view, text);

	if (value.tag == WEIR_STRING) {
		value.tag = tag;
		value.flags = flags;
	}
	return value;
}

static struct weir_value put_value(struct weir_batch *view, const struct value *value)
{
	struct number number;

	if (value->tag == WEIR_BOOL)
		return weir_value_bool((int)value->as.i64);
	if (value->tag == WEIR_NULL)
		return weir_value_null();
	if (!value->is_text)
		return put_text(view, value->tag, 0, value->text);
	if (number_parse(value->text, &number))
		return put_text(view, value->tag, WEIR_VALUE_TEXT, value->text);
	return put_text(view, WEIR_STRING, 0, value->text);
}

static struct weir_record *put_record(struct weir_batch *view, const struct letter *letter,
				      uint16_t shape, uint32_t values)
{
	struct weir_record *record = weir_batch_record(view);

	record->shape = shape;
	record->capacity = (uint16_t)values;
	record->position = letter->position;
	record->ordinal = letter->ordinal;
	if (letter->timestamp_ns)
		record->timestamp_ns = letter->timestamp_ns;
	return record;
}

/* As an input reads it: the line alone. */
static struct weir_record *put_line(struct weir_batch *view, const struct letter *letter)
{
	const struct weir_slice key = weir_slice_of("message");
	struct weir_record *record;
	struct weir_value *row;
	uint16_t shape;

	if (letter->line.size > UINT32_MAX / 2 ||
	    batch_reserve(view, 1, 1, (uint32_t)letter->line.size) < 0 ||
	    batch_shape(view, &key, 1, &shape) < 0)
		return NULL;
	record = put_record(view, letter, shape, 1);
	row = weir_batch_row(view, 1, &record->row);
	*row = put_text(view, WEIR_STRING, 0, letter->line);
	record->line_block = row->block;
	record->line_offset = (uint32_t)row->as.offset;
	record->line_length = row->length;
	return record;
}

struct fields {
	struct weir_slice keys[WEIR_SHAPE_KEYS_MAX];
	struct value values[WEIR_SHAPE_KEYS_MAX];
	uint32_t count;
};

static void read_fields(struct scratch *scratch, struct weir_slice map, struct fields *fields)
{
	struct json_walk walk = json_walk_start(map);
	struct weir_slice key, raw;

	while (fields->count < WEIR_SHAPE_KEYS_MAX && json_walk_next(&walk, &key, &raw)) {
		struct weir_slice name = json_walk_value(scratch, key).text;
		uint32_t i = 0;

		while (i < fields->count &&
		       (fields->keys[i].size != name.size ||
			memcmp(fields->keys[i].data, name.data, name.size) != 0))
			i++;
		fields->keys[i] = name;
		fields->values[i] = json_walk_value(scratch, raw);
		fields->count += i == fields->count;
	}
}

/* As it came out of the filters: its fields. */
static struct weir_record *put_fields(struct weir_batch *view, const struct letter *letter,
				      struct scratch *scratch)
{
	struct fields *fields = calloc(1, sizeof(*fields));
	struct weir_record *record = NULL;
	struct weir_value *row;
	uint16_t shape;

	if (!fields)
		return NULL;
	read_fields(scratch, letter->record, fields);
	if (letter->record.size < UINT32_MAX / 2 &&
	    batch_reserve(view, 1, fields->count, (uint32_t)letter->record.size) == 0 &&
	    batch_shape(view, fields->keys, fields->count, &shape) == 0) {
		record = put_record(view, letter, shape, fields->count);
		row = weir_batch_row(view, fields->count, &record->row);
		for (uint32_t i = 0; i < fields->count; i++)
			row[i] = put_value(view, &fields->values[i]);
	}
	free(fields);
	return record;
}

/* The index in the batch of the source that the record was once read from. */
static int old_source(struct replay_input *input, struct weir_batch *view,
		      const struct letter *letter, uint32_t *ret_index)
{
	struct source *source;
	int added;

	for (uint32_t i = 1; i < view->source_count; i++)
		if (memcmp(view->sources[i]->id, letter->id, sizeof(letter->id)) == 0) {
			*ret_index = i;
			return 0;
		}
	source = source_shadow(input->context, letter->id, letter->source);
	if (!source)
		return WEIR_ERR_MEMORY;
	if (batch_add_source(batch_of(view), &source->view, ret_index, &added) == 0)
		return 0;
	source_unref(&source->view);
	return WEIR_ERR_MEMORY;
}

static int put_letter(struct replay_input *input, struct weir_batch *view,
		      const struct letter *letter, struct scratch *scratch)
{
	struct weir_record *record;
	uint32_t source = 0;

	/* Before the record: what is added to a batch may move its arrays. */
	if (letter->has_id && old_source(input, view, letter, &source) < 0)
		return WEIR_ERR_MEMORY;
	record = letter->record.size ? put_fields(view, letter, scratch) : put_line(view, letter);
	if (!record)
		return WEIR_ERR_MEMORY;
	record->source = source;
	return 0;
}

/* ---- the input ----------------------------------------------------------------------------------- */

static int32_t input_create(const struct weir_services *host, struct weir_context *context,
			    const struct weir_node *options, void **ret_instance,
			    struct weir_error *error)
{
	const struct replay_plugin *plugin = (const struct replay_plugin *)context->plugin;
	struct replay_input *input = calloc(1, sizeof(*input));

	(void)options;
	if (input)
		input->sources = calloc(plugin->replay->file_count + 1, sizeof(*input->sources));
	if (!input || !input->sources) {
		free(input);
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory to replay dead letters");
	}
	input->host = host;
	input->context = context;
	input->replay = plugin->replay;
	*ret_instance = input;
	return 0;
}

static int32_t input_start(void *instance, uint32_t flags, struct weir_error *error)
{
	struct replay_input *input = instance;
	int32_t status = 0;

	(void)flags;
	for (size_t i = 0; status == 0 && i < input->replay->file_count; i++) {
		struct replay_source *source = &input->sources[i];
		struct weir_source_spec spec = {
			.struct_size = sizeof(spec), .flags = WEIR_SOURCE_VOLATILE, .user = source};

		source->file = &input->replay->files[i];
		source->file->done = 0;
		spec.name = weir_slice_of(source->file->path);
		status = letter_reader_open(source->file->path, &source->reader, error);
		if (status == 0)
			status = input->host->source_open(input->context, &spec, &source->handle,
							  error);
		if (status == 0)
			input->host->source_ready(source->handle);
	}
	return status;
}

static void input_stop(void *instance)
{
	(void)instance;
}

static void input_destroy(void *instance)
{
	struct replay_input *input = instance;

	for (size_t i = 0; i < input->replay->file_count; i++)
		letter_reader_close(input->sources[i].reader);
	free(input->sources);
	free(input);
}

static int put_line_of_file(struct replay_input *input, struct weir_batch *view,
			    const struct letter_line *line, struct scratch *scratch)
{
	struct replay *replay = input->replay;
	struct letter letter;
	int status = 0;

	if (line->whole && letter_read(scratch, line->text, &letter) == 0 &&
	    replay->wanted(replay->user, &letter)) {
		if (!letter.has_id)
			letter.position = line->start;
		status = put_letter(input, view, &letter, scratch);
	}
	scratch_reset(scratch);
	return status;
}

/* An error ends the source: what is behind it stays in the file. */
static int32_t input_read(void *instance, void *source_user, struct weir_batch *view,
			  struct weir_error *error)
{
	struct replay_input *input = instance;
	struct replay_source *source = source_user;
	struct scratch scratch = {.limit = SCRATCH_MAX};
	uint64_t start = view->range_start;
	struct letter_line line;
	int more = 1;

	(void)error;
	for (uint32_t lines = 0; lines < BATCH_LINES && view->record_count < BATCH_RECORDS;
	     lines++) {
		if (view->range_end - start > BATCH_BYTES || view->range_end >= source->file->size)
			break;
		more = letter_reader_next(source->reader, &line);
		if (more > 0 && put_line_of_file(input, view, &line, &scratch) < 0)
			more = WEIR_ERR_MEMORY;
		if (more <= 0)
			break;
		view->range_end = line.end;
	}
	scratch_done(&scratch);
	if (more < 0)
		log_line(WEIR_LOG_ERROR, input->context->origin, "replay_failed",
			 "%s can't be read on from %llu", source->file->path,
			 (unsigned long long)view->range_end);
	return more <= 0 || view->range_end >= source->file->size ? WEIR_READ_END : WEIR_READ_MORE;
}

static void input_acked(void *instance, void *source_user, uint64_t position)
{
	struct replay_source *source = source_user;

	(void)instance;
	source->file->done = position;
}

static const struct weir_input_ops operations = {
	.struct_size = sizeof(operations),
	.create = input_create,
	.start = input_start,
	.stop = input_stop,
	.destroy = input_destroy,
	.read = input_read,
	.acked = input_acked,
};

/* ---- the pipeline -------------------------------------------------------------------------------- */

/* The dead letter's options with another path, and without bounds: it gets no more than there was. */
struct letters_options {
	struct weir_node map, path;
	const struct weir_node **items;
	struct weir_slice *keys;
	char *text;
};

/* For an option in which %Y is the year. */
static char *escape_percent(const char *path)
{
	char *text = malloc(strlen(path) * 2 + 1), *to = text;

	for (; text && *path; path++) {
		if (*path == '%')
			*to++ = '%';
		*to++ = *path;
	}
	if (text)
		*to = '\0';
	return text;
}

static int letters_options_make(const struct weir_node *from, const char *path,
				struct letters_options *options)
{
	options->items = calloc(from->count + 1, sizeof(struct weir_node *));
	options->keys = calloc(from->count + 1, sizeof(*options->keys));
	options->text = escape_percent(path);
	if (!options->items || !options->keys || !options->text)
		return WEIR_ERR_MEMORY;
	options->path = (struct weir_node){.struct_size = sizeof(options->path),
					   .type = WEIR_TYPE_STRING,
					   .text = weir_slice_of(options->text)};
	options->map = (struct weir_node){.struct_size = sizeof(options->map),
					  .type = WEIR_TYPE_MAP,
					  .items = options->items,
					  .keys = options->keys};
	for (uint32_t i = 0; i < from->count; i++) {
		int is_path = weir_slice_equals(from->keys[i], "path");

		if (weir_slice_equals(from->keys[i], "rotate") ||
		    weir_slice_equals(from->keys[i], "max_bytes"))
			continue;
		options->keys[options->map.count] = from->keys[i];
		options->items[options->map.count++] = is_path ? &options->path : from->items[i];
	}
	return 0;
}

static void letters_options_done(struct letters_options *options)
{
	free(options->items);
	free(options->keys);
	free(options->text);
}

static int run_agent(struct agent *agent, const struct replay_watch *watch,
		     struct replay_counts *ret_counts, struct weir_error *error)
{
	struct agent_progress progress;
	uint32_t running, all;
	int status = agent_start(agent, error);

	while (status == 0 && !agent_finished(agent) && watch->tick(watch->user, agent))
		agent_wait(agent, REPLAY_TICK_NS);
	agent_count(agent, &running, &all);
	if (status == 0 && running < all)
		status = weir_fail(error, WEIR_ERR_STATE, "the pipeline failed; see above");
	agent_stop(agent, watch->hurry, watch->user);
	agent_progress(agent, &progress);
	*ret_counts = (struct replay_counts){progress.records, progress.delivered, progress.dead,
					     progress.dropped, progress.unrouted};
	return status;
}

int replay_run(struct replay *replay, const struct replay_watch *watch,
	       struct replay_counts *ret_counts, struct weir_error *error)
{
	struct replay_plugin plugin = {.plugin = {.struct_size = sizeof(plugin.plugin),
						  .kind = WEIR_INPUT,
						  .name = "dead_letters",
						  .version = WEIR_VERSION,
						  .input = &operations},
				       .replay = replay};
	char name[] = "dead_letters";
	struct config_stage input = {.plugin = &plugin.plugin, .name = name};
	struct config_stage output, letters = *replay->letters;
	struct config_pipeline pipeline = *replay->pipeline;
	struct config config = *replay->config;
	struct letters_options options = {0};
	struct agent *agent = NULL;
	int status;

	*ret_counts = (struct replay_counts){0};
	status = letters_options_make(letters.options, replay->letters_path, &options);
	if (status < 0)
		weir_fail(error, status, "no memory to replay dead letters");
	letters.options = &options.map;
	pipeline.inputs = &input;
	pipeline.input_count = 1;
	pipeline.filter_count = replay->with_filters ? pipeline.filter_count : 0;
	pipeline.dead_letter = &letters;
	pipeline.dead_letter_count = 1;
	pipeline.without_buffers = 1; /* a letter is done with when it is delivered */
	if (replay->output) {
		output = *replay->output;
		output.when = NULL; /* it was true once */
		pipeline.outputs = &output;
		pipeline.output_count = 1;
	}
	config.state_dir = (char *)(uintptr_t)replay->state_dir;
	config.pipelines = &pipeline;
	config.pipeline_count = 1;
	if (status == 0)
		status = agent_create(&config, replay->registry, 1, &agent, error);
	if (status == 0)
		status = run_agent(agent, watch, ret_counts, error);
	agent_destroy(agent);
	letters_options_done(&options);
	return status;
}
