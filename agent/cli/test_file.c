// SPDX-License-Identifier: MIT
#include "cli/test_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config_file.h"
#include "config/option_check.h"
#include "expr/instant.h"

/* A sample is for people to read; a real log is for `weir run --once`. */
#define SAMPLE_MAX (16 << 20)

/* What the clock says in tests that don't care: 2026-01-01T00:00:00Z. */
#define DEFAULT_AT_NS INT64_C(1767225600000000000)

static const struct weir_option file_options[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_MAP,
	 .element = WEIR_TYPE_STRING,
	 .name = "environment",
	 .doc = "Variables for the pipeline"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_ANY,
	 .flags = WEIR_OPTION_REQUIRED,
	 .name = "tests",
	 .doc = "The tests"},
	WEIR_OPTION_END,
};

static const struct weir_option case_options[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .flags = WEIR_OPTION_REQUIRED,
	 .name = "name",
	 .doc = "What the pipeline does, as a sentence"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_ANY,
	 .flags = WEIR_OPTION_REQUIRED,
	 .name = "input",
	 .doc = "Text, a list of lines, {file: PATH} or {records: LIST}"},
	WEIR_OPTION("to", WEIR_TYPE_STRING, NULL, "Name of the input that gets it"),
	WEIR_OPTION("source", WEIR_TYPE_STRING, NULL, "What the source is called"),
	WEIR_OPTION("at", WEIR_TYPE_STRING, NULL, "What the clock says"),
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "fields",
	 .default_text = "all",
	 .values = "all|named",
	 .doc = "Compare all fields of a record, or only those that are named"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_MAP,
	 .element = WEIR_TYPE_ANY,
	 .name = "outputs",
	 .doc = "Expected records, or their number, by name of the output"},
	WEIR_OPTION("dead_letter", WEIR_TYPE_ANY, NULL, "Expected dead letters, or their number"),
	WEIR_OPTION_END,
};

struct reader {
	struct config_file file;
	struct config_memory *memory; /* of the config */
};

/* ---- the input ---- */

static int read_sample(int fd, char *text, size_t size, size_t *ret_size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t more = read(fd, text + got, size - got);

		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			return WEIR_ERR_IO;
		if (more == 0)
			break;
		got += (size_t)more;
	}
	*ret_size = got;
	return 0;
}

static void take_file(struct reader *reader, const struct weir_node *path,
		      struct test_case *ret_case)
{
	char *full = config_path_beside(reader->memory, reader->file.path, path->text.data);
	int fd = full ? open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
	struct stat status;
	char *text;

	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		config_file_error(&reader->file, path->line, path->column,
				  "\"%s\" can't be read: %s", path->text.data,
				  fd < 0 ? strerror(errno) : "it is no file");
	} else if (status.st_size > SAMPLE_MAX) {
		config_file_error(&reader->file, path->line, path->column,
				  "\"%s\" is larger than %d MiB; take a part of it as the sample",
				  path->text.data, SAMPLE_MAX >> 20);
	} else {
		text = config_alloc(reader->memory, (size_t)status.st_size + 2);
		if (text &&
		    read_sample(fd, text, (size_t)status.st_size, &ret_case->input_size) < 0)
			config_file_error(&reader->file, path->line, path->column,
					  "\"%s\" can't be read: %s", path->text.data,
					  strerror(errno));
		ret_case->input = text;
	}
	if (fd >= 0)
		close(fd);
}

static void take_lines(struct reader *reader, const struct weir_node *list,
		       struct test_case *ret_case)
{
	size_t size = 0;
	char *text;

	for (uint32_t i = 0; i < list->count; i++)
		size += list->items[i]->text.size + 1;
	text = config_alloc(reader->memory, size + 2);
	ret_case->input = text;
	for (uint32_t i = 0; text && i < list->count; i++) {
		struct weir_slice line = list->items[i]->text;

		if (line.size)
			memcpy(text + ret_case->input_size, line.data, line.size);
		ret_case->input_size += line.size;
		text[ret_case->input_size++] = '\n';
	}
}

static void take_text(struct reader *reader, struct weir_slice from, struct test_case *ret_case)
{
	char *text = config_alloc(reader->memory, from.size + 2);

	if (text && from.size)
		memcpy(text, from.data, from.size);
	ret_case->input = text;
	ret_case->input_size = text ? from.size : 0;
}

/* A last line always has its newline: the pipeline would wait for the rest of it. */
static void end_line(struct test_case *test)
{
	char *text = (char *)(uintptr_t)test->input;

	if (text && test->input_size && text[test->input_size - 1] != '\n')
		text[test->input_size++] = '\n';
}

static void take_records(struct reader *reader, const struct weir_node *list,
			 struct test_case *ret_case)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (list->items[i]->type != WEIR_TYPE_MAP || list->items[i]->count == 0)
			config_file_error(&reader->file, list->items[i]->line,
					  list->items[i]->column,
					  "a record is a map of its fields");
	ret_case->records = list;
}

static void take_input(struct reader *reader, const struct weir_node *input,
		       struct test_case *ret_case)
{
	const struct weir_node *file = weir_node_find(input, "file");
	const struct weir_node *records = weir_node_find(input, "records");

	if (records && input->count == 1 && records->type == WEIR_TYPE_LIST)
		take_records(reader, records, ret_case);
	else if (file && input->count == 1 && file->type == WEIR_TYPE_STRING)
		take_file(reader, file, ret_case);
	else if (input->type == WEIR_TYPE_LIST)
		take_lines(reader, input, ret_case);
	else if (input->type == WEIR_TYPE_MAP || input->type == WEIR_TYPE_NULL)
		config_file_error(&reader->file, input->line, input->column,
				  "expected \"input\" to be text, a list of lines, {file: PATH} "
				  "or {records: LIST}");
	else
		take_text(reader, input->text, ret_case);
	end_line(ret_case);
}

/* ---- what is expected ---- */

static void check_expected(struct reader *reader, const struct weir_node *node, const char *name)
{
	if (node->type == WEIR_TYPE_INT && node->i64 >= 0)
		return;
	if (node->type != WEIR_TYPE_LIST) {
		config_file_error(&reader->file, node->line, node->column,
				  "expected the records of \"%s\" as a list, or their number",
				  name);
		return;
	}
	for (uint32_t i = 0; i < node->count; i++)
		if (node->items[i]->type != WEIR_TYPE_MAP)
			config_file_error(&reader->file, node->items[i]->line,
					  node->items[i]->column,
					  "a record is a map of its fields");
}

static void take_time(struct reader *reader, const struct weir_node *at, struct test_case *ret_case)
{
	ret_case->at_ns = DEFAULT_AT_NS;
	if (at && !instant_parse(at->text, &ret_case->at_ns))
		config_file_error(&reader->file, at->line, at->column,
				  "\"%.64s\" is no time; write it as 2026-11-24T12:00:00Z",
				  at->text.data);
}

static void read_case(struct reader *reader, const struct tree_node *tree,
		      struct test_case *ret_case)
{
	struct option_set set = {case_options, NULL};
	const struct weir_node *input, *fields;

	option_check_map(&reader->file, tree, "a test", tree->line, tree->column, &set, 1);
	if (!set.ret_node)
		return;
	fields = weir_node_find(set.ret_node, "fields");
	ret_case->line = tree->line;
	ret_case->column = tree->column;
	ret_case->name = weir_node_text(set.ret_node, "name");
	ret_case->to = weir_node_text(set.ret_node, "to");
	ret_case->source = weir_node_text(set.ret_node, "source");
	ret_case->outputs = weir_node_find(set.ret_node, "outputs");
	ret_case->dead_letter = weir_node_find(set.ret_node, "dead_letter");
	ret_case->named_only = fields && weir_slice_equals(fields->text, "named");
	take_time(reader, weir_node_find(set.ret_node, "at"), ret_case);
	input = weir_node_find(set.ret_node, "input");
	if (input)
		take_input(reader, input, ret_case);
	for (uint32_t i = 0; ret_case->outputs && i < ret_case->outputs->count; i++)
		check_expected(reader, ret_case->outputs->items[i],
			       ret_case->outputs->keys[i].data);
	if (ret_case->dead_letter)
		check_expected(reader, ret_case->dead_letter, "dead_letter");
}

static const struct tree_node *find(const struct tree_node *map, const char *name)
{
	for (uint32_t i = 0; map && map->kind == TREE_MAP && i < map->count; i++)
		if (weir_slice_equals(map->keys[i]->text, name))
			return map->items[i];
	return NULL;
}

static void read_root(struct reader *reader, const struct tree_node *root,
		      struct test_file *ret_file)
{
	struct option_set set = {file_options, NULL};
	const struct tree_node *tests = find(root, "tests");

	if (!root || root->kind != TREE_MAP) {
		config_file_error(&reader->file, 1, 1, "expected \"tests:\" with a list of them");
		return;
	}
	option_check_map(&reader->file, root, "a file of tests", root->line, root->column, &set, 1);
	if (set.ret_node)
		ret_file->environment = weir_node_find(set.ret_node, "environment");
	if (!tests)
		return;
	if (tests->kind != TREE_LIST) {
		config_file_error(&reader->file, tests->line, tests->column,
				  "expected \"tests\" to be a list");
		return;
	}
	ret_file->cases =
		config_alloc(reader->memory, (tests->count + 1) * sizeof(struct test_case));
	for (uint32_t i = 0; ret_file->cases && i < tests->count; i++)
		read_case(reader, tests->items[i], &ret_file->cases[ret_file->count++]);
}

int test_file_read(struct config *config, const char *path, struct test_file *ret_file)
{
	struct reader reader = {.memory = config->memory};
	struct tree_node *root = NULL;
	int status = config_file_open(&reader.file, config, path);

	*ret_file = (struct test_file){0};
	if (status == 0 && tree_read(&reader.file, &root) == 0)
		read_root(&reader, root, ret_file);
	if (reader.file.errors)
		status = WEIR_ERR_INVALID;
	config_file_done(&reader.file);
	return status;
}
