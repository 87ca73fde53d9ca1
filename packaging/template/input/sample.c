/*
 * The input sample: the lines of a file that only grows.
 *
 * It has one source, whose position is the offset in the file. The agent keeps the position (only what
 * every output has got counts) and gives it back by source_known() in the next run. An input with many
 * sources opens one per file, connection or partition; one that cannot be read again (a socket) sets
 * WEIR_SOURCE_VOLATILE. For files that rotate there is the input tail.
 *
 * read() is called by a worker once source_ready() has said that there may be something; timer() runs
 * on another thread, but all it does is call source_ready(), so there is no lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir/plugin.h>

#define POLL_TIMER 0
#define READ_BYTES (64u << 10) /* at a time, and so the longest line */

struct sample_input {
	const struct weir_services *host;
	struct weir_context *context;
	const char *path;
	uint64_t interval_ns;
	struct weir_source *source;
	int once;
	int fd;
	uint64_t position; /* of the next line */
};

static int32_t sample_create(const struct weir_services *host, struct weir_context *context,
			     const struct weir_node *options, void **ret_instance,
			     struct weir_error *error)
{
	struct sample_input *input = calloc(1, sizeof(*input));

	if (!input)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the input");
	input->host = host;
	input->context = context;
	input->path = weir_node_text(options, "path");
	input->interval_ns = (uint64_t)weir_node_int(options, "interval", 0);
	input->fd = -1;
	*ret_instance = input;
	return WEIR_OK;
}

static void sample_stop(void *instance)
{
	struct sample_input *input = instance;

	input->host->timer_set(input->context, POLL_TIMER, WEIR_TIMER_OFF);
}

static void sample_destroy(void *instance)
{
	struct sample_input *input = instance;

	if (input->fd >= 0)
		close(input->fd);
	free(input);
}

/* Takes up the source of the last run where that has ended, or opens it as a new one. */
static int32_t open_source(struct sample_input *input, uint32_t flags, struct weir_error *error)
{
	struct weir_source_spec spec = {sizeof(spec), 0, {NULL, 0}, {NULL, 0}, input, 0};
	struct weir_source_state known = {0};
	off_t end = lseek(input->fd, 0, SEEK_END);

	known.struct_size = sizeof(known);
	spec.name = spec.identity = weir_slice_of(input->path);
	if (flags & WEIR_START_END && end > 0)
		spec.position = (uint64_t)end;
	for (uint32_t i = 0; input->host->source_known(input->context, i, &known) == 0; i++) {
		if (!weir_slice_equals(known.identity, input->path))
			continue;
		spec.position = input->position = known.position;
		return input->host->source_adopt(input->context, known.id, &spec, &input->source,
						 error);
	}
	input->position = spec.position;
	return input->host->source_open(input->context, &spec, &input->source, error);
}

static int32_t sample_start(void *instance, uint32_t flags, struct weir_error *error)
{
	struct sample_input *input = instance;
	int32_t failed;

	input->once = (flags & WEIR_START_ONCE) != 0;
	input->fd = open(input->path, O_RDONLY | O_CLOEXEC);
	if (input->fd < 0)
		return weir_fail(error, WEIR_ERR_IO, "cannot open %s: %s", input->path,
				 strerror(errno));
	failed = open_source(input, flags, error);
	if (!failed)
		input->host->source_ready(input->source);
	return failed;
}

static void sample_timer(void *instance, uint32_t id)
{
	struct sample_input *input = instance;

	(void)id;
	input->host->source_ready(input->source);
}

/* One record of the text at `line`, which is its line and its field `message`. */
static void add_record(struct sample_input *input, struct weir_batch *batch, uint16_t shape,
		       struct weir_value line, uint32_t span)
{
	struct weir_record *record = weir_batch_record(batch);

	record->shape = shape;
	record->capacity = 1;
	record->line_block = line.block;
	record->line_offset = (uint32_t)line.as.offset;
	record->line_length = line.length;
	record->position = input->position;
	record->span = span; /* with its newline */
	*weir_batch_row(batch, 1, &record->row) = line;
	input->position += span;
}

/* Makes records of the lines in `text`; what comes after the last newline only if `whole`. */
static int32_t add_lines(struct sample_input *input, struct weir_batch *batch,
			 struct weir_value text, int whole)
{
	const struct weir_slice message = weir_slice_of("message");
	const struct weir_slice bytes = weir_value_slice(batch, &text);
	uint32_t count = whole, from = 0;
	uint16_t shape;

	for (uint64_t i = 0; i < bytes.size; i++)
		count += bytes.data[i] == '\n';
	if (input->host->batch_reserve(batch, count, count, 0) != 0 ||
	    input->host->batch_shape(batch, &message, 1, &shape) != 0)
		return WEIR_ERR_MEMORY;
	while (from < text.length) {
		/* The arrays may have moved, the blocks have not. */
		const char *end = memchr(bytes.data + from, '\n', text.length - from);
		uint32_t size = end ? (uint32_t)(end - bytes.data) - from : text.length - from;
		struct weir_value line = text;

		if (!end && !whole)
			break;
		line.as.offset += from;
		line.length = size;
		add_record(input, batch, shape, line, size + (end != NULL));
		from += size + (end != NULL);
	}
	return WEIR_OK;
}

static int32_t sample_read(void *instance, void *source_user, struct weir_batch *batch,
			   struct weir_error *error)
{
	struct sample_input *input = instance;
	struct weir_value text;
	int32_t failed;
	ssize_t got;
	char *room;

	(void)source_user;
	batch->range_start = batch->range_end = input->position;
	if (input->host->batch_reserve(batch, 0, 0, READ_BYTES) != 0)
		return weir_fail(error, WEIR_ERR_MEMORY, "no room to read; raise memory_limit");
	room = weir_batch_text(batch, READ_BYTES, &text);
	if (!room)
		return weir_fail(error, WEIR_ERR_MEMORY, "no room to read; raise memory_limit");
	got = pread(input->fd, room, READ_BYTES, (off_t)input->position);
	if (got < 0)
		return weir_fail(error, WEIR_ERR_IO, "cannot read %s: %s", input->path,
				 strerror(errno));
	text.length = (uint32_t)got;
	/* A line that fills the room is taken in parts; the last one of a single run has no newline. */
	failed = add_lines(input, batch, text,
			   got == READ_BYTES ? !memchr(room, '\n', READ_BYTES) : input->once);
	if (failed)
		return weir_fail(error, failed, "no room for records; raise memory_limit");
	batch->range_end = input->position;
	if (batch->range_end > batch->range_start)
		return WEIR_READ_MORE;
	if (input->once)
		return WEIR_READ_DETACH; /* the end; the position is kept for the next run */
	input->host->timer_set(input->context, POLL_TIMER, input->interval_ns);
	return WEIR_READ_IDLE;
}

/* For `weir check`, which warns of fields that no record can have. */
static void sample_fields(void *instance, struct weir_fields *fields)
{
	(void)instance;
	fields->add(fields, weir_slice_of("message"));
}

static const struct weir_option options[] = {
	{sizeof(struct weir_option), WEIR_TYPE_STRING, 0, WEIR_OPTION_REQUIRED, "path", NULL,
	 "File to read", NULL, 0, 0, NULL},
	WEIR_OPTION("interval", WEIR_TYPE_DURATION, "1s", "How often to look for more lines"),
	WEIR_OPTION_END,
};

static const struct weir_input_ops operations = {
	.struct_size = sizeof(operations),
	.create = sample_create,
	.start = sample_start,
	.stop = sample_stop,
	.destroy = sample_destroy,
	.read = sample_read,
	.timer = sample_timer,
	.fields = sample_fields,
};

static const struct weir_plugin plugin = {
	.struct_size = sizeof(plugin),
	.kind = WEIR_INPUT,
	.name = "sample",
	.version = VERSION,
	.summary = "Reads the lines of a file that only grows",
	.options = options,
	.input = &operations,
	.short_option = "path",
};

static const struct weir_plugin *const all[] = {&plugin};
WEIR_PLUGINS(all);
