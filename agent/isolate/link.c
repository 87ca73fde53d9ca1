// SPDX-License-Identifier: MIT
#include "isolate/link.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "isolate/setting.h"

/* Making an instance may take longer than a call: libraries are loaded, files of rules are read. */
#define START_LIMIT_NS (30 * (uint64_t)NS_PER_SECOND)
/* Before the second loss in a row is followed by another start, and at most: who looks for the record that is
 * the cause loses a process for each halving. Doubled with every other one. */
#define BACKOFF_FIRST_NS (5 * (uint64_t)NS_PER_MS)
#define BACKOFF_MAX_NS (200 * (uint64_t)NS_PER_MS)
#define BACKOFF_DOUBLINGS 6
/* A process that is told to go has this long. */
#define LEAVE_NS (2 * (uint64_t)NS_PER_SECOND)
/* Programs and libraries take some memory, whatever the plugin holds. */
#define PROCESS_BASE_BYTES (INT64_C(128) << 20)
/* Metrics of one plugin, as in the agent itself. */
#define METRICS_MAX (STAGE_METRICS + METRICS_OWN)
#define LABELS_MAX 16
#define STATE_VALUE_MAX (1u << 20) /* see state_set() */

int link_init(struct link *link, struct weir_context *stage, struct weir_error *error)
{
	link->stage = stage;
	link->payload = malloc(PAYLOAD_MAX);
	link->title = strdup(stage->origin);
	if (!link->payload || !link->title)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for an isolated plugin");
	if (stage->config->plugin->kind != WEIR_FILTER)
		return 0;
	if (shared_create(&link->text, AREA_BYTES, error) < 0)
		return WEIR_ERR_IO;
	return shared_create(&link->rows, AREA_BYTES, error);
}

void link_done(struct link *link)
{
	shared_done(&link->text);
	shared_done(&link->rows);
	free(link->metrics);
	free(link->payload);
	free(link->title);
}

uint64_t link_limit_ns(const struct link *link)
{
	return link->stage->pipeline->host->call_limit_ns;
}

/* ---- what the plugin says -------------------------------------------------------------------- */

static void did_log(const struct link *link, const struct did *entry)
{
	char code[64];

	snprintf(code, sizeof(code), "%.*s", (int)entry->texts[0].size, entry->texts[0].data);
	log_line((uint32_t)entry->numbers[0], link->stage->origin, code[0] ? code : NULL, "%.*s",
		 (int)entry->texts[1].size, entry->texts[1].data);
}

static int metric_slot(struct link *link, uint64_t number)
{
	uint32_t capacity = link->metric_capacity ? link->metric_capacity * 2 : 16;
	struct weir_metric **grown;

	if (number != link->metric_count || number >= METRICS_MAX)
		return -1;
	if (link->metric_count == link->metric_capacity) {
		grown = realloc(link->metrics, capacity * sizeof(struct weir_metric *));
		if (!grown)
			return -1;
		link->metrics = grown;
		link->metric_capacity = capacity;
	}
	link->metrics[link->metric_count++] = NULL;
	return 0;
}

static void did_metric(struct link *link, const struct did *entry)
{
	struct parcel labels = {entry->texts[2].data, entry->texts[2].size, 0, 0};
	struct weir_label list[LABELS_MAX];
	uint32_t count = 0;
	char name[96], help[256];

	while (count < LABELS_MAX && labels.at < labels.size && !labels.failed) {
		list[count].name = parcel_text(&labels);
		list[count].value = parcel_text(&labels);
		count += !labels.failed;
	}
	if (entry->numbers[1] < WEIR_METRIC_COUNTER || entry->numbers[1] > METRIC_HISTOGRAM ||
	    metric_slot(link, entry->numbers[0]) < 0)
		return;
	snprintf(name, sizeof(name), "%.*s", (int)entry->texts[0].size, entry->texts[0].data);
	snprintf(help, sizeof(help), "%.*s", (int)entry->texts[1].size, entry->texts[1].data);
	link->metrics[entry->numbers[0]] = pipeline_services.metric_labelled(
		link->stage, (uint32_t)entry->numbers[1], name, help, list, count);
}

static void did_measure(struct link *link, const struct did *entry)
{
	struct metric_sample sample;

	memset(&sample, 0, sizeof(sample));
	if (entry->numbers[0] >= link->metric_count || entry->texts[0].size > sizeof(sample) ||
	    entry->texts[0].size < sizeof(sample.value))
		return;
	memcpy(&sample, entry->texts[0].data, entry->texts[0].size);
	metric_give(link->metrics[entry->numbers[0]], &sample);
}

static void did_charge(struct link *link, int64_t bytes)
{
	/* No plugin may unbalance the account of the pipeline. */
	if (bytes < -link->charged || bytes > INT64_MAX / 2 - link->charged)
		bytes = bytes < 0 ? -link->charged : 0;
	link->charged += bytes;
	pipeline_services.memory_charge(link->stage, bytes);
}

int link_does(struct link *link, const struct did *entry)
{
	switch (entry->code) {
	case DID_LOG:
		did_log(link, entry);
		return 1;
	case DID_METRIC:
		did_metric(link, entry);
		return 1;
	case DID_MEASURE:
		did_measure(link, entry);
		return 1;
	case DID_STATE:
		(void)pipeline_services.state_set(link->stage, entry->texts[0], entry->texts[1]);
		return 1;
	case DID_CHARGE:
		did_charge(link, (int64_t)entry->numbers[0]);
		return 1;
	case DID_STATEFUL:
		link->is_stateful = 1;
		return 1;
	case DID_STALL:
		stage_stalled(link->stage, entry->texts[0]);
		return 1;
	case DID_FULL:
		stage_full(link->stage, entry->numbers[0] != 0);
		return 1;
	case DID_FAIL:
		pipeline_fail(link->stage->pipeline, "%s: %.*s", link->stage->config->name,
			      (int)entry->texts[0].size, entry->texts[0].data);
		return 1;
	default:
		return 0;
	}
}

/* A question is a key; the answer is what state_get() returns, and the value. */
static void answer_question(struct link *link)
{
	struct message question, reply = {.kind = MESSAGE_ANSWER};
	char *value = malloc(STATE_VALUE_MAX);
	char key[PAYLOAD_MAX];
	int fd = -1;

	if (value &&
	    wire_receive(link->process.questions, &question, key, &fd, MSG_DONTWAIT) == 1) {
		int64_t size = pipeline_services.state_get(link->stage,
							   (struct weir_slice){key, question.size},
							   value, STATE_VALUE_MAX);

		uint64_t left = size > 0 ? (uint64_t)size : 0, at = 0;

		reply.a = (uint64_t)size;
		do {
			reply.size = (uint32_t)(left < PAYLOAD_MAX ? left : PAYLOAD_MAX);
			(void)wire_send(link->process.questions, &reply, value + at, -1, 0);
			at += reply.size;
			left -= reply.size;
		} while (left);
	}
	if (fd >= 0)
		close(fd);
	free(value);
}

static void take_event(struct link *link, const struct message *message, link_call *call,
		       void *user)
{
	struct parcel list = {link->payload, message->size, 0, 0};
	struct did entry;

	while (did_next(&list, &entry))
		if (!link_does(link, &entry) && call)
			call(user, &entry);
}

/* ---- talking --------------------------------------------------------------------------------- */

int link_send(struct link *link, const struct message *message, const void *payload, int fd)
{
	return link->process.pid ? wire_send(link->process.messages, message, payload, fd, 0) : -1;
}

int link_step(struct link *link, int wake, int timeout_ms, link_call *call, void *user,
	      struct message *ret_message)
{
	struct pollfd ready[3] = {{link->process.messages, POLLIN, 0},
				  {link->process.questions, POLLIN, 0},
				  {wake, POLLIN, 0}};
	int got, fd = -1;

	ret_message->kind = 0;
	got = poll(ready, wake >= 0 ? 3 : 2, timeout_ms);
	if (got == 0)
		return LINK_LATE;
	if (ready[1].revents & POLLIN)
		answer_question(link);
	if (!ready[0].revents)
		return LINK_ANSWERED;
	got = wire_receive(link->process.messages, ret_message, link->payload, &fd, MSG_DONTWAIT);
	if (fd >= 0) /* it has none to give */
		close(fd);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		ret_message->kind = 0;
	else if (got <= 0)
		return LINK_LOST;
	else if (ret_message->kind == MESSAGE_EVENT)
		take_event(link, ret_message, call, user);
	return LINK_ANSWERED;
}

/* The body lies in the message, or in the rows' area: copied before anything in it is believed. */
static int take_body(const struct link *link, struct answer *answer)
{
	const struct message *message = &answer->message;
	const void *from = link->payload;
	uint64_t size = message->size;

	if (message->c) {
		size = message->c;
		if (!link->rows.area.data || message->b > AREA_BYTES ||
		    size > AREA_BYTES - message->b)
			return LINK_LOST;
		from = link->rows.area.data + message->b;
	}
	answer->body = malloc(size + 1);
	if (!answer->body)
		return LINK_LOST;
	memcpy(answer->body, from, size);
	answer->list = (struct parcel){answer->body, size, 0, 0};
	answer->error.code = (int32_t)message->a;
	answer->error.line = (uint32_t)parcel_get(&answer->list);
	answer->error.column = (uint32_t)parcel_get(&answer->list);
	parcel_text_copy(&answer->list, answer->error.text, sizeof(answer->error.text));
	if (!answer->list.failed && did_is_sound(answer->list))
		return LINK_ANSWERED;
	answer_free(answer);
	return LINK_LOST;
}

int link_answer(struct link *link, uint64_t limit_ns, link_call *call, void *user,
		struct answer *ret_answer)
{
	uint64_t until = clock_monotonic_ns() + limit_ns;

	memset(ret_answer, 0, sizeof(*ret_answer));
	for (;;) {
		uint64_t now = clock_monotonic_ns();
		int got = now >= until ? LINK_LATE
				       : link_step(link, -1, (int)((until - now) / NS_PER_MS) + 1,
						   call, user, &ret_answer->message);

		if (got == LINK_LATE && now < until)
			continue;
		if (got != LINK_ANSWERED)
			return got;
		if (ret_answer->message.kind == MESSAGE_ANSWER)
			return take_body(link, ret_answer);
	}
}

void answer_free(struct answer *answer)
{
	free(answer->body);
	answer->body = NULL;
}

int link_call_plugin(struct link *link, uint64_t what, uint64_t argument, struct answer *ret_answer)
{
	const struct message message = {.kind = MESSAGE_CALL, .what = what, .a = argument};

	memset(ret_answer, 0, sizeof(*ret_answer));
	if (link_send(link, &message, NULL, -1) < 0)
		return LINK_LOST;
	return link_answer(link, link_limit_ns(link), NULL, NULL, ret_answer);
}

/* ---- the process ----------------------------------------------------------------------------- */

static int send_setup(struct link *link, const struct shared *settings, uint64_t size)
{
	struct message message = {.kind = MESSAGE_SETUP, .a = size, .b = settings->area.size};
	const struct shared *areas[] = {&link->text, &link->rows};

	if (link_send(link, &message, NULL, settings->fd) < 0)
		return -1;
	for (int i = 0; i < 2 && areas[i]->area.data; i++) {
		message.b = areas[i]->area.size;
		if (link_send(link, &message, NULL, areas[i]->fd) < 0)
			return -1;
	}
	return 0;
}

static int set_up(struct link *link, struct weir_error *error)
{
	struct buffer settings = {0};
	struct shared shared = {{NULL, 0, 0}, -1};
	int status = setting_write(link->stage, &settings);

	if (status < 0)
		weir_fail(error, status, "no memory for an isolated plugin");
	else
		status = shared_create(&shared, settings.size, error);
	if (status == 0) {
		memcpy(shared.area.data, settings.data, settings.size);
		if (send_setup(link, &shared, settings.size) < 0)
			status = weir_fail(error, WEIR_ERR_IO, "its process ended at once");
	}
	shared_done(&shared);
	buffer_done(&settings);
	return status;
}

/* The plugin's create(), over there. */
static int wait_created(struct link *link, struct weir_error *error)
{
	uint64_t limit = link_limit_ns(link);
	struct answer answer;
	struct did entry;
	int got = link_answer(link, limit > START_LIMIT_NS ? limit : START_LIMIT_NS, NULL, NULL,
			      &answer);

	if (got != LINK_ANSWERED)
		return weir_fail(error, WEIR_ERR_IO, "its process %s while the plugin was created",
				 got == LINK_LATE ? "did nothing" : "ended");
	while (did_next(&answer.list, &entry))
		(void)link_does(link, &entry);
	*error = answer.error;
	answer_free(&answer);
	return error->code;
}

/* Those of the HTTP service, which an output has in its process. */
static void own_metrics(struct link *link)
{
	struct weir_metric *own[METRICS_OWN] = {link->stage->requests, link->stage->retries,
						link->stage->http_in_flight,
						link->stage->http_bytes, link->stage->latency};

	link->metric_count = 0;
	for (uint32_t i = 0; i < METRICS_OWN; i++)
		if (metric_slot(link, i) == 0)
			link->metrics[i] = own[i];
}

int link_up(struct link *link, struct weir_error *error)
{
	char how[64];
	int status = process_start(link->title, &link->process, error);

	if (status < 0)
		return status;
	own_metrics(link);
	atomic_store(&link->pid, link->process.pid);
	status = set_up(link, error);
	if (status == 0)
		status = wait_created(link, error);
	if (status < 0) {
		process_end(&link->process, 0, how, sizeof(how));
		atomic_store(&link->pid, 0);
		return status;
	}
	return 0;
}

void link_lost(struct link *link, const char *doing, uint64_t patience_ns, uint64_t *ret_wait_ns)
{
	int pid = link->process.pid;
	char how[64];

	*ret_wait_ns = 0;
	did_charge(link, -link->charged);
	if (!pid)
		return;
	process_end(&link->process, patience_ns, how, sizeof(how));
	atomic_store(&link->pid, 0);
	atomic_fetch_add(&link->restarts, 1);
	metric_add(link->stage->restarts, 1);
	if (link->losses++) {
		uint32_t doublings = (link->losses - 2) / 2;

		*ret_wait_ns = BACKOFF_FIRST_NS
			       << (doublings < BACKOFF_DOUBLINGS ? doublings : BACKOFF_DOUBLINGS);
	}
	if (*ret_wait_ns > BACKOFF_MAX_NS)
		*ret_wait_ns = BACKOFF_MAX_NS;
	log_line(WEIR_LOG_ERROR, link->stage->origin, "plugin_crashed",
		 "the process %d of this plugin %s %s; another one is started, and gets what this "
		 "one had",
		 pid, how, doing);
}

int link_is_too_large(struct link *link)
{
	uint64_t now = clock_monotonic_ns();
	int64_t bytes;

	if (now - link->weighed_ns < (uint64_t)NS_PER_SECOND || !link->process.pid)
		return 0;
	link->weighed_ns = now;
	bytes = (int64_t)process_memory(link->process.pid);
	atomic_store(&link->memory, bytes);
	metric_set(link->stage->process_memory, bytes);
	return bytes > link->stage->pipeline->memory->budget.hard + PROCESS_BASE_BYTES;
}

void link_down(struct link *link, link_call *call, void *user)
{
	const struct message message = {.kind = MESSAGE_CALL, .what = CALL_DESTROY};
	struct answer answer;
	char how[64];

	if (!link->process.pid)
		return;
	if (link_send(link, &message, NULL, -1) == 0 &&
	    link_answer(link, link_limit_ns(link), call, user, &answer) == LINK_ANSWERED) {
		struct did entry;

		while (did_next(&answer.list, &entry))
			(void)link_does(link, &entry);
		answer_free(&answer);
	}
	process_end(&link->process, LEAVE_NS, how, sizeof(how));
	atomic_store(&link->pid, 0);
	did_charge(link, -link->charged);
}
