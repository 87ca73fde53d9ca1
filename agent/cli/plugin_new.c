// SPDX-License-Identifier: MIT
/*
 * `weir plugins new`: a folder with a plugin that builds, installs, and has a test of its own.
 *
 * The template is a plugin called "sample"; it is copied with that word replaced by the name. Its
 * files come with the plugin kit (weir-dev), in PREFIX/share/weir/template.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "cli/cli.h"
#include "cli/file_write.h"
#include "cli/plugins.h"
#include "host/plugin_gate.h"

#define SAMPLE "sample"
#define KIND "@KIND@"

static const char synopsis[] =
	"usage: weir plugins new NAME --kind input|filter|output [--into FOLDER]\n"
	"\n"
	"Makes the folder NAME with a plugin that builds: its source, a Makefile, a "
	"CMakeLists.txt,\n"
	"and a test that runs it in a real agent. NAME is made of a-z, 0-9 and _.\n";

static const char exit_codes[] =
	"Exit codes: 0 all is well, 1 it could not be written, 2 wrong usage.\n";

struct arguments {
	const char *name, *kind, *into;
};

/* Of the template, by where they go. KIND and SAMPLE stand in both names for what is asked for. */
static const struct template_file {
	const char *from, *to;
	mode_t mode;
} files[] = {
	{KIND "/sample.c", "sample.c", 0644},
	{"common/CMakeLists.txt", "CMakeLists.txt", 0644},
	{"common/Makefile", "Makefile", 0644},
	{"common/README.md", "README.md", 0644},
	{"common/test/run", "test/run", 0755},
	{KIND "/test/pipeline.yaml", "test/pipeline.yaml", 0644},
	{KIND "/test/input.log", "test/input.log", 0644},
	{KIND "/test/expected", "test/expected", 0644},
};

static int is_kind(const char *kind)
{
	for (uint32_t i = WEIR_INPUT; i <= WEIR_OUTPUT; i++)
		if (strcmp(kind, registry_kind_name(i)) == 0)
			return 1;
	return 0;
}

static int check_arguments(const struct arguments *arguments)
{
	if (!arguments->name)
		return cli_usage_error("plugins new", "the NAME of the plugin is missing");
	if (!plugin_gate_is_name(arguments->name))
		return cli_usage_error(
			"plugins new",
			"\"%s\" is no name for a plugin: a letter of a-z, then a-z, 0-9 and _, at "
			"most 32",
			arguments->name);
	if (!arguments->kind)
		return cli_usage_error("plugins new", "--kind input, filter or output is missing");
	if (!is_kind(arguments->kind))
		return cli_usage_error("plugins new",
				       "there is no kind \"%s\": it is input, filter or output",
				       arguments->kind);
	return CLI_GO_ON;
}

static int read_arguments(int argc, char **argv, struct arguments *ret)
{
	const struct cli_option options[] = {
		{'k', "kind", "KIND", "input, filter or output", .text = &ret->kind},
		{0, "into", "FOLDER", "where to make it, instead of the current folder",
		 .text = &ret->into},
		CLI_OPTIONS_END};
	const struct cli_syntax syntax = {"plugins new", synopsis, exit_codes, options};
	struct cli_words words;
	int result = cli_parse(&syntax, argc, argv, &words);

	if (result != CLI_GO_ON)
		return result;
	if (words.count > 1)
		return cli_usage_error("plugins new", "it takes one name, found \"%s\" as well",
				       words.items[1]);
	ret->name = words.items[0];
	return check_arguments(ret);
}

/* ---- the template ---------------------------------------------------------------------------- */

/* PREFIX/bin/weir has it in PREFIX/share, in the build tree too. */
static void template_folder(char ret_path[PATH_MAX])
{
	char exe[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	exe[size > 0 ? size : 0] = '\0';
	for (int i = 0; i < 2; i++)
		if (strrchr(exe, '/'))
			*strrchr(exe, '/') = '\0';
	if (WEIR_DATADIR[0] == '/')
		exe[0] = '\0';
	snprintf(ret_path, PATH_MAX, "%s%s%s/weir/template", exe, exe[0] ? "/" : "", WEIR_DATADIR);
}

/* Appends the text with SAMPLE and KIND in it replaced by what is asked for. */
static void fill(struct buffer *out, const char *text, const struct arguments *arguments)
{
	while (*text) {
		size_t plain = strcspn(text, "s@");

		(void)buffer_append(out, text, plain);
		text += plain;
		if (strncmp(text, SAMPLE, strlen(SAMPLE)) == 0) {
			(void)buffer_text(out, arguments->name);
			text += strlen(SAMPLE);
		} else if (strncmp(text, KIND, strlen(KIND)) == 0) {
			(void)buffer_text(out, arguments->kind);
			text += strlen(KIND);
		} else if (*text) {
			(void)buffer_append(out, text++, 1);
		}
	}
}

/* DIR/NAME with both replaced in the name. */
static void fill_path(char ret_path[PATH_MAX], const char *dir, const char *name,
		      const struct arguments *arguments)
{
	struct buffer filled = {0};

	fill(&filled, name, arguments);
	snprintf(ret_path, PATH_MAX, "%s/%s", dir, buffer_cstr(&filled));
	buffer_done(&filled);
}

static int read_file(const char *path, struct buffer *out)
{
	FILE *file = fopen(path, "re");
	char part[4096];
	size_t got;
	int failed;

	if (!file)
		return WEIR_ERR_IO;
	while ((got = fread(part, 1, sizeof(part), file)) > 0)
		(void)buffer_append(out, part, got);
	failed = ferror(file);
	(void)fclose(file);
	return failed ? WEIR_ERR_IO : 0;
}

static int cannot(const char *verb, const char *path)
{
	fprintf(stderr, "weir plugins new: cannot %s %s: %s\n", verb, path, strerror(errno));
	return CLI_FAILED;
}

static int make_file(const char *template, const char *folder, const struct template_file *file,
		     const struct arguments *arguments)
{
	struct buffer raw = {0}, text = {0};
	struct weir_error error = {0};
	char from[PATH_MAX], to[PATH_MAX];
	int result = CLI_OK;

	/* The template's own file keeps its name. */
	fill_path(from, template, file->from,
		  &(struct arguments){.name = SAMPLE, .kind = arguments->kind});
	fill_path(to, folder, file->to, arguments);
	if (read_file(from, &raw)) {
		result = cannot("read", from);
	} else {
		fill(&text, buffer_cstr(&raw), arguments);
		if (file_write(to, O_EXCL, file->mode, text.data, text.size, &error))
			result = cli_fail("plugins new", &error);
	}
	buffer_done(&raw);
	buffer_done(&text);
	return result;
}

static int make_folders(const char *folder)
{
	char tests[PATH_MAX];

	snprintf(tests, sizeof(tests), "%s/test", folder);
	return mkdir(folder, 0777) || mkdir(tests, 0777) ? cannot("make", folder) : CLI_OK;
}

int cli_plugins_new(int argc, char **argv)
{
	struct arguments arguments = {.into = "."};
	char template[PATH_MAX], folder[PATH_MAX];
	int result = read_arguments(argc, argv, &arguments);

	if (result != CLI_GO_ON)
		return result;
	template_folder(template);
	if (access(template, R_OK | X_OK)) {
		fprintf(stderr,
			"weir plugins new: there is no template in %s; install the plugin kit, "
			"weir-dev\n",
			template);
		return CLI_FAILED;
	}
	snprintf(folder, sizeof(folder), "%s/%s", arguments.into, arguments.name);
	result = make_folders(folder);
	for (size_t i = 0; !result && i < sizeof(files) / sizeof(files[0]); i++)
		result = make_file(template, folder, &files[i], &arguments);
	if (!result)
		printf("%s holds the %s \"%s\". To build and test it:\n"
		       "  make -C %s && make -C %s check\n",
		       folder, arguments.kind, arguments.name, folder, folder);
	return result;
}
