// SPDX-License-Identifier: MIT
/*
 * The input `stdin`: lines of the agent's standard input.
 *
 * The descriptor is shared with whoever started the agent, so it is not made non-blocking; instead
 * a thread waits in poll() until it can be read, and read() asks the same question before it reads.
 * The beginning of an unfinished line is kept, at most max_line bytes of it: a pipe can't be read
 * again. For the same reason nothing about it is kept on disk, and what was read when the agent is
 * killed is gone.
 *
 * Threads: the poller only looks at the descriptor and calls source_ready(); everything else belongs
 * to read(). `again` hands the turn back to the poller.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <weir/plugin.h>

/* Read at a time: as much as a pipe holds by default. */
#define READ_BYTES (64u << 10)
#define LINE_MAX_BYTES (INT64_C(64) << 20)

struct input {
	const struct weir_services *host;
	struct weir_context *context;
	struct weir_source *source;
	uint32_t max_line;
	pthread_t poller;
	int polling; /* the thread runs */
	int again;   /* eventfd: read() has read all there was, or the input stops */
	_Atomic int stopping;
	/* Of read() only. */
	uint8_t *line; /* the unfinished line */
	uint32_t line_size;
	uint64_t offset; /* of it */
	int cut;         /* it goes on a line of which a part has been passed on */
	int ended;
};

static void *poll_input(void *user)
{
	struct input *input = user;
	uint64_t turns;

	while (!atomic_load(&input->stopping)) {
		struct pollfd wait[] = {{STDIN_FILENO, POLLIN, 0}, {input->again, POLLIN, 0}};

		if (poll(wait, 2, -1) < 0 && errno != EINTR)
			break;
		if (wait[0].revents && !atomic_load(&input->stopping)) {
			input->host->source_ready(input->source);
			/* read()'s turn. */
			while (read(input->again, &turns, sizeof(turns)) < 0 && errno == EINTR)
				;
		} else if (wait[1].revents) {
			(void)!read(input->again, &turns, sizeof(turns));
		}
	}
	return NULL;
}

static void hand_back(struct input *input)
{
	const uint64_t one = 1;

	(void)!write(input->again, &one, sizeof(one));
}

static void input_destroy(void *instance)
{
	struct input *input = instance;

	if (!input)
		return;
	if (input->again >= 0)
		(void)close(input->again);
	free(input->line);
	free(input);
}

static int32_t input_create(const struct weir_services *host, struct weir_context *context,
			    const struct weir_node *options, void **ret_instance,
			    struct weir_error *error)
{
	struct input *input = calloc(1, sizeof(*input));

	if (!input)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the stdin input");
	input->host = host;
	input->context = context;
	input->max_line = (uint32_t)weir_node_int(options, "max_line", 1 << 20);
	input->again = eventfd(0, EFD_CLOEXEC);
	input->line = malloc(input->max_line);
	if (input->again < 0 || !input->line) {
		input_destroy(input);
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the stdin input");
	}
	*ret_instance = input;
	return WEIR_OK;
}

/* Of an instance that stopped within a line, for the one that takes its place at a reload. */
static uint8_t *left_line;
static uint32_t left_size;

static void leave_line(struct input *input)
{
	if (input->line_size == 0 || input->ended)
		return;
	free(left_line);
	left_line = input->line;
	left_size = input->line_size;
	input->line = NULL;
	input->line_size = 0;
}

static int32_t take_line(struct input *input, struct weir_error *error)
{
	if (left_size > input->max_line)
		return weir_fail(error, WEIR_ERR_STATE,
				 "stdin has been read to the middle of a line that is longer than "
				 "the new max_line; give it %u bytes at least",
				 left_size);
	if (left_line)
		memcpy(input->line, left_line, left_size);
	input->line_size = left_size;
	free(left_line);
	left_line = NULL;
	left_size = 0;
	return WEIR_OK;
}

static int32_t input_start(void *instance, uint32_t flags, struct weir_error *error)
{
	struct input *input = instance;
	struct weir_source_spec spec = {
		.struct_size = sizeof(spec),
		.flags = WEIR_SOURCE_VOLATILE,
		.name = weir_slice_of("stdin"),
		.identity = weir_slice_of("stdin"),
		.user = input,
	};
	sigset_t all, before;
	int status;

	(void)flags;
	status = take_line(input, error);
	if (status < 0)
		return status;
	status = input->host->source_open(input->context, &spec, &input->source, error);
	if (status < 0)
		return status;
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	status = pthread_create(&input->poller, NULL, poll_input, input);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (status != 0)
		return weir_fail(error, WEIR_ERR_IO, "can't start a thread for stdin: error %d",
				 status);
	input->polling = 1;
	return WEIR_OK;
}

static void input_stop(void *instance)
{
	struct input *input = instance;

	if (!input->polling)
		return;
	atomic_store(&input->stopping, 1);
	hand_back(input);
	(void)pthread_join(input->poller, NULL);
	input->polling = 0;
	leave_line(input);
}

/* ---- reading --------------------------------------------------------------------------------- */

struct reading {
	struct input *input;
	struct weir_batch *batch;
	uint16_t shape;
	uint16_t block;
};

static int put(const struct reading *reading, uint32_t start, uint32_t length, uint32_t span,
	       int cut)
{
	struct weir_batch *batch = reading->batch;
	struct input *input = reading->input;
	struct weir_record *record;

	if (input->host->batch_reserve(batch, 1, 1, 0) < 0)
		return WEIR_ERR_MEMORY;
	record = weir_batch_record(batch);
	record->shape = reading->shape;
	record->capacity = 1;
	record->flags = cut ? WEIR_RECORD_CUT : 0;
	record->line_block = reading->block;
	record->line_offset = start;
	record->line_length = length;
	record->position = input->offset;
	record->span = span;
	*weir_batch_row(batch, 1, &record->row) =
		weir_value_text(WEIR_STRING, 0, reading->block, start, length);
	return 0;
}

/* A line, or with newline 0 a part of one; empty lines make no record. */
static int put_line(const struct reading *reading, uint32_t start, uint32_t size, uint32_t newline)
{
	struct input *input = reading->input;
	const uint8_t *text = reading->batch->blocks[reading->block].data + start;
	uint32_t length = size - (newline && size && text[size - 1] == '\r');
	int cut = input->cut || (!newline && !input->ended);
	int status = length ? put(reading, start, length, size + newline, cut) : 0;

	input->offset += size + newline;
	input->cut = !newline;
	return status;
}

/* Makes records of the whole lines in the text; what is left over is kept. */
static int mark(const struct reading *reading, uint32_t start, uint32_t end)
{
	struct input *input = reading->input;
	const uint8_t *data = reading->batch->blocks[reading->block].data;
	int status = 0;

	while (status == 0 && start < end) {
		const uint8_t *newline = memchr(data + start, '\n', end - start);
		uint32_t size = newline ? (uint32_t)(newline - data) - start : end - start;

		if (size > input->max_line || (!newline && size == input->max_line)) {
			status = put_line(reading, start, input->max_line, 0);
			start += input->max_line;
		} else if (newline) {
			status = put_line(reading, start, size, 1);
			start += size + 1;
		} else {
			break;
		}
	}
	if (status == 0 && input->ended && start < end) {
		status = put_line(reading, start, end - start, 0);
		start = end;
	}
	input->line_size = end - start;
	memcpy(input->line, data + start, input->line_size);
	return status;
}

/* Reads once behind the unfinished line; bytes, 0 at the end, -1 when there is nothing yet. */
static ssize_t read_once(uint8_t *text, size_t room)
{
	struct pollfd now = {STDIN_FILENO, POLLIN, 0};
	ssize_t got;

	if (poll(&now, 1, 0) <= 0)
		return -1;
	do {
		got = read(STDIN_FILENO, text, room);
	} while (got < 0 && errno == EINTR);
	return got < 0 && errno != EAGAIN ? 0 : got;
}

static int32_t input_read(void *instance, void *source_user, struct weir_batch *batch,
			  struct weir_error *error)
{
	struct input *input = instance;
	struct reading reading = {.input = input, .batch = batch};
	const struct weir_slice key = weir_slice_of("message");
	struct weir_block_view *block;
	uint32_t start;
	ssize_t got;

	(void)source_user;
	batch->range_start = batch->range_end = input->offset;
	if (input->host->batch_reserve(batch, 0, 0, input->line_size + READ_BYTES) < 0 ||
	    input->host->batch_shape(batch, &key, 1, &reading.shape) < 0)
		return weir_fail(error, WEIR_ERR_MEMORY,
				 "no room to read stdin; raise memory_limit");
	reading.block = (uint16_t)batch->arena_block;
	block = &batch->blocks[reading.block];
	start = block->used;
	got = read_once(block->data + start + input->line_size, READ_BYTES);
	if (got < 0) {
		hand_back(input);
		return WEIR_READ_IDLE;
	}
	memcpy(block->data + start, input->line, input->line_size);
	input->ended = got == 0;
	block->used = start + input->line_size + (uint32_t)got;
	if (mark(&reading, start, block->used) < 0)
		return weir_fail(error, WEIR_ERR_MEMORY, "no room for records of stdin");
	batch->range_end = input->offset;
	return input->ended ? WEIR_READ_END : WEIR_READ_MORE;
}

static void input_fields(void *instance, struct weir_fields *fields)
{
	(void)instance;
	fields->add(fields, weir_slice_of("message"));
}

static const struct weir_option options[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_SIZE,
	 .name = "max_line",
	 .default_text = "1MiB",
	 .doc = "Longest line; longer ones are passed on in parts",
	 .min = 64,
	 .max = LINE_MAX_BYTES},
	WEIR_OPTION_END,
};

static const struct weir_input_ops ops = {
	.struct_size = sizeof(ops),
	.create = input_create,
	.start = input_start,
	.stop = input_stop,
	.destroy = input_destroy,
	.read = input_read,
	.fields = input_fields,
};

static const struct weir_plugin plugin = {
	.struct_size = sizeof(plugin),
	.kind = WEIR_INPUT,
	.name = "stdin",
	.version = WEIR_VERSION,
	.summary = "Lines of the agent's standard input",
	.options = options,
	.input = &ops,
};

static const struct weir_plugin *const plugins[] = {&plugin};
WEIR_PLUGINS(plugins);
