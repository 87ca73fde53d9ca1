// SPDX-License-Identifier: MIT
/*
 * `weir plugins`: what was found and what was refused; `weir plugins NAME`: every option of a plugin,
 * from its own declaration.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "cli/cli.h"
#include "cli/plugins.h"
#include "cli/terminal.h"

static const char usage[] =
	"usage: weir plugins [-c FILE] [--json] [NAME]\n"
	"\n"
	"Lists the plugins of the plugin folders, and the files that were refused with the "
	"reason;\n"
	"or prints the options of the plugin NAME.\n"
	"\n"
	"  -c, --config FILE  the weir.yaml to use\n"
	"      --json         print the result as JSON\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit codes: 0 all is well, 1 there is no such plugin, 2 wrong usage.\n";

struct arguments {
	const char *config;
	const char *name; /* NULL = all */
	int json, help;
};

static int read_arguments(int argc, char **argv, struct arguments *ret_arguments)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"json", no_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	struct arguments arguments = {0};
	int letter;

	while ((letter = cli_getopt("plugins", argc, argv, ":c:h", options)) != -1) {
		if (letter == 'c')
			arguments.config = optarg;
		else if (letter == 'j')
			arguments.json = 1;
		else if (letter == 'h')
			arguments.help = 1;
		else
			return CLI_USAGE;
	}
	if (argc - optind > 1)
		return cli_usage_error("plugins", "it takes one name, found \"%s\" as well",
				       argv[optind + 1]);
	arguments.name = argv[optind];
	*ret_arguments = arguments;
	return CLI_OK;
}

static int at_least(int width, const char *text)
{
	int size = (int)strlen(text);

	return size > width ? size : width;
}

/* Kind, name, version and summary; the file where there is room for it, else on a line of its own. */
static void list_plugins(const struct registry *registry)
{
	int name_width = 4, version_width = 7;

	for (size_t i = 0; i < registry_count(registry); i++) {
		const struct weir_plugin *plugin = registry_at(registry, i)->plugin;

		name_width = at_least(name_width, plugin->name);
		version_width = at_least(version_width, plugin->version);
	}
	printf("%s%-6s  %-*s  %-*s  %s%s\n", terminal_style(TERMINAL_BOLD), "KIND", name_width,
	       "NAME", version_width, "VERSION", "SUMMARY", terminal_style(TERMINAL_PLAIN));
	for (uint32_t kind = WEIR_INPUT; kind <= WEIR_OUTPUT; kind++)
		for (size_t i = 0; i < registry_count(registry); i++) {
			const struct registry_entry *entry = registry_at(registry, i);

			if (entry->plugin->kind != kind)
				continue;
			printf("%-6s  %-*s  %-*s  %s\n", registry_kind_name(kind), name_width,
			       entry->plugin->name, version_width, entry->plugin->version,
			       entry->plugin->summary);
			printf("%s%*s%s%s\n", terminal_style(TERMINAL_DIM), name_width + 10, "",
			       entry->path, terminal_style(TERMINAL_PLAIN));
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

static void list(const struct config *config, const struct registry *registry)
{
	if (registry_count(registry)) {
		list_plugins(registry);
	} else {
		printf("No plugins were found in:\n");
		for (size_t i = 0; i < config->plugin_dir_count; i++)
			printf("  %s\n", config->plugin_dirs[i]);
	}
	list_refused(registry);
}

static int no_such_plugin(const struct registry *registry, const char *name)
{
	struct nearest nearest = nearest_to(weir_slice_of(name));

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

static int describe(const struct registry *registry, const char *name, int json)
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
		return no_such_plugin(registry, name);
	if (json)
		plugins_print_json(registry, name);
	return CLI_OK;
}

/* The plugin folders may be wrong because weir.yaml is: that has to be seen here. */
static void show_config_errors(const struct config *config)
{
	for (size_t i = 0; i < config->problem_count; i++)
		if (config->problems[i].severity == CONFIG_ERROR)
			fprintf(stderr, "%s:%u:%u: %s\n", config->problems[i].path,
				config->problems[i].line, config->problems[i].column,
				config->problems[i].text);
}

int cli_plugins(int argc, char **argv)
{
	struct arguments arguments = {0};
	struct config *config;
	struct registry *registry;
	int result = read_arguments(argc, argv, &arguments);

	if (result)
		return result;
	if (arguments.help) {
		fputs(usage, stdout);
		return CLI_OK;
	}
	result = cli_load(arguments.config, &config, &registry);
	if (result)
		return result;
	show_config_errors(config);
	if (arguments.name)
		result = describe(registry, arguments.name, arguments.json);
	else if (arguments.json)
		plugins_print_json(registry, NULL);
	else
		list(config, registry);
	config_free(config);
	registry_destroy(registry);
	return result;
}
