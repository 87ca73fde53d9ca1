// SPDX-License-Identifier: MIT
/* Finds the command, and what all commands share: help, complaints and loading. */
#include "cli/cli.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"

#define NAME_WIDTH 10

static const struct cli_command *find(const struct cli_command *commands, const char *name)
{
	for (; commands->name; commands++)
		if (strcmp(commands->name, name) == 0)
			return commands;
	return NULL;
}

static void print_help(const struct cli_command *commands)
{
	printf("Weir ships logs: it tails files, parses them and delivers them.\n\n"
	       "usage: weir COMMAND [OPTION...]\n\n");
	for (; commands->name; commands++)
		printf("  %-*s  %s\n", NAME_WIDTH, commands->name, commands->summary);
	printf("  %-*s  %s\n\n", NAME_WIDTH, "help",
	       "this text; help COMMAND is the same as COMMAND --help");
	printf("Exit codes: 0 all is well, 1 something failed, 2 the command line is wrong.\n");
}

static int unknown_command(const struct cli_command *commands, const char *name)
{
	struct nearest nearest = nearest_to(weir_slice_of(name));

	for (; commands->name; commands++)
		nearest_offer(&nearest, weir_slice_of(commands->name));
	if (nearest.best.size)
		fprintf(stderr, "weir: there is no command \"%s\"; did you mean \"%.*s\"?\n", name,
			(int)nearest.best.size, nearest.best.data);
	else
		fprintf(stderr, "weir: there is no command \"%s\"; for the list: weir help\n",
			name);
	return CLI_USAGE;
}

static int run(const struct cli_command *commands, const char *name, int argc, char **argv)
{
	const struct cli_command *command = find(commands, name);

	return command ? command->run(argc, argv) : unknown_command(commands, name);
}

static int help(const struct cli_command *commands, int argc, char **argv)
{
	char option[] = "--help";
	char *arguments[3] = {NULL, option, NULL};

	if (argc < 3) {
		print_help(commands);
		return CLI_OK;
	}
	arguments[0] = argv[2];
	return run(commands, argv[2], 2, arguments);
}

int cli_main(const struct cli_command *commands, int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name) {
		print_help(commands);
		return CLI_USAGE;
	}
	if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return help(commands, argc, argv);
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		return cli_version(1, argv + 1);
	return run(commands, name, argc - 1, argv + 1);
}

int cli_version(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		printf("usage: weir version\n\nPrints the version of Weir and of its plugin "
		       "ABI.\n");
		return CLI_OK;
	}
	if (argc > 1)
		return cli_usage_error("version", "it takes no argument, found \"%s\"", argv[1]);
	printf("weir " WEIR_VERSION " (plugin ABI %d.%d)\n", WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
	return CLI_OK;
}

int cli_usage_error(const char *command, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "weir %s: ", command);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "; for help: weir %s --help\n", command);
	return CLI_USAGE;
}

static void unknown_option(const char *command, const char *argument,
			   const struct option *long_options)
{
	const char *name = argument + strspn(argument, "-");
	struct nearest nearest = nearest_to((struct weir_slice){name, strcspn(name, "=")});

	for (; long_options->name; long_options++)
		nearest_offer(&nearest, weir_slice_of(long_options->name));
	if (nearest.best.size)
		cli_usage_error(command, "there is no option \"%s\"; did you mean \"--%.*s\"?",
				argument, (int)nearest.best.size, nearest.best.data);
	else
		cli_usage_error(command, "there is no option \"%s\"", argument);
}

/* getopt_long() names a flag that was given a value by its letter. */
static int is_flag(int letter, const struct option *long_options)
{
	for (; long_options->name; long_options++)
		if (long_options->val == letter)
			return long_options->has_arg == no_argument;
	return 0;
}

int cli_getopt(const char *command, int argc, char **argv, const char *short_options,
	       const struct option *long_options)
{
	int letter = getopt_long(argc, argv, short_options, long_options, NULL);
	char short_name[3] = {'-', (char)optopt, '\0'};

	if (letter == ':') {
		cli_usage_error(command, "\"%s\" needs a value", argv[optind - 1]);
		return '?';
	}
	if (letter == '?' && optopt && is_flag(optopt, long_options))
		cli_usage_error(command, "the option \"%s\" takes no value", argv[optind - 1]);
	else if (letter == '?')
		unknown_option(command, optopt ? short_name : argv[optind - 1], long_options);
	return letter;
}

int cli_load(const char *path, struct config **ret_config, struct registry **ret_registry)
{
	struct weir_error error = {0};
	struct config *config = NULL;
	struct registry *registry = NULL;
	int result = config_load(path, &config, &error);

	if (!result)
		result = registry_create(&registry, &error);
	for (size_t i = 0; !result && i < config->plugin_dir_count; i++)
		result = registry_offer_dir(registry, config->plugin_dirs[i], &error);
	if (!result)
		result = registry_load_offered(registry, &error);
	if (result) {
		fprintf(stderr, "weir: %s\n", error.text);
		registry_destroy(registry);
		config_free(config);
		return CLI_FAILED;
	}
	*ret_config = config;
	*ret_registry = registry;
	return CLI_OK;
}
