// SPDX-License-Identifier: MIT
/* The input `syslog`: messages of RFC 5424 and RFC 3164 over TCP. syslog.h has the whole idea. */
#include "syslog.h"

#include <stdlib.h>
#include <unistd.h>

/* RFC 5424, 6.1: every receiver takes 480 octets, and should take 2,048. */
#define MESSAGE_LEAST 480
#define MESSAGE_MOST (INT64_C(1) << 20)
#define CONNECTIONS_MOST 65536

static void input_destroy(void *instance)
{
	struct input *input = instance;

	if (!input)
		return;
	while (input->connections)
		connection_destroy(input->connections);
	if (input->epoll_fd >= 0)
		(void)close(input->epoll_fd);
	if (input->wake_fd >= 0)
		(void)close(input->wake_fd);
	time_zone_destroy(input->zone);
	pthread_mutex_destroy(&input->lock);
	free(input);
}

static int32_t input_create(const struct weir_services *host, struct weir_context *context,
			    const struct weir_node *options, void **ret_instance,
			    struct weir_error *error)
{
	struct input *input = calloc(1, sizeof(*input));

	if (!input)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the syslog input");
	input->host = host;
	input->context = context;
	input->listen_fd = input->epoll_fd = input->wake_fd = -1;
	pthread_mutex_init(&input->lock, NULL);
	input->listen = weir_node_text(options, "listen");
	input->max_message = (uint32_t)weir_node_int(options, "max_message", 65536);
	input->max_connections = (uint32_t)weir_node_int(options, "max_connections", 1000);
	input->connections_metric = host->metric(context, WEIR_METRIC_GAUGE, "connections",
						 "Connections that are open");
	input->unparsed_metric =
		host->metric(context, WEIR_METRIC_COUNTER, "unparsed_messages_total",
			     "Messages that were passed on as they came");
	input->cut_metric = host->metric(context, WEIR_METRIC_COUNTER, "cut_messages_total",
					 "Messages longer than max_message, passed on in parts");
	if (time_zone_create(weir_node_text(options, "zone"), &input->zone, error) < 0) {
		input_destroy(input);
		return WEIR_ERR_INVALID;
	}
	*ret_instance = input;
	return WEIR_OK;
}

static int32_t input_start(void *instance, uint32_t flags, struct weir_error *error)
{
	struct input *input = instance;

	if (!(flags & WEIR_START_ONCE))
		return listener_start(input, error);
	weir_logf(input->host, input->context, WEIR_LOG_INFO, "syslog_once",
		  "nothing is there yet that --once could ship: not listening on %s",
		  input->listen);
	return WEIR_OK;
}

static void input_stop(void *instance)
{
	listener_stop(instance);
}

static int32_t input_read(void *instance, void *source_user, struct weir_batch *batch,
			  struct weir_error *error)
{
	(void)instance;
	return connection_read(source_user, batch, error);
}

static void input_closed(void *instance, void *source_user)
{
	(void)instance;
	connection_finish(source_user);
}

static void input_timer(void *instance, uint32_t id)
{
	if (id == SYSLOG_TIMER_ACCEPT)
		listener_hear(instance);
}

static const struct weir_option options[] = {
	WEIR_OPTION("listen", WEIR_TYPE_STRING, "127.0.0.1:1514",
		    "Address to listen on, HOST:PORT or :PORT for every interface"),
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_SIZE,
	 .name = "max_message",
	 .default_text = "64KiB",
	 .doc = "Longest message; longer ones are passed on in parts",
	 .min = MESSAGE_LEAST,
	 .max = MESSAGE_MOST},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_INT,
	 .name = "max_connections",
	 .default_text = "1000",
	 .doc = "Connections that may be open at once; further ones wait",
	 .min = 1,
	 .max = CONNECTIONS_MOST},
	WEIR_OPTION("zone", WEIR_TYPE_STRING, "local",
		    "Time zone of times that don't name one, as those of RFC 3164"),
	WEIR_OPTION_END,
};

static void input_fields(void *instance, struct weir_fields *fields)
{
	(void)instance;
	recording_fields(fields);
}

static const struct weir_input_ops ops = {
	.struct_size = sizeof(ops),
	.create = input_create,
	.start = input_start,
	.stop = input_stop,
	.destroy = input_destroy,
	.read = input_read,
	.closed = input_closed,
	.timer = input_timer,
	.fields = input_fields,
};

static const struct weir_plugin plugin = {
	.struct_size = sizeof(plugin),
	.kind = WEIR_INPUT,
	.name = "syslog",
	.version = WEIR_VERSION,
	.summary = "Messages of RFC 5424 and RFC 3164 over TCP",
	.options = options,
	.input = &ops,
	.short_option = "listen",
};

static const struct weir_plugin *const plugins[] = {&plugin};
WEIR_PLUGINS(plugins);
