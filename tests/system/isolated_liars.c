// SPDX-License-Identifier: MIT
/*
 * Plugins whose process talks nonsense to the agent, in its own protocol, for test_isolate_nonsense.py. The line "lie"
 * makes them do what the option `lie` says, but once only: that leaves the file `mark`.
 *
 *   filter liar   passes everything on otherwise
 *   output liar   appends lines to the file `path`
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/plugin.h>

#include "isolate/did.h"
#include "isolate/process.h"

/* Of the first batch: create() and start() had those before. */
#define FIRST 2
#define NONE (~UINT64_C(0))
/* Somewhere in the shared rows, where nothing else is. */
#define FAR (UINT64_C(512) << 20)

struct liar {
	const struct weir_services *host;
	struct weir_context *context;
	const char *lie, *mark, *path;
};

/* ---- messages -------------------------------------------------------------------------------- */

static int say(const struct message *message, const void *payload)
{
	return wire_send(ISOLATED_MESSAGES, message, payload, -1, 0);
}

static void say_event(struct buffer *list)
{
	const struct message event = {.kind = MESSAGE_EVENT, .size = (uint32_t)list->size};

	(void)say(&event, list->data);
	buffer_done(list);
}

/* The answer to the first batch. */
static void say_answer(const struct weir_batch *batch, uint64_t status, const struct buffer *list)
{
	struct message answer = {
		.kind = MESSAGE_ANSWER, .number = FIRST, .what = CALL_PROCESS, .a = status};
	struct buffer body = {0};

	(void)(parcel_put(&body, 0) | parcel_put(&body, 0) |
	       parcel_put_text(&body, weir_slice_of("")) |
	       buffer_append(&body, list->data, list->size));
	if (body.size <= PAYLOAD_MAX) {
		answer.size = (uint32_t)body.size;
	} else {
		answer.b = FAR;
		answer.c = body.size;
		memcpy((uint8_t *)batch->records + FAR, body.data, body.size);
	}
	(void)say(&answer, body.data);
	buffer_done(&body);
}

/* The batch as it is, with blocks of the plugin's: so many, all the same place of the shared rows. */
static struct buffer describe(const struct weir_batch *batch, uint64_t blocks, uint64_t block_size)
{
	struct buffer out = {0};
	uint64_t values =
		(uint64_t)((const uint8_t *)batch->values - (const uint8_t *)batch->records);

	(void)(parcel_put(&out, batch->record_count) | parcel_put(&out, batch->value_count) |
	       parcel_put(&out, 0) | parcel_put(&out, values) | parcel_put(&out, blocks));
	for (uint64_t i = 0; i < blocks; i++)
		(void)(parcel_put(&out, 0) | parcel_put(&out, block_size));
	(void)parcel_put(&out, 0); /* shapes */
	return out;
}

static void put_change(struct buffer *list, struct buffer image)
{
	const struct weir_slice texts[3] = {{NULL, 0}, {NULL, 0}, {image.data, image.size}};

	(void)did_put(list, DID_CHANGE, NULL, texts);
	buffer_done(&image);
}

static void put_hold(struct buffer *list, uint64_t record, uint64_t claim)
{
	const uint64_t numbers[2] = {record, claim};

	(void)did_put(list, DID_HOLD, numbers, NULL);
}

static void put_emit(struct buffer *list, uint64_t source_claim)
{
	const uint64_t image[6] = {0};
	struct weir_slice texts[4] = {
		{NULL, 0}, {NULL, 0}, {NULL, 0}, {(const char *)image, sizeof(image)}};

	if (source_claim)
		texts[1] = (struct weir_slice){(const char *)&source_claim, sizeof(source_claim)};
	(void)did_put(list, DID_EMIT, NULL, texts);
}

/* With one label. */
static void put_metric(struct buffer *list, uint64_t number, const char *name, const char *label)
{
	const uint64_t numbers[2] = {number, WEIR_METRIC_COUNTER};
	struct weir_slice texts[3] = {weir_slice_of(name), weir_slice_of("a\nb 1"), {NULL, 0}};
	struct buffer labels = {0};
	const int64_t value = 7, less = -3;
	const struct weir_slice samples[2] = {{(const char *)&value, 8}, {(const char *)&less, 8}};

	(void)(parcel_put_text(&labels, weir_slice_of(label)) |
	       parcel_put_text(&labels, weir_slice_of("v")));
	texts[2] = (struct weir_slice){labels.data, labels.size};
	(void)(did_put(list, DID_METRIC, numbers, texts) |
	       did_put(list, DID_MEASURE, numbers, &samples[0]) |
	       did_put(list, DID_MEASURE, numbers, &samples[1]));
	buffer_done(&labels);
}

static void put_log(struct buffer *list, uint64_t level)
{
	const struct weir_slice texts[2] = {weir_slice_of("co\nde"), weir_slice_of("te\nxt")};

	(void)did_put(list, DID_LOG, &level, texts);
}

static void put_state(struct buffer *list, size_t key_size)
{
	char *key = calloc(1, key_size);
	const struct weir_slice texts[2] = {{memset(key, 'k', key_size), key_size},
					    weir_slice_of("v")};

	(void)did_put(list, DID_STATE, NULL, texts);
	free(key);
}

static void put_charge(struct buffer *list, int64_t bytes)
{
	(void)did_put(list, DID_CHARGE, &(uint64_t){(uint64_t)bytes}, NULL);
}

static void put_outcome(struct buffer *list, uint64_t delivery, uint64_t outcome, uint32_t record)
{
	const uint64_t numbers[2] = {delivery, outcome};
	const struct weir_slice texts[3] = {
		weir_slice_of("why"), weir_slice_of("so"), {(const char *)&record, sizeof(record)}};

	(void)did_put(list, DID_OUTCOME, numbers, texts);
}

/* ---- lies: what is said, and then silence where the next lie would be heard -------------------- */

static void wait_for_the_end(void)
{
	for (;;)
		pause();
}

static void tell_socket(const char *lie)
{
	struct message message = {.kind = MESSAGE_ANSWER, .number = FIRST, .what = CALL_PROCESS};

	if (strcmp(lie, "answer of nothing") == 0)
		message.number = FIRST + 1;
	if (strcmp(lie, "answer too early") == 0)
		message.number = NONE;
	if (strcmp(lie, "answer at no place") == 0)
		message.b = message.c = NONE / 2;
	if (strcmp(lie, "answer too large") == 0)
		message.c = UINT64_C(900) << 20;
	if (strcmp(lie, "message of no size") == 0)
		(void)send(ISOLATED_MESSAGES, &message, 5, MSG_NOSIGNAL);
	else if (strcmp(lie, "message of another size") == 0)
		(void)send(ISOLATED_MESSAGES, &(struct message){.kind = MESSAGE_EVENT, .size = 7},
			   sizeof(message), MSG_NOSIGNAL);
	else
		(void)say(&message, NULL);
	wait_for_the_end();
}

static void tell_events(const char *lie)
{
	struct buffer list = {0};

	if (strcmp(lie, "event of nothing") == 0)
		(void)parcel_put(&list, 4711);
	if (strcmp(lie, "events without end") == 0)
		for (;;) {
			put_log(&list, WEIR_LOG_DEBUG);
			say_event(&list);
		}
	say_event(&list);
	wait_for_the_end();
}

static void tell_answer(const char *lie, const struct weir_batch *batch)
{
	struct buffer list = {0};

	if (strcmp(lie, "hold of a number") == 0)
		put_hold(&list, 0, 7);
	if (strcmp(lie, "hold of no record") == 0)
		put_hold(&list, batch->record_count, 1);
	if (strcmp(lie, "source of no claim") == 0)
		put_emit(&list, 5);
	for (int i = 0; strcmp(lie, "batches without end") == 0 && i < 10000; i++)
		put_emit(&list, 0);
	if (strcmp(lie, "changed twice") == 0)
		put_change(&list, describe(batch, 0, 0));
	if (strcmp(lie, "blocks without end") == 0)
		put_change(&list, describe(batch, 300, 1 << 20));
	else
		put_change(&list, describe(batch, 0, 0));
	say_answer(batch, strcmp(lie, "status of no error") == 0 ? 1 : 0, &list);
	buffer_done(&list);
	wait_for_the_end();
}

static void tell_questions(void)
{
	const struct message question = {.kind = MESSAGE_CALL, .size = 3};

	while (wire_send(ISOLATED_QUESTIONS, &question, "key", -1, 0) == 0)
		;
	wait_for_the_end();
}

/* What is left out, or bounded, without an end to the process. */
static void tell_trifles(void)
{
	struct buffer list = {0};

	put_metric(&list, 5, "bad", "x\"}");
	put_metric(&list, 6, "good", "way");
	put_metric(&list, 4711, "far", "way");
	put_log(&list, WEIR_LOG_ERROR);
	put_log(&list, 99);
	put_state(&list, 20);
	put_state(&list, 300);
	put_charge(&list, INT64_MIN);
	put_charge(&list, INT64_MAX);
	say_event(&list);
}

static void tell_outcomes(const char *lie)
{
	struct buffer list = {0};

	if (strcmp(lie, "outcome of no kind") == 0)
		put_outcome(&list, 1, 99, 0);
	if (strcmp(lie, "outcomes of others") == 0) {
		put_outcome(&list, 4711, WEIR_OUTCOME_DELIVERED, 0);
		put_outcome(&list, 1, WEIR_OUTCOME_DELIVERED, 1u << 31);
		put_outcome(&list, 1, WEIR_OUTCOME_DELIVERED, 63);
	}
	say_event(&list);
	if (strcmp(lie, "outcome of no kind") == 0)
		wait_for_the_end();
}

static void tell(const char *lie, struct weir_batch *batch)
{
	if (strstr(lie, "trifles"))
		tell_trifles();
	else if (strstr(lie, "question"))
		tell_questions();
	else if (strstr(lie, "outcome"))
		tell_outcomes(lie);
	else if (strstr(lie, "event"))
		tell_events(lie);
	else if (strstr(lie, "answer") || strstr(lie, "message"))
		tell_socket(lie);
	else
		tell_answer(lie, batch);
}

/* ---- the plugins ----------------------------------------------------------------------------- */

static int is_time(const struct liar *liar, struct weir_slice line)
{
	int fd = -1;

	if (weir_slice_equals(line, "lie"))
		fd = open(liar->mark, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int32_t create(const struct weir_services *host, struct weir_context *context,
		      const struct weir_node *options, void **ret_instance,
		      struct weir_error *error)
{
	struct liar *liar = calloc(1, sizeof(*liar));

	if (!liar)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory");
	*liar = (struct liar){.host = host,
			      .context = context,
			      .lie = weir_node_text(options, "lie"),
			      .mark = weir_node_text(options, "mark"),
			      .path = weir_node_text(options, "path")};
	*ret_instance = liar;
	return WEIR_OK;
}

/* By the honest way, in the rows. */
static int spoil(const char *lie, struct weir_batch *batch, struct weir_record *record)
{
	if (strcmp(lie, "text beyond") == 0) {
		record->line_offset = batch->blocks[record->line_block].used;
		record->line_length = 64;
	} else if (strcmp(lie, "value beyond") == 0) {
		batch->values[record->row] =
			(struct weir_value){.tag = WEIR_STRING,
					    .block = 0,
					    .length = 64,
					    .as.offset = batch->blocks[0].used};
	} else if (strcmp(lie, "undropped") == 0) {
		for (uint32_t i = 0; i < batch->record_count; i++)
			batch->records[i].flags = 0;
	} else {
		return 0;
	}
	return 1;
}

static int32_t process(void *instance, struct weir_batch *batch, struct weir_error *error)
{
	struct liar *liar = instance;

	(void)error;
	for (uint32_t i = 0; i < batch->record_count; i++)
		if (is_time(liar, weir_record_line(batch, &batch->records[i])) &&
		    !spoil(liar->lie, batch, &batch->records[i]))
			tell(liar->lie, batch);
	return WEIR_OK;
}

static void stop(void *instance)
{
	(void)instance;
}

static void write_batch(void *instance, const struct weir_delivery_view *delivery)
{
	struct liar *liar = instance;
	FILE *file = fopen(liar->path, "ae");

	/* With the last outcome it is gone. */
	for (uint32_t i = 0, left = delivery->count; file && left; i++) {
		struct weir_slice line;

		if (!weir_selected(delivery, i))
			continue;
		left--;
		line = weir_record_line(delivery->batch, &delivery->batch->records[i]);
		if (is_time(liar, line))
			tell(liar->lie, NULL);
		(void)fprintf(file, "%.*s\n", (int)line.size, line.data);
		(void)fflush(file);
		liar->host->outcome(delivery->handle, &i, 1, WEIR_OUTCOME_DELIVERED, NULL,
				    weir_slice_of(""));
	}
	if (file)
		(void)fclose(file);
}

static const struct weir_option options[] = {
	WEIR_OPTION("lie", WEIR_TYPE_STRING, NULL, "What to say"),
	WEIR_OPTION("mark", WEIR_TYPE_STRING, NULL, "Where to note it"),
	WEIR_OPTION("path", WEIR_TYPE_STRING, NULL, "File to append to"), WEIR_OPTION_END};

static const struct weir_filter_ops filter_ops = {
	.struct_size = sizeof(filter_ops), .create = create, .destroy = free, .process = process};
static const struct weir_plugin filter = {.struct_size = sizeof(filter),
					  .kind = WEIR_FILTER,
					  .name = "liar",
					  .version = "1",
					  .summary = "Talks nonsense",
					  .options = options,
					  .filter = &filter_ops};

static const struct weir_output_ops output_ops = {.struct_size = sizeof(output_ops),
						  .create = create,
						  .stop = stop,
						  .destroy = free,
						  .write = write_batch};
static const struct weir_plugin output = {.struct_size = sizeof(output),
					  .kind = WEIR_OUTPUT,
					  .name = "liar",
					  .version = "1",
					  .summary = "Talks nonsense",
					  .options = options,
					  .output = &output_ops};

static const struct weir_plugin *const all[] = {&filter, &output};
WEIR_PLUGINS(all);
