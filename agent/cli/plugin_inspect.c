// SPDX-License-Identifier: MIT
/*
 * `weir plugins inspect`: what a plugin file offers, and whether the agent would load it, from the bytes
 * of the file. None of its code runs, which loading cannot promise: constructors run before anybody
 * can ask.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "batch/json.h"
#include "cli/cli.h"
#include "cli/plugins.h"
#include "cli/terminal.h"
#include "host/elf_check.h"
#include "host/plugin_gate.h"
#include "host/plugin_image.h"

#define FILE_SIZE_MAX (INT64_C(1) << 30) /* no plugin is that large */
#define INDENT 2

static const char synopsis[] =
	"usage: weir plugins inspect [--json] FILE.so\n"
	"\n"
	"Explains a plugin file without running its code: what it offers, which libraries it\n"
	"needs, and whether this agent would load it, or the reason why not.\n";

static const char exit_codes[] =
	"Exit codes: 0 it would be loaded, 1 it would be refused or that cannot be told, 2 wrong\n"
	"usage.\n";

/* What was found. */
struct inspection {
	const char *path;
	char real_path[PATH_MAX];
	struct stat status; /* st_size -1: there is no file */
	void *bytes;
	struct elf_image *elf;
	struct plugin_image *image;
	const struct weir_plugin_list *list; /* NULL when it has none that can be read */
	struct weir_error why;               /* code 0: it would be loaded */
};

/* Keeps the first reason. */
static int found_wrong(struct inspection *inspection, const struct weir_error *why)
{
	if (!inspection->why.code)
		inspection->why = *why;
	return why->code;
}

static int read_bytes(struct inspection *inspection, int fd, struct weir_error *error)
{
	size_t size = (size_t)inspection->status.st_size, done = 0;

	if (inspection->status.st_size > FILE_SIZE_MAX)
		return weir_fail(error, WEIR_ERR_REFUSED, "it is larger than 1 GiB");
	inspection->bytes = malloc(size + 1);
	if (!inspection->bytes)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory to read the file");
	while (done < size) {
		ssize_t got = pread(fd, (char *)inspection->bytes + done, size - done, (off_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return weir_fail(error, WEIR_ERR_IO, "it cannot be read: %s",
					 got < 0 ? strerror(errno) : "it became shorter");
		done += (size_t)got;
	}
	return elf_image_open(inspection->bytes, size, &inspection->elf, error);
}

/* Reads the file where it is a shared object for this machine, whoever may write it. */
static int open_image(struct inspection *inspection, struct weir_error *error)
{
	int fd = open(inspection->real_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int result;

	if (fd < 0)
		return weir_fail(error, WEIR_ERR_IO, "it cannot be opened: %s", strerror(errno));
	if (fstat(fd, &inspection->status) || !S_ISREG(inspection->status.st_mode))
		result = weir_fail(error, WEIR_ERR_REFUSED, "it is not a regular file");
	else
		result = elf_check(fd, error);
	if (!result)
		result = read_bytes(inspection, fd, error);
	close(fd);
	if (!result)
		result = plugin_image_create(inspection->elf, &inspection->image, error);
	return result;
}

static void judge_list(struct inspection *inspection, const struct weir_plugin_list *list)
{
	struct weir_error why = {0};

	inspection->list = list;
	if (plugin_gate_list(list, &why)) {
		(void)found_wrong(inspection, &why);
		return;
	}
	for (uint32_t i = 0; i < list->count; i++)
		if (plugin_gate_plugin(list->plugins[i], &why)) {
			(void)found_wrong(inspection, &why);
			return;
		}
}

static void inspect(struct inspection *inspection)
{
	struct weir_error why = {0};

	inspection->status.st_size = -1;
	if (registry_check_file(inspection->path, inspection->real_path, &why))
		(void)found_wrong(inspection, &why);
	if (!inspection->real_path[0])
		return;
	if (open_image(inspection, &why))
		(void)found_wrong(inspection, &why);
	else
		judge_list(inspection, plugin_image_list(inspection->image));
}

static void inspection_done(struct inspection *inspection)
{
	plugin_image_destroy(inspection->image);
	elf_image_close(inspection->elf);
	free(inspection->bytes);
}

/* ---- printing -------------------------------------------------------------------------------- */

/* A plugin that can be described: the gate has passed it, or would have if others had not failed. */
static int is_whole(const struct weir_plugin *plugin)
{
	struct weir_error ignored;

	return plugin_gate_plugin(plugin, &ignored) == 0;
}

static uint32_t plugin_count(const struct inspection *inspection)
{
	const struct weir_plugin_list *list = inspection->list;
	struct weir_error ignored;

	/* A newer minor only appends, so what it offers can be read. */
	if (!list || !list->plugins)
		return 0;
	return plugin_gate_list(list, &ignored) == 0 || list->abi_minor > WEIR_ABI_MINOR
		       ? list->count
		       : 0;
}

static struct registry_entry entry_of(const struct inspection *inspection, uint32_t index)
{
	return (struct registry_entry){.plugin = inspection->list->plugins[index],
				       .path = inspection->path,
				       .abi_major = inspection->list->abi_major,
				       .abi_minor = inspection->list->abi_minor};
}

static void append_owner(struct buffer *out, const struct stat *status)
{
	const struct passwd *user = getpwuid(status->st_uid);

	buffer_printf(out, "mode %04o, owner ", status->st_mode & 07777U);
	if (user)
		buffer_text(out, user->pw_name);
	else
		buffer_printf(out, "%u", status->st_uid);
}

static void append_facts(struct buffer *out, const struct inspection *inspection)
{
	const char *needed, *separator = "; needs ";

	buffer_printf(out, "%lld KiB, ", (long long)(inspection->status.st_size + 1023) / 1024);
	append_owner(out, &inspection->status);
	for (uint32_t i = 0; inspection->elf && (needed = elf_image_needed(inspection->elf, i));
	     i++, separator = ", ")
		buffer_printf(out, "%s%s", separator, needed);
	if (inspection->list && inspection->list->magic == WEIR_PLUGINS_MAGIC)
		buffer_printf(out, "; plugin ABI %u.%u, this agent has %d.%d",
			      inspection->list->abi_major, inspection->list->abi_minor,
			      WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
}

static void print_text(const struct inspection *inspection)
{
	struct buffer facts = {0};

	printf("%s%s%s\n", terminal_style(TERMINAL_BOLD), inspection->path,
	       terminal_style(TERMINAL_PLAIN));
	if (inspection->status.st_size >= 0) {
		append_facts(&facts, inspection);
		terminal_fold(INDENT, buffer_cstr(&facts));
	}
	buffer_clear(&facts);
	if (inspection->why.code) {
		printf("%s", terminal_style(TERMINAL_RED));
		buffer_printf(&facts, "%s: %s",
			      inspection->why.code == WEIR_ERR_NOT_FOUND ? "Not known" : "Refused",
			      inspection->why.text);
	} else {
		buffer_text(&facts, "The agent would load it.");
	}
	terminal_fold(INDENT, buffer_cstr(&facts));
	printf("%s", terminal_style(TERMINAL_PLAIN));
	buffer_done(&facts);
	for (uint32_t i = 0; i < plugin_count(inspection); i++) {
		struct registry_entry entry = entry_of(inspection, i);

		if (is_whole(entry.plugin))
			plugins_describe(&entry, 1);
	}
}

static void print_json(const struct inspection *inspection)
{
	const char *needed, *separator = "";
	struct buffer out = {0};

	buffer_text(&out, "{\"path\":");
	json_append_string(&out, weir_slice_of(inspection->path));
	json_append_member(&out, "refused", inspection->why.code ? inspection->why.text : NULL);
	if (inspection->list)
		buffer_printf(&out, ",\"abi\":\"%u.%u\"", inspection->list->abi_major,
			      inspection->list->abi_minor);
	buffer_text(&out, ",\"needs\":[");
	for (uint32_t i = 0; inspection->elf && (needed = elf_image_needed(inspection->elf, i));
	     i++, separator = ",") {
		buffer_text(&out, separator);
		json_append_string(&out, weir_slice_of(needed));
	}
	buffer_text(&out, "],\"plugins\":[");
	separator = "";
	for (uint32_t i = 0; i < plugin_count(inspection); i++) {
		struct registry_entry entry = entry_of(inspection, i);

		if (!is_whole(entry.plugin))
			continue;
		buffer_text(&out, separator);
		plugins_append_json(&out, &entry, 1);
		separator = ",";
	}
	buffer_text(&out, "]}");
	puts(buffer_cstr(&out));
	buffer_done(&out);
}

int cli_plugins_inspect(int argc, char **argv)
{
	int json = 0;
	const struct cli_option options[] = {CLI_JSON(&json, "print the result as JSON"),
					     CLI_OPTIONS_END};
	const struct cli_syntax syntax = {"plugins inspect", synopsis, exit_codes, options};
	struct inspection inspection = {0};
	struct cli_words words;
	int result = cli_parse(&syntax, argc, argv, &words);

	if (result != CLI_GO_ON)
		return result;
	if (words.count != 1)
		return cli_usage_error("plugins inspect", "it takes one FILE.so");
	inspection.path = words.items[0];
	inspect(&inspection);
	if (json)
		print_json(&inspection);
	else
		print_text(&inspection);
	inspection_done(&inspection);
	return inspection.why.code ? CLI_FAILED : CLI_OK;
}
