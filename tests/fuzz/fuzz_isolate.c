// SPDX-License-Identifier: MIT
/*
 * Any bytes as what the process of an isolated filter says on its sockets and has left in the shared rows: what is taken
 * in is sound, what is not leaves the batch as it was, and no memory stays charged.
 *
 *     BATCH_* , count , count times (SAY_* , size in two bytes , bytes) , rows
 *
 * Without a word of the right form nothing deeper would ever be reached: so the plain ones of SAY_* give the bytes a
 * header that is true, and SAY_RAW takes it from the bytes.
 */
#include "../unit/isolate/mock_filter.h"
#include "base/clock.h"
#include "base/log.h"
#include "batch/batch_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BATCH_NONE 0 /* the call is about none */
#define BATCH_WHOLE 1
#define BATCH_PART 2 /* of which the first record is set aside */

#define SAY_ANSWER 0 /* the list of what was done */
#define SAY_FAILED 1 /* the same, from a plugin that returned an error */
#define SAY_BODY 2   /* an answer with its error's text */
#define SAY_PLACE 3  /* an answer: where in the rows it is, two numbers of four bytes */
#define SAY_EVENT 4
#define SAY_ASK 5
#define SAY_RAW 6
#define SAYS 7

#define RECORDS 3
#define SAID_MAX 8
#define ROWS_BYTES (256u << 10)
#define INPUTS_PER_PIPELINE 256 /* the plugin's metrics stay as long as it does */

static struct mock_filter mock;
static struct batch_area rows;
static uint32_t inputs;

/* ---- the process ----------------------------------------------------------------------------- */

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

static void say(int socket, struct message message, const struct buffer *body)
{
	message.size = (uint32_t)body->size;
	(void)wire_send(socket, &message, body->data, -1, MSG_DONTWAIT);
}

static void say_answer(uint32_t how, uint64_t number, struct input said)
{
	struct message answer = {.kind = MESSAGE_ANSWER, .number = number, .what = CALL_PROCESS};
	struct buffer body = {0};

	if (how == SAY_PLACE) {
		answer.b = take(&said, 4);
		answer.c = take(&said, 4);
	}
	if (how == SAY_FAILED)
		answer.a = (uint64_t)(int64_t)WEIR_ERR_INVALID;
	if (how <= SAY_FAILED)
		must((parcel_put(&body, 0) | parcel_put(&body, 0) |
		      parcel_put_text(&body, weir_slice_of(""))) == 0);
	must(buffer_append(&body, said.data, said.size) == 0);
	say(mock.messages, answer, &body);
	buffer_done(&body);
}

static void say_something(uint32_t how, uint64_t *number, struct input said)
{
	const struct message event = {.kind = MESSAGE_EVENT};
	struct buffer body = {0};

	if (how <= SAY_PLACE) {
		say_answer(how, (*number)++, said);
		return;
	}
	if (how == SAY_RAW) {
		(void)send(mock.messages, said.data, said.size, MSG_DONTWAIT | MSG_NOSIGNAL);
		return;
	}
	must(buffer_append(&body, said.data, said.size) == 0);
	say(mock.messages, event, &body);
	buffer_done(&body);
}

/* The agent reads messages before questions: so those are asked while there are none. */
static void ask(struct input said)
{
	const struct message question = {.kind = MESSAGE_CALL};
	struct message none;
	struct buffer body = {0};

	must(buffer_append(&body, said.data, said.size) == 0);
	say(mock.questions, question, &body);
	(void)link_step(&mock.filter.link, -1, 0, NULL, NULL, &none);
	buffer_done(&body);
}

static void say_all(struct input *input, int questions)
{
	uint32_t count = take(input, 1) % (SAID_MAX + 1);
	uint64_t number = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t how = take(input, 1) % SAYS;
		struct input said = take_part(input);

		if (questions && how == SAY_ASK)
			ask(said);
		else if (!questions && how != SAY_ASK)
			say_something(how, &number, said);
	}
}

/* ---- the agent ------------------------------------------------------------------------------- */

static void look(void *user, const struct weir_batch *batch)
{
	struct weir_error error;

	(void)user;
	must(batch_check(batch, &error) == 0);
}

static void must_be_as_it_was(const struct batch *batch)
{
	const struct weir_batch *view = &batch->view;

	must(view->record_count == RECORDS && view->block_count == 1 && view->source_count == 1);
	for (uint32_t i = 0; i < RECORDS; i++) {
		must(weir_slice_equals(weir_record_line(view, &view->records[i]), "line"));
		must(view->records[i].flags == 0);
	}
}

/* What the filter has made of the batch goes on; *batch is NULL then. */
static void take_answer(struct batch **batch, struct answer *answer)
{
	struct weir_error error;
	int status = filter_take_result(&mock.filter, *batch, answer, &error);

	answer_free(answer);
	if (status < 0 && *batch)
		must_be_as_it_was(*batch);
	if (status < 0 || !*batch)
		return;
	mock_pass_on(&mock, *batch);
	*batch = NULL;
}

/* The first answer is about the batch, those after it are to calls without one. */
static void listen_to_all(struct batch *take_batch)
{
	struct batch *batch = take_batch;
	struct answer answer;

	while (link_answer(&mock.filter.link, NS_PER_SECOND, NULL, NULL, &answer) ==
	       LINK_ANSWERED) {
		take_answer(&batch, &answer);
		mock.filter.merge.aside = NULL;
	}
	if (batch)
		batch_unref(batch);
}

/* The process is lost: what it held is given to the next. */
static void hold_again(void)
{
	struct batch *held;

	must(kept_to_batch(&mock.filter.kept, mock.pipeline, &held) == 0);
	if (!held)
		return;
	look(NULL, &held->view);
	mock_pass_on(&mock, held);
}

static void run(struct input input)
{
	static const uint64_t aside = 1;
	uint32_t about = take(&input, 1) % 3;
	struct input ahead = input;

	mock_filter_connect(&mock);
	mock.filter.merge.aside = about == BATCH_PART ? &aside : NULL;
	mock.filter.merge.aside_count = RECORDS;
	say_all(&ahead, 1);
	say_all(&input, 0);
	shutdown(mock.messages, SHUT_WR);
	memset(rows.data, 0, rows.size);
	memcpy(rows.data, input.data, input.size < rows.size ? input.size : rows.size);
	listen_to_all(about == BATCH_NONE ? NULL : mock_batch(&mock, RECORDS));
	hold_again();
	mock_filter_disconnect(&mock);
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
	if (!rows.data) {
		rows = (struct batch_area){aligned_alloc(64, ROWS_BYTES), ROWS_BYTES, 0};
		must(rows.data != NULL);
		log_sink(be_silent, NULL);
	}
	if (!mock.pipeline) {
		mock_filter_open(&mock, rows);
		mock.seen = look;
	}
	run((struct input){data, size});
	if (++inputs % INPUTS_PER_PIPELINE == 0 || pipeline_has_failed(mock.pipeline)) {
		mock_filter_close(&mock);
		mock.pipeline = NULL;
	}
	return 0;
}
