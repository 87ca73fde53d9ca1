// SPDX-License-Identifier: MIT
/*
 * The subcommands. Each gets its own arguments (argv[0] is its name) and returns an exit code; each
 * understands --help.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/load.h"
#include "cli/options.h"

/* Exit codes of all commands. */
#define CLI_OK 0
#define CLI_FAILED 1 /* what was asked for went wrong, or a check found errors */
#define CLI_USAGE 2  /* the command line is wrong */
#define CLI_NOT_RUNNING 3
#define CLI_LEFT_OVER 4 /* stopped before all was done; nothing is lost */

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

#endif
