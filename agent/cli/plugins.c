// SPDX-License-Identifier: MIT
/*
 * `weir plugins`: what was found and what was refused; `weir plugins NAME`: every option of a plugin,
 * from its own declaration.
 */
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "cli/cli.h"
#include "cli/plugins.h"
#include "cli/terminal.h"
#include "host/plugin_packages.h"

#define SUMMARY_MIN 24 /* a narrower column is hard to read: then it goes on under the row */
#define FOLD_INDENT 10

static const char synopsis[] =
	"usage: weir plugins [-c FILE] [--json] [NAME]\n"
	"       weir plugins new NAME --kind input|filter|output [--into FOLDER]\n"
	"       weir plugins inspect [--json] FILE.so\n"
	"\n"
	"Lists the plugins that were found, and the files that were refused with the reason;\n"
	"or prints the options of the plugin NAME. new makes a plugin to start from; inspect\n"
	"explains a plugin file without running its code.\n";

static const char exit_codes[] =
	"Exit codes: 0 all is well, 1 there is no such plugin, 2 wrong usage.\n";

struct arguments {
	const char *config;
	const char *name; /* NULL = all */
	int json;
};

static int read_arguments(int argc, char **argv, struct arguments *ret)
{
	const struct cli_option options[] = {CLI_CONFIG(&ret->config, "the weir.yaml to use"),
					     CLI_JSON(&ret->json, "print the result as JSON"),
					     CLI_OPTIONS_END};
	const struct cli_syntax syntax = {"plugins", synopsis, exit_codes, options};
	struct cli_words words;
	int result = cli_parse(&syntax, argc, argv, &words);

	if (result != CLI_GO_ON)
		return result;
	if (words.count > 1)
		return cli_usage_error("plugins", "it takes one name, found \"%s\" as well",
				       words.items[1]);
	ret->name = words.items[0];
	return CLI_GO_ON;
}

static int at_least(int width, const char *text)
{
	int size = (int)strlen(text);

	return size > width ? size : width;
}

struct widths {
	int name, version, file;
};

/* The file's name when it lies in this folder, else NULL. */
static const char *file_in(const struct registry_entry *entry, const char *dir)
{
	size_t size = strlen(dir);

	if (strncmp(entry->path, dir, size) != 0 || entry->path[size] != '/' ||
	    strchr(entry->path + size + 1, '/'))
		return NULL;
	return entry->path + size + 1;
}

static struct widths measure(const struct registry *registry)
{
	struct widths widths = {(int)strlen("NAME"), (int)strlen("VERSION"), (int)strlen("FILE")};

	for (size_t i = 0; i < registry_count(registry); i++) {
		const struct registry_entry *entry = registry_at(registry, i);

		widths.name = at_least(widths.name, entry->plugin->name);
		widths.version = at_least(widths.version, entry->plugin->version);
		widths.file = at_least(widths.file, strrchr(entry->path, '/') + 1);
	}
	return widths;
}

/* One row; a summary that does not fit is folded under its column. */
static void list_plugin(const struct weir_plugin *plugin, const char *file, struct widths widths)
{
	int column = 2 + 6 + 2 + widths.name + 2 + widths.version + 2 + widths.file + 2;
	int fits = (unsigned)column + SUMMARY_MIN <= terminal_width();

	printf("  %-6s  %-*s  %-*s  %s%-*s%s  ", registry_kind_name(plugin->kind), widths.name,
	       plugin->name, widths.version, plugin->version, terminal_style(TERMINAL_DIM),
	       widths.file, file, terminal_style(TERMINAL_PLAIN));
	terminal_fold_from((unsigned)column, fits ? (unsigned)column : FOLD_INDENT,
			   plugin->summary);
}

/* A table of the plugins of one folder, by kind. */
static void list_folder(const struct registry *registry, const char *dir, struct widths widths)
{
	int rows = 0;

	for (uint32_t kind = WEIR_INPUT; kind <= WEIR_OUTPUT; kind++)
		for (size_t i = 0; i < registry_count(registry); i++) {
			const struct registry_entry *entry = registry_at(registry, i);
			const char *file = file_in(entry, dir);

			if (!file || entry->plugin->kind != kind)
				continue;
			if (rows++ == 0)
				printf("%s\n%s  %-6s  %-*s  %-*s  %-*s  SUMMARY%s\n", dir,
				       terminal_style(TERMINAL_BOLD), "KIND", widths.name, "NAME",
				       widths.version, "VERSION", widths.file, "FILE",
				       terminal_style(TERMINAL_PLAIN));
			list_plugin(entry->plugin, file, widths);
		}
}

static void list_refused(const struct registry *registry)
{
	size_t count = registry_refusal_count(registry);

	if (count)
		printf("\n%sRefused%s\n", terminal_style(TERMINAL_BOLD),
		       terminal_style(TERMINAL_PLAIN));
	for (size_t i = 0; i < count; i++) {
		const struct registry_refusal *refusal = registry_refusal_at(registry, i);

		printf("  %s%s%s\n", terminal_style(TERMINAL_RED), refusal->path,
		       terminal_style(TERMINAL_PLAIN));
		terminal_fold(6, refusal->why);
	}
}

/* True when a plugin is loaded. Unlike registry_find() it loads nothing. */
static int is_there(const struct registry *registry, const struct plugin_package *wanted)
{
	for (size_t i = 0; i < registry_count(registry); i++) {
		const struct weir_plugin *plugin = registry_at(registry, i)->plugin;

		if (plugin->kind == wanted->kind && strcmp(plugin->name, wanted->name) == 0)
			return 1;
	}
	return 0;
}

/* The plugins that come in packages of their own, as far as these are missing. */
static void list_packages(const struct config *config, const struct registry *registry)
{
	struct plugin_package packages[PLUGIN_PACKAGES_MAX];
	int rows = 0;

	for (size_t i = 0; i < config->plugin_dir_count; i++) {
		size_t count = plugin_packages_read(config->plugin_dirs[i], packages);

		for (size_t j = 0; j < count; j++) {
			if (is_there(registry, &packages[j]))
				continue;
			if (rows++ == 0)
				printf("\n%sNot installed%s\n", terminal_style(TERMINAL_BOLD),
				       terminal_style(TERMINAL_PLAIN));
			printf("  %-6s  %s: install the package %s\n",
			       registry_kind_name(packages[j].kind), packages[j].name,
			       packages[j].package);
		}
	}
}

static void list(const struct config *config, const struct registry *registry)
{
	if (registry_count(registry)) {
		for (size_t i = 0; i < config->plugin_dir_count; i++)
			list_folder(registry, config->plugin_dirs[i], measure(registry));
	} else {
		printf("No plugins were found in:\n");
		for (size_t i = 0; i < config->plugin_dir_count; i++)
			printf("  %s\n", config->plugin_dirs[i]);
	}
	list_packages(config, registry);
	list_refused(registry);
}

/* The plugin comes in a package that is not installed. */
static int packaged(const struct config *config, const char *name)
{
	struct plugin_package found;

	for (uint32_t kind = WEIR_INPUT; kind <= WEIR_OUTPUT; kind++) {
		if (!plugin_packages_find(config->plugin_dirs, config->plugin_dir_count, kind, name,
					  &found))
			continue;
		fprintf(stderr,
			"weir plugins: the %s \"%s\" is not installed; install the package %s\n",
			registry_kind_name(kind), name, found.package);
		return 1;
	}
	return 0;
}

static int no_such_plugin(const struct config *config, const struct registry *registry,
			  const char *name)
{
	struct nearest nearest = nearest_to(weir_slice_of(name));

	if (packaged(config, name))
		return CLI_FAILED;
	for (size_t i = 0; i < registry_count(registry); i++)
		nearest_offer(&nearest, weir_slice_of(registry_at(registry, i)->plugin->name));
	if (nearest.best.size)
		fprintf(stderr, "weir plugins: there is no plugin \"%s\"; did you mean \"%.*s\"?\n",
			name, (int)nearest.best.size, nearest.best.data);
	else
		fprintf(stderr,
			"weir plugins: there is no plugin \"%s\"; for the list: weir plugins\n",
			name);
	return CLI_FAILED;
}

static int describe(const struct config *config, const struct registry *registry, const char *name,
		    int json)
{
	size_t found = 0;

	for (size_t i = 0; i < registry_count(registry); i++) {
		const struct registry_entry *entry = registry_at(registry, i);

		if (strcmp(entry->plugin->name, name) != 0)
			continue;
		if (!json)
			plugins_describe(entry, found > 0);
		found++;
	}
	if (!found)
		return no_such_plugin(config, registry, name);
	if (json)
		plugins_print_json(registry, name);
	return CLI_OK;
}

int cli_plugins(int argc, char **argv)
{
	struct arguments arguments = {0};
	struct config *config;
	struct registry *registry;
	int result;

	if (argc > 1 && strcmp(argv[1], "new") == 0)
		return cli_plugins_new(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "inspect") == 0)
		return cli_plugins_inspect(argc - 1, argv + 1);
	result = read_arguments(argc, argv, &arguments);
	if (result != CLI_GO_ON)
		return result;
	if (cli_has_settings("plugins", arguments.config))
		return CLI_FAILED;
	result = cli_load(arguments.config, &config, &registry);
	if (result)
		return result;
	/* The plugin folders may be wrong because weir.yaml is: that has to be seen here. */
	(void)cli_show_errors(config);
	if (arguments.name)
		result = describe(config, registry, arguments.name, arguments.json);
	else if (arguments.json)
		plugins_print_json(registry, NULL);
	else
		list(config, registry);
	cli_unload(config, registry);
	return result;
}
