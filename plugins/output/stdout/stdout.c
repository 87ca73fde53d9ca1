// SPDX-License-Identifier: MIT
/*
 * Writes records to the standard output, a line each.
 *
 * A record is delivered when the kernel has taken its bytes. A reader that does not read holds this
 * pipeline back and no other; one that is gone stalls it, and nothing is thrown away.
 *
 * The descriptor may be shared with a shell, so it is not made non-blocking. A pipe or terminal is
 * opened once more for this instance; a regular file is not, for its offset is the shell's; and a
 * socket is written with a flag.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/delivery_queue/delivery_cursor.h"
#include "support/encoding_options/encoding_options.h"

#define STDOUT_RETRY_MS 1000

/* While the reader is slow: how often to look whether the output is being stopped. */
#define STDOUT_POLL_MS 100

#define STDOUT_CHUNK_MAX (1 << 20)

struct stdout_output {
	const struct weir_services *host;
	struct weir_context *context;
	struct encoding_options encoding;
	struct delivery_queue *queue;
	int fd;
	int is_socket;

	/* The thread's own. */
	struct delivery_group group;
	struct delivery_chunk chunk;
	int stalled;
};

static void stdout_destroy(void *instance)
{
	struct stdout_output *output = instance;

	delivery_queue_destroy(output->queue);
	encoding_options_done(&output->encoding);
	free(output->group.items);
	free(output);
}

static int32_t stdout_create(const struct weir_services *host, struct weir_context *context,
			     const struct weir_node *options, void **ret_instance,
			     struct weir_error *error)
{
	struct stdout_output *output = calloc(1, sizeof(*output));
	int32_t failed;

	if (!output)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the output");
	output->host = host;
	output->context = context;
	output->fd = -1;
	failed = encoding_options_read(options, &output->encoding, error);
	if (failed) {
		free(output);
		return failed;
	}
	failed = delivery_queue_create(&output->queue, error);
	if (failed)
		stdout_destroy(output);
	else
		*ret_instance = output;
	return failed;
}

static void stdout_note(struct stdout_output *output, int failed)
{
	char text[256] = "";

	if (!failed && !output->stalled)
		return;
	if (failed == EPIPE || failed == ECONNRESET)
		snprintf(text, sizeof(text),
			 "nobody reads the standard output any more: restart the agent with a "
			 "reader");
	else if (failed == ENOMEM)
		snprintf(text, sizeof(text), "no memory to encode records for the standard output");
	else if (failed)
		snprintf(text, sizeof(text), "can't write to the standard output: %s",
			 strerror(failed));
	output->stalled = failed != 0;
	output->host->output_stalled(output->context, weir_slice_of(text));
}

static ssize_t write_some(struct stdout_output *output)
{
	struct msghdr message = {.msg_iov = output->chunk.slices,
				 .msg_iovlen = (size_t)output->chunk.count};

	if (output->is_socket)
		return sendmsg(output->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	return writev(output->fd, output->chunk.slices, output->chunk.count);
}

/* 0, an errno, or ECANCELED on stop. What has been written is left out of the chunk. */
static int write_chunk(struct stdout_output *output)
{
	struct pollfd ready = {.fd = output->fd, .events = POLLOUT};

	while (output->chunk.bytes) {
		ssize_t written = write_some(output);

		if (written > 0) {
			delivery_chunk_skip(&output->chunk, (size_t)written);
		} else if (written < 0 && errno == EAGAIN) {
			poll(&ready, 1, STDOUT_POLL_MS);
			if (delivery_queue_stopping(output->queue))
				return ECANCELED;
		} else if (written < 0 && errno != EINTR) {
			return errno;
		}
	}
	return 0;
}

/* Stalls until the chunk is written; 0 = stop. */
static int write_through(struct stdout_output *output)
{
	int failed;

	while ((failed = write_chunk(output)) != 0) {
		if (failed == ECANCELED)
			return 0;
		stdout_note(output, failed);
		if (!delivery_queue_pause(output->queue, STDOUT_RETRY_MS))
			return 0;
	}
	stdout_note(output, 0);
	return 1;
}

/* Encodings that write() found no memory for; 0 = stop. */
static int encode_rest(struct stdout_output *output)
{
	for (size_t i = 0; i < output->group.count; i++) {
		struct delivery *delivery = &output->group.items[i];

		while (!delivery->encoding &&
		       output->host->encode(delivery->view->handle, &output->encoding.spec,
					    &delivery->encoding) != WEIR_OK) {
			stdout_note(output, ENOMEM);
			if (!delivery_queue_pause(output->queue, STDOUT_RETRY_MS))
				return 0;
		}
	}
	return 1;
}

static void stdout_run(void *user)
{
	struct stdout_output *output = user;
	struct delivery_group *group = &output->group;
	struct weir_slice none = {0};

	while (delivery_queue_take(output->queue, group) && encode_rest(output)) {
		struct delivery_cursor at = {0, 0};
		size_t reported = 0;

		while (at.delivery < group->count) {
			delivery_chunk_fill(&output->chunk, group, at, STDOUT_CHUNK_MAX, 1);
			if (!write_through(output))
				return;
			at = output->chunk.end;
			for (; reported < at.delivery; reported++)
				output->host->outcome(group->items[reported].view->handle, NULL, 0,
						      WEIR_OUTCOME_DELIVERED, NULL, none);
		}
	}
}

static int stdout_open(struct stdout_output *output)
{
	struct stat info;

	if (fstat(STDOUT_FILENO, &info) < 0)
		return errno;
	output->is_socket = S_ISSOCK(info.st_mode);
	if (S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode))
		output->fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (output->fd < 0)
		output->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return output->fd < 0 ? errno : 0;
}

static void stdout_stop(void *instance)
{
	struct stdout_output *output = instance;

	delivery_queue_stop(output->queue);
	if (output->fd >= 0)
		close(output->fd);
	output->fd = -1;
}

static int32_t stdout_start(void *instance, struct weir_error *error)
{
	struct stdout_output *output = instance;
	int failed = stdout_open(output);

	if (failed)
		return weir_fail(error, WEIR_ERR_IO, "the standard output can't be used: %s",
				 strerror(failed));
	return delivery_queue_start(output->queue, stdout_run, output, error);
}

static void stdout_write(void *instance, const struct weir_delivery_view *delivery)
{
	struct stdout_output *output = instance;
	const struct weir_encoding *encoding = NULL;

	if (output->host->encode(delivery->handle, &output->encoding.spec, &encoding) != WEIR_OK)
		encoding = NULL; /* the thread tries again */
	delivery_queue_push(output->queue, delivery, encoding);
}

static const struct weir_option options[] = {ENCODING_OPTION_FORMAT("json"), ENCODING_OPTION_FIELDS,
					     ENCODING_OPTION_SEPARATOR, ENCODING_OPTION_METADATA,
					     WEIR_OPTION_END};

static void stdout_fields(void *instance, struct weir_fields *fields)
{
	encoding_options_fields(&((const struct stdout_output *)instance)->encoding, fields);
}

static const struct weir_output_ops operations = {
	.struct_size = sizeof(operations),
	.create = stdout_create,
	.start = stdout_start,
	.stop = stdout_stop,
	.destroy = stdout_destroy,
	.write = stdout_write,
	.fields = stdout_fields,
};

static const struct weir_plugin stdout_plugin = {
	.struct_size = sizeof(stdout_plugin),
	.kind = WEIR_OUTPUT,
	.flags = WEIR_PLUGIN_CONCURRENT,
	.name = "stdout",
	.version = WEIR_VERSION,
	.summary = "Writes records to the standard output, a line each",
	.options = options,
	.output = &operations,
	.short_option = "format",
};

static const struct weir_plugin *const all[] = {&stdout_plugin};

WEIR_PLUGINS(all);
