// SPDX-License-Identifier: MIT
/*
 * Appends records to a file: a JSON object, the original line, or chosen values a line.
 *
 * write() has the batch encoded by the worker, while it is in the cache, and queues it. A thread per
 * instance writes everything that has gathered with one writev() and one fdatasync(), then reports.
 */
#include <stdlib.h>

#include "file_writer.h"

struct file_output {
	struct file_settings settings;
	struct file_writer writer;
};

static void file_destroy(void *instance)
{
	struct file_output *output = instance;

	delivery_queue_destroy(output->writer.queue);
	free(output->writer.group.items);
	file_rotation_done(&output->writer.rotation);
	file_settings_done(&output->settings);
	free(output);
}

static int32_t file_create(const struct weir_services *host, struct weir_context *context,
			   const struct weir_node *options, void **ret_instance,
			   struct weir_error *error)
{
	struct file_output *output = calloc(1, sizeof(*output));
	struct file_writer *writer;
	int32_t failed;

	if (!output)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the output");
	writer = &output->writer;
	failed = file_settings_read(options, &output->settings, error);
	if (failed) {
		free(output);
		return failed;
	}
	file_rotation_init(&writer->rotation, output->settings.keep);
	writer->host = host;
	writer->context = context;
	writer->settings = &output->settings;
	writer->live.fd = -1;
	writer->bytes = host->metric(context, WEIR_METRIC_COUNTER, "bytes_total", "Bytes written");
	writer->rotations = host->metric(context, WEIR_METRIC_COUNTER, "rotations_total",
					 "Files finished because of their size");
	failed = delivery_queue_create(&writer->queue, error);
	if (failed)
		file_destroy(output);
	else
		*ret_instance = output;
	return failed;
}

static void file_stop(void *instance)
{
	struct file_writer *writer = &((struct file_output *)instance)->writer;

	delivery_queue_stop(writer->queue);
	file_live_close(&writer->live);
	file_gzip_destroy(writer->gzip);
	writer->gzip = NULL;
}

static int32_t file_start(void *instance, struct weir_error *error)
{
	struct file_output *output = instance;
	struct file_writer *writer = &output->writer;
	int32_t failed = WEIR_OK;

	if (output->settings.rotate_size && output->settings.gzip)
		failed = file_gzip_create(writer->host, writer->context, &writer->rotation,
					  &writer->gzip, error);
	if (!failed)
		failed = file_writer_open(writer, error);
	if (!failed)
		failed = delivery_queue_start(writer->queue, file_writer_run, writer, error);
	if (failed)
		file_stop(output);
	return failed;
}

static void file_write(void *instance, const struct weir_delivery_view *delivery)
{
	struct file_output *output = instance;
	const struct weir_encoding *encoding = NULL;

	if (output->writer.host->encode(delivery->handle, &output->settings.encoding.spec,
					&encoding) != WEIR_OK)
		encoding = NULL; /* the thread tries again */
	delivery_queue_push(output->writer.queue, delivery, encoding);
}

static void file_fields(void *instance, struct weir_fields *fields)
{
	encoding_options_fields(&((const struct file_output *)instance)->settings.encoding, fields);
}

static const struct weir_output_ops operations = {
	.struct_size = sizeof(operations),
	.create = file_create,
	.start = file_start,
	.stop = file_stop,
	.destroy = file_destroy,
	.write = file_write,
	.fields = file_fields,
};

static const struct weir_plugin file_plugin = {
	.struct_size = sizeof(file_plugin),
	.kind = WEIR_OUTPUT,
	.flags = WEIR_PLUGIN_CONCURRENT,
	.name = "file",
	.version = WEIR_VERSION,
	.summary = "Appends records to a file, as JSON lines, raw lines or chosen values",
	.options = file_options,
	.output = &operations,
	.short_option = "path",
};

static const struct weir_plugin *const all[] = {&file_plugin};

WEIR_PLUGINS(all);
