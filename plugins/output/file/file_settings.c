// SPDX-License-Identifier: MIT
#include "file_settings.h"

#include "file_path.h"

static const struct weir_option rotate_members[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_SIZE,
	 .name = "size",
	 .default_text = "0",
	 .doc = "Begin a new file before this size is passed; 0 = never"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_INT,
	 .name = "keep",
	 .default_text = "5",
	 .min = 1,
	 .max = FILE_KEEP_MAX,
	 .doc = "How many finished files stay, as PATH.1 (the newest), PATH.2 and so on"},
	WEIR_OPTION("gzip", WEIR_TYPE_BOOL, "false", "Compress finished files, to PATH.1.gz"),
	WEIR_OPTION_END};

const struct weir_option file_options[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "path",
	 .flags = WEIR_OPTION_REQUIRED,
	 .doc = "The file to append to; %Y, %m, %d and %H stand for the time of writing (UTC); "
		"missing folders are made"},
	ENCODING_OPTION_FORMAT("json"),
	ENCODING_OPTION_FIELDS,
	ENCODING_OPTION_SEPARATOR,
	ENCODING_OPTION_METADATA,
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_MAP,
	 .name = "rotate",
	 .doc = "Begin a new file when this one is large enough",
	 .members = rotate_members},
	WEIR_OPTION("sync", WEIR_TYPE_BOOL, "true",
		    "Records count as delivered once they are on the disk, not in its cache"),
	WEIR_OPTION("mode", WEIR_TYPE_STRING, "0640", "Permissions of a new file, octal"),
	WEIR_OPTION("max_bytes", WEIR_TYPE_SIZE, "0",
		    "When all files together reach this, stop and wait for room; 0 = no bound"),
	WEIR_OPTION_END};

static int32_t fail_at(const struct weir_node *node, const char *text, struct weir_error *error)
{
	if (error && node) {
		error->line = node->line;
		error->column = node->column;
	}
	return weir_fail(error, WEIR_ERR_INVALID, "%s", text);
}

static int32_t read_mode(const struct weir_node *node, uint32_t *ret_mode, struct weir_error *error)
{
	uint32_t mode = 0;

	*ret_mode = 0640;
	if (!node)
		return WEIR_OK;
	for (uint64_t i = 0; i < node->text.size; i++) {
		char digit = node->text.data[i];

		if (digit < '0' || digit > '7' || i > 4)
			return fail_at(node, "mode is a number like 0640, in octal", error);
		mode = mode * 8 + (uint32_t)(digit - '0');
	}
	if (mode == 0 || mode > 0777)
		return fail_at(node, "mode is a number between 0001 and 0777, in octal", error);
	*ret_mode = mode;
	return WEIR_OK;
}

static int32_t read_path(const struct weir_node *node, const char **ret_path,
			 struct weir_error *error)
{
	if (!node || node->text.size == 0)
		return fail_at(node, "path is missing: the file to append to", error);
	if (!file_path_valid(node->text.data))
		return fail_at(node, "path may hold %Y, %m, %d, %H, and %% for a percent sign",
			       error);
	*ret_path = node->text.data;
	return WEIR_OK;
}

int32_t file_settings_read(const struct weir_node *options, struct file_settings *ret_settings,
			   struct weir_error *error)
{
	const struct weir_node *rotate = weir_node_find(options, "rotate");
	int32_t failed;

	memset(ret_settings, 0, sizeof(*ret_settings));
	ret_settings->rotate_size = (uint64_t)weir_node_int(rotate, "size", 0);
	ret_settings->keep = (uint32_t)weir_node_int(rotate, "keep", 5);
	ret_settings->gzip = weir_node_int(rotate, "gzip", 0) != 0;
	ret_settings->sync = weir_node_int(options, "sync", 1) != 0;
	ret_settings->max_bytes = (uint64_t)weir_node_int(options, "max_bytes", 0);
	failed = read_path(weir_node_find(options, "path"), &ret_settings->path, error);
	if (!failed)
		failed = read_mode(weir_node_find(options, "mode"), &ret_settings->mode, error);
	if (!failed)
		failed = encoding_options_read(options, &ret_settings->encoding, error);
	return failed;
}

void file_settings_done(struct file_settings *settings)
{
	encoding_options_done(&settings->encoding);
}
