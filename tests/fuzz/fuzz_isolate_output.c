// SPDX-License-Identifier: MIT
/*
 * Any bytes as what the processes of an isolated output say, one after the other: each record of three deliveries
 * gets one outcome and no second one, whatever was said, and no memory stays charged.
 *
 *     three processes: count , count times (SAY_* , size in two bytes , bytes)
 *
 * Each process ends after its words, and what it had goes to the next; a fourth, which is true, delivers what is left.
 * The plain ones of SAY_* give the bytes a header that is true: without it nothing deeper would ever be reached.
 */
#include <sys/eventfd.h>

#include "../unit/isolate/mock_filter.h"
#include "base/log.h"
#include "isolate/output.h"
#include "isolate/output_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SAY_ANSWER 0  /* to a delivery: the list of what was done */
#define SAY_FLUSHED 1 /* the same, to a flush */
#define SAY_EVENT 2   /* a list */
#define SAY_OUTCOME 3 /* an outcome in short: delivery, outcome, records of one byte each */
#define SAY_FLUSH 4   /* the pipeline wants one, of the kind of the first byte */
#define SAY_RAW 5
#define SAYS 6

#define DELIVERIES 3
#define RECORDS 70 /* more than a word of bits */
#define PROCESSES 3
#define SAID_MAX 16
#define INPUTS_PER_PIPELINE 256 /* the plugin's metrics stay as long as it does */

static struct mock_filter mock; /* but for its filter */
static struct isolated_output output;
static struct config_stage stage;
static uint32_t inputs;

/* ---- the pipeline ---------------------------------------------------------------------------- */

static int32_t create(const struct weir_services *host, struct weir_context *context,
		      const struct weir_node *options, void **ret_instance,
		      struct weir_error *error)
{
	(void)host;
	(void)context;
	(void)options;
	(void)error;
	*ret_instance = &output;
	return 0;
}

static struct weir_output_ops ops;
static struct weir_plugin plugin = {.struct_size = sizeof(plugin),
				    .kind = WEIR_OUTPUT,
				    .name = "mock",
				    .version = "1",
				    .summary = "Is isolated",
				    .output = &ops};

static void open_pipeline(void)
{
	static char name[] = "mock", dead[] = "dead";
	struct weir_error error;

	ops = isolated_output_ops;
	ops.create = create;
	ops.start = NULL;
	ops.stop = mock_nothing;
	ops.destroy = mock_nothing;
	stage = (struct config_stage){.plugin = &plugin, .name = name};
	mock = (struct mock_filter){.messages = -1};
	mock_open_host(&mock);
	mock.dead = (struct config_stage){.plugin = &mock_output_plugin, .name = dead};
	mock.config = (struct config_pipeline){.name = name,
					       .id = name,
					       .outputs = &stage,
					       .output_count = 1,
					       .dead_letter = &mock.dead,
					       .dead_letter_count = 1};
	must(pipeline_create(&mock.host, &mock.config, MOCK_MEMORY, 0, NULL, &mock.pipeline,
			     &error) == 0);
	output = (struct isolated_output){.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	pthread_mutex_init(&output.lock, NULL);
	output.link.stage = mock.pipeline->outputs[0];
	output.link.payload = malloc(PAYLOAD_MAX);
	must(output.link.payload != NULL && output.wake >= 0);
}

static void close_pipeline(void)
{
	must(atomic_load(&mock.pipeline->memory->budget.used) == 0);
	slots_done(&output.slots);
	buffer_done(&output.scratch);
	buffer_done(&output.link.value);
	free(output.records);
	free(output.link.metrics);
	free(output.link.payload);
	close(output.wake);
	pthread_mutex_destroy(&output.lock);
	pipeline_destroy(mock.pipeline);
	loop_destroy(mock.host.loop);
	scheduler_destroy(mock.host.scheduler);
	metrics_destroy(mock.host.metrics);
	mock.pipeline = NULL;
}

/* ---- a process ------------------------------------------------------------------------------- */

struct input {
	const uint8_t *data;
	size_t size;
};

static uint32_t take(struct input *input, uint32_t bytes)
{
	uint32_t number = 0;

	for (uint32_t i = 0; i < bytes && input->size; i++, input->size--)
		number |= (uint32_t)*input->data++ << 8 * i;
	return number;
}

static struct input take_part(struct input *input)
{
	uint32_t wanted = take(input, 2);
	struct input part = {input->data, wanted < input->size ? wanted : input->size};

	input->data += part.size;
	input->size -= part.size;
	return part;
}

static void say(struct message message, const struct buffer *body)
{
	message.size = (uint32_t)body->size;
	(void)wire_send(mock.messages, &message, body->data, -1, MSG_DONTWAIT);
}

static void say_outcome(uint64_t delivery, uint64_t outcome, struct weir_slice records)
{
	const struct message event = {.kind = MESSAGE_EVENT};
	const uint64_t numbers[] = {delivery, outcome};
	const struct weir_slice texts[] = {weir_slice_of("why"), weir_slice_of("said"), records};
	struct buffer body = {0};

	must(did_put(&body, DID_OUTCOME, numbers, texts) == 0);
	say(event, &body);
	buffer_done(&body);
}

/* Of the deliveries of this input, which have the last numbers. */
static void say_outcome_in_short(struct input said)
{
	uint64_t delivery = output.numbers - take(&said, 1) % (DELIVERIES + 1);
	uint64_t outcome = take(&said, 1);
	uint32_t records[UINT8_MAX + 1], count = 0;

	while (said.size && count < UINT8_MAX)
		records[count++] = take(&said, 1);
	say_outcome(delivery, outcome,
		    (struct weir_slice){(const char *)records, count * sizeof(*records)});
}

static void say_list(uint32_t how, uint64_t *answers, struct input said)
{
	struct message message = {.kind = MESSAGE_EVENT};
	struct buffer body = {0};

	if (how != SAY_EVENT) {
		message.kind = MESSAGE_ANSWER;
		message.number = ++*answers;
		message.what = how == SAY_FLUSHED ? CALL_FLUSH : 0;
	}
	must(buffer_append(&body, said.data, said.size) == 0);
	say(message, &body);
	buffer_done(&body);
}

static void say_something(uint32_t how, uint64_t *answers, struct input said)
{
	if (how == SAY_RAW)
		(void)send(mock.messages, said.data, said.size, MSG_DONTWAIT | MSG_NOSIGNAL);
	else if (how == SAY_OUTCOME)
		say_outcome_in_short(said);
	else if (how == SAY_FLUSH)
		isolated_output_ops.flush(&output, 1 + take(&said, 1) % WEIR_FLUSH_LAST);
	else
		say_list(how, answers, said);
}

/* Reads what the agent has sent, so that its socket never fills up. */
static void read_all(void)
{
	static char payload[PAYLOAD_MAX];
	struct message message;
	int fd;

	while (wire_receive(mock.messages, &message, payload, &fd, MSG_DONTWAIT) == 1)
		if (fd >= 0)
			close(fd);
}

/* ---- the agent ------------------------------------------------------------------------------- */

static void listen_to_all(void)
{
	struct message message;
	int got;

	do {
		read_all();
		got = link_step(&output.link, -1, 0, output_on_entry, &output, &message);
		if (got == LINK_ANSWERED && message.kind == MESSAGE_ANSWER)
			output_on_answer(&output, &message);
	} while (got == LINK_ANSWERED);
}

static void connect_process(void)
{
	int messages[2], questions[2];

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, messages) == 0);
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, questions) == 0);
	mock.messages = messages[1];
	mock.questions = questions[1];
	output.link.process = (struct process){getpid(), messages[0], questions[0]};
	atomic_store(&output.link.sent, 0);
	output.link.answers = 1;
	output.link.is_nonsense = 0;
	link_own_metrics(&output.link);
	pthread_mutex_lock(&output.lock);
	output.is_up = 1;
	output_send_more(&output);
	pthread_mutex_unlock(&output.lock);
}

static void lose_process(void)
{
	pthread_mutex_lock(&output.lock);
	output.is_up = 0;
	output.link.losses++;
	(void)output_take_back(&output);
	must(atomic_load(&output.link.stage->last_words) == 0 ||
	     output.flush_wanted == WEIR_FLUSH_LAST);
	pthread_mutex_unlock(&output.lock);
	link_charge(&output.link, -output.link.charged);
	buffer_done(&output.link.value);
	output.link.process.pid = 0;
	close(mock.messages);
	close(mock.questions);
	close(output.link.process.messages);
	close(output.link.process.questions);
}

static void run_process(struct input *input)
{
	uint32_t count = take(input, 1) % (SAID_MAX + 1);
	uint64_t answers = 0;

	connect_process();
	for (uint32_t i = 0; i < count; i++) {
		uint32_t how = take(input, 1) % SAYS;

		say_something(how, &answers, take_part(input));
	}
	listen_to_all();
	lose_process();
}

/* Gives what is left its outcome, one part of a delivery after the other. */
static void run_true_process(void)
{
	uint32_t records[RECORDS];
	uint64_t answers = 0;

	for (uint32_t i = 0; i < RECORDS; i++)
		records[i] = i;
	connect_process();
	while (output.deliveries.first) {
		struct parts *parts = output.deliveries.first;

		while (answers < atomic_load(&output.link.sent))
			say_list(SAY_ANSWER, &answers, (struct input){NULL, 0});
		while (parts && !parts->out)
			parts = parts->next;
		must(parts != NULL);
		say_outcome(parts->number, WEIR_OUTCOME_DELIVERED,
			    (struct weir_slice){(const char *)records, sizeof(records)});
		listen_to_all();
	}
	lose_process();
}

static int64_t outcomes(void)
{
	const struct weir_context *at = output.link.stage;

	return metric_get(at->delivered) + metric_get(at->dead) + metric_get(at->dropped);
}

static void run(struct input input)
{
	int64_t before = outcomes();

	for (uint32_t i = 0; i < DELIVERIES; i++)
		mock_pass_on(&mock, mock_batch(&mock, RECORDS));
	for (uint32_t i = 0; i < PROCESSES; i++)
		run_process(&input);
	output.link.losses = 0;
	run_true_process();
	must(outcomes() - before == DELIVERIES * RECORDS);
	must(atomic_load(&mock.pipeline->pool.alive) == 0);
	must(atomic_load(&mock.pipeline->memory->budget.used) == 0);
}

static int be_silent(void *user, uint32_t level, const char *origin, const char *code,
		     const char *text)
{
	(void)user;
	(void)level;
	(void)origin;
	(void)code;
	(void)text;
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	log_sink(be_silent, NULL);
	if (!mock.pipeline)
		open_pipeline();
	run((struct input){data, size});
	if (++inputs % INPUTS_PER_PIPELINE == 0 || pipeline_has_failed(mock.pipeline))
		close_pipeline();
	return 0;
}
