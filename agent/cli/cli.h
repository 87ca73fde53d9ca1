// SPDX-License-Identifier: MIT
/*
 * The subcommands. Each gets its own arguments (argv[0] is its name) and returns an exit code; each
 * understands --help.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "config/config.h"

/* Exit codes of all commands. */
#define CLI_OK 0
#define CLI_FAILED 1 /* what was asked for went wrong, or a check found errors */
#define CLI_USAGE 2  /* the command line is wrong */

struct cli_command {
	const char *name; /* NULL in the last, empty entry */
	const char *summary;
	int (*run)(int argc, char **argv);
};

int cli_main(const struct cli_command *commands, int argc, char **argv);

int cli_run(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_dead(int argc, char **argv);
int cli_plugins(int argc, char **argv);
int cli_positions(int argc, char **argv);
int cli_reload(int argc, char **argv);
int cli_spool(int argc, char **argv);
int cli_import(int argc, char **argv);
int cli_ship(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_tap(int argc, char **argv);
int cli_top(int argc, char **argv);
int cli_test(int argc, char **argv);
int cli_version(int argc, char **argv);

/* Says on stderr what is wrong with the command line and where help is; returns CLI_USAGE. */
int cli_usage_error(const char *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* getopt_long() with its complaints in our words: the option's letter, -1 at the end, or '?'
 * after cli_usage_error(). `short_options` begins with ':'. */
struct option;
int cli_getopt(const char *command, int argc, char **argv, const char *short_options,
	       const struct option *long_options);

/* weir.yaml (NULL = the default one) and the plugins of its plugin_dirs. Problems of the file are in
 * the config. On failure prints why, and returns CLI_FAILED. */
int cli_load(const char *path, struct config **ret_config, struct registry **ret_registry);

#endif
