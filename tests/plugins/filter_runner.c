// SPDX-License-Identifier: MIT
/*
 * Sends lines through a filter's .so, on the mock host, and shows the records that come out.
 *
 *     filter-runner check PLUGIN.so CASE      compares with CASE/expected.jsonl; shows differences
 *     filter-runner run PLUGIN.so OPTIONS.json < lines
 *     filter-runner bench PLUGIN.so OPTIONS.json FILE
 *
 * One line per record: its JSON with @timestamp in front; `dropped`; `dead: TEXT`; `held`; `gone`
 * for one in the middle of a batch. Records that the filter emits itself follow, with `emitted `
 * before each. The lines go in as two batches, so that what filters remember is tested too, and
 * flush(END) comes last.
 */
#include <dlfcn.h>
#include <stdio.h>

#include "batch/json.h"
#include "expr/expr.h"
#include "mock_host.h"
#include "mock_options.h"

/* As large as the blocks of an input are likely to be. */
#define BENCH_BATCH_BYTES (256 * 1024)
#define BENCH_SECONDS 2

struct filter {
	struct mock_host host;
	struct mock_pool pool;
	const struct weir_plugin *plugin;
	void *instance;
};

static int file_read(FILE *file, struct buffer *out)
{
	char piece[65536];
	size_t size;

	while ((size = fread(piece, 1, sizeof(piece), file)) > 0)
		if (buffer_append(out, piece, size) != WEIR_OK)
			return -1;
	return ferror(file) ? -1 : 0;
}

static struct weir_slice path_read(const char *folder, const char *name, struct buffer *out)
{
	char path[4096];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s%s%s", folder, name ? "/" : "", name ? name : "");
	file = fopen(path, "rb");
	if (!file || file_read(file, out) != 0) {
		perror(path);
		exit(2);
	}
	(void)fclose(file);
	return (struct weir_slice){out->data, out->size};
}

static void filter_create(struct filter *filter, const char *path, const char *options)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct weir_plugin_list *list = library ? dlsym(library, "weir_plugins") : NULL;
	struct weir_error error = {.code = 0};
	const struct weir_node *node;

	memset(filter, 0, sizeof(*filter));
	mock_host_create(&filter->host);
	filter->host.services.expr_compile = expr_compile;
	filter->host.services.expr_select = expr_select;
	filter->host.services.expr_text = expr_text;
	filter->host.services.expr_value = expr_value;
	filter->host.services.expr_free = expr_free;
	if (!list) {
		(void)fprintf(stderr, "%s\n", dlerror());
		exit(2);
	}
	filter->plugin = list->plugins[0];
	node = mock_options(&filter->pool, filter->plugin->options, options);
	if (filter->plugin->filter->create(&filter->host.services, mock_context(&filter->host),
					   node, &filter->instance, &error) != WEIR_OK) {
		(void)fprintf(stderr, "create: %s\n", error.text);
		exit(2);
	}
}

static void filter_destroy(struct filter *filter)
{
	filter->plugin->filter->destroy(filter->instance);
	mock_host_destroy(&filter->host);
	mock_pool_free(&filter->pool);
}

static void must(int32_t result)
{
	if (result != WEIR_OK) {
		(void)fprintf(stderr, "failed: %d\n", result);
		exit(2);
	}
}

static void show_record(struct filter *filter, const struct weir_batch *batch, uint32_t index,
			uint32_t *dead, struct buffer *out)
{
	const struct weir_encode_spec spec = {.struct_size = sizeof(spec),
					      .format = WEIR_ENCODE_JSON,
					      .meta = WEIR_META_TIMESTAMP};
	const struct weir_record *record = &batch->records[index];
	char text[400];

	if (record->flags & WEIR_RECORD_DEAD)
		(void)snprintf(text, sizeof(text), "dead: %s", filter->host.dead[(*dead)++].text);
	else if (record->flags & WEIR_RECORD_GONE)
		(void)snprintf(text, sizeof(text), "%s",
			       record->flags & WEIR_RECORD_HELD ? "held" : "dropped");
	else
		text[0] = '\0';
	if (text[0])
		must(buffer_append(out, text, strlen(text)));
	else
		must(json_append_record(out, batch, record, &spec, (struct weir_slice){NULL, 0}));
	must(buffer_append(out, "\n", 1));
}

static void show_emitted(struct filter *filter, struct buffer *out)
{
	struct weir_batch *batch;
	uint32_t dead = 0;

	while ((batch = mock_take_emitted(&filter->host))) {
		for (uint32_t i = 0; i < batch->record_count; i++) {
			must(buffer_append(out, "emitted ", 8));
			show_record(filter, batch, i, &dead, out);
		}
		mock_batch_free(batch);
	}
}

static void send_lines(struct filter *filter, struct weir_slice lines, uint32_t spare,
		       struct buffer *out)
{
	struct weir_batch *batch = mock_batch_lines(&filter->host, lines, spare);
	struct weir_error error = {.code = 0};
	uint32_t dead = filter->host.dead_count;

	if (filter->plugin->filter->process(filter->instance, batch, &error) != WEIR_OK) {
		(void)fprintf(stderr, "process: %s\n", error.text);
		exit(2);
	}
	for (uint32_t i = 0; i < batch->record_count; i++)
		show_record(filter, batch, i, &dead, out);
	show_emitted(filter, out);
	mock_batch_free(batch);
}

static void send_all(struct filter *filter, struct weir_slice lines, struct buffer *out)
{
	const char *middle =
		lines.size ? memchr(lines.data + lines.size / 2, '\n', lines.size - lines.size / 2)
			   : NULL;
	uint64_t first = middle ? (uint64_t)(middle - lines.data) + 1 : lines.size;

	send_lines(filter, (struct weir_slice){lines.data, first}, 0, out);
	if (first < lines.size)
		send_lines(filter, (struct weir_slice){lines.data + first, lines.size - first}, 2,
			   out);
	if (filter->plugin->filter->flush)
		filter->plugin->filter->flush(filter->instance, WEIR_FLUSH_END);
	show_emitted(filter, out);
}

/* Shows the lines that differ; 0 when there are none. */
static int compare(struct weir_slice expected, struct weir_slice found)
{
	int differ = 0;

	for (int line = 1; expected.size || found.size; line++) {
		const char *e = expected.size ? memchr(expected.data, '\n', expected.size) : NULL;
		const char *f = found.size ? memchr(found.data, '\n', found.size) : NULL;
		uint64_t es = e ? (uint64_t)(e - expected.data) : expected.size;
		uint64_t fs = f ? (uint64_t)(f - found.data) : found.size;

		if (es != fs || (es && memcmp(expected.data, found.data, es) != 0)) {
			(void)printf("record %d\n  expected: %.*s\n  found:    %.*s\n", line,
				     (int)es, es ? expected.data : "", (int)fs,
				     fs ? found.data : "");
			differ = 1;
		}
		es += e != NULL;
		fs += f != NULL;
		expected = (struct weir_slice){expected.data + es, expected.size - es};
		found = (struct weir_slice){found.data + fs, found.size - fs};
	}
	return differ;
}

/* Nanoseconds per line, the best of the rounds: the mock's batch building is not counted. */
static void bench(struct filter *filter, struct weir_slice lines)
{
	uint64_t end_at, best = UINT64_MAX;
	uint32_t records = 1, rounds = 0;
	struct weir_error error = {.code = 0};

	filter->host.roomy = 1;
	while (lines.size > BENCH_BATCH_BYTES) /* whole lines only */
		lines.size = (uint64_t)((const char *)memrchr(lines.data, '\n', lines.size - 1) -
					lines.data) +
			     1;
	end_at = mock_monotonic_ns() + BENCH_SECONDS * UINT64_C(1000000000);
	do {
		struct weir_batch *batch = mock_batch_lines(&filter->host, lines, 0);
		uint64_t from;

		must(mock_batch_reserve(batch, 0, batch->record_count * 32, 65536));
		memset(batch->values + batch->value_count, 1,
		       (batch->value_capacity - batch->value_count) * sizeof(*batch->values));
		from = mock_monotonic_ns();
		must(filter->plugin->filter->process(filter->instance, batch, &error));
		from = mock_monotonic_ns() - from;
		best = from < best ? from : best;
		records = batch->record_count;
		mock_batch_free(batch);
		rounds++;
	} while (mock_monotonic_ns() < end_at);
	(void)printf("%u lines of %.0f bytes: %.1f ns/line, %.2f GB/s (best of %u rounds)\n",
		     records, (double)lines.size / records, (double)best / records,
		     (double)lines.size / (double)best, rounds);
}

int main(int argc, char **argv)
{
	struct buffer options = {0}, lines = {0}, expected = {0}, found = {0};
	int check = argc == 4 && strcmp(argv[1], "check") == 0, result = 0;
	struct filter filter;

	if (argc < 4 || (!check && strcmp(argv[1], "run") != 0 && argc != 5)) {
		(void)fprintf(stderr, "usage: filter-runner check PLUGIN.so CASE\n"
				      "       filter-runner run PLUGIN.so OPTIONS.json < LINES\n"
				      "       filter-runner bench PLUGIN.so OPTIONS.json FILE\n");
		return 2;
	}
	(void)path_read(argv[3], check ? "options.json" : NULL, &options);
	must(buffer_append(&options, "", 1));
	filter_create(&filter, argv[2], options.data);
	if (check) {
		(void)path_read(argv[3], "input.log", &lines);
		send_all(&filter, (struct weir_slice){lines.data, lines.size}, &found);
		result = compare(path_read(argv[3], "expected.jsonl", &expected),
				 (struct weir_slice){found.data, found.size});
	} else if (argc == 5) {
		bench(&filter, path_read(argv[4], NULL, &lines));
	} else if (file_read(stdin, &lines) == 0) {
		send_all(&filter, (struct weir_slice){lines.data, lines.size}, &found);
		(void)fwrite(found.data, 1, found.size, stdout);
	}
	filter_destroy(&filter);
	buffer_done(&options);
	buffer_done(&lines);
	buffer_done(&expected);
	buffer_done(&found);
	return result;
}
