// SPDX-License-Identifier: MIT
#include "isolate/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secrets.h"
#include "batch/shape.h"
#include "isolate/isolate.h"
#include "isolate/process.h"
#include "pipeline/crash.h"
#include "pipeline/module.h"

#define FAILED 1

/* ---- talking to the agent -------------------------------------------------------------------- */

static int log_to_agent(void *user, uint32_t level, const char *origin, const char *code,
			const char *text)
{
	struct buffer line = {0};
	const uint64_t number = level;
	const struct weir_slice texts[2] = {weir_slice_of(code ? code : ""), weir_slice_of(text)};
	int sent = 0;

	(void)user;
	(void)origin; /* the agent gives it the stage's */
	if (did_put(&line, DID_LOG, &number, texts) == 0 && line.size <= PAYLOAD_MAX) {
		const struct message message = {.kind = MESSAGE_EVENT, .size = (uint32_t)line.size};

		/* Nobody may be reading: then the line is written here. */
		sent = wire_send(ISOLATED_MESSAGES, &message, line.data, -1, MSG_DONTWAIT) == 0;
	}
	buffer_done(&line);
	return sent;
}

void child_pass_on(struct child *child)
{
	const struct message message = {.kind = MESSAGE_EVENT, .size = (uint32_t)child->did.size};

	if (child->did.size == 0)
		return;
	if (child->did.size > PAYLOAD_MAX ||
	    wire_send(ISOLATED_MESSAGES, &message, child->did.data, -1, 0) < 0)
		_exit(FAILED); /* the agent is gone, or would miss something */
	buffer_clear(&child->did);
}

void child_did_locked(struct child *child, uint64_t code, const uint64_t *numbers,
		      const struct weir_slice *texts)
{
	if (did_put(&child->did, code, numbers, texts) < 0)
		_exit(FAILED);
	if (child->setting.kind == WEIR_OUTPUT)
		child_pass_on(child);
}

void child_did(struct child *child, uint64_t code, const uint64_t *numbers,
	       const struct weir_slice *texts)
{
	pthread_mutex_lock(&child->lock);
	child_did_locked(child, code, numbers, texts);
	pthread_mutex_unlock(&child->lock);
}

static void put_measure(struct child *child, uint32_t number, const struct metric_sample *sample)
{
	const uint64_t numbers[1] = {number};
	int is_histogram = metric_kind(child->measures[number].metric) == METRIC_HISTOGRAM;
	const struct weir_slice text = {(const char *)sample,
					is_histogram ? sizeof(*sample) : sizeof(sample->value)};

	if (did_put(&child->did, DID_MEASURE, numbers, &text) < 0)
		_exit(FAILED);
}

uint32_t child_measure(struct child *child)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < child->measure_count; i++) {
		struct child_measure *measure = &child->measures[i];
		struct metric_sample sample;

		if (!metric_take(measure->metric, &sample))
			continue;
		if (metric_kind(measure->metric) == WEIR_METRIC_GAUGE) {
			if (sample.value == measure->last)
				continue;
			measure->last = sample.value;
		}
		put_measure(child, i, &sample);
		count++;
		if (child->setting.kind == WEIR_OUTPUT)
			child_pass_on(child);
	}
	return count;
}

/* In the message where it fits, else behind what the rows' area has. */
static int put_body(struct child *child, struct message *message, const struct buffer *body)
{
	void *room;

	if (body->size <= PAYLOAD_MAX) {
		message->size = (uint32_t)body->size;
		return 0;
	}
	room = child->rows.area.data ? batch_area_take(&child->rows.area, body->size) : NULL;
	if (!room)
		return WEIR_ERR_MEMORY;
	memcpy(room, body->data, body->size);
	message->b = (uint64_t)((uint8_t *)room - child->rows.area.data);
	message->c = body->size;
	return 0;
}

void child_answer(struct child *child, uint64_t what, const struct weir_error *error)
{
	struct message message = {.kind = MESSAGE_ANSWER,
				  .number = child->number,
				  .what = what,
				  .a = (uint64_t)(int64_t)error->code};
	struct buffer body = {0};
	int failed = parcel_put(&body, error->line) | parcel_put(&body, error->column) |
		     parcel_put_text(&body, weir_slice_of(error->code ? error->text : ""));

	pthread_mutex_lock(&child->lock);
	(void)child_measure(child);
	failed |= buffer_append(&body, child->did.data, child->did.size);
	buffer_clear(&child->did);
	if (failed || put_body(child, &message, &body) < 0 ||
	    wire_send(ISOLATED_MESSAGES, &message, body.data, -1, 0) < 0)
		_exit(FAILED);
	pthread_mutex_unlock(&child->lock);
	buffer_done(&body);
}

/* ---- the beginning --------------------------------------------------------------------------- */

/* One message of the setup: an area, whose descriptor is taken. */
static int receive_area(struct child *child, struct shared *ret_area, int writable,
			struct message *message)
{
	int fd = -1;

	if (wire_receive(ISOLATED_MESSAGES, message, child->payload, &fd, 0) != 1 || fd < 0 ||
	    message->kind != MESSAGE_SETUP)
		return WEIR_ERR_INVALID;
	return shared_map(ret_area, fd, message->b, writable);
}

static int receive_setting(struct child *child)
{
	struct shared area = {{NULL, 0, 0}, -1};
	struct message message;
	int status = receive_area(child, &area, 0, &message);
	struct parcel parcel = {(const char *)area.area.data, message.a, 0, 0};

	if (status == 0)
		status = message.a > area.area.size ? WEIR_ERR_INVALID
						    : setting_read(&parcel, &child->setting);
	shared_done(&area);
	if (status == 0 && child->setting.kind == WEIR_FILTER)
		status = receive_area(child, &child->text, 0, &message);
	if (status == 0 && child->setting.kind == WEIR_FILTER)
		status = receive_area(child, &child->rows, 1, &message);
	return status;
}

static int open_http(void *user, const struct http_module **ret_module, struct http **ret_http,
		     struct weir_error *error)
{
	struct child *child = user;
	const void *table;

	if (!child->http) {
		int status = module_load("http", "http_module", &table, error);

		if (status < 0)
			return status;
		child->http_module = table;
		status = child->http_module->open(child->host.loop, &child->http, error);
		if (status < 0)
			return status;
		services_set_http(child->http_module);
	}
	*ret_module = child->http_module;
	*ret_http = child->http;
	return 0;
}

static int make_host(struct child *child, struct weir_error *error)
{
	struct pipeline_host *host = &child->host;
	int status = loop_create(&host->loop, error);

	if (status == 0 && child->setting.kind == WEIR_OUTPUT)
		status = loop_start(host->loop, error);
	if (status == 0)
		status = scheduler_create(1, &host->scheduler, error);
	host->metrics = metrics_create();
	if (status == 0 && !host->metrics)
		status = weir_fail(error, WEIR_ERR_MEMORY, "no memory for metrics");
	host->host_name = weir_slice_of(child->setting.host_name);
	host->state_dir = child->setting.state_dir;
	host->http = open_http;
	host->user = child;
	child_services_make(child);
	host->services = &child->services;
	taps_init(&host->taps);
	return status;
}

static int load_plugin(struct child *child, struct weir_error *error)
{
	const struct registry_entry *entry;
	int status = registry_create(0, &child->registry, error);

	if (status == 0)
		status = registry_load(child->registry, child->setting.path, error);
	if (status < 0)
		return status;
	entry = registry_find(child->registry, child->setting.kind, child->setting.plugin);
	if (!entry)
		return weir_fail(error, WEIR_ERR_NOT_FOUND, "%s has no plugin %s any more",
				 child->setting.path, child->setting.plugin);
	child->stage_config.plugin = entry->plugin;
	return registry_start_plugin(child->registry, entry->plugin, &child->services, error);
}

static int make_pipeline(struct child *child, struct weir_error *error)
{
	const struct setting *setting = &child->setting;
	struct config_stage *stage = &child->stage_config;
	struct config_pipeline *config = &child->config;
	int status;

	stage->options = setting->options;
	stage->name = setting->name;
	stage->strict = setting->strict;
	stage->linger_ns = setting->linger_ns;
	stage->retry_min_ns = setting->retry_min_ns;
	stage->retry_max_ns = setting->retry_max_ns;
	config->name = setting->pipeline;
	config->id = setting->id;
	if (setting->kind == WEIR_FILTER) {
		config->filters = stage;
		config->filter_count = 1;
	} else {
		config->outputs = stage;
		config->output_count = 1;
	}
	status = pipeline_create(&child->host, config, setting->memory_bytes, 0, NULL,
				 &child->pipeline, error);
	if (status < 0)
		return status;
	child->pipeline->pool.block_bytes = setting->block_bytes;
	child->stage = setting->kind == WEIR_FILTER ? child->pipeline->filters[0]
						    : child->pipeline->outputs[0];
	child_own_measures(child, child->stage);
	if (setting->kind == WEIR_OUTPUT)
		return child_output_make(child, error);
	child->pipeline->pool.area = &child->rows.area;
	return 0;
}

static int set_up(struct child *child, struct weir_error *error)
{
	int status;

	if (receive_setting(child) < 0)
		_exit(FAILED);
	(void)log_setup(child->setting.log_level, LOG_TEXT, NULL, error);
	log_sink(log_to_agent, child);
	crash_watch(child->setting.state_dir);
	status = make_host(child, error);
	if (status == 0)
		status = load_plugin(child, error);
	return status == 0 ? make_pipeline(child, error) : status;
}

/* ---- at work --------------------------------------------------------------------------------- */

static void call(struct child *child, const struct message *message)
{
	struct weir_error error = {0};
	int status;

	if (message->what == CALL_START)
		status = stage_start(child->stage, 0, &error);
	else if (message->what == CALL_STOP)
		status = (stage_stop(child->stage), 0);
	else if (child->setting.kind == WEIR_FILTER)
		status = child_filter_call(child, message, &error);
	else
		status = child_output_call(child, message, &error);
	error.code = status < 0 ? status : 0;
	child_answer(child, message->what, &error);
}

/* Returns at the end of the agent, or when it says so. */
static void work(struct child *child)
{
	struct message message;
	int fd = -1;

	while (wire_receive(ISOLATED_MESSAGES, &message, child->payload, &fd, 0) == 1) {
		child->number = message.number;
		if (message.kind == MESSAGE_WRITE)
			child_output_write(child, &message, fd);
		else if (message.kind == MESSAGE_CALL && message.what == CALL_DESTROY)
			return;
		else if (message.kind == MESSAGE_CALL)
			call(child, &message);
	}
	_exit(0); /* the agent is gone: nobody waits for anything */
}

static void tear_down(struct child *child)
{
	const struct weir_error none = {0};

	child_output_done(child);
	child_filter_done(child);
	/* The metrics go with the stage. */
	pthread_mutex_lock(&child->lock);
	(void)child_measure(child);
	child->measure_count = 0;
	pthread_mutex_unlock(&child->lock);
	pipeline_destroy(child->pipeline);
	child->pipeline = NULL;
	child_answer(child, CALL_DESTROY, &none);
	log_sink(NULL, NULL);
	if (child->http)
		child->http_module->close(child->http);
	if (child->host.loop && child->setting.kind == WEIR_OUTPUT)
		loop_stop(child->host.loop);
	loop_destroy(child->host.loop);
	scheduler_destroy(child->host.scheduler);
	registry_destroy(child->registry);
	crash_unwatch();
}

/* Of the agent's descriptors only the sockets are here, and no process that the plugin starts has them: the agent would
 * not see the end of this one. Of its signals none. */
static int become_child(const char *parent)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != (pid_t)strtol(parent, NULL, 10))
		return -1; /* it had gone before that was set */
	(void)syscall(SYS_close_range, ISOLATED_QUESTIONS + 1, ~0u, 0);
	(void)fcntl(ISOLATED_MESSAGES, F_SETFD, FD_CLOEXEC);
	(void)fcntl(ISOLATED_QUESTIONS, F_SETFD, FD_CLOEXEC);
	sigaction(SIGTERM, &ignore, NULL);
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	return 0;
}

int isolate_child(int argc, char **argv)
{
	static struct child child;
	struct weir_error error = {0};
	int status;

	(void)argc;
	if (become_child(argv[2]) < 0)
		return FAILED;
	secrets_add_environment();
	pthread_mutex_init(&child.lock, NULL);
	pthread_mutex_init(&child.question_lock, NULL);
	child.last_emission = &child.emissions;
	child.payload = malloc(PAYLOAD_MAX);
	if (!child.payload)
		return FAILED;
	status = set_up(&child, &error);
	if (status < 0)
		child.measure_count = 0; /* they went with the stage */
	error.code = status < 0 ? status : 0;
	child_answer(&child, 0, &error);
	if (status < 0)
		_exit(FAILED);
	work(&child);
	tear_down(&child);
	return 0;
}
