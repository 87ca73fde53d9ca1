// SPDX-License-Identifier: MIT
/* getopt_long() by our table, with its complaints in our words. */
#include "cli/options.h"

#include <assert.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "cli/cli.h"
#include "cli/wrap.h"

/* What getopt_long() returns for an option without a letter: this and its place in the table. */
#define NO_LETTER 256

/* Between an option and what it means. */
#define HELP_GAP 2

static const struct cli_option help_option = {.letter = 'h', .name = "help", .help = "this text"};

/* The table as getopt_long() takes it, with --help behind it. */
struct forms {
	struct option longs[CLI_OPTIONS_MAX + 2];
	char shorts[2 * (CLI_OPTIONS_MAX + 1) + 2]; /* ":c:h" */
};

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

/* ---- help ---- */

/* "-c, --config FILE" as long as it is; an option without a letter stands under the others' names. */
static int option_width(const struct cli_option *option)
{
	return (int)(strlen("-c, --") + strlen(option->name) +
		     (option->value ? 1 + strlen(option->value) : 0));
}

static void print_option(const struct cli_option *option, int width)
{
	int column = 2 + width + HELP_GAP;

	printf(option->letter ? "  -%c, " : "      ", option->letter);
	printf("--%s%s%s%*s", option->name, option->value ? " " : "",
	       option->value ? option->value : "", width - option_width(option) + HELP_GAP, "");
	wrap_print_at(option->help, column);
}

static int print_help(const struct cli_syntax *syntax)
{
	int width = option_width(&help_option);

	for (const struct cli_option *option = syntax->options; option->name; option++)
		if (option_width(option) > width)
			width = option_width(option);
	wrap_print(syntax->synopsis);
	putchar('\n');
	for (const struct cli_option *option = syntax->options; option->name; option++)
		print_option(option, width);
	print_option(&help_option, width);
	if (syntax->end[0]) {
		putchar('\n');
		wrap_print(syntax->end);
	}
	return CLI_OK;
}

/* ---- the command line ---- */

static void add_form(struct forms *forms, size_t place, const struct cli_option *option)
{
	size_t end = strlen(forms->shorts);

	forms->longs[place] =
		(struct option){option->name, option->value ? required_argument : no_argument, NULL,
				option->letter ? option->letter : NO_LETTER + (int)place};
	if (option->letter)
		snprintf(forms->shorts + end, sizeof(forms->shorts) - end, "%c%s", option->letter,
			 option->value ? ":" : "");
}

/* Returns how many options there are. */
static size_t make_forms(const struct cli_option *options, struct forms *ret_forms)
{
	size_t count = 0;

	*ret_forms = (struct forms){.shorts = ":"};
	for (; options[count].name && count < CLI_OPTIONS_MAX; count++)
		add_form(ret_forms, count, &options[count]);
	assert(!options[count].name);
	add_form(ret_forms, count, &help_option);
	return count;
}

/* The place in the table of what getopt_long() returned; `count` for --help. */
static size_t place_of(const struct forms *forms, int letter, size_t count)
{
	size_t place = 0;

	while (place < count && forms->longs[place].val != letter)
		place++;
	return place;
}

static int unknown_option(const char *command, const char *argument, const struct forms *forms)
{
	const char *name = argument + strspn(argument, "-");
	struct nearest nearest = nearest_to((struct weir_slice){name, strcspn(name, "=")});

	for (const struct option *option = forms->longs; option->name; option++)
		nearest_offer(&nearest, weir_slice_of(option->name));
	if (nearest.best.size)
		return cli_usage_error(command,
				       "there is no option \"%s\"; did you mean \"--%.*s\"?",
				       argument, (int)nearest.best.size, nearest.best.data);
	return cli_usage_error(command, "there is no option \"%s\"", argument);
}

/* What getopt_long() objects to. It names a flag that was given a value by its letter. */
static int complain(const char *command, int letter, char **argv, const struct forms *forms)
{
	char short_name[3] = {'-', (char)optopt, '\0'};

	if (letter == ':')
		return cli_usage_error(command, "\"%s\" needs a value", argv[optind - 1]);
	for (const struct option *option = forms->longs; optopt && option->name; option++)
		if (option->val == optopt && option->has_arg == no_argument)
			return cli_usage_error(command, "the option \"%s\" takes no value",
					       argv[optind - 1]);
	return unknown_option(command, optopt ? short_name : argv[optind - 1], forms);
}

static int take_option(const char *command, const struct cli_option *option)
{
	if (option->list && option->list->count == option->list->max)
		return cli_usage_error(command, "more than %zu times --%s", option->list->max,
				       option->name);
	if (option->flag)
		*option->flag = 1;
	if (option->text)
		*option->text = optarg;
	if (option->list)
		option->list->items[option->list->count++] = optarg;
	return CLI_OK;
}

int cli_parse(const struct cli_syntax *syntax, int argc, char **argv, struct cli_words *ret_words)
{
	struct forms forms;
	size_t count = make_forms(syntax->options, &forms), place;
	int letter, help = 0;

	while ((letter = getopt_long(argc, argv, forms.shorts, forms.longs, NULL)) != -1) {
		if (letter == ':' || letter == '?')
			return complain(syntax->command, letter, argv, &forms);
		place = place_of(&forms, letter, count);
		if (place == count)
			help = 1;
		else if (take_option(syntax->command, &syntax->options[place]))
			return CLI_USAGE;
	}
	if (help)
		return print_help(syntax);
	if (ret_words)
		*ret_words = (struct cli_words){argv + optind, (size_t)(argc - optind)};
	else if (optind < argc)
		return cli_usage_error(syntax->command, "it takes no argument, found \"%s\"",
				       argv[optind]);
	return CLI_GO_ON;
}
