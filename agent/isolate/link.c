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
#define WEIGH_NS ((uint64_t)NS_PER_SECOND)
/* A process that is told to go has this long. */
#define LEAVE_NS (2 * (uint64_t)NS_PER_SECOND)
/* Programs and libraries take some memory, whatever the plugin holds. */
#define PROCESS_BASE_BYTES (INT64_C(128) << 20)

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
	buffer_done(&link->value);
	free(link->metrics);
	free(link->payload);
	free(link->title);
}

uint64_t link_limit_ns(const struct link *link)
{
	return link->stage->pipeline->host->call_limit_ns;
}

uint64_t link_room(const struct link *link)
{
	return (uint64_t)(link->stage->pipeline->memory->budget.hard + PROCESS_BASE_BYTES);
}

/* ---- questions ------------------------------------------------------------------------------- */

/* As wire_send(), but waits for its reader no longer than so. */
static int send_until(int socket, const struct message *message, const void *payload,
		      uint64_t until_ns)
{
	struct pollfd ready = {socket, POLLOUT, 0};

	while (wire_send(socket, message, payload, -1, MSG_DONTWAIT) < 0) {
		uint64_t now = clock_monotonic_ns();

		if ((errno != EAGAIN && errno != EWOULDBLOCK) || now >= until_ns)
			return -1;
		(void)poll(&ready, 1, (int)((until_ns - now) / NS_PER_MS) + 1);
	}
	return 0;
}

/* What state_get() returns, and the value, in as many messages as it takes. */
static int send_value(const struct link *link, int64_t size, const char *value)
{
	struct message reply = {.kind = MESSAGE_ANSWER, .a = (uint64_t)size};
	uint64_t left = size > 0 ? (uint64_t)size : 0, at = 0;
	uint64_t until = clock_monotonic_ns() + link_limit_ns(link);

	do {
		reply.size = (uint32_t)(left < PAYLOAD_MAX ? left : PAYLOAD_MAX);
		if (send_until(link->process.questions, &reply, value + at, until) < 0)
			return -1;
		at += reply.size;
		left -= reply.size;
	} while (left);
	return 0;
}

/* A question is a key. Returns -1 with errno when it is none, or nobody waits for the answer. */
static int answer_question(const struct link *link)
{
	struct message question;
	char *value = malloc(STATE_VALUE_MAX);
	char key[PAYLOAD_MAX];
	int64_t size;
	int status = -1;

	if (value &&
	    wire_receive(link->process.questions, &question, key, NULL, MSG_DONTWAIT) == 1) {
		size = pipeline_services.state_get(link->stage,
						   (struct weir_slice){key, question.size}, value,
						   STATE_VALUE_MAX);
		if (size > STATE_VALUE_MAX)
			size = WEIR_ERR_NOT_FOUND; /* none that state_set() has taken */
		status = send_value(link, size, value);
	}
	free(value);
	return status;
}

/* ---- talking --------------------------------------------------------------------------------- */

int link_nonsense(struct link *link, const char *what)
{
	log_line(WEIR_LOG_ERROR, link->stage->origin, "plugin_nonsense",
		 "the process %d of this plugin %s, which makes no sense; it is ended",
		 link->process.pid, what);
	link->is_nonsense = 1;
	return LINK_LOST;
}

static int take_question(struct link *link)
{
	if (answer_question(link) == 0)
		return LINK_ANSWERED;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return link_nonsense(link, "asks and does not listen");
	return LINK_LOST;
}

static void take_event(struct link *link, const struct message *message, link_call *call,
		       void *user)
{
	struct parcel list = {link->payload, message->size, 0, 0};
	struct did entry;

	while (did_next(&list, &entry))
		if (!link_does(link, &entry) && call)
			call(user, &entry);
	if (list.failed)
		(void)link_nonsense(link, "says something that is nothing");
}

int link_send(struct link *link, struct message *message, int fd)
{
	if (!link->process.pid)
		return -1;
	/* Before it can be answered. */
	message->number = atomic_fetch_add(&link->sent, 1) + 1;
	if (wire_send(link->process.messages, message, NULL, fd, MSG_DONTWAIT) == 0)
		return 0;
	atomic_fetch_sub(&link->sent, 1);
	return -1;
}

/* Every message is answered once, and in order. */
static int take_answer(struct link *link, const struct message *message)
{
	if (message->number != link->answers || message->number > atomic_load(&link->sent))
		return link_nonsense(link, "answers what it has not been asked");
	link->answers++;
	return LINK_ANSWERED;
}

int link_step(struct link *link, int wake, int timeout_ms, link_call *call, void *user,
	      struct message *ret_message)
{
	struct pollfd ready[3] = {{link->process.messages, POLLIN, 0},
				  {link->process.questions, POLLIN, 0},
				  {wake, POLLIN, 0}};
	int got;

	ret_message->kind = 0;
	got = poll(ready, wake >= 0 ? 3 : 2, timeout_ms);
	if (got == 0)
		return LINK_LATE;
	link->is_astir |= ready[0].revents || ready[1].revents;
	/* What it has said before it asked, or ended, comes first. */
	if (!ready[0].revents)
		return ready[1].revents ? take_question(link) : LINK_ANSWERED;
	got = wire_receive(link->process.messages, ret_message, link->payload, NULL, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		ret_message->kind = 0;
	else if (got < 0 && errno == EBADMSG)
		return link_nonsense(link, "sends a message that is none");
	else if (got <= 0)
		return LINK_LOST;
	else if (ret_message->kind == MESSAGE_ANSWER)
		return take_answer(link, ret_message);
	else if (ret_message->kind == MESSAGE_EVENT)
		take_event(link, ret_message, call, user);
	return link->is_nonsense ? LINK_LOST : LINK_ANSWERED;
}

/* The body lies in the message, or in the rows' area: copied before anything in it is believed. */
static int take_body(struct link *link, struct answer *answer)
{
	const struct message *message = &answer->message;
	const struct batch_area *rows = &link->rows.area;
	const void *from = link->payload;
	uint64_t size = message->size;

	if (message->c) {
		size = message->c;
		if (!rows->data || message->b > rows->size || size > rows->size - message->b ||
		    size > link_room(link))
			return link_nonsense(link, "answers at a place that is none");
		from = rows->data + message->b;
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
	if (!answer->list.failed && answer->error.code <= 0 && did_is_sound(answer->list))
		return LINK_ANSWERED;
	answer_free(answer);
	return link_nonsense(link, "gives an answer that is none");
}

int link_answer(struct link *link, uint64_t limit_ns, link_call *call, void *user,
		struct answer *ret_answer)
{
	uint64_t until = clock_monotonic_ns() + limit_ns;

	memset(ret_answer, 0, sizeof(*ret_answer));
	for (;;) {
		uint64_t now = clock_monotonic_ns();
		uint64_t wait = until - now < WEIGH_NS ? until - now : WEIGH_NS;
		int got = now >= until ? LINK_LATE
				       : link_step(link, -1, (int)(wait / NS_PER_MS) + 1, call,
						   user, &ret_answer->message);

		if (got == LINK_LATE && now < until) {
			if (link_is_too_large(link))
				return LINK_LARGE;
			continue;
		}
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
	struct message message = {.kind = MESSAGE_CALL, .what = what, .a = argument};

	memset(ret_answer, 0, sizeof(*ret_answer));
	if (link_send(link, &message, -1) < 0)
		return LINK_LOST;
	return link_answer(link, link_limit_ns(link), NULL, NULL, ret_answer);
}

/* ---- the process ----------------------------------------------------------------------------- */

/* Not numbered: the answer that it was made is that to all of it. */
static int send_setup(const struct link *link, const struct shared *settings, uint64_t size)
{
	int socket = link->process.messages;
	struct message message = {.kind = MESSAGE_SETUP, .a = size, .b = settings->area.size};
	const struct shared *areas[] = {&link->text, &link->rows};

	if (wire_send(socket, &message, NULL, settings->fd, MSG_DONTWAIT) < 0)
		return -1;
	for (int i = 0; i < 2 && areas[i]->area.data; i++) {
		message.b = areas[i]->area.size;
		if (wire_send(socket, &message, NULL, areas[i]->fd, MSG_DONTWAIT) < 0)
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

int link_up(struct link *link, struct weir_error *error)
{
	char how[64];
	int status = process_start(link->title, &link->process, error);

	if (status < 0)
		return status;
	link_own_metrics(link);
	atomic_store(&link->sent, 0);
	link->answers = 0;
	link->is_nonsense = 0;
	atomic_store(&link->memory, 0);
	buffer_done(&link->value);
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
	link_charge(link, -link->charged);
	if (!pid)
		return;
	process_end(&link->process, link->is_nonsense ? 0 : patience_ns, how, sizeof(how));
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
	if (link->losses == LOSSES_MAX)
		pipeline_fail(link->stage->pipeline,
			      "the processes of %s ended %u times in a row without anything done "
			      "between",
			      link->stage->origin, link->losses);
}

int link_is_too_large(struct link *link)
{
	uint64_t now = clock_monotonic_ns();
	int64_t bytes;

	if (now - link->weighed_ns < WEIGH_NS || !link->process.pid)
		return 0;
	link->weighed_ns = now;
	bytes = (int64_t)process_memory(link->process.pid);
	link->is_astir = bytes > atomic_exchange(&link->memory, bytes);
	metric_set(link->stage->process_memory, bytes);
	return bytes > (int64_t)link_room(link);
}

int link_weigh_ms(const struct link *link)
{
	uint64_t passed = clock_monotonic_ns() - link->weighed_ns;

	if (!link->is_astir)
		return -1;
	return passed < WEIGH_NS ? (int)((WEIGH_NS - passed) / NS_PER_MS) + 1 : 0;
}

void link_end(struct link *link, uint64_t patience_ns)
{
	char how[64];

	process_end(&link->process, patience_ns, how, sizeof(how));
	atomic_store(&link->pid, 0);
	link_charge(link, -link->charged);
}

void link_down(struct link *link, link_call *call, void *user)
{
	struct message message = {.kind = MESSAGE_CALL, .what = CALL_DESTROY};
	struct answer answer;
	int got = LINK_LOST;

	if (!link->process.pid)
		return;
	if (link_send(link, &message, -1) == 0)
		got = link_answer(link, link_limit_ns(link), call, user, &answer);
	if (got == LINK_ANSWERED) {
		struct did entry;

		while (did_next(&answer.list, &entry))
			(void)link_does(link, &entry);
		answer_free(&answer);
	}
	link_end(link, got == LINK_LATE ? 0 : LEAVE_NS);
}
