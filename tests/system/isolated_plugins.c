// SPDX-License-Identifier: MIT
/*
 * Plugins that misbehave at a word, for test_isolate.py. A line "crash-NAME" is the end of the process in the way that
 * the option `how` says, but only as often as `times` says: each time leaves a file NAME.N in the folder `marks`.
 *
 *   filter mark    adds the field "seen"
 *   filter pair    holds each line that ends in "a", and sends it on, joined with the next one
 *   output teller  appends lines to the file `path`
 *
 * A plugin whose `how` is "state" says at its start() which values it finds, and sets them for the next.
 */
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <weir/plugin.h>

#define HELD_MAX 4096
#define STATE_LARGEST (1u << 20) /* of the ABI */
#define LEAKS_NS 50000000

struct culprit {
	const struct weir_services *host;
	struct weir_context *context;
	const char *how, *marks, *path;
	int64_t times;
	struct weir_metric *lines;
	char held[HELD_MAX];
	uint32_t held_size;
	struct weir_claim *claim;
	void *leaked;
};

static void overrun(struct weir_batch *batch)
{
	/* What a wrong length does: over the rows and the text behind them, and then beyond. */
	memset(batch->values, 0xa5, 1 << 20);
	batch->record_count = 0x7fffffff;
}

/* A program of the plugin's that outlives it; its number is in a file. */
static void leave_orphan(const struct culprit *culprit)
{
	char *const arguments[] = {(char[]){"sleep"}, (char[]){"60"}, NULL};
	char *const environment[] = {NULL};
	char path[4096];
	FILE *file;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/orphan", culprit->marks);
	file = fopen(path, "we");
	if (!file || posix_spawn(&pid, "/bin/sleep", NULL, NULL, arguments, environment))
		exit(1);
	(void)fprintf(file, "%d", (int)pid);
	(void)fclose(file);
	abort();
}

static void hang(void)
{
	static volatile int zero;

	while (zero == 0)
		pause();
}

/* In a call that is about no record. */
static void act_in(const struct culprit *culprit, const char *call)
{
	const char *where = strstr(culprit->how, " in ");

	if (!where || strcmp(where + strlen(" in "), call) != 0)
		return;
	if (strncmp(culprit->how, "hang", 4) == 0)
		hang();
	if (strncmp(culprit->how, "exit", 4) == 0)
		exit(0);
}

static void leak(struct culprit *culprit, int megabytes)
{
	for (int i = 0; i < megabytes; i++) {
		void **block = malloc(1 << 20);

		if (block) {
			memset(block, 1, 1 << 20);
			*block = culprit->leaked;
			culprit->leaked = block;
		}
	}
}

/* Until the process is ended. */
static void *leak_on(void *user)
{
	const struct timespec pause = {0, LEAKS_NS};

	for (;;) {
		leak(user, 8);
		(void)nanosleep(&pause, NULL);
	}
	return NULL;
}

/* ---- the state ------------------------------------------------------------------------------- */

static void fill(char *value, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		value[i] = (char)(i * 2654435761u >> 24);
}

static void keep_state(const struct culprit *culprit, uint32_t size)
{
	static char found[STATE_LARGEST + 1], value[STATE_LARGEST + 1];
	char key[16], text[96];
	int64_t had;
	int set;

	snprintf(key, sizeof(key), "%u", size);
	fill(value, size);
	had = culprit->host->state_get(culprit->context, weir_slice_of(key), found, sizeof(found));
	set = culprit->host->state_set(culprit->context, weir_slice_of(key),
				       (struct weir_slice){value, size});
	snprintf(text, sizeof(text), "of %u found %s, %s", size,
		 had < 0                                               ? "nothing"
		 : had == (int64_t)size && !memcmp(found, value, size) ? "all"
								       : "another",
		 set < 0 ? "refused" : "set");
	culprit->host->log(culprit->context, WEIR_LOG_WARNING, key, weir_slice_of(text));
}

static void act(struct culprit *culprit, struct weir_batch *batch)
{
	pthread_t leaker;

	if (strcmp(culprit->how, "fault") == 0)
		*(volatile int *)64 = 1;
	if (strcmp(culprit->how, "abort") == 0)
		abort();
	if (strcmp(culprit->how, "orphan") == 0)
		leave_orphan(culprit);
	if (strcmp(culprit->how, "exit") == 0)
		exit(0);
	if (strcmp(culprit->how, "hang") == 0)
		hang();
	if (strcmp(culprit->how, "overrun") == 0)
		overrun(batch);
	if (strcmp(culprit->how, "leak") == 0)
		leak(culprit, 256);
	if (strcmp(culprit->how, "leak silently") == 0 &&
	    pthread_create(&leaker, NULL, leak_on, culprit) == 0)
		pthread_detach(leaker);
	if (strcmp(culprit->how, "leak in a call") == 0)
		leak_on(culprit);
}

/* Whether this line is to be the end once more. */
static int is_time(const struct culprit *culprit, struct weir_slice line)
{
	char path[4096];

	if (line.size < 6 || memcmp(line.data, "crash-", 6) != 0)
		return 0;
	for (int64_t i = 0; i < culprit->times; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/%.*s.%d", culprit->marks, (int)line.size,
			 line.data, (int)i);
		fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
		if (fd >= 0) {
			close(fd);
			return 1;
		}
	}
	return 0;
}

static int32_t create(const struct weir_services *host, struct weir_context *context,
		      const struct weir_node *options, void **ret_instance,
		      struct weir_error *error)
{
	struct culprit *culprit = calloc(1, sizeof(*culprit));

	if (!culprit)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory");
	culprit->host = host;
	culprit->context = context;
	culprit->how = weir_node_text(options, "how");
	culprit->marks = weir_node_text(options, "marks");
	culprit->path = weir_node_text(options, "path");
	culprit->times = weir_node_int(options, "times", 1);
	culprit->lines = host->metric(context, WEIR_METRIC_COUNTER, "lines", "Lines seen");
	act_in(culprit, "create()");
	if (strcmp(culprit->how, "create") == 0)
		return weir_fail(error, WEIR_ERR_INVALID, "it does not want to be created");
	*ret_instance = culprit;
	return WEIR_OK;
}

static int32_t pair_create(const struct weir_services *host, struct weir_context *context,
			   const struct weir_node *options, void **ret_instance,
			   struct weir_error *error)
{
	host->stateful(context);
	return create(host, context, options, ret_instance, error);
}

static void destroy(void *instance)
{
	struct culprit *culprit = instance;

	act_in(culprit, "destroy()");
	if (culprit->claim)
		culprit->host->claim_release(culprit->claim);
	while (culprit->leaked) {
		void **block = culprit->leaked;

		culprit->leaked = *block;
		free(block);
	}
	free(culprit);
}

/* Another shape with "seen" at its end, and the row to it. */
static int32_t add_field(struct culprit *culprit, struct weir_batch *batch, uint32_t index)
{
	struct weir_record *record = &batch->records[index];
	const struct weir_shape *old = batch->shapes[record->shape];
	struct weir_slice keys[64];
	struct weir_value *row;
	uint32_t count = old->count < 63 ? old->count : 63, at;
	uint16_t shape;

	for (uint32_t i = 0; i < count; i++)
		keys[i] = old->keys[i]->name;
	keys[count] = weir_slice_of("seen");
	if (culprit->host->batch_shape(batch, keys, count + 1, &shape) < 0 ||
	    culprit->host->batch_reserve(batch, 0, count + 1, 16) < 0)
		return WEIR_ERR_MEMORY;
	record = &batch->records[index];
	row = weir_batch_row(batch, count + 1, &at);
	memcpy(row, batch->values + record->row, count * sizeof(*row));
	memcpy(weir_batch_text(batch, 3, &row[count]), "yes", 3);
	record->row = at;
	record->shape = shape;
	record->capacity = (uint16_t)(count + 1);
	return WEIR_OK;
}

static int32_t mark_process(void *instance, struct weir_batch *batch, struct weir_error *error)
{
	struct culprit *culprit = instance;
	uint32_t count = batch->record_count;

	for (uint32_t i = 0; i < count; i++) {
		if (batch->records[i].flags & WEIR_RECORD_GONE)
			continue;
		if (add_field(culprit, batch, i) < 0)
			return weir_fail(error, WEIR_ERR_MEMORY, "no memory");
		culprit->host->metric_add(culprit->lines, 1);
		if (is_time(culprit, weir_record_line(batch, &batch->records[i])))
			act(culprit, batch);
	}
	return WEIR_OK;
}

static int32_t pair_send(struct culprit *culprit, struct weir_slice line)
{
	struct weir_slice key = weir_slice_of("pair");
	struct weir_batch *batch;
	struct weir_record *record;
	struct weir_value *row, text;
	uint32_t size = culprit->held_size + (uint32_t)line.size + 1, index;
	uint16_t shape;
	char *room;

	if (culprit->host->batch_begin(culprit->context, &batch) < 0 ||
	    culprit->host->batch_reserve(batch, 1, 1, size) < 0 ||
	    culprit->host->batch_shape(batch, &key, 1, &shape) < 0)
		return WEIR_ERR_MEMORY;
	room = weir_batch_text(batch, size, &text);
	memcpy(room, culprit->held, culprit->held_size);
	room[culprit->held_size] = '+';
	memcpy(room + culprit->held_size + 1, line.data, line.size);
	row = weir_batch_row(batch, 1, &index);
	row[0] = text;
	record = weir_batch_record(batch);
	record->row = index;
	record->shape = shape;
	record->capacity = 1;
	record->flags = WEIR_RECORD_DERIVED;
	record->line_block = text.block;
	record->line_offset = (uint32_t)text.as.offset;
	record->line_length = text.length;
	record->source = culprit->host->batch_source(batch, culprit->claim);
	culprit->host->batch_claim(batch, culprit->claim);
	culprit->claim = NULL;
	return culprit->host->batch_emit(culprit->context, batch);
}

static int32_t pair_process(void *instance, struct weir_batch *batch, struct weir_error *error)
{
	struct culprit *culprit = instance;

	for (uint32_t i = 0; i < batch->record_count; i++) {
		struct weir_record *record = &batch->records[i];
		struct weir_slice line = weir_record_line(batch, record);

		if (record->flags & WEIR_RECORD_GONE)
			continue;
		if (is_time(culprit, line))
			act(culprit, batch);
		if (culprit->claim) {
			/* Both lines are in the one that is sent on. */
			record->flags |= WEIR_RECORD_DROPPED;
			if (pair_send(culprit, line) < 0)
				return weir_fail(error, WEIR_ERR_MEMORY, "no memory");
		} else if (line.size && line.size <= HELD_MAX && line.data[line.size - 1] == 'a') {
			memcpy(culprit->held, line.data, line.size);
			culprit->held_size = (uint32_t)line.size;
			culprit->claim = culprit->host->record_hold(culprit->context, batch, i);
			culprit->host->timer_set(culprit->context, 0, UINT64_C(100000000));
		}
	}
	return WEIR_OK;
}

static void pair_flush(void *instance, uint32_t why)
{
	struct culprit *culprit = instance;

	if (culprit->claim && why == WEIR_FLUSH_END)
		(void)pair_send(culprit, weir_slice_of("nobody"));
}

static void pair_timer(void *instance, uint32_t id)
{
	struct culprit *culprit = instance;

	(void)id;
	culprit->host->metric_add(culprit->lines, 1);
	if (strcmp(culprit->how, "timer") == 0 && culprit->claim)
		(void)pair_send(culprit, weir_slice_of("timer"));
}

static int32_t start(void *instance, struct weir_error *error)
{
	const struct culprit *culprit = instance;

	(void)error;
	act_in(culprit, "start()");
	for (int i = -1; i <= 1 && strcmp(culprit->how, "state") == 0; i++)
		keep_state(culprit, STATE_LARGEST + (uint32_t)i);
	return WEIR_OK;
}

static void stop(void *instance)
{
	act_in(instance, "stop()");
}

static void teller_write(void *instance, const struct weir_delivery_view *delivery)
{
	struct culprit *culprit = instance;
	int fd = open(culprit->path, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);

	/* With the last outcome it is gone. */
	for (uint32_t i = 0, left = delivery->count; fd >= 0 && left; i++) {
		struct weir_slice line;
		char text[HELD_MAX + 1];

		if (!weir_selected(delivery, i))
			continue;
		left--;
		line = weir_record_line(delivery->batch, &delivery->batch->records[i]);
		if (is_time(culprit, line)) /* what it was given is not its own to write to */
			act(culprit, (struct weir_batch *)(uintptr_t)delivery->batch);
		if (line.size > HELD_MAX)
			line.size = HELD_MAX;
		memcpy(text, line.data, line.size);
		text[line.size] = '\n';
		if (write(fd, text, line.size + 1) > 0)
			culprit->host->metric_add(culprit->lines, 1);
		culprit->host->outcome(delivery->handle, &i, 1, WEIR_OUTCOME_DELIVERED, NULL,
				       weir_slice_of(""));
	}
	if (fd >= 0)
		close(fd);
}

static const struct weir_option options[] = {
	WEIR_OPTION("how", WEIR_TYPE_STRING, "fault", "What to do"),
	WEIR_OPTION("marks", WEIR_TYPE_STRING, NULL, "Where to note it"),
	WEIR_OPTION("path", WEIR_TYPE_STRING, NULL, "File to append to"),
	WEIR_OPTION("times", WEIR_TYPE_INT, "1", "How often"), WEIR_OPTION_END};

static const struct weir_filter_ops mark_ops = {.struct_size = sizeof(mark_ops),
						.create = create,
						.start = start,
						.stop = stop,
						.destroy = destroy,
						.process = mark_process};
static const struct weir_plugin mark = {.struct_size = sizeof(mark),
					.kind = WEIR_FILTER,
					.name = "mark",
					.version = "1",
					.summary = "Marks lines",
					.options = options,
					.filter = &mark_ops};

static const struct weir_filter_ops pair_ops = {.struct_size = sizeof(pair_ops),
						.create = pair_create,
						.destroy = destroy,
						.process = pair_process,
						.timer = pair_timer,
						.flush = pair_flush};
static const struct weir_plugin pair = {.struct_size = sizeof(pair),
					.kind = WEIR_FILTER,
					.name = "pair",
					.version = "1",
					.summary = "Joins lines in pairs",
					.options = options,
					.filter = &pair_ops};

static const struct weir_output_ops teller_ops = {.struct_size = sizeof(teller_ops),
						  .create = create,
						  .start = start,
						  .stop = stop,
						  .destroy = destroy,
						  .write = teller_write};
static const struct weir_plugin teller = {.struct_size = sizeof(teller),
					  .kind = WEIR_OUTPUT,
					  .name = "teller",
					  .version = "1",
					  .summary = "Appends lines to a file",
					  .options = options,
					  .output = &teller_ops};

static const struct weir_plugin *const all[] = {&mark, &pair, &teller};
WEIR_PLUGINS(all);
