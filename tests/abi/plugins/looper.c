// SPDX-License-Identifier: MIT
/*
 * An output with a loop of its own, as one on librdkafka is: write() only queues, the loop's thread
 * appends the lines to a file and reports an outcome for each record by itself, in reverse order.
 * Lines that hold `refuse` are refused for good.
 *
 * From minor 1.2 on its last words make a file PATH.end, and its probe says whether PATH can be opened.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/plugin.h>

struct waiting {
	struct waiting *next;
	const struct weir_delivery_view *delivery;
};

struct looper {
	const struct weir_services *host;
	struct weir_context *context;
	const char *path;
	struct weir_slice refuse;
	struct weir_metric *lines, *took;
	int fd;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct waiting *first, **last;
	int stopping;
};

static int32_t looper_create(const struct weir_services *host, struct weir_context *context,
			     const struct weir_node *options, void **ret_instance,
			     struct weir_error *error)
{
	struct looper *looper = calloc(1, sizeof(*looper));
	const struct weir_node *refuse = weir_node_find(options, "refuse");

	if (!looper)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the output");
	looper->host = host;
	looper->context = context;
	looper->path = weir_node_text(options, "path");
	if (refuse)
		looper->refuse = refuse->text;
	looper->lines = host->metric_labelled(
		context, WEIR_METRIC_COUNTER, "lines", "lines of the file",
		&(struct weir_label){weir_slice_of("file"), weir_slice_of(looper->path)}, 1);
	looper->took =
		host->metric(context, WEIR_METRIC_HISTOGRAM, "seconds", "time for a delivery");
	looper->last = &looper->first;
	pthread_mutex_init(&looper->lock, NULL);
	pthread_cond_init(&looper->wake, NULL);
	*ret_instance = looper;
	return WEIR_OK;
}

static void looper_destroy(void *instance)
{
	struct looper *looper = instance;

	pthread_cond_destroy(&looper->wake);
	pthread_mutex_destroy(&looper->lock);
	free(looper);
}

static int refused(const struct looper *looper, struct weir_slice line)
{
	return looper->refuse.size &&
	       memmem(line.data, line.size, looper->refuse.data, looper->refuse.size) != NULL;
}

/* After the last outcome the delivery is gone, so it is counted down from what was selected. */
static void send_all(struct looper *looper, const struct weir_delivery_view *delivery)
{
	const struct weir_batch *batch = delivery->batch;
	struct weir_slice none = {0, 0};
	uint32_t left = delivery->count;
	uint64_t began = looper->host->monotonic_ns();

	looper->host->metric_add(looper->lines, left);
	for (uint32_t i = batch->record_count; left && i-- > 0;) {
		struct weir_slice line;

		if (!weir_selected(delivery, i))
			continue;
		left--;
		line = weir_record_line(batch, &batch->records[i]);
		if (refused(looper, line)) {
			looper->host->outcome(delivery->handle, &i, 1, WEIR_OUTCOME_DEAD, "refused",
					      weir_slice_of("the looper does not like it"));
			continue;
		}
		if (dprintf(looper->fd, "%.*s\n", (int)line.size, line.data) < 0)
			return; /* no outcome: the next run repeats it */
		if (left == 0)
			looper->host->metric_add(looper->took,
						 (int64_t)(looper->host->monotonic_ns() - began));
		looper->host->outcome(delivery->handle, &i, 1, WEIR_OUTCOME_DELIVERED, NULL, none);
	}
}

static void *looper_run(void *arg)
{
	struct looper *looper = arg;

	pthread_mutex_lock(&looper->lock);
	while (!looper->stopping) {
		struct waiting *waiting = looper->first;

		if (!waiting) {
			pthread_cond_wait(&looper->wake, &looper->lock);
			continue;
		}
		looper->first = waiting->next;
		if (!looper->first)
			looper->last = &looper->first;
		pthread_mutex_unlock(&looper->lock);
		send_all(looper, waiting->delivery);
		free(waiting);
		pthread_mutex_lock(&looper->lock);
	}
	pthread_mutex_unlock(&looper->lock);
	return NULL;
}

static int32_t looper_start(void *instance, struct weir_error *error)
{
	struct looper *looper = instance;

	looper->fd = open(looper->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (looper->fd < 0)
		return weir_fail(error, WEIR_ERR_IO, "can't open %s", looper->path);
	if (pthread_create(&looper->thread, NULL, looper_run, looper) != 0)
		return weir_fail(error, WEIR_ERR_MEMORY, "can't start the loop's thread");
	return WEIR_OK;
}

static void looper_stop(void *instance)
{
	struct looper *looper = instance;

	pthread_mutex_lock(&looper->lock);
	looper->stopping = 1;
	pthread_cond_signal(&looper->wake);
	pthread_mutex_unlock(&looper->lock);
	pthread_join(looper->thread, NULL);
	close(looper->fd);
	while (looper->first) {
		struct waiting *next = looper->first->next;

		free(looper->first);
		looper->first = next;
	}
}

static void looper_write(void *instance, const struct weir_delivery_view *delivery)
{
	struct looper *looper = instance;
	struct waiting *waiting = calloc(1, sizeof(*waiting));

	if (!waiting)
		abort();
	waiting->delivery = delivery;
	pthread_mutex_lock(&looper->lock);
	*looper->last = waiting;
	looper->last = &waiting->next;
	pthread_cond_signal(&looper->wake);
	pthread_mutex_unlock(&looper->lock);
}

#if WEIR_ABI_MINOR >= 2
static void looper_flush(void *instance, uint32_t why)
{
	const struct looper *looper = instance;
	char path[4096];
	int fd = -1;

	if (why == WEIR_FLUSH_LAST && snprintf(path, sizeof(path), "%s.end", looper->path) > 0)
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
}

/* Answers from within. */
static int32_t looper_probe(void *instance, struct weir_error *error)
{
	const struct looper *looper = instance;
	struct weir_error finding = {0};
	int fd = open(looper->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)error;
	if (fd >= 0)
		close(fd);
	else
		weir_fail(&finding, WEIR_ERR_REFUSED, "%s can't be opened; make its folder",
			  looper->path);
	looper->host->probe_done(looper->context, fd >= 0 ? NULL : &finding);
	return WEIR_OK;
}
#endif

static const struct weir_option options[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .flags = WEIR_OPTION_REQUIRED,
	 .name = "path",
	 .doc = "File to append to"},
	WEIR_OPTION("refuse", WEIR_TYPE_STRING, NULL,
		    "Lines with this in them are refused for good"),
	WEIR_OPTION_END};

static const struct weir_output_ops operations = {
	.struct_size = sizeof(operations),
	.create = looper_create,
	.start = looper_start,
	.stop = looper_stop,
	.destroy = looper_destroy,
	.write = looper_write,
#if WEIR_ABI_MINOR >= 2
	.flush = looper_flush,
	.probe = looper_probe,
#endif
};

static const struct weir_plugin plugin = {
	.struct_size = sizeof(plugin),
	.kind = WEIR_OUTPUT,
	.name = "looper",
	.version = "1",
	.summary = "Appends lines to a file from a loop of its own",
	.options = options,
	.output = &operations,
	.short_option = "path",
};

static const struct weir_plugin *const all[] = {&plugin};

WEIR_PLUGINS(all);
