/*
 * The output sample: appends JSON lines to a file.
 *
 * What stays when the file becomes a destination of yours is the queue: write() takes a delivery and
 * never blocks; each of its records gets an outcome later, and only then is its position committed.
 * What could not be stored stays in the queue and is tried again by a timer, and the agent is told
 * why. A destination with a library that blocks gets a thread of its own, made in start() and joined
 * in stop(); one that speaks HTTP uses host->http_client().
 *
 * The host never runs two of these functions at once, so there is no lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir/plugin.h>

#define RETRY_TIMER 0
#define RETRY_NS UINT64_C(1000000000)

/* A delivery that waits. The view is a copy; what it points to stays until the last outcome. */
struct waiting {
	struct waiting *next;
	struct weir_delivery_view view;
	const struct weir_encoding *lines; /* NULL until made */
	uint64_t stored;                   /* bytes of the lines that are in the file */
};

struct sample_output {
	const struct weir_services *host;
	struct weir_context *context;
	const char *path;
	struct waiting *first, **last;
	int stalled;
};

static int32_t sample_create(const struct weir_services *host, struct weir_context *context,
			     const struct weir_node *options, void **ret_instance,
			     struct weir_error *error)
{
	struct sample_output *output = calloc(1, sizeof(*output));

	if (!output)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the output");
	output->host = host;
	output->context = context;
	output->path = weir_node_text(options, "path");
	output->last = &output->first;
	*ret_instance = output;
	return WEIR_OK;
}

/* What is in the queue has no outcome: the next run sends it again. */
static void drop_queue(struct sample_output *output)
{
	while (output->first) {
		struct waiting *waiting = output->first;

		output->first = waiting->next;
		free(waiting);
	}
	output->last = &output->first;
}

static void sample_stop(void *instance)
{
	drop_queue(instance);
}

static void sample_destroy(void *instance)
{
	drop_queue(instance);
	free(instance);
}

/* Stores what is left of a delivery; 0, or an errno. */
static int store(const struct sample_output *output, struct waiting *waiting)
{
	const struct weir_encode_spec spec = {sizeof(spec), WEIR_ENCODE_JSON, 0, 0,
					      NULL,         {NULL, 0}};
	uint64_t size;
	int fd, failed;

	if (!waiting->lines &&
	    output->host->encode(waiting->view.handle, &spec, &waiting->lines) != 0)
		return ENOMEM;
	size = waiting->lines->starts[waiting->lines->count];
	fd = open(output->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	failed = fd < 0 ? errno : 0;
	while (!failed && waiting->stored < size) {
		ssize_t wrote = write(fd, waiting->lines->data + waiting->stored,
				      (size_t)(size - waiting->stored));

		if (wrote >= 0)
			waiting->stored += (uint64_t)wrote;
		else if (errno != EINTR)
			failed = errno;
	}
	if (fd >= 0 && close(fd) != 0 && !failed)
		failed = errno;
	return failed;
}

/* Empties the queue as far as it goes. */
static void drain(struct sample_output *output)
{
	const struct weir_slice none = {NULL, 0};

	while (output->first) {
		struct waiting *waiting = output->first;
		int failed = store(output, waiting);

		if (failed) {
			output->stalled = 1;
			output->host->output_stalled(output->context,
						     weir_slice_of(strerror(failed)));
			output->host->timer_set(output->context, RETRY_TIMER, RETRY_NS);
			return;
		}
		output->first = waiting->next;
		if (!output->first)
			output->last = &output->first;
		output->host->outcome(waiting->view.handle, NULL, 0, WEIR_OUTCOME_DELIVERED, NULL,
				      none);
		free(waiting);
	}
	if (output->stalled)
		output->host->output_stalled(output->context, none);
	output->stalled = 0;
}

static void sample_write(void *instance, const struct weir_delivery_view *delivery)
{
	struct sample_output *output = instance;
	struct waiting *waiting = calloc(1, sizeof(*waiting));

	/* Without an outcome the records are sent again by the next run. */
	if (!waiting) {
		output->host->output_stalled(output->context, weir_slice_of("no memory"));
		return;
	}
	waiting->view = *delivery;
	*output->last = waiting;
	output->last = &waiting->next;
	if (!output->stalled)
		drain(output);
}

static void sample_timer(void *instance, uint32_t id)
{
	(void)id;
	drain(instance);
}

static const struct weir_option options[] = {
	{sizeof(struct weir_option), WEIR_TYPE_STRING, 0, WEIR_OPTION_REQUIRED, "path", NULL,
	 "File to append to", NULL, 0, 0, NULL},
	WEIR_OPTION_END,
};

static const struct weir_output_ops operations = {
	.struct_size = sizeof(operations),
	.create = sample_create,
	.stop = sample_stop,
	.destroy = sample_destroy,
	.write = sample_write,
	.timer = sample_timer,
};

static const struct weir_plugin plugin = {
	.struct_size = sizeof(plugin),
	.kind = WEIR_OUTPUT,
	.name = "sample",
	.version = VERSION,
	.summary = "Appends JSON lines to a file",
	.options = options,
	.output = &operations,
	.short_option = "path",
};

static const struct weir_plugin *const all[] = {&plugin};
WEIR_PLUGINS(all);
