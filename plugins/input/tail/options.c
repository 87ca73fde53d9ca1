// SPDX-License-Identifier: MIT
#include "options.h"

#include <string.h>

#include "compressed.h"
#include "multiline.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define MIB (INT64_C(1) << 20)
/* max_line may be so long: one line and its neighbours must fit a block, whose size is 32 bits. */
#define LINE_MAX_BYTES (512 * MIB)

static const struct weir_option multiline_options[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "preset",
	 .values = "java|python|go|ruby|dotnet",
	 .doc = "Join the lines of this language's stack traces"},
	WEIR_OPTION("start", WEIR_TYPE_REGEX, NULL, "A line that matches begins a new record"),
	WEIR_OPTION("continue", WEIR_TYPE_REGEX, NULL,
		    "A line that matches belongs to the record before it"),
	WEIR_OPTION("end", WEIR_TYPE_REGEX, NULL, "A line that matches is the last of its record"),
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_DURATION,
	 .name = "timeout",
	 .default_text = "2s",
	 .doc = "A record is complete when its file has been quiet for this long",
	 .min = NS_PER_SECOND / 100,
	 .max = 3600 * NS_PER_SECOND},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_SIZE,
	 .name = "max_bytes",
	 .default_text = "1MiB",
	 .doc = "Longest record; more lines begin a new one",
	 .min = 1024,
	 .max = LINE_MAX_BYTES},
	WEIR_OPTION_END,
};

const struct weir_option tail_option_list[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_LIST,
	 .element = WEIR_TYPE_STRING,
	 .flags = WEIR_OPTION_REQUIRED,
	 .name = "paths",
	 .doc = "Files to follow: * ? [a-z] {a,b} within a name, ** for any folders"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_LIST,
	 .element = WEIR_TYPE_STRING,
	 .name = "exclude",
	 .doc = "Files to leave out: patterns of paths, or of names when without a slash"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "start",
	 .default_text = "end",
	 .values = "end|beginning",
	 .doc = "Where to begin in files that are there at the very first run; later ones are read "
		"whole"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_SIZE,
	 .name = "max_line",
	 .default_text = "1MiB",
	 .doc = "Longest line",
	 .min = 64,
	 .max = LINE_MAX_BYTES},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "long_lines",
	 .default_text = "cut",
	 .values = "cut|dead_letter",
	 .doc = "Pass longer lines on in parts, or send the parts to the dead letter"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_MAP,
	 .name = "multiline",
	 .flags = WEIR_OPTION_SHORT,
	 .members = multiline_options,
	 .doc = "Join lines that belong together; a preset, or own patterns"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_INT,
	 .name = "skip_header_lines",
	 .default_text = "0",
	 .doc = "Lines to leave out at the beginning of each file",
	 .min = 0,
	 .max = 100000},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_DURATION,
	 .name = "last_line_timeout",
	 .default_text = "0s",
	 .doc = "Take a last line without newline when the file has been quiet for this long; 0s = "
		"wait for the newline",
	 .min = 0,
	 .max = 86400 * NS_PER_SECOND},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "encoding",
	 .default_text = "utf-8",
	 .values = "utf-8|utf-16le|utf-16be|auto",
	 .doc = "Encoding of the files; auto goes by the byte order mark. utf-8 keeps bytes as "
		"they are"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "empty_lines",
	 .default_text = "skip",
	 .values = "skip|keep",
	 .doc = "What to do with empty lines"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_INT,
	 .name = "max_open_files",
	 .default_text = "512",
	 .doc = "Files read to their end that are kept open",
	 .min = 1,
	 .max = 1000000},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_DURATION,
	 .name = "rescan_interval",
	 .default_text = "30s",
	 .doc = "How often to look at everything again, for what the kernel did not tell of",
	 .min = NS_PER_SECOND / 10,
	 .max = 86400 * NS_PER_SECOND},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_DURATION,
	 .name = "ignore_older",
	 .doc = "Leave out files that were last written longer ago, until they are written to",
	 .min = NS_PER_SECOND,
	 .max = 36500 * (86400 * NS_PER_SECOND)},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_SIZE,
	 .name = "unlinked_limit",
	 .doc = "Unread bytes of deleted files beyond which files are given up; without it none "
		"ever is",
	 .min = MIB,
	 .max = INT64_MAX},
	WEIR_OPTION_END,
};

static int read_globs(const struct weir_node *list, struct glob_list *globs, int names,
		      struct weir_error *error)
{
	for (uint32_t i = 0; list && i < list->count; i++) {
		int status = glob_add(globs, list->items[i]->text.data, names, error);

		if (status < 0) {
			error->line = list->items[i]->line;
			error->column = list->items[i]->column;
			return status;
		}
	}
	return 0;
}

static uint8_t encoding_of(const char *text)
{
	if (strcmp(text, "utf-16le") == 0)
		return ENCODING_UTF16LE;
	if (strcmp(text, "utf-16be") == 0)
		return ENCODING_UTF16BE;
	return strcmp(text, "auto") == 0 ? ENCODING_AUTO : ENCODING_UTF8;
}

static int text_is(const struct weir_node *node, const char *name, const char *word)
{
	const char *text = weir_node_text(node, name);

	return text && strcmp(text, word) == 0;
}

static void read_scalars(struct tail_options *options, const struct weir_node *node)
{
	const struct weir_node *start = weir_node_find(node, "start");
	const char *encoding = weir_node_text(node, "encoding");

	options->start_beginning = (uint8_t)text_is(node, "start", "beginning");
	options->start_given = start && start->line != 0;
	options->max_line = (uint32_t)weir_node_int(node, "max_line", MIB);
	options->long_dead = (uint8_t)text_is(node, "long_lines", "dead_letter");
	options->header_lines = (uint32_t)weir_node_int(node, "skip_header_lines", 0);
	options->last_line_ns = (uint64_t)weir_node_int(node, "last_line_timeout", 0);
	options->encoding = encoding_of(encoding ? encoding : "utf-8");
	options->keep_empty = (uint8_t)text_is(node, "empty_lines", "keep");
	options->max_open = (uint32_t)weir_node_int(node, "max_open_files", 512);
	options->rescan_ns = (uint64_t)weir_node_int(node, "rescan_interval", 30 * NS_PER_SECOND);
	options->ignore_older_ns = (uint64_t)weir_node_int(node, "ignore_older", 0);
	options->unlinked_limit = (uint64_t)weir_node_int(node, "unlinked_limit", 0);
}

int tail_options_read(struct tail_options *options, const struct weir_node *node,
		      struct weir_error *error)
{
	const struct weir_node *multiline = weir_node_find(node, "multiline");
	int status;

	read_scalars(options, node);
	status = read_globs(weir_node_find(node, "paths"), &options->paths, 0, error);
	if (status == 0)
		status = read_globs(weir_node_find(node, "exclude"), &options->exclude, 1, error);
	if (status == 0 && options->paths.count == 0)
		status = weir_fail(error, WEIR_ERR_INVALID, "`paths` names no file");
	if (status == 0 && multiline && multiline->type == WEIR_TYPE_MAP)
		status = multiline_create(multiline, &options->multiline, error);
	return status;
}

void tail_options_done(struct tail_options *options)
{
	glob_list_done(&options->paths);
	glob_list_done(&options->exclude);
	multiline_destroy(options->multiline);
	options->multiline = NULL;
}

int tail_options_allow(const struct tail_options *options, const char *path)
{
	return !compressed_suffix(path) && !glob_list_match(&options->exclude, path);
}

int tail_options_match(const struct tail_options *options, const char *path)
{
	return tail_options_allow(options, path) && glob_list_match(&options->paths, path);
}
