// SPDX-License-Identifier: MIT
/*
 * A command's options: one table, by which its command line is read and its help printed (and so its
 * completions made, see packaging/completions). Every command also has -h, --help.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stddef.h>

/* Options of one command, at most. */
#define CLI_OPTIONS_MAX 16

/* Values of an option that may be given more than once. */
struct cli_list {
	const char **items;
	size_t count, max;
};

struct cli_option {
	char letter;       /* of its short form; 0 = it has none */
	const char *name;  /* NULL in the last, empty entry */
	const char *value; /* what its value is called; NULL = a flag */
	const char *help;  /* a \n begins a new line, under the first */
	/* Where it goes: a flag as 1, a value borrowed from the command line. */
	int *flag;
	const char **text;
	struct cli_list *list;
};

/* Options that mean the same everywhere. */
#define CLI_CONFIG(to, says)                                                                   \
	{                                                                                      \
		.letter = 'c', .name = "config", .value = "FILE", .help = (says), .text = (to) \
	}
#define CLI_JSON(to, says)                                   \
	{                                                    \
		.name = "json", .help = (says), .flag = (to) \
	}
#define CLI_OPTIONS_END      \
	{                    \
		.name = NULL \
	}

struct cli_syntax {
	const char *command;  /* "plugins new" */
	const char *synopsis; /* help before the options: forms, and what it does */
	const char *end;      /* help after them */
	const struct cli_option *options;
};

/* The words of a command line that are no options; items[count] is NULL. */
struct cli_words {
	char **items;
	size_t count;
};

/* The command is to go on; other answers are exit codes. */
#define CLI_GO_ON (-1)

/* Reads the command line (argv[0] is the command's last word), or prints the help that it asks for.
 * Without ret_words the command takes none. Returns CLI_GO_ON or an exit code, after a complaint. */
int cli_parse(const struct cli_syntax *syntax, int argc, char **argv, struct cli_words *ret_words);

/* Says on stderr what is wrong with the command line and where help is; returns CLI_USAGE. */
int cli_usage_error(const char *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
