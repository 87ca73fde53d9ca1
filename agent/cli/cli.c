// SPDX-License-Identifier: MIT
/* Finds the command; help and version are done here. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "base/secrets.h"

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

	secrets_add_environment();
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
	static const struct cli_option options[] = {CLI_OPTIONS_END};
	static const struct cli_syntax syntax = {
		"version",
		"usage: weir version\n\nPrints the version of Weir and of its plugin ABI.\n",
		"Exit codes: 0 printed, 2 wrong usage.\n", options};
	int result = cli_parse(&syntax, argc, argv, NULL);

	if (result != CLI_GO_ON)
		return result;
	printf("weir " WEIR_VERSION " (plugin ABI %d.%d)\n", WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
	return CLI_OK;
}
